//! The first reprogramming: a frame of pixels around the image, target classes read as the first source classes.

use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, FirstClassesSpec, LinearMapSpec, LinearOn, ManipulationSpec, Optimizer, PixelFrameSpec, Recipe, Schedule, Squash,
};

const REFERENCE: &str = "Elsayed et al., ICLR 2019, arXiv 1806.11146, eq. 1 to 3";

/// tanh δ around the image, δ from N(0, 1).
fn frame() -> ManipulationSpec {
    ManipulationSpec::PixelFrame(PixelFrameSpec { squash: Squash::Tanh, init_std: 1.0, ..PixelFrameSpec::default() })
}

/// Adam .05, times .96 after every second of 30 epochs.
fn recipe() -> Recipe {
    let at = (1..15).map(|i| f64::from(i) / 15.0).collect();
    Recipe { optimizer: Optimizer::Adam, learning_rate: 0.05, schedule: Schedule::MultiStep { at, factor: 0.96 } }
}

/// AR.
pub(super) const ENTRY: Entry = Entry {
    name: "ar",
    title: "pixel frame of tanh, target class c read as source class c",
    reference: REFERENCE,
    deviations: "softmax over the mapped classes instead of all source classes, cross-entropy without the weight decay of 5e-7; \
                 Adam with β₁ = .9 (published code: .5); recipe of a public re-implementation, for want of the authors' code",
    size: Size::trained("c·(H·W − h·w)").held("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("Prinsphield/Adversarial_Reprogramming@5c0e4eb"), Checked::Sweep("vision-reprogramming")],
    method: || compose([frame()], AlignmentSpec::FirstClasses(FirstClassesSpec {}), recipe()),
};

/// The same under a trained map, whose matched control is `linear-only`.
pub(super) const LINEAR: Entry = Entry {
    name: "ar-linear",
    title: "pixel frame of tanh, trained linear map of the source logits",
    reference: REFERENCE,
    deviations: "a control, not a published method: what a trained ω adds to AR's frame; compare `linear-only`",
    size: Size::trained("c·(H·W − h·w) + C·(S + 1)").held("c·H·W + C·(S + 1)"),
    checked: &[Checked::Sweep("vision-reprogramming")],
    method: || compose([frame()], AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Logits }), recipe()),
};
