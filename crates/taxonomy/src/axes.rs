//! The axes and their values, each with one spelling.
//!
//! # Reference
//! arXiv 2506.04650 (axes and values). Modalities are those of the survey's paper list.

/// A word that is not a value of the axis it was used on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {axis} `{word}`, expected one of {}", .expected.join(", "))]
pub struct UnknownAxisValue {
    /// The axis, in words.
    pub axis: &'static str,
    /// What was written.
    pub word: String,
    /// The spellings that exist.
    pub expected: Vec<&'static str>,
}

/// Declares an axis: an enum whose values have one spelling each, for `Display`, `FromStr` and serde alike. A value's doc
/// comment is also its meaning at run time.
macro_rules! axis {
    ($(#[$doc:meta])* $axis:literal $name:ident { $($(#[doc = $meaning:literal])+ $value:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[doc = $meaning])+ #[serde(rename = $word)] $value),+ }

        impl $name {
            /// Every value, in the survey's order.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The one spelling of this value.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }

            /// What this value means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$value => concat!($($meaning),+).trim_ascii()),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownAxisValue;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word).ok_or_else(|| $crate::UnknownAxisValue {
                    axis: $axis,
                    word: word.to_owned(),
                    expected: Self::ALL.iter().map(|value| value.as_str()).collect(),
                })
            }
        }
    };
}

pub(crate) use axis;

axis! {
    /// λ: how the manipulation's content comes to be.
    "format" Format {
        /// A rule of the item, the context and the data; no optimisation on the task loss.
        Fixed = "fixed",
        /// Optimised on the task loss, by gradients or by queries.
        Learnable = "learnable",
    }
}

axis! {
    /// ℓ: the interface at which the manipulation acts.
    "location" Location {
        /// Raw input: pixels, waveform, text.
        Input = "input",
        /// The output of the embedding map.
        Embedding = "embedding",
        /// The residual stream, or the attention's keys and values, of a block.
        Hidden = "hidden",
    }
}

axis! {
    /// τ: how the content is combined with what crosses the interface.
    "operator" Operator {
        /// `z' = z + m ⊙ δ`, same shape.
        Additive = "additive",
        /// `z' = [p ; z]`, longer along a sequence axis.
        Concatenative = "concatenative",
        /// `z' = g_ψ(z)`, a trained map.
        Parametric = "parametric",
    }
}

axis! {
    /// ω: how the source output becomes a target label.
    "alignment" Alignment {
        /// `O(u) = u`: both label spaces are the same.
        Identity = "identity",
        /// A table chosen without looking at the task's outputs.
        RuleBased = "rule-based",
        /// Counted from (source prediction, target label) pairs, no gradient.
        Statistical = "statistical",
        /// `O(u) = W u + b`, trained by gradient.
        Linear = "linear",
    }
}

axis! {
    /// What kind of data crosses the interface.
    "modality" Modality {
        /// Images.
        Vision = "vision",
        /// Natural language.
        Text = "text",
        /// Images paired with text.
        VisionLanguage = "vision-language",
        /// Sound.
        Audio = "audio",
        /// Numeric series.
        TimeSeries = "time-series",
        /// Graphs.
        Graph = "graph",
        /// Molecules.
        Molecule = "molecule",
        /// Protein sequences.
        Protein = "protein",
    }
}

axis! {
    /// One encoder of a backbone. Most have a single one; CLIP has two.
    "tower" Tower {
        /// The image encoder.
        Vision = "vision",
        /// The text encoder, or the language model itself.
        Text = "text",
        /// The encoder of sound.
        Acoustic = "acoustic",
    }
}

impl Tower {
    /// What its raw input is.
    pub const fn modality(self) -> Modality {
        match self {
            Self::Vision => Modality::Vision,
            Self::Text => Modality::Text,
            Self::Acoustic => Modality::Audio,
        }
    }
}

impl Modality {
    /// Whether raw inputs are discrete symbols, through which no gradient flows and which have no sum. A graph's nodes
    /// carry numeric features, so a graph is not.
    pub const fn is_discrete(self) -> bool {
        match self {
            Self::Text | Self::Molecule | Self::Protein => true,
            Self::Vision | Self::VisionLanguage | Self::Audio | Self::TimeSeries | Self::Graph => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_parses_from_its_own_spelling() {
        for &value in Alignment::ALL {
            assert_eq!(value.to_string().parse::<Alignment>(), Ok(value));
        }
        for &value in Modality::ALL {
            assert_eq!(value.to_string().parse::<Modality>(), Ok(value));
        }
    }

    #[test]
    fn a_meaning_is_the_doc_comment() {
        assert_eq!(Alignment::Identity.meaning(), "`O(u) = u`: both label spaces are the same.");
    }

    #[test]
    fn a_misspelt_value_lists_what_exists() {
        let error = "identitity".parse::<Alignment>().unwrap_err();
        assert_eq!(error.to_string(), "unknown alignment `identitity`, expected one of identity, rule-based, statistical, linear");
    }
}
