//! Series reprogrammed to a classifier of sounds: a learned waveform under three copies of the series.

use std::num::NonZeroUsize;

use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, BayesianMappingSpec, BlockMappingSpec, FrequencyMappingSpec, LinearMapSpec, LinearOn, ManipulationSpec, Method,
    Optimizer, Recipe, Refit, Schedule, WaveCover, WaveStart, WaveformDeltaSpec,
};

const REFERENCE: &str = "Yang et al., ICML 2021, arXiv 2106.09296, eq. 2 and §3.2";
const DEVIATIONS: &str = "f stays frozen (their published numbers train it besides); the mean of logits instead of probabilities, two source \
                          classes a target class; dropout in training passes only; a cosine to zero instead of \
                          a decay of .48 a step; the epoch is chosen on a validation split (theirs is the test split)";
const OTHER: &str = "this composition is not in the paper, which maps blocks of source classes; else as voice2series";

/// δ everywhere, dropped out by .4 and kept small, under three copies of the series.
fn delta() -> ManipulationSpec {
    let copies = NonZeroUsize::new(3).expect("three is not zero");
    ManipulationSpec::WaveformDelta(WaveformDeltaSpec {
        copies,
        cover: WaveCover::Whole,
        start: WaveStart::Glorot,
        dropout: 0.4,
        penalty: 0.05,
    })
}

fn with(alignment: AlignmentSpec) -> Method {
    compose([delta()], alignment, Recipe { optimizer: Optimizer::Adam, learning_rate: 0.05, schedule: Schedule::Cosine })
}

fn with_frequency(refit: Refit) -> Method {
    with(AlignmentSpec::FrequencyMapping(FrequencyMappingSpec { refit, ..FrequencyMappingSpec::default() }))
}

/// Blocks of source classes.
pub(super) const ENTRY: Entry = Entry {
    name: "voice2series",
    title: "learned waveform under three copies of a series, blocks of two source classes",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("N").fitted("S·C"),
    checked: &[Checked::Code("huckiyang/Voice2Series-Reprogramming@002d010"), Checked::Sweep("audio-and-series")],
    method: || {
        let per_class = NonZeroUsize::new(2).expect("two is not zero");
        with(AlignmentSpec::BlockMapping(BlockMappingSpec { per_class }))
    },
};

/// Frequency label mapping.
pub(super) const FREQUENCY: Entry = Entry {
    name: "voice2series-flm",
    title: "learned waveform under three copies of a series, frequency label mapping counted once",
    reference: REFERENCE,
    deviations: OTHER,
    size: Size::trained("N").fitted("S·C"),
    checked: &[Checked::Code("huckiyang/Voice2Series-Reprogramming@002d010"), Checked::Sweep("audio-and-series")],
    method: || with_frequency(Refit::Once),
};

/// Iterative label mapping.
pub(super) const ITERATIVE: Entry = Entry {
    name: "voice2series-ilm",
    title: "learned waveform under three copies of a series, frequency label mapping counted before every epoch",
    reference: REFERENCE,
    deviations: OTHER,
    size: Size::trained("N").fitted("S·C"),
    checked: &[Checked::Code("huckiyang/Voice2Series-Reprogramming@002d010"), Checked::Sweep("audio-and-series")],
    method: || with_frequency(Refit::EveryEpoch),
};

/// Bayesian label mapping.
pub(super) const BAYESIAN: Entry = Entry {
    name: "voice2series-blm",
    title: "learned waveform under three copies of a series, Bayesian label mapping",
    reference: REFERENCE,
    deviations: OTHER,
    size: Size::trained("N").fitted("S·C"),
    checked: &[Checked::Code("huckiyang/Voice2Series-Reprogramming@002d010"), Checked::Sweep("audio-and-series")],
    method: || with(AlignmentSpec::BayesianMapping(BayesianMappingSpec::default())),
};

/// A linear map of the logits.
pub(super) const LINEAR: Entry = Entry {
    name: "voice2series-linear",
    title: "learned waveform under three copies of a series, linear map of the source logits",
    reference: REFERENCE,
    deviations: OTHER,
    size: Size::trained("N + C·(S + 1)"),
    checked: &[Checked::Code("huckiyang/Voice2Series-Reprogramming@002d010"), Checked::Sweep("audio-and-series")],
    method: || with(AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Logits })),
};
