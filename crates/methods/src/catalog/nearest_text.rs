//! Items go to the class whose text is nearest: one sentence, or an ensemble of them.

use super::{Checked, Entry, Size, compose};
use crate::{AlignmentSpec, ClassTemplateSpec, ManipulationSpec, MeanTextSpec, Method, NearestTextSpec, Recipe};

const REFERENCE: &str = "Radford et al., ICML 2021, arXiv 2103.00020, §3.1.4";

/// The seven sentences that the authors' notebook finds as good as all eighty.
pub(super) const SEVEN: [&str; 7] = [
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
];

pub(super) fn nearest_text(manipulations: Vec<ManipulationSpec>, recipe: Recipe) -> Method {
    compose(manipulations, AlignmentSpec::NearestText(NearestTextSpec {}), recipe)
}

pub(super) fn template(templates: &[&str]) -> ManipulationSpec {
    ManipulationSpec::ClassTemplate(ClassTemplateSpec { templates: templates.iter().map(|&text| text.to_owned()).collect() })
}

/// One sentence.
pub(super) const ENTRY: Entry = Entry {
    name: "zero-shot-clip",
    title: "the class whose name in \"a photo of a …\" is nearest to the image",
    reference: REFERENCE,
    deviations: "one sentence for all data sets; the names of classes are the data set's",
    size: Size::NONE,
    checked: &[Checked::Code("openai/CLIP@d05afc4"), Checked::Sweep("clip-prompting")],
    method: || nearest_text(vec![ManipulationSpec::ClassTemplate(ClassTemplateSpec::default())], Recipe::default()),
};

/// Seven sentences.
pub(super) const ENSEMBLE: Entry = Entry {
    name: "clip-ensemble",
    title: "the class whose name is nearest to the image in the mean of seven sentences",
    reference: REFERENCE,
    deviations: "the seven sentences of the authors' notebook for ImageNet, for all data sets; the names of classes are the data set's",
    size: Size::NONE,
    checked: &[Checked::Code("openai/CLIP@d05afc4"), Checked::Sweep("clip-prompting")],
    method: || compose([template(&SEVEN)], AlignmentSpec::MeanText(MeanTextSpec {}), Recipe::default()),
};
