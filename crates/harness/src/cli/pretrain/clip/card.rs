//! What the model is, where it comes from and what it can do, in Markdown.

use std::fmt;
use std::time::Duration;

use reprogram_models::{ClipConfig, ClipTower};

use crate::pretrain::clip::ClipRecipe;
use crate::pretrain::clip::captions::TEMPLATES;
use crate::pretrain::clip::photos::{Class, HOLD_OUT_EVERY};
use crate::stats::Proportion;

/// Everything that the card says.
pub(super) struct Card<'a> {
    pub(super) name: String,
    pub(super) config: &'a ClipConfig,
    pub(super) n_parameters: usize,
    pub(super) n_bytes: usize,
    pub(super) recipe: ClipRecipe,
    /// Steps done.
    pub(super) steps: usize,
    pub(super) wall: Duration,
    /// Processor time, where the system says.
    pub(super) work: Option<Duration>,
    pub(super) licence: &'a str,
    pub(super) held_out: &'a [Class],
    pub(super) scores: &'a [Score],
    /// Photographs trained on, by source.
    pub(super) sizes: [usize; 2],
}

/// Zero-shot accuracy on one set.
pub(super) struct Score {
    pub(super) what: String,
    pub(super) n_classes: usize,
    pub(super) right: Proportion,
}

impl fmt::Display for Card<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClipConfig { vision, text, image_size, patch_size, vocabulary, context, joint_dim, .. } = self.config;
        let tower = |of: &ClipTower| format!("{} blocks of width {} with {} heads", of.depth, of.dim, of.n_heads);
        writeln!(
            f,
            "# {}\n\n\
             A two-tower model of small photographs and short captions, {} parameters, {:.1} MB in half precision. It exists to be \
             reprogrammed and to try methods on where no model hub can be reached. It is not OpenAI's CLIP, nor comparable to it: it \
             knows little beyond the ten classes of CIFAR-10.\n",
            self.name,
            self.n_parameters,
            self.n_bytes as f64 / 1e6,
        )?;
        writeln!(f, "- **Image tower**: ViT, {image_size} × {image_size} pixels in colour, patches of {patch_size}, {}.", tower(vision))?;
        writeln!(
            f,
            "- **Text tower**: causal, {}, {vocabulary} tokens (byte-level BPE learned from the captions, lower case), at most {context} \
             a text. Both towers map to {joint_dim} dimensions.",
            tower(text),
        )?;
        writeln!(f, "- **Layout**: tensors as in the hub's `CLIPModel`; `config`, `preprocessor_config` and `tokenizer` in the metadata.")?;
        let [cifar, tiny] = self.sizes;
        writeln!(
            f,
            "- **Data**: {cifar} photographs of CIFAR-10 (train, JPEG copy) and {tiny} of Tiny ImageNet (train, 50 a class, shrunk to \
             {image_size} × {image_size}). Licence: {}. No photograph is in this file.",
            self.licence,
        )?;
        writeln!(
            f,
            "- **Captions**: the names of a photograph's class (for CIFAR-10 those of the folders and a few synonyms, for Tiny ImageNet \
             those of its word list; the first name half of the time) in {} sentences. No caption describes a single photograph.",
            TEMPLATES.len(),
        )?;
        writeln!(
            f,
            "- **Held out**: every {HOLD_OUT_EVERY}th class of Tiny ImageNet in the order of synsets; neither a photograph nor a name \
             of these was trained on, though CIFAR-10's photographs may show some (a poodle among its dogs): {}.",
            self.held_out.iter().map(|class| class.names[0].as_str()).collect::<Vec<_>>().join(", "),
        )?;
        self.training(f)?;
        writeln!(
            f,
            "- **Zero-shot accuracy** of this file, rounded as it is: the mean feature of a class's first name in all sentences \
             (Wilson 95 % interval):\n\n\
             | photographs | classes | top-1 % | 95 % | chance % |\n| :-- | --: | --: | --: | --: |",
        )?;
        for Score { what, n_classes, right } in self.scores {
            let (low, high) = right.ends();
            writeln!(
                f,
                "| {what} ({}) | {n_classes} | **{:.1}** | {:.1} to {:.1} | {:.1} |",
                right.n,
                100.0 * right.share(),
                100.0 * low,
                100.0 * high,
                100.0 / *n_classes as f64,
            )?;
        }
        writeln!(
            f,
            "\n- **Weights' licence**: MIT OR Apache-2.0, as far as it is ours to say. The terms of the photographs that they were \
             trained on are not stated; use the weights for experiments."
        )
    }
}

impl Card<'_> {
    fn training(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClipRecipe { seed, steps, batch_size, learning_rate, second_share } = self.recipe;
        let done = if self.steps == steps { format!("{steps} steps") } else { format!("{} of {steps} steps (ended early)", self.steps) };
        writeln!(
            f,
            "- **Training**: from nothing, {done} of {batch_size} photographs and captions, {:.0} % of them Tiny ImageNet's; symmetric \
             cross-entropy over the batch with a learned factor (at most 100), where all captions of a photograph's class count as its \
             own in equal shares; AdamW at {learning_rate} (warm-up, cosine), weight decay .05, gradient norm at most 1; crops by up to \
             4 pixels and mirror images; seed {seed}.",
            100.0 * second_share,
        )?;
        let minutes = |time: Duration| format!("{:.0}", time.as_secs_f64() / 60.0);
        let work = self.work.map_or_else(String::new, |work| format!(", {} CPU-minutes", minutes(work)));
        writeln!(f, "- **Time**: {} minutes{work}, on a CPU.", minutes(self.wall))?;
        let until = if self.steps == steps { String::new() } else { format!(" --until {}", self.steps) };
        writeln!(f, "- **Command**: `reprogram pretrain clip --seed {seed} --steps {steps}{until}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretrain::clip::config;

    #[test]
    fn a_card_says_what_was_done_and_what_came_of_it() {
        let class = |name: &str| Class { key: name.to_owned(), names: vec![name.to_owned(), "other".to_owned()] };
        let score = |what: &str, n_classes, right, n| Score { what: what.to_owned(), n_classes, right: Proportion { right, n } };
        let card = Card {
            name: "tiny".to_owned(),
            config: &config(1_000),
            n_parameters: 1_234_567,
            n_bytes: 2_500_000,
            recipe: ClipRecipe { seed: 3, steps: 100, ..ClipRecipe::default() },
            steps: 90,
            wall: Duration::from_mins(10),
            work: Some(Duration::from_mins(9)),
            licence: "none stated",
            held_out: &[class("goose"), class("alp")],
            scores: &[score("CIFAR-10 test", 10, 5_000, 10_000), score("**held-out** classes alone", 20, 60, 1_000)],
            sizes: [50_000, 9_000],
        };
        insta::assert_snapshot!(card.to_string());
    }
}
