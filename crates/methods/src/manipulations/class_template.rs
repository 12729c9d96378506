//! Sentences that the names of classes stand in; several are an ensemble.
//!
//! `{}` is the name. With several sentences a class is the mean of the unit features of all of them.
//!
//! # Reference
//! Radford et al., ICML 2021, arXiv 2103.00020, §3.1.4: "a photo of a {}.", and ensembles of such sentences.

use burn::module::Module;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site, SiteSpec, Tower};
use serde::{Deserialize, Serialize};

use crate::class_texts::check_texts;
use crate::{ClassTexts, Manipulate, Part, Setup};

/// `part = "class-template"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClassTemplateSpec {
    /// Sentences, each with `{}` where the name goes.
    #[serde(default = "photo")]
    pub templates: Vec<String>,
}

fn photo() -> Vec<String> {
    vec!["a photo of a {}.".to_owned()]
}

impl Default for ClassTemplateSpec {
    fn default() -> Self {
        Self { templates: photo() }
    }
}

/// The sentences.
#[derive(Module, Debug)]
pub struct ClassTemplate {
    #[module(skip)]
    templates: Vec<String>,
}

impl ClassTemplate {
    fn write(&self, name: &str) -> Vec<String> {
        self.templates.iter().map(|template| template.replace("{}", name)).collect()
    }
}

impl Part for ClassTemplateSpec {
    type Coordinates = Site;
    type Module = ClassTemplate;

    fn coordinates(&self) -> Site {
        let (modality, operator, tower) = (Modality::Text, Operator::Concatenative, Some(Tower::Text));
        let site = SiteSpec { modality, format: Format::Fixed, location: Location::Input, operator, layers: None, tower };
        Site::new(site).expect("a part's own site is coherent")
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ClassTemplate, Misfit> {
        let misfit = |needs: &str| Misfit::PartNeeds { part: "class-template".to_owned(), needs: needs.to_owned() };
        if self.templates.is_empty() || self.templates.iter().any(|template| template.matches("{}").count() != 1) {
            return Err(misfit("sentences with one `{}` each, where the name of a class goes"));
        }
        let part = ClassTemplate { templates: self.templates.clone() };
        check_texts(setup, &part.class_texts(ClassTexts::names(&setup.target.classes)), 0)?;
        Ok(part)
    }
}

impl Manipulate for ClassTemplate {
    fn class_texts(&self, texts: ClassTexts) -> ClassTexts {
        texts.rewritten(|text| self.write(text))
    }
}
