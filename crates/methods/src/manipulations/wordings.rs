//! Other words around the item; several are an ensemble, whose log-probabilities are averaged.
//!
//! # Reference
//! Schick and Schütze, EACL 2021, arXiv 2001.07676, §3.2 (patterns; an ensemble of them, there by a mean of scores that are distilled,
//! here the mean of log-probabilities).

use burn::module::Module;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::{Manipulate, Part, Setup, Template, Wording};

/// `part = "wordings"`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct WordingsSpec {
    /// In place of the data set's template; the data set's own template and its variants when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<Wording>,
}

/// The templates.
#[derive(Module, Debug)]
pub struct Wordings {
    #[module(skip)]
    templates: Vec<Template>,
}

impl Part for WordingsSpec {
    type Coordinates = Site;
    type Module = Wordings;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Fixed, Location::Input, Operator::Concatenative)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Wordings, Misfit> {
        let misfit = |needs: &str| Misfit::PartNeeds { part: "wordings".to_owned(), needs: needs.to_owned() };
        let own = setup.target.template.as_ref().ok_or_else(|| misfit("a data set whose items are texts"))?;
        let templates: Vec<Template> = if self.templates.is_empty() {
            if own.variants.is_empty() {
                return Err(misfit("`templates`, or `variants` in the data set's template"));
            }
            let as_it_is = Template { variants: Vec::new(), ..own.clone() };
            [as_it_is].into_iter().chain(own.variants.iter().map(|wording| own.reworded(wording))).collect()
        } else {
            self.templates.iter().map(|wording| own.reworded(wording)).collect()
        };
        if templates.iter().any(|template| template.input.matches("{text}").count() != 1) {
            return Err(misfit("templates whose `input` holds `{text}` once"));
        }
        let is_own = setup.target.has_own_answers();
        if is_own && templates.iter().any(|template| !template.labels.is_empty()) {
            return Err(misfit("templates without `labels`, where each item brings its own answers"));
        }
        if !is_own && templates.iter().any(|template| template.labels.len() != setup.target.n_classes()) {
            return Err(misfit("as many `labels` as there are classes"));
        }
        Ok(Wordings { templates })
    }
}

impl Manipulate for Wordings {
    fn templates(&self) -> &[Template] {
        &self.templates
    }
}
