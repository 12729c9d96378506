//! A method is data: parts and a recipe.

use reprogram_taxonomy::{Format, Location, Misfit, Modality, Paradigm, Signature, TargetSpace};
use serde::{Deserialize, Serialize};

use crate::{AlignmentSpec, ManipulationSpec, Manipulator, Optimizer, Program, Reads, Schedule, Setup};

/// How parameters are trained. Epochs, batch size and data are the sweep's budget, equal for all methods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Recipe {
    /// The update rule.
    pub optimizer: Optimizer,
    /// At the start.
    pub learning_rate: f64,
    /// How it changes.
    pub schedule: Schedule,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { optimizer: Optimizer::Adam, learning_rate: 1e-2, schedule: Schedule::Constant }
    }
}

/// A method: what it does at the interfaces, and how it is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Method {
    /// `I`, in order.
    pub manipulations: Vec<ManipulationSpec>,
    /// `O`.
    pub alignment: AlignmentSpec,
    /// For what is learnable.
    pub recipe: Recipe,
}

impl Method {
    /// Its coordinates.
    pub fn signature(&self) -> Signature {
        Signature { sites: self.manipulations.iter().flat_map(ManipulationSpec::sites).collect(), alignment: self.alignment.coordinates() }
    }

    /// That of its coordinates; one that tunes f itself, which reprogramming leaves alone, is a baseline, whatever they are.
    pub fn paradigm(&self) -> Paradigm {
        let tunes = |spec: &ManipulationSpec| matches!(spec, ManipulationSpec::WeightDelta(_));
        if self.manipulations.iter().any(tunes) { Paradigm::Baseline } else { self.signature().paradigm() }
    }

    /// What it takes items of, where that is not what the backbone takes: a part turns one into the other.
    pub fn takes(&self) -> Option<Modality> {
        let reads_texts = |spec: &ManipulationSpec| matches!(spec, ManipulationSpec::TokenPatches(_));
        let reads_series =
            |spec: &ManipulationSpec| matches!(spec, ManipulationSpec::PatchPrototypes(_) | ManipulationSpec::SeriesPrompt(_));
        let is_past_f = matches!(self.alignment, AlignmentSpec::WindowMap(_) | AlignmentSpec::LastValue(_));
        if self.manipulations.iter().any(reads_texts) {
            Some(Modality::Text)
        } else {
            (is_past_f || self.manipulations.iter().any(reads_series)).then_some(Modality::TimeSeries)
        }
    }

    /// The encoders beside f that its parts name.
    pub fn encoders(&self) -> Vec<&str> {
        fn named(spec: &ManipulationSpec) -> Option<&str> {
            if let ManipulationSpec::Demonstrations(spec) = spec { spec.encoder.as_deref() } else { None }
        }
        self.manipulations.iter().filter_map(named).collect()
    }

    /// Checks it against the backbone and the target, and builds its program.
    pub fn build(&self, setup: &Setup<'_>) -> Result<Program, Misfit> {
        let card = setup.backbone.card();
        let signature = self.signature();
        let is_generated = self.alignment.reads_generated();
        let target = TargetSpace {
            modality: card.modality(),
            n_classes: setup.target.n_classes(),
            // What is generated is a text, and so is an answer.
            shares_source_labels: setup.target.shares_source_labels || is_generated,
        };
        if let Some(horizon) = setup.target.horizon.filter(|_| !self.alignment.forecasts()) {
            return Err(needs_classes(self.alignment.name(), horizon));
        }
        signature.check(card, &target)?;
        self.check_tokens()?;
        if setup.target.n_classes() == 0 && setup.target.horizon.is_none() && !is_generated {
            let needs = "classes, but the answers of this data set are open: they can only be generated".to_owned();
            return Err(Misfit::PartNeeds { part: self.alignment.name().to_owned(), needs });
        }
        if setup.target.has_own_answers() && !self.alignment.takes_own_answers() {
            return Err(needs_shared_answers(self.alignment.name()));
        }
        let manipulations: Vec<Manipulator> = self.manipulations.iter().map(|spec| spec.build(setup)).collect::<Result<_, _>>()?;
        if let Some(horizon) = setup.target.horizon
            && let Some((spec, _)) = self.manipulations.iter().zip(&manipulations).find(|(_, part)| part.is_made_of_items())
        {
            return Err(needs_classes(spec.name(), horizon));
        }
        let alignment = self.alignment.build(setup)?;
        let has_wordings = manipulations.iter().map(|part| part.templates().len()).sum::<usize>() > 1;
        if has_wordings && !alignment.reads().is_in_words() {
            let needs = "an alignment that reads words, where there are several templates: nothing else has a mean over them".to_owned();
            return Err(Misfit::PartNeeds { part: "wordings".to_owned(), needs });
        }
        if has_wordings && matches!(alignment.reads(), Reads::AnswersBeside(_)) {
            let needs = "one wording, where each item brings its own answers and they are held against their lengths or the cue".to_owned();
            return Err(Misfit::PartNeeds { part: self.alignment.name().to_owned(), needs });
        }
        self.check_generated(&manipulations)?;
        let towers = |spec: &ManipulationSpec| spec.sites().iter().map(|site| site.tower().unwrap_or(card.main.tower)).collect();
        let towers = self.manipulations.iter().map(towers).collect();
        let mut program = Program::new(manipulations, towers, alignment, signature, setup.target);
        program.settle(setup)?;
        Ok(program)
    }

