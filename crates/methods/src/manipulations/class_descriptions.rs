//! What classes look like, in sentences: several texts a class, in groups.
//!
//! The sentences stand in the method itself, so that they count for its key. They take the place of the names of classes.
//!
//! # Reference
//! Pratt et al., ICCV 2023, arXiv 2209.03320 (CuPL); groups: Cai et al., ICLR 2025, arXiv 2501.13982 (AttrVR).

use std::collections::BTreeMap;

use burn::module::Module;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site, SiteSpec, Tower};
use serde::{Deserialize, Serialize};

use crate::class_texts::check_texts;
use crate::{ClassTexts, Manipulate, Part, Setup};

/// `part = "class-descriptions"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClassDescriptionsSpec {
    /// Name of a class to its sentences, group by group.
    pub of: BTreeMap<String, Vec<Vec<String>>>,
}

/// The sentences.
#[derive(Module, Debug)]
pub struct ClassDescriptions {
    /// Of each class: sentence and group.
    #[module(skip)]
    texts: Vec<Vec<(String, usize)>>,
}

impl Part for ClassDescriptionsSpec {
    type Coordinates = Site;
    type Module = ClassDescriptions;

    fn coordinates(&self) -> Site {
        let (modality, operator, tower) = (Modality::Text, Operator::Concatenative, Some(Tower::Text));
        let site = SiteSpec { modality, format: Format::Fixed, location: Location::Input, operator, layers: None, tower };
        Site::new(site).expect("a part's own site is coherent")
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ClassDescriptions, Misfit> {
        let needs = |needs: String| Misfit::PartNeeds { part: "class-descriptions".to_owned(), needs };
        let of_class = |class: &String| {
            let groups = self.of.get(class).ok_or_else(|| needs(format!("sentences about `{class}`, of which it has none")))?;
            if groups.is_empty() || groups.iter().any(Vec::is_empty) {
                return Err(needs(format!("at least one sentence in each group of `{class}`")));
            }
            let sentences = groups.iter().enumerate().flat_map(|(group, texts)| texts.iter().map(move |text| (text.clone(), group)));
            Ok(sentences.collect())
        };
        let texts = setup.target.classes.iter().map(of_class).collect::<Result<_, _>>()?;
        let part = ClassDescriptions { texts };
        check_texts(setup, &part.class_texts(ClassTexts::names(&setup.target.classes)), 0)?;
        Ok(part)
    }
}

impl Manipulate for ClassDescriptions {
    fn class_texts(&self, _texts: ClassTexts) -> ClassTexts {
        ClassTexts::grouped(self.texts.clone())
    }
}
