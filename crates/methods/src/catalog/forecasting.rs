//! Forecasts without f: what a language model has to beat.

use std::num::NonZeroUsize;

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, LastValueSpec, Optimizer, Recipe, Schedule, WindowMapSpec};

const NAIVE: &str = "Hyndman and Koehler, Another look at measures of forecast accuracy, 2006";

/// One affine map from window to forecast.
pub(super) const LINEAR: Entry = Entry {
    name: "linear-forecast",
    title: "no manipulation and no backbone, an affine map from the window around its last value to the forecast",
    reference: "Zeng et al., AAAI 2023, arXiv 2205.13504 (NLinear)",
    deviations: "a control: one map for all variables; its bias is in the unit of the window's deviation; a cosine to zero instead of \
                 halving",
    size: Size::trained("F·(w + 1)"),
    checked: &[Checked::Sweep("audio-and-series")],
    method: || {
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-3, schedule: Schedule::Cosine };
        compose([], AlignmentSpec::WindowMap(WindowMapSpec::default()), recipe)
    },
};

/// The last value.
pub(super) const LAST_VALUE: Entry = Entry {
    name: "last-value",
    title: "no manipulation and no backbone, the last value again",
    reference: NAIVE,
    deviations: "a control",
    size: Size::NONE,
    checked: &[Checked::Sweep("audio-and-series")],
    method: || compose([], AlignmentSpec::LastValue(LastValueSpec::default()), Recipe::default()),
};

/// The values of the last day.
pub(super) const SEASONAL: Entry = Entry {
    name: "seasonal-value",
    title: "no manipulation and no backbone, the last 24 values again",
    reference: NAIVE,
    deviations: "a control",
    size: Size::NONE,
    checked: &[Checked::Sweep("audio-and-series")],
    method: || {
        let period = NonZeroUsize::new(24).expect("24 is not zero");
        compose([], AlignmentSpec::LastValue(LastValueSpec { period }), Recipe::default())
    },
};
