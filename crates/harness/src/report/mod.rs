//! Tables, plots and the page of a sweep: pure functions of its records.
//!
//! ```text
//! Results ── Summary ──┬── table      terminal, Markdown, CSV, LaTeX
//!    │                 ├── plot       accuracy against trainable parameters, mean ranks over data sets, SVG and PNG
//!    │                 ├── grid       λ/ℓ/τ down, ω across, where a sweep covers enough points
//!    └─────────────────┴── html       one self-contained page
//! ```
//!
//! The same records give the same bytes. No file here reads the clock or the network; [`write()`] alone touches the disk.

#[cfg(test)]
pub(crate) mod canned;
mod comparison;
mod curves;
mod footnotes;
pub mod grid;
mod html;
mod number;
mod pairing;
pub mod plot;
mod ranking;
mod results;
mod summary;
pub mod table;
mod terms;
mod write;

pub use comparison::{Comparison, Tested, Verdict};
pub use html::{PageError, page};
pub use pairing::{Unpaired, differences};
pub use ranking::{NoRanking, Pool, Ranked, Ranking, pools};
pub use results::{MissingTrial, Results};
pub use summary::{ALPHA, Group, Mark, Numbers, Row, Summary};
pub use table::terminal;
pub use write::write;
