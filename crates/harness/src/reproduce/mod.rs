//! What papers report, beside what sweeps of this repository measured.
//!
//! | table | shows |
//! | --- | --- |
//! | `survey` | the survey's list of papers on the four axes, and which methods of the catalogue stand at their points |
//! | `reported` | reported and measured numbers side by side, with every difference in protocol |
//! | `gaps` | pairs of methods: the reported gap, the measured one with its interval and test, and whether they agree |
//! | `orders` | rank correlation of reported and measured numbers, claim by claim |
//! | `unrun` | what cannot be run here, and the command and hardware that would |
//!
//! Published numbers are data (`assets/reported.toml`), each with its source.

mod claims;
mod orders;
mod reported;
mod survey;
mod unrun;

pub use claims::{BadClaims, Claim, Claims, ReportedRow, Unrun};
pub use orders::{gaps, orders};
pub use reported::{Measured, reported};
pub use survey::survey;
pub use unrun::unrun;
