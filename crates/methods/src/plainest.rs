//! The plainest method at every point of the grid: one part for each (λ, τ, ℓ), one for each ω, nothing else.
//!
//! A point is a place, not a method: what stands here is the least that can be put there, the same for all ω, so that points
//! differ in their coordinates and not in their refinements. Parts act in the tower that items go through; only images that are
//! compared with texts have their fixed, growing input in the other one.
//!
//! # Reference
//! The axes of arXiv 2506.04650. A point without a part for a modality cannot be written for it, and is left out.

use reprogram_taxonomy::{Alignment, Format, Layers, Location, Modality, Operator, Point};

use crate::{
    AlignmentSpec, BayesianMappingSpec, BottleneckSpec, ClassTemplateSpec, Contrast, Cover, DeepPromptSpec, DeltaSpec, FirstClassesSpec,
    FixedPromptSpec, FixedTokens, IdentitySpec, InstructionSpec, ItemKeysSpec, KeyValuePrefixSpec, LinearMapSpec, ManipulationSpec,
    MeanTextSpec, Method, PixelDeltaSpec, PixelMarkSpec, PixelRange, PixelStripSpec, PixelUnits, PrefixInit, PromptInit, Recipe,
    SoftPromptSpec, Squash, SteeringSpec, StripContent, TrainableResizeSpec, VerbalizerSpec,
};

/// Learned tokens and keys, items whose keys stand in front, and numbers of a narrow layer, at each place.
const WIDTH: usize = 4;

/// Columns of pixels beside an image.
const STRIP: usize = 16;

/// Where a learned image size starts. At one, where nothing is resampled, its gradient is zero.
const RESIZE: f32 = 0.9;

/// A steering vector is added once: in front of the second block, as in front of the first it would be at the embedding.
const STEERED: Layers = Layers::Range { first: 1, last: 1 };

/// How far a steering vector goes: from the middle between two classes to the middle of one.
const STEERING: f32 = 0.5;

/// Modalities of backbones that there are parts for: images to classes, texts to tokens, images compared with texts.
pub const MODALITIES: [Modality; 3] = [Modality::Vision, Modality::Text, Modality::VisionLanguage];

/// A method for every point that can be written for the modality, named `modality/λ/ℓ/τ/ω`, behind one for each ω with nothing
/// at the interfaces, `modality/none/ω`: the head alone. Empty for a modality that no part is for.
pub fn methods(modality: Modality) -> Vec<(String, Method)> {
    let alone = Alignment::ALL.iter().filter_map(|&omega| {
        let method = Method { manipulations: Vec::new(), alignment: alignment(omega, modality)?, recipe: Recipe::default() };
        Some((format!("{modality}/none/{omega}"), method))
    });
    let points = Point::all().filter_map(|point| Some((format!("{modality}/{point}"), at(point, modality)?)));
    alone.chain(points).collect()
}

/// One of [`methods`] by its name.
pub fn named(name: &str) -> Option<Method> {
    let (modality, point) = name.split_once('/')?;
    let modality: Modality = modality.parse().ok()?;
    match point.split_once('/')? {
        ("none", omega) => {
            let alignment = alignment(omega.parse().ok()?, modality)?;
            Some(Method { manipulations: Vec::new(), alignment, recipe: Recipe::default() })
        }
        _ => at(point.parse().ok()?, modality),
    }
}

/// The method at a point, if it can be written for the modality.
pub fn at(point: Point, modality: Modality) -> Option<Method> {
    let manipulations = vec![manipulation(point, modality)?];
    Some(Method { manipulations, alignment: alignment(point.alignment, modality)?, recipe: Recipe::default() })
}

fn alignment(alignment: Alignment, modality: Modality) -> Option<AlignmentSpec> {
    use AlignmentSpec as Spec;
    let rule = match modality {
        Modality::Vision => Spec::FirstClasses(FirstClassesSpec {}),
        Modality::Text => Spec::Verbalizer(VerbalizerSpec::default()),
        Modality::VisionLanguage => Spec::MeanText(MeanTextSpec {}),
        Modality::Audio | Modality::TimeSeries | Modality::Graph | Modality::Molecule | Modality::Protein => return None,
    };
    Some(match alignment {
        Alignment::Identity => Spec::Identity(IdentitySpec {}),
        Alignment::RuleBased => rule,
        Alignment::Statistical => Spec::BayesianMapping(BayesianMappingSpec::default()),
        Alignment::Linear => Spec::LinearMap(LinearMapSpec::default()),
    })
}

fn manipulation(point: Point, modality: Modality) -> Option<ManipulationSpec> {
    match point.location {
        Location::Input => at_input(point, modality),
        Location::Embedding | Location::Hidden => inside(point, modality),
    }
}

