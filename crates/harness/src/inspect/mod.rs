//! What a data set's files hold, as a person looks at it: counts, repetitions, pictures. Nothing here is part of a trial.

mod lettering;
mod repeats;
mod sheet;
mod sketch;
mod verified;

pub use repeats::{Likeness, Repeats};
pub use sheet::{Sheet, contact_sheet};
pub use sketch::sparkline;
pub use verified::Verified;
