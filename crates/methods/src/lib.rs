//! Input manipulations `I_{λ,τ,ℓ}` and output alignments `O_ω` as composable parts.
//!
//! A [`Method`] is data: part specifications and a training recipe. [`Method::build`] turns it into a [`Program`], the
//! trainable module with the one forward pass `ŷ = O_ω ∘ f ∘ I_{λ,τ,ℓ}(x, c)`. A published method is a named
//! composition in [`catalog`]. This crate knows [`reprogram_models::Backbone`], never a concrete model.

mod affine;
mod alignment;
mod alignments;
mod batch;
pub mod catalog;
mod citation;
mod class_texts;
mod clusters;
mod convolution;
mod counts;
mod dropout;
mod entry;
mod evaluation;
mod family;
mod forecast;
mod formula;
mod fused;
mod kept;
mod keys;
mod likelihood;
mod lstm;
mod manipulation;
mod manipulations;
mod masked_delta;
mod method;
mod neighbours;
mod optimizer;
pub mod plainest;
mod point;
mod prepared;
mod program;
mod prompt;
mod prompt_init;
mod schedule;
mod seed;
mod series;
mod setup;
mod shown;
mod worded;
mod zeroth_order;

pub use alignment::{Align, Aligner, AlignmentSpec, Evidence, Fitting, Reads};
pub use alignments::*;
pub use batch::{Batch, Query};
pub use class_texts::ClassTexts;
pub use counts::Counts;
pub use evaluation::Evaluation;
pub use family::Part;
pub use formula::{Formula, FormulaError, Sizes};
pub use fused::Fused;
pub use likelihood::{Pair, PairScore, Scorer, pair_log_likelihoods};
pub use manipulation::{Manipulate, ManipulationSpec, Manipulator, Views};
pub use manipulations::*;
pub use masked_delta::{PixelRange, PixelUnits};
pub use method::{Method, Recipe};
pub use optimizer::{Optimizer, Updates};
pub use prepared::{Prepared, PreparedRow};
pub use program::{NamedTensor, Program, ProgramLoadError};
pub use prompt::{Demonstration, Prompt, Template, Wording};
pub use prompt_init::PromptInit;
pub use schedule::Schedule;
pub use seed::Seed;
pub use series::{Patches, Window};
pub use setup::{Encoders, LabelledText, NO_ENCODERS, Placement, Setup, Target};
pub use shown::Shown;
pub use zeroth_order::{Queried, ZerothOrder};
