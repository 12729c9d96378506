//! Series reprogrammed to a language model: patches as mixtures of text prototypes, behind words about them.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, ForecastHeadSpec, ManipulationSpec, Optimizer, PatchPrototypesSpec, Recipe, Schedule, SeriesPromptSpec};

/// Time-LLM.
pub(super) const ENTRY: Entry = Entry {
    name: "time-llm",
    title: "words about a series, its patches as mixtures of text prototypes, linear forecast from their tokens",
    reference: "Jin et al., ICLR 2024, arXiv 2310.01728, §3",
    deviations: "statistics in the prompt have two digits behind the point; padding in front of short prompts is not seen; one variable a \
                 series; a cosine to zero instead of halving with early stopping; single precision; the epoch is chosen by the error on \
                 a validation split",
    size: Size::trained(
        "3·p·m + K·(V + 1) + a·(m + 1) + 2·a·(d + 1) + d·(a + 1) + F·(n·u + 1); p = 16; m = 32; K = 1000; a = 8·128; n = up(w − 23, 8) + 2; \
         u = 128 + d − max(128, d)",
    ),
    checked: &[Checked::Code("KimMeen/Time-LLM@3912069"), Checked::Sweep("audio-and-series")],
    method: || {
        let prompt = ManipulationSpec::SeriesPrompt(SeriesPromptSpec::default());
        let patches = ManipulationSpec::PatchPrototypes(PatchPrototypesSpec::default());
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 0.01, schedule: Schedule::Cosine };
        compose([prompt, patches], AlignmentSpec::ForecastHead(ForecastHeadSpec::default()), recipe)
    },
};
