//! The tables of a report, one file a format. Which columns there are is said once, in `columns`.

mod columns;
mod costs;
mod csv;
mod float;
mod latex;
mod markdown;
mod ranks;
mod terminal;

pub(super) use columns::{Align, COMPARISON_COLUMNS, Column, columns_by};
pub(super) use costs::COST_COLUMNS;
pub use csv::{comparisons_csv, csv};
pub(super) use csv::{line as csv_line, text as csv_text};
pub(super) use float::{Floats, NEEDS as LATEX_NEEDS, notes as latex_notes};
pub(super) use latex::escape as escape_latex;
pub use latex::latex;
pub(super) use markdown::escape as escape_markdown;
pub use markdown::markdown;
pub(super) use ranks::{rank_table, tests_in_words};
pub use ranks::{ranks_csv, ranks_markdown};
pub use terminal::terminal;

#[cfg(test)]
mod tests;