    /// Whether anything that it does may depend on the seed or the training items. Where text is generated; elsewhere yes is said
    /// of every method.
    pub fn is_drawn(&self) -> bool {
        !self.alignment.reads_generated() || self.alignment.is_drawn() || self.manipulations.iter().any(ManipulationSpec::is_drawn)
    }

    /// Why it makes no sense on any backbone, if it does not: a gradient does not go through tokens that were chosen.
    pub fn incoherence(&self) -> Option<String> {
        let is_learnable = |spec: &&ManipulationSpec| spec.coordinates().format() == Format::Learnable;
        let learned = self.manipulations.iter().find(is_learnable).filter(|_| self.alignment.reads_generated())?;
        let (learned, reads) = (learned.name(), self.alignment.name());
        Some(format!(
            "`part = \"{learned}\"` is learnable, but `part = \"{reads}\"` reads generated text, through which no gradient goes\n  help: learn it by an alignment that scores answers, such as `verbalizer`"
        ))
    }

    /// Parts that ask the model for text need an alignment that reads it, and such an alignment hears only what is said in text.
    fn check_generated(&self, manipulations: &[Manipulator]) -> Result<(), Misfit> {
        for (spec, part) in self.manipulations.iter().zip(manipulations) {
            let misfit = |needs: &str| Misfit::PartNeeds { part: spec.name().to_owned(), needs: needs.to_owned() };
            if part.generates() && !self.alignment.reads_generated() {
                return Err(misfit("an alignment that reads generated text"));
            }
            if self.alignment.reads_generated() && spec.coordinates().location() != Location::Input {
                return Err(misfit("an alignment that scores: where text is generated, only its prompt can be changed"));
            }
        }
        Ok(())
    }

    /// A deep prompt replaces all prompt tokens that are there, so that none of another part may be among them; and what is
    /// conditioned on items has texts of its own for each.
    fn check_tokens(&self) -> Result<(), Misfit> {
        use ManipulationSpec::{ClassContext, ClassContexts, ConditionedContext, CoupledPrompt, DeepPrompt, MappedPrompt, SoftPrompt};
        let is_alone = |spec: &&ManipulationSpec| matches!(spec, DeepPrompt(_) | CoupledPrompt(_) | ConditionedContext(_));
        let inserts = |spec: &&ManipulationSpec| {
            is_alone(spec) || matches!(spec, SoftPrompt(_) | MappedPrompt(_) | ClassContext(_) | ClassContexts(_))
        };
        match self.manipulations.iter().find(is_alone) {
            Some(spec) if self.manipulations.iter().filter(inserts).count() > 1 => {
                let needs = if matches!(spec, ConditionedContext(_)) {
                    "each item has texts of its own"
                } else {
                    "it replaces those of the block before"
                };
                let needs = format!("to be the only part that puts tokens in: {needs}");
                Err(Misfit::PartNeeds { part: spec.name().to_owned(), needs })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The misfit of an alignment that knows what to do with words or numbers of classes, where each item has answers of its own.
fn needs_shared_answers(part: &str) -> Misfit {
    let needs = "answers that all items share, but each item of this data set brings its own options, which `verbalizer` scores, and \
                 `answer-prior` with `of = \"cue\"`";
    Misfit::PartNeeds { part: part.to_owned(), needs: needs.to_owned() }
}

/// The misfit of a part that knows what to do with classes or answers, where series are to be forecast.
fn needs_classes(part: &str, horizon: usize) -> Misfit {
    let needs = format!(
        "classes or answers, but this data set asks for the next {horizon} values of series, which `forecast-head`, `window-map` and \
         `last-value` give"
    );
    Misfit::PartNeeds { part: part.to_owned(), needs }
}