fn at_input(Point { format, operator, .. }: Point, modality: Modality) -> Option<ManipulationSpec> {
    use ManipulationSpec as Spec;
    let pixels = match modality {
        Modality::Vision | Modality::VisionLanguage => true,
        Modality::Text => false,
        Modality::Audio | Modality::TimeSeries | Modality::Graph | Modality::Molecule | Modality::Protein => return None,
    };
    match (format, operator) {
        (Format::Fixed, Operator::Additive) if pixels => {
            Some(Spec::PixelMark(PixelMarkSpec { cover: Cover::BorderShare { share: 0.125 }, value: 0.5 }))
        }
        (Format::Learnable, Operator::Additive) if pixels => Some(Spec::PixelDelta(PixelDeltaSpec {
            cover: Cover::Whole,
            squash: Squash::None,
            init_std: 0.0,
            units: PixelUnits::Pixels,
            range: PixelRange::Free,
        })),
        (Format::Fixed, Operator::Concatenative) => match modality {
            Modality::Text => Some(Spec::Instruction(InstructionSpec::default())),
            Modality::VisionLanguage => Some(Spec::ClassTemplate(ClassTemplateSpec::default())),
            Modality::Vision => Some(strip(StripContent::Fixed)),
            Modality::Audio | Modality::TimeSeries | Modality::Graph | Modality::Molecule | Modality::Protein => None,
        },
        (Format::Learnable, Operator::Concatenative) if pixels => Some(strip(StripContent::Learned)),
        (Format::Learnable, Operator::Parametric) if pixels => Some(Spec::TrainableResize(TrainableResizeSpec { scale: RESIZE })),
        (Format::Fixed, Operator::Additive | Operator::Parametric)
        | (Format::Learnable, Operator::Additive | Operator::Concatenative | Operator::Parametric) => None,
    }
}

const fn strip(content: StripContent) -> ManipulationSpec {
    ManipulationSpec::PixelStrip(PixelStripSpec { width: STRIP, init_std: 0.0, content })
}

/// At the embedding, or in front of all blocks. Images that are compared with texts are images here.
fn inside(Point { format, operator, location, .. }: Point, modality: Modality) -> Option<ManipulationSpec> {
    use ManipulationSpec as Spec;
    let (modality, init) = match modality {
        Modality::Vision | Modality::VisionLanguage => (Modality::Vision, PromptInit::Xavier),
        Modality::Text => (Modality::Text, PromptInit::Vocabulary),
        Modality::Audio | Modality::TimeSeries | Modality::Graph | Modality::Molecule | Modality::Protein => return None,
    };
    let is_hidden = location == Location::Hidden;
    let layers = is_hidden.then_some(Layers::All);
    match (format, operator) {
        (Format::Fixed, Operator::Additive) => {
            let layers = is_hidden.then_some(STEERED);
            Some(Spec::Steering(SteeringSpec { modality, layers, scale: STEERING, contrast: Contrast::default() }))
        }
        (Format::Fixed, Operator::Concatenative) if is_hidden => {
            Some(Spec::ItemKeys(ItemKeysSpec { items: WIDTH, layers: Layers::All, modality }))
        }
        (Format::Fixed, Operator::Concatenative) => Some(Spec::FixedPrompt(FixedPromptSpec { of: FixedTokens::ClassMeans, modality })),
        (Format::Fixed, Operator::Parametric) => None,
        (Format::Learnable, Operator::Additive) => Some(Spec::Delta(DeltaSpec { modality, layers, init_std: 0.0 })),
        (Format::Learnable, Operator::Concatenative) if is_hidden => Some(match modality {
            // A language model's tokens go through the blocks as trees, so that keys and values take the place of tokens.
            Modality::Text => {
                let init = PrefixInit::Vocabulary;
                Spec::KeyValuePrefix(KeyValuePrefixSpec { tokens: WIDTH, layers: Layers::All, init, map: None, modality })
            }
            Modality::Vision
            | Modality::VisionLanguage
            | Modality::Audio
            | Modality::TimeSeries
            | Modality::Graph
            | Modality::Molecule
            | Modality::Protein => Spec::DeepPrompt(DeepPromptSpec { tokens: WIDTH, layers: Layers::All, init, modality }),
        }),
        (Format::Learnable, Operator::Concatenative) => Some(Spec::SoftPrompt(SoftPromptSpec { tokens: WIDTH, init, modality })),
        (Format::Learnable, Operator::Parametric) => Some(Spec::Bottleneck(BottleneckSpec { modality, hidden: WIDTH, layers })),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use reprogram_taxonomy::Verdict;

    #[test]
    fn a_method_stands_where_its_name_says() {
        for modality in MODALITIES {
            for point in Point::all() {
                let Some(method) = at(point, modality) else { continue };
                let signature = method.signature();
                let [site] = signature.sites.as_slice() else { panic!("{modality}/{point} has one site") };
                assert_eq!(named(&format!("{modality}/{point}")), Some(method.clone()));
                let Point { format, location, operator, alignment } = point;
                assert_eq!((site.format(), site.location(), site.operator()), (format, location, operator), "{modality}/{point}");
                assert_eq!(signature.alignment, alignment, "{modality}/{point}");
            }
        }
    }

    #[test]
    fn every_legal_point_has_a_method_somewhere() {
        let named = |modality: Modality| methods(modality).into_iter().map(|(name, _)| name).collect::<BTreeSet<String>>();
        let all: BTreeSet<String> = MODALITIES.iter().flat_map(|&modality| named(modality)).collect();
        let is_somewhere = |point: &Point| MODALITIES.iter().any(|modality| all.contains(&format!("{modality}/{point}")));
        let legal = |point: &Point| matches!(point.verdict(), Verdict::Legal { .. });
        let missing: Vec<String> = Point::all().filter(legal).filter(|point| !is_somewhere(point)).map(|point| point.to_string()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(Point::all().filter(|point| !legal(point)).all(|point| !is_somewhere(&point)), "what is contradictory has none");
        assert!(methods(Modality::Protein).is_empty());
    }
}
