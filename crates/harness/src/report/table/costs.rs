//! The columns of the table of costs, which the page alone has.

use super::columns::{Align, Column, column, shown, value};
use crate::report::number::{count, mebibytes, seconds};
use crate::report::summary::Row;

macro_rules! cost {
    ($header:literal, $field:ident, $write:ident) => {
        column(
            $header,
            Align::Right,
            0,
            false,
            |row| shown(row, |numbers| $write(numbers.costs.$field)),
            |row| value(row, |numbers| numbers.costs.$field as f64),
        )
    };
}

/// Counts are those of one trial; seconds are means over seeds, the peak and what was reused the greatest of them.
pub(in crate::report) const COST_COLUMNS: &[Column<Row>] = &[
    column("method", Align::Left, 0, false, |row| row.method.clone(), |_| None),
    cost!("trainable", trainable_parameters, count),
    cost!("stored", stored_parameters, count),
    cost!("forward, training", forward_items_training, count),
    cost!("forward, evaluation", forward_items_evaluation, count),
    cost!("reused", reused_items, count),
    cost!("generated tokens", generated_tokens, count),
    cost!("backward", backward_items, count),
    cost!("steps", steps, count),
    cost!("training s", seconds_training, seconds),
    cost!("evaluation s", seconds_evaluation, seconds),
    cost!("peak MiB", peak_memory_bytes, mebibytes),
];
