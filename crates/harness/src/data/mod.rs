//! Target data: loaded from pinned files, counted, and divided so that selection never sees a test item.

mod amount;
mod dataset;
mod error;
mod example;
mod fields;
mod image_csv;
mod image_idx;
mod image_npz;
mod image_tar;
mod image_u16;
mod json_items;
mod json_lines;
mod label_lines;
mod orders;
mod own_answers;
mod parquet;
mod parts;
mod pools;
mod recording_tar;
mod resampled;
mod series_lines;
mod series_windows;
mod source;
mod split;
mod text_csv;
mod zip_texts;

#[cfg(test)]
mod question_tests;
#[cfg(test)]
mod tests;

pub use amount::Amount;
pub use dataset::DataSet;
pub use error::DataError;
pub use example::{Content, Example, Future, Gold, Image, Question, Recording, Series};
pub use parts::RawPart;
pub use pools::PoolSizes;
pub use resampled::resampled;
pub use split::{Draw, Split, Splits, Test, Train, TrainSize, Validation, draw};
