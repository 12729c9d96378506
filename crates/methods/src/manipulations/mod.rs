//! The manipulations, one a file.

mod demonstrations;
mod instruction;
mod pixel_frame;
mod soft_prompt;

pub use demonstrations::{Demonstrations, DemonstrationsSpec};
pub use instruction::{Instruction, InstructionSpec};
pub use pixel_frame::{PixelFrame, PixelFrameSpec, Squash};
pub use soft_prompt::{PromptInit, SoftPrompt, SoftPromptSpec};

use reprogram_taxonomy::{Format, Location, Modality, Operator, Site, SiteSpec};

/// A site that its part's author knows to be coherent.
fn site(modality: Modality, format: Format, location: Location, operator: Operator) -> Site {
    Site::new(SiteSpec { modality, format, operator, location, layers: None, tower: None }).expect("a part's own site is coherent")
}
