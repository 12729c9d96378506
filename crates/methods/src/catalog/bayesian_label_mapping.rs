//! A pixel frame under Bayesian label mapping.

use super::ilm_vp::{frame, recipe};
use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, BayesianMappingSpec, Method, Weighting};

const REFERENCE: &str = "Cai et al., NeurIPS 2024, arXiv 2410.24018";
const DEVIATIONS: &str = "k is at least 1 and a class without counts is spread evenly (the official code gives NaN); the epoch is \
                          chosen on a validation split";

fn with(weighting: Weighting) -> Method {
    let mapping = BayesianMappingSpec { weighting, ..BayesianMappingSpec::default() };
    compose([frame()], AlignmentSpec::BayesianMapping(mapping), recipe())
}

/// BLM.
pub(super) const BLM: Entry = Entry {
    name: "vp-blm",
    title: "pixel frame, Bayesian label mapping from predictions",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("c·(H·W − h·w)").held("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("tmlr-group/BayesianLM@0468ac1"), Checked::Sweep("default"), Checked::Sweep("vision-reprogramming")],
    method: || with(Weighting::Predictions),
};

/// BLM+.
pub(super) const BLM_PLUS: Entry = Entry {
    name: "vp-blm-plus",
    title: "pixel frame, Bayesian label mapping from the top-k probabilities",
    reference: REFERENCE,
    deviations: DEVIATIONS,
    size: Size::trained("c·(H·W − h·w)").held("c·H·W").fitted("S·C"),
    checked: &[Checked::Code("tmlr-group/BayesianLM@0468ac1"), Checked::Sweep("default"), Checked::Sweep("vision-reprogramming")],
    method: || with(Weighting::Probabilities),
};
