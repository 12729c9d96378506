//! What the log-likelihoods of items' own answers are held against, number by number: each item has other answers, so that an alignment
//! cannot hold one number for each class.

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::{Backbone, in_f32};

use crate::{Per, Program, Prompt};

/// What an option that an item lacks is worth, in nats: nothing that is there comes near it, and differences of it stay finite, so that
/// its probability is zero and its gradient too.
pub(crate) const MISSING: f32 = -1e30;

/// What stands beside the log-likelihoods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beside {
    /// How long each answer is.
    Length(Per),
    /// How likely each answer is behind the template's cue alone.
    Cue,
}

impl Program {
    /// `[batch, target]`; one for lengths and zero for likelihoods where an item has no such option.
    pub(crate) fn beside(&self, backbone: &dyn Backbone, beside: Beside, prompts: &[Prompt], device: &Device) -> Tensor<2> {
        match beside {
            Beside::Length(per) => {
                let lengths: Vec<f32> = prompts.iter().flat_map(|prompt| self.lengths(backbone, per, prompt)).collect();
                Tensor::from_data(TensorData::new(lengths, [prompts.len(), self.classes().len()]), in_f32(device))
            }
            Beside::Cue => {
                let options: Vec<_> = prompts.iter().map(|prompt| prompt.options.as_ref()).collect();
                let scores = self.scores_behind(backbone, |template| &template.cue, &options);
                let missing = scores.clone().lower_equal_elem(MISSING);
                scores.mask_fill(missing, 0.0)
            }
        }
    }

    /// The length of each class's answer behind an item.
    fn lengths(&self, backbone: &dyn Backbone, per: Per, prompt: &Prompt) -> Vec<f32> {
        let template = self.template();
        let tokenizer = backbone.tokenizer().expect("a language model: the part's build comes first");
        let length = |class: usize| {
            let answer = template.answer_of(prompt.options.as_ref(), class);
            per.of(&answer, || tokenizer.encode_pair(&template.context(prompt, class), &answer).continuation.len())
        };
        let n_answers = template.n_answers(prompt.options.as_ref());
        (0..self.classes().len()).map(|class| if class < n_answers { length(class).max(1) as f32 } else { 1.0 }).collect()
    }
}

/// The log-likelihoods, and what stands beside them, of `[batch, 2 · target]`.
pub(crate) fn halves(scores: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let [_, width] = scores.dims();
    (scores.clone().narrow(1, 0, width / 2), scores.narrow(1, width / 2, width / 2))
}
