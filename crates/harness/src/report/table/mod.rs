//! The tables of a report, one file a format. Which columns there are is said once, in `columns`.

mod columns;
mod costs;
mod csv;
mod latex;
mod markdown;
mod terminal;

pub(super) use columns::{Align, COLUMNS, COMPARISON_COLUMNS, Column};
pub(super) use costs::COST_COLUMNS;
pub use csv::{comparisons_csv, csv};
pub use latex::latex;
pub use markdown::markdown;
pub use terminal::terminal;

#[cfg(test)]
mod tests;
