//! Model reprogramming, prompt tuning, prompt instruction: regions of the grid, derived from a signature, never stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Format, Location, Operator, Signature, Site};

/// The three names the field uses for regions of the grid, and the baselines outside of it.
///
/// # Reference
/// arXiv 2506.04650, table of method characteristics. The survey gives *typical* coordinates; where they overlap (a
/// learnable concatenation at the embedding) prompt tuning is meant, as in its own examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paradigm {
    /// Learnable, at the input, or additive or parametric at the embedding.
    ModelReprogramming,
    /// Learnable tokens at the embedding, or anything learnable at hidden layers.
    PromptTuning,
    /// Fixed content.
    PromptInstruction,
    /// `I` is the identity: zero-shot, linear probe, label mapping alone.
    Baseline,
}

impl Paradigm {
    /// Every paradigm.
    pub const ALL: &'static [Self] = &[Self::ModelReprogramming, Self::PromptTuning, Self::PromptInstruction, Self::Baseline];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ModelReprogramming => "model-reprogramming",
            Self::PromptTuning => "prompt-tuning",
            Self::PromptInstruction => "prompt-instruction",
            Self::Baseline => "baseline",
        }
    }

    /// Which region a point of the first three axes lies in.
    pub const fn of_point(format: Format, location: Location, operator: Operator) -> Self {
        match (format, location, operator) {
            (Format::Fixed, _, _) => Self::PromptInstruction,
            (Format::Learnable, Location::Hidden, _) | (Format::Learnable, Location::Embedding, Operator::Concatenative) => {
                Self::PromptTuning
            }
            (Format::Learnable, Location::Input, _)
            | (Format::Learnable, Location::Embedding, Operator::Additive | Operator::Parametric) => Self::ModelReprogramming,
        }
    }
}

impl fmt::Display for Paradigm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Paradigm {
    type Err = crate::UnknownAxisValue;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|value| value.as_str() == word).ok_or_else(|| crate::UnknownAxisValue {
            axis: "paradigm",
            word: word.to_owned(),
            expected: Self::ALL.iter().map(|value| value.as_str()).collect(),
        })
    }
}

impl Signature {
    /// The paradigm: that of the first learnable site, else that of the fixed ones.
    pub fn paradigm(&self) -> Paradigm {
        let of = |site: &Site| Paradigm::of_point(site.format(), site.location(), site.operator());
        let learnable = self.sites.iter().find(|site| site.format() == Format::Learnable);
        learnable.or(self.sites.first()).map_or(Paradigm::Baseline, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_survey_examples_fall_where_the_survey_puts_them() {
        use {Format::*, Location::*, Operator::*};
        assert_eq!(Paradigm::of_point(Learnable, Input, Additive), Paradigm::ModelReprogramming);
        assert_eq!(Paradigm::of_point(Learnable, Embedding, Parametric), Paradigm::ModelReprogramming);
        assert_eq!(Paradigm::of_point(Learnable, Embedding, Concatenative), Paradigm::PromptTuning);
        assert_eq!(Paradigm::of_point(Learnable, Hidden, Concatenative), Paradigm::PromptTuning);
        assert_eq!(Paradigm::of_point(Fixed, Input, Concatenative), Paradigm::PromptInstruction);
    }
}
