//! A trial whose answers are generated: nothing is trained or fitted, and an item is right where the answer found in its text is.

use std::sync::Arc;

use reprogram_methods::{Answered, Generation, Program, Seed};
use reprogram_models::Metered;
use reprogram_taxonomy::Misfit;

use super::gauge::Gauge;
use super::member::hash;
use super::{Finished, Trial, TrialError, TriedOut, stop_if_asked};
use crate::costs::{PartCosts, Parts};
use crate::data::{Content, Example, Gold};
use crate::memory::peak_resident_bytes;
use crate::record::{Costs, ExampleOutcome, GeneratedPath, ItemReading, Metrics, Outcome};

impl Trial<'_> {
    /// Runs it.
    pub(super) fn run_generated(&self) -> Result<Finished, TrialError> {
        let metered = Metered::new(self.backbone);
        let gauge = Gauge::new(metered.meter());
        let begun = gauge.begin();
        let splits = self.splits()?;
        let program = self.program(&splits)?;
        let mut generation = Generation::new(&program, &metered, Seed::new(self.seed));
        // Nothing is chosen, so that both splits are generated side by side: a batch costs little more than a row.
        let items: Vec<_> = splits.validation.examples().iter().chain(splits.test.examples()).cloned().collect();
        let mut validation = self.generate(&program, &mut generation, &items)?;
        let test = validation.split_off(splits.validation.len());
        let tensors = program.tensors();
        let outcome = Outcome {
            validation: metrics(&validation),
            test: metrics(&test),
            selection: format!("nothing is trained: no choice; {}", splits.rule),
            epoch: 0,
            curve: Vec::new(),
            costs: spent(&program, &generation, [validation.len(), test.len()], gauge.end(&begun)),
            program_sha256: hash(&tensors),
            alignment_notes: program.answer_rule().into_iter().collect(),
            batch_invariance: None,
            borders: None,
            refit: None,
        };
        Ok(Finished { outcome, examples: test, tensors })
    }

    /// Validation items only.
    pub(super) fn try_out_generated(&self) -> Result<TriedOut, TrialError> {
        let metered = Metered::new(self.backbone);
        let gauge = Gauge::new(metered.meter());
        let begun = gauge.begin();
        let splits = self.splits()?;
        let program = self.program(&splits)?;
        let mut generation = Generation::new(&program, &metered, Seed::new(self.seed));
        let validation = self.generate(&program, &mut generation, splits.validation.examples())?;
        Ok(TriedOut {
            epoch: 0,
            validation: metrics(&validation),
            costs: spent(&program, &generation, [validation.len(), 0], gauge.end(&begun)),
        })
    }

    fn generate(
        &self,
        program: &Program,
        generation: &mut Generation<'_>,
        examples: &[Arc<Example>],
    ) -> Result<Vec<ExampleOutcome>, TrialError> {
        let items = examples.iter().map(|example| Ok((example.id.as_str(), text(example)?)));
        let answered = generation.answers(&items.collect::<Result<Vec<_>, Misfit>>()?, stop_if_asked)?;
        let outcome = |(example, answered): (&Arc<Example>, Answered)| {
            let words = match &example.gold {
                Gold::Class(class) => &self.labels()[*class],
                Gold::Answer { text, .. } => text,
                Gold::Future(_) => panic!("series are forecast, not answered: a program's build comes first"),
            };
            // Whoever loaded the data saw that the rule finds the gold answers.
            let gold = program.gold(words).unwrap_or_else(|| words.clone());
            let paths = answered.paths.into_iter().map(|path| GeneratedPath { texts: path.texts, answer: path.answer }).collect();
            ExampleOutcome { id: example.id.clone(), reading: ItemReading::Generated { gold, answer: answered.answer, paths } }
        };
        Ok(examples.iter().zip(answered).map(outcome).collect())
    }

    /// The words of the classes.
    pub(super) fn labels(&self) -> &[String] {
        self.target.template.as_ref().map_or(&[], |template| &template.labels)
    }
}

/// Both splits are generated side by side: what that took is theirs by their numbers of items.
fn spent(program: &Program, generation: &Generation<'_>, [validation, test]: [usize; 2], took: PartCosts) -> Costs {
    let n_items = validation + test;
    let of = |items: usize| {
        let share = |count: u64| (u128::from(count) * items as u128 / n_items as u128) as u64;
        let part = items as f64 / n_items as f64;
        PartCosts {
            items,
            tokens: share(took.tokens),
            forward_flops: share(took.forward_flops),
            backward_flops: share(took.backward_flops),
            seconds: part * took.seconds,
            peak_bytes: if items == 0 { 0 } else { took.peak_bytes },
            joules: took.joules.map(|joules| part * joules),
        }
    };
    Costs {
        stored_parameters: program.n_stored(),
        forward_items_evaluation: n_items,
        generated_tokens: generation.n_tokens(),
        seconds_evaluation: took.seconds,
        parts: Some(Parts { validation: of(validation), test: of(test), ..Parts::default() }),
        peak_memory_bytes: peak_resident_bytes(),
        ..Costs::default()
    }
}

pub(super) fn text(example: &Example) -> Result<&str, Misfit> {
    match &example.content {
        Content::Text(text) => Ok(text),
        Content::Question(_) => {
            let needs = "options that are lettered, not such as are scored".to_owned();
            Err(Misfit::PartNeeds { part: "generated text".to_owned(), needs })
        }
        Content::Image(_) | Content::Recording(_) | Content::Series(_) => {
            Err(Misfit::PartNeeds { part: "generated text".to_owned(), needs: "texts".to_owned() })
        }
    }
}

/// Exact match of the answers found with the gold ones.
fn metrics(outcomes: &[ExampleOutcome]) -> Metrics {
    let n = outcomes.len();
    let right = outcomes.iter().filter(|outcome| outcome.is_right() == Some(true)).count();
    let has_none = |outcome: &&ExampleOutcome| matches!(outcome.reading, ItemReading::Generated { answer: None, .. });
    let unanswered = outcomes.iter().filter(has_none).count();
    Metrics { unanswered: Some(unanswered), ..Metrics::right(n, right as f64 / n as f64, None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_without_an_answer_is_wrong_and_counted() {
        let outcome = |answer: Option<&str>| ExampleOutcome {
            id: String::new(),
            reading: ItemReading::Generated { gold: "7".to_owned(), answer: answer.map(str::to_owned), paths: vec![] },
        };
        let metrics = metrics(&[outcome(Some("7")), outcome(Some("8")), outcome(None), outcome(None)]);
        assert_eq!(metrics, Metrics { unanswered: Some(2), ..Metrics::right(4, 0.25, None) });
    }
}
