//! Whether a point of the grid makes sense, and what it asks of the backbone and the data.
//!
//! # Reference
//! arXiv 2506.04650 for the axes. The rules are worked out here from shapes and access: an addition needs equal shapes,
//! a growing input must be able to grow, embeddings and hidden layers must be reachable, a mapping needs labels.

use std::fmt;

use crate::axes::axis;
use crate::{Alignment, Format, Incoherent, Location, Modality, Operator, Point};

axis! {
    /// What a legal point asks of the backbone, the data or the comparison.
    "need" Need {
        /// Raw inputs are numbers (pixels, a waveform, a series): symbols have no sum.
        NumericInput = "numeric-input",
        /// Raw inputs can be moved in small steps, by gradient or by queries: symbols cannot.
        DifferentiableInput = "differentiable-input",
        /// The input can grow, as text does: an image of one size cannot, and content laid on its canvas is additive.
        GrowingInput = "growing-input",
        /// White box: the output of the embedding map can be read and replaced.
        EmbeddingAccess = "embedding-access",
        /// White box: the stream before each block can be read and replaced.
        HiddenAccess = "hidden-access",
        /// White box: a backward pass through everything after the location.
        BackwardPass = "backward-pass",
        /// The stream has a sequence axis, along which tokens or keys and values can be joined.
        SequenceAxis = "sequence-axis",
        /// Source and target labels are the same. Texts of the target classes in a two-tower backbone, or generated text
        /// read as it stands, also count.
        EqualLabelSpaces = "equal-label-spaces",
        /// The backbone has source labels to map from, at least one for each target class where the mapping is one-to-one.
        SourceLabels = "source-labels",
        /// Labelled target data, to train on or to count.
        LabelledTargetData = "labelled-target-data",
        /// A run with the same head and no manipulation beside it: otherwise the head's gain passes for the manipulation's.
        HeadOnlyRun = "head-only-run",
    }
}

impl Need {
    /// Whether the need can be met with raw inputs of this modality. Only two needs depend on it.
    pub const fn is_met_by(self, modality: Modality) -> bool {
        match self {
            Self::NumericInput | Self::DifferentiableInput => !modality.is_discrete(),
            Self::GrowingInput
            | Self::EmbeddingAccess
            | Self::HiddenAccess
            | Self::BackwardPass
            | Self::SequenceAxis
            | Self::EqualLabelSpaces
            | Self::SourceLabels
            | Self::LabelledTargetData
            | Self::HeadOnlyRun => true,
        }
    }
}

/// Whether a point can be run on any backbone at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Wrong on every backbone and for every modality.
    Contradictory {
        /// The rule that it breaks.
        reason: Incoherent,
    },
    /// Right, where the needs are met.
    Legal {
        /// What it asks for.
        needs: Vec<Need>,
    },
}

impl Verdict {
    /// The verdict on a point.
    pub fn of(point: Point) -> Self {
        let Point { format, location, operator, alignment } = point;
        if format == Format::Fixed && operator == Operator::Parametric {
            return Self::Contradictory { reason: Incoherent::FixedParametric };
        }
        let mut needs = match location {
            Location::Input => needs_at_input(format, operator),
            Location::Embedding => needs_inside(Need::EmbeddingAccess, format, operator),
            Location::Hidden => needs_inside(Need::HiddenAccess, format, operator),
        };
        match alignment {
            Alignment::Identity => needs.push(Need::EqualLabelSpaces),
            Alignment::RuleBased | Alignment::Statistical => needs.push(Need::SourceLabels),
            Alignment::Linear => {}
        }
        let learns = match alignment {
            Alignment::Identity | Alignment::RuleBased => format == Format::Learnable,
            Alignment::Statistical | Alignment::Linear => true,
        };
        if learns {
            needs.push(Need::LabelledTargetData);
        }
        if alignment == Alignment::Linear {
            needs.push(Need::HeadOnlyRun);
        }
        Self::Legal { needs }
    }

    /// The needs; none for a contradictory point.
    pub fn needs(&self) -> &[Need] {
        match self {
            Self::Contradictory { .. } => &[],
            Self::Legal { needs } => needs,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Contradictory { .. } => "contradictory",
            Self::Legal { .. } => "legal",
        })
    }
}

fn needs_at_input(format: Format, operator: Operator) -> Vec<Need> {
    let of_operator = match operator {
        Operator::Additive => Some(Need::NumericInput),
        Operator::Concatenative => Some(Need::GrowingInput),
        Operator::Parametric => None,
    };
    let of_format = match format {
        Format::Fixed => None,
        Format::Learnable => Some(Need::DifferentiableInput),
    };
    of_operator.into_iter().chain(of_format).collect()
}

fn needs_inside(access: Need, format: Format, operator: Operator) -> Vec<Need> {
    let of_format = match format {
        Format::Fixed => None,
        Format::Learnable => Some(Need::BackwardPass),
    };
    let of_operator = match operator {
        Operator::Concatenative => Some(Need::SequenceAxis),
        Operator::Additive | Operator::Parametric => None,
    };
    std::iter::once(access).chain(of_format).chain(of_operator).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layers, Site, SiteSpec};

    #[test]
    fn twelve_points_are_contradictory() {
        let contradictory: Vec<Point> = Point::all().filter(|&point| matches!(Verdict::of(point), Verdict::Contradictory { .. })).collect();
        assert_eq!(contradictory.len(), 12);
        assert!(contradictory.iter().all(|point| point.format == Format::Fixed && point.operator == Operator::Parametric));
    }

    /// A site can be written for a modality exactly where the point is legal and the modality meets its needs.
    #[test]
    fn verdicts_agree_with_sites() {
        for point in Point::all() {
            let verdict = Verdict::of(point);
            for &modality in Modality::ALL {
                let Point { format, location, operator, .. } = point;
                let layers = (location == Location::Hidden).then_some(Layers::All);
                let site = Site::new(SiteSpec { modality, format, operator, location, layers, tower: None });
                match &verdict {
                    Verdict::Contradictory { reason } => assert_eq!(site, Err(*reason), "{point} on {modality}"),
                    Verdict::Legal { needs } => {
                        let met = needs.iter().all(|need| need.is_met_by(modality));
                        assert_eq!(site.is_ok(), met, "{point} on {modality}: {site:?}");
                    }
                }
            }
        }
    }
}
