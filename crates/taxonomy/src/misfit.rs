//! Right in itself, wrong here: the footnote of an empty table cell.

use serde::{Deserialize, Serialize};

use crate::{Alignment, Location, Modality, Tower};

/// Why a coherent method cannot run on a given backbone and data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Misfit {
    /// Data the backbone cannot be fed.
    #[error("{backbone} takes {accepts} input, but the data set holds {data}")]
    WrongData {
        /// Checkpoint.
        backbone: String,
        /// What it takes.
        accepts: Modality,
        /// What the data set holds.
        data: Modality,
    },
    /// A manipulation of another modality.
    #[error("the manipulation acts on {site}, but {backbone} takes {accepts}")]
    WrongModality {
        /// Checkpoint.
        backbone: String,
        /// What it takes.
        accepts: Modality,
        /// What the site acts on.
        site: Modality,
    },
    /// No such encoder.
    #[error("{backbone} has no {tower} tower")]
    NoSuchTower {
        /// Checkpoint.
        backbone: String,
        /// The tower asked for.
        tower: Tower,
    },
    /// A black box.
    #[error("{backbone} can only be reached at its input, not at `location = \"{location}\"`")]
    InputOnly {
        /// Checkpoint.
        backbone: String,
        /// The location asked for.
        location: Location,
    },
    /// Beyond the last block.
    #[error("layer {layer} does not exist: {backbone} has {depth} blocks (0 to {})", .depth.saturating_sub(1))]
    TooDeep {
        /// Checkpoint.
        backbone: String,
        /// Its number of blocks.
        depth: usize,
        /// The layer asked for.
        layer: usize,
    },
    /// An image of fixed size cannot grow.
    #[error("{backbone} takes images of one size, which cannot grow: `operator = \"additive\"` on the canvas is the same thing")]
    FixedCanvas {
        /// Checkpoint.
        backbone: String,
    },
    /// Identity needs one label space.
    #[error(
        "identity alignment needs source and target labels to be the same, but there are {source_space} and {target_classes} target classes; use a rule-based, statistical or linear alignment"
    )]
    #[allow(clippy::enum_variant_names)]
    LabelSpaces {
        /// Source label space, in words.
        #[serde(rename = "source")]
        source_space: String,
        /// Target classes.
        target_classes: usize,
    },
    /// Nothing to map from.
    #[error("{backbone} has no source labels, which {alignment} alignment maps from; use a linear alignment")]
    NoSourceLabels {
        /// Checkpoint.
        backbone: String,
        /// ω.
        alignment: Alignment,
    },
    /// A one-to-one map needs a source label for each target label.
    #[error("a one-to-one label mapping needs at least as many source labels as target labels, but {source_classes} < {target_classes}")]
    TooFewSourceLabels {
        /// Source labels.
        source_classes: usize,
        /// Target labels.
        target_classes: usize,
    },
    /// A part that needs something else of the backbone or the data.
    #[error("{part} needs {needs}")]
    PartNeeds {
        /// The part's name.
        part: String,
        /// What it needs, in words.
        needs: String,
    },
}
