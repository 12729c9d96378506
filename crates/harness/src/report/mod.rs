//! Tables, plots and the page of a sweep: pure functions of its records.
//!
//! ```text
//! Results ── Summary ──┬── table      terminal, Markdown, CSV, LaTeX
//!    │                 ├── plot       accuracy against costs, mean ranks over data sets, SVG and PNG
//!    │                 ├── grid       λ/ℓ/τ down, ω across, where a sweep covers enough points
//!    └─────────────────┴── html       one self-contained page
//! ```
//!
//! The same records give the same bytes. No file here reads the clock or the network; [`write()`] and [`tensorboard()`] alone touch the disk.

#[cfg(test)]
pub(crate) mod canned;
mod checks;
mod comparison;
mod cost_axis;
mod curves;
mod footnotes;
pub mod grid;
mod html;
mod number;
mod pairing;
pub mod plot;
mod predicted;
mod ranking;
mod results;
mod shown;
mod summary;
pub mod table;
mod tensorboard;
mod terms;
mod write;

pub use comparison::{Asked, Comparison, Scope, Tested, Verdict};
pub use cost_axis::{COST_AXES, CostAxis};
pub use html::{PageError, page};
pub use pairing::{Unpaired, differences};
pub use predicted::against_real;
pub use ranking::{NoRanking, Pool, Ranked, Ranking, pools};
pub use results::{MissingTrial, Results};
pub use shown::{Shown, Sight};
pub use summary::{ALPHA, Group, Mark, Numbers, Row, Summary};
pub use table::terminal;
pub use tensorboard::write as tensorboard;
pub use write::write;
