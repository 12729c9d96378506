//! `ranks.md` and `ranks.csv`: methods over data sets, and what so few data sets can show.

use crate::listing::{Entry, ListFormat, Listing};
use crate::report::number::p_value;
use crate::report::ranking::{Pool, Ranking};
use crate::report::summary::ALPHA;
use crate::stats::{ENOUGH_SEEDS, smallest_p};

const COLUMNS: [&str; 10] = [
    "mean rank",
    "firsts",
    "settings",
    "seeds",
    "accuracy",
    "IQM",
    "IQM low",
    "IQM high",
    "P(ahead of the next)",
    "Wilcoxon–Holm p vs the next",
];

/// One table a pool, in Markdown.
pub fn ranks_markdown(pools: &[Pool]) -> String {
    let tables: Vec<String> = pools.iter().map(|pool| rank_table(pool).render(ListFormat::Md, None)).collect();
    if tables.is_empty() { "No trial has a record yet.\n".to_owned() } else { tables.join("\n") }
}

/// All pools in one table, with the settings that each is over.
pub fn ranks_csv(pools: &[Pool]) -> String {
    let columns: Vec<&str> = std::iter::once("pool").chain(COLUMNS).collect();
    let mut all = Listing::new("", &columns);
    for pool in pools {
        for mut row in rank_table(pool).rows {
            row.insert(1, Entry::Text(settings(pool).join("; ")));
            all.push(row);
        }
    }
    all.render(ListFormat::Csv, None)
}

/// One pool.
pub(in crate::report) fn rank_table(pool: &Pool) -> Listing {
    let mut listing = Listing::new(format!("Ranks over {}", settings(pool).join("; ")), &COLUMNS);
    match &pool.outcome {
        Ok(ranking) => {
            for (place, ranked) in ranking.methods.iter().enumerate() {
                let (iqm, (low, high)) = ranked.iqm;
                listing.push(vec![
                    ranked.method.as_str().into(),
                    rounded(ranked.mean_rank),
                    ranked.firsts.into(),
                    ranking.n().into(),
                    ranked.seeds.into(),
                    rounded(ranked.accuracy),
                    rounded(iqm),
                    rounded(low),
                    rounded(high),
                    ranked.over_next.map_or(Entry::None, |improvement| rounded(improvement.probability)),
                    ranking.pairs.get(&(place, place + 1)).map_or(Entry::None, |&p| rounded(p)),
                ]);
            }
            for line in terms(ranking) {
                listing.note(line);
            }
        }
        Err(reason) => listing.note(format!("No ranks: {reason}.")),
    }
    listing
}

fn settings(pool: &Pool) -> Vec<String> {
    pool.settings.iter().map(|(backbone, dataset)| format!("{backbone} / {dataset}")).collect()
}

/// What the tests say, and what they could not say.
pub(in crate::report) fn tests_in_words(ranking: &Ranking) -> Vec<String> {
    let friedman = &ranking.friedman;
    let (k, n) = (friedman.k, friedman.n);
    let f = if friedman.f.is_finite() { format!("{:.2}", friedman.f) } else { "∞".to_owned() };
    let mut lines = vec![format!(
        "Friedman χ²({}) = {:.2}, p {}; Iman–Davenport F({}, {}) = {f}, p {}; {n} settings, {k} methods: {}.",
        k - 1,
        friedman.chi_squared,
        equation(friedman.chi_squared_p),
        k - 1,
        (k - 1) * (n - 1),
        equation(friedman.f_p),
        if ranking.differs() { "they differ" } else { "not shown to differ" },
    )];
    let smallest = ranking.smallest_p();
    if smallest >= ALPHA {
        lines.push(format!(
            "{n} settings are too few to tell any pair apart: the smallest p that Wilcoxon's signed-rank test can give is {}, Holm-adjusted over {} pairs {}.",
            p_value(smallest_p(n)),
            ranking.pairs.len(),
            p_value(smallest),
        ));
    }
    lines.push("Settings that share a backbone or a data set are not independent; the tests take them as if they were.".to_owned());
    lines
}

/// The same, and the terms of the table's other columns.
fn terms(ranking: &Ranking) -> Vec<String> {
    let mut lines = tests_in_words(ranking);
    let seeds = ranking.methods.iter().map(|ranked| ranked.seeds).min().unwrap_or(0);
    if seeds < ENOUGH_SEEDS {
        lines.push(format!(
            "Intervals of the IQM are over seeds (stratified bootstrap); with {seeds} seeds a setting they are too narrow to be trusted, {ENOUGH_SEEDS} are wanted."
        ));
    }
    if !ranking.left_out.is_empty() {
        lines.push(format!("Left out, for they did not finish everywhere: {}.", ranking.left_out.join(", ")));
    }
    lines
}

fn equation(p: f64) -> String {
    let text = p_value(p);
    if text.starts_with('<') { text.replace('<', "< ") } else { format!("= {text}") }
}

fn rounded(value: f64) -> Entry {
    Entry::Number((value * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canned::realistic;
    use crate::report::ranking::pools;
    use crate::report::ranking::tests::ordered;

    #[test]
    fn few_data_sets_are_said_to_be_few() {
        insta::assert_snapshot!(ranks_markdown(&pools(&ordered(5))));
    }

    #[test]
    fn ranks_are_data_too() {
        insta::assert_snapshot!(ranks_csv(&pools(&ordered(8))));
    }

    #[test]
    fn one_data_set_has_no_ranks() {
        let text = ranks_markdown(&pools(&realistic()));
        assert_eq!(text.matches("No ranks: one data set ranks nothing.").count(), 2, "{text}");
        assert_eq!(ranks_markdown(&[]), "No trial has a record yet.\n");
    }
}
