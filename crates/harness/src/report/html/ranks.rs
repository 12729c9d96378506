//! The page's section on ranks over data sets: the diagram, and a table a pool that has ranks.

use serde::Serialize;

use crate::report::plot::{PlotError, ranks_svg};
use crate::report::ranking::Pool;
use crate::report::table::rank_table;

#[derive(Debug, Serialize)]
pub(super) struct RanksView {
    diagram: String,
    pools: Vec<PoolView>,
}

#[derive(Debug, Serialize)]
struct PoolView {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl RanksView {
    /// Nothing where no pool has ranks.
    pub(super) fn of(pools: &[Pool]) -> Result<Option<Self>, PlotError> {
        let ranked: Vec<Pool> = pools.iter().filter(|pool| pool.outcome.is_ok()).cloned().collect();
        if ranked.is_empty() {
            return Ok(None);
        }
        let view = |pool: &Pool| {
            let table = rank_table(pool);
            let rows = table.rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
            PoolView { title: table.title, columns: table.columns, rows, notes: table.notes }
        };
        Ok(Some(Self { diagram: ranks_svg(&ranked)?, pools: ranked.iter().map(view).collect() }))
    }
}
