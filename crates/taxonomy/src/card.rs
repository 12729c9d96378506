//! What a backbone offers, and what a target task asks for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Modality, Tower};

/// What of a backbone can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Embeddings and every block; gradients flow to the input.
    WhiteBox,
    /// Inputs and outputs only.
    InputOnly,
}

/// Whether raw inputs may be larger than what the network was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// They have the size that [`InputSpace`] says.
    Fixed,
    /// They may grow: tokens up to the context, images of a network that averages over all places.
    Growing,
}

/// The raw input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum InputSpace {
    /// Images of this size.
    Image {
        /// Colour channels.
        channels: usize,
        /// Pixels.
        height: usize,
        /// Pixels.
        width: usize,
    },
    /// Token sequences.
    Tokens {
        /// Longest sequence.
        context: usize,
        /// Distinct tokens.
        vocabulary: usize,
    },
    /// Recordings of this length, one channel.
    Waveform {
        /// Samples.
        samples: usize,
        /// Samples a second.
        rate: usize,
    },
}

/// The source label space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum OutputSpace {
    /// A classifier's labels.
    Classes {
        /// How many.
        n: usize,
    },
    /// The next token.
    Vocabulary {
        /// How many.
        n: usize,
    },
    /// Features without labels.
    Features {
        /// Width.
        dim: usize,
    },
    /// Features of both towers in one space: an item is compared with texts, whatever they say.
    Joint {
        /// Width.
        dim: usize,
    },
}

impl fmt::Display for OutputSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Classes { n } => write!(f, "{n} source classes"),
            Self::Vocabulary { n } => write!(f, "a vocabulary of {n} tokens"),
            Self::Features { dim } => write!(f, "{dim} features without labels"),
            Self::Joint { dim } => write!(f, "{dim} features shared with texts"),
        }
    }
}

/// One encoder of a backbone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TowerCard {
    /// Which one.
    pub tower: Tower,
    /// Number of blocks.
    pub depth: usize,
    /// Width of the residual stream.
    pub dim: usize,
    /// Raw input.
    pub input: InputSpace,
}

/// What a frozen backbone offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The checkpoint's name.
    pub name: String,
    /// What can be reached.
    pub access: Access,
    /// Whether what it is fed may grow.
    pub extent: Extent,
    /// The encoder that a data set's items go through.
    pub main: TowerCard,
    /// The other one, where there are two.
    pub second: Option<TowerCard>,
    /// Source label space.
    pub output: OutputSpace,
}

impl Card {
    /// What the items that it is fed are.
    pub const fn modality(&self) -> Modality {
        self.main.tower.modality()
    }

    /// Whether items of this modality can be fed at all. A series is laid on the canvas of a recording.
    pub fn accepts(&self, modality: Modality) -> bool {
        self.modality() == modality || (self.main.tower == Tower::Acoustic && modality == Modality::TimeSeries)
    }

    /// Its encoders.
    pub fn towers(&self) -> impl Iterator<Item = &TowerCard> {
        [&self.main].into_iter().chain(&self.second)
    }

    /// One of its encoders.
    pub fn tower(&self, tower: Tower) -> Option<&TowerCard> {
        self.towers().find(|card| card.tower == tower)
    }

    /// Size of the source label space, if it has one.
    pub const fn n_source_classes(&self) -> Option<usize> {
        match self.output {
            OutputSpace::Classes { n } | OutputSpace::Vocabulary { n } => Some(n),
            OutputSpace::Features { .. } | OutputSpace::Joint { .. } => None,
        }
    }
}

/// What a target data set asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSpace {
    /// What its items are.
    pub modality: Modality,
    /// Target classes, as declared, whatever a draw happens to contain.
    pub n_classes: usize,
    /// Whether target labels are the source labels, in the same order.
    pub shares_source_labels: bool,
}
