//! Where items are texts: what f is given of them, and how likely it finds answers, or items behind answers.

use burn::tensor::{Tensor, TensorData, activation::log_softmax};
use reprogram_models::{Backbone, EncodedPair, PrefixCache, Stream, TextTokenizer, in_f32};
use reprogram_taxonomy::Tower;

use crate::likelihood::{Scorer, context_of};
use crate::{Batch, Evidence, Program, Prompt, Query, Reads, Template};

/// What is scored in one wording.
struct Asked {
    /// A row's classes side by side.
    pairs: Vec<EncodedPair>,
    /// What every text begins with, whatever the item.
    anchor: Vec<u32>,
}

impl Program {
    /// All that f is given of each text in front of an answer, in every wording: what its constant half depends on.
    pub fn given(&self, backbone: &dyn Backbone, queries: &[Query]) -> Vec<String> {
        let read = |prompt: Prompt| {
            let contexts = self.templates().iter().map(|template| template.render(&prompt));
            prompt.groups.iter().cloned().chain(contexts).collect::<Vec<_>>().join("\0")
        };
        self.prompts(backbone, queries).into_iter().map(read).collect()
    }

    /// f's outputs on what the alignment asks for that is no item, one row each: texts without content, or the cue alone; nothing where
    /// it asks for no such thing.
    pub fn content_free_scores(&self, backbone: &dyn Backbone) -> Option<Tensor<2>> {
        match self.alignment().evidence() {
            Evidence::None | Evidence::TrainingOnce | Evidence::TrainingEveryEpoch => None,
            Evidence::ContentFree(texts) => {
                Some(self.source(backbone, &Batch::Texts(texts.into_iter().map(|text| Query { text }).collect())))
            }
            Evidence::Cue => Some(self.cue_scores(backbone)),
        }
    }

    /// How likely answers are behind the template's cue alone, `[1, target]`.
    pub fn cue_scores(&self, backbone: &dyn Backbone) -> Tensor<2> {
        let asked = |template: &Template, tokenizer: &TextTokenizer| {
            let pairs: Vec<_> = template.answers().iter().map(|answer| tokenizer.encode_pair(&template.cue, answer)).collect();
            Asked { anchor: pairs.first().map(|pair| pair.context.clone()).unwrap_or_default(), pairs }
        };
        self.over_wordings(backbone, &mut PrefixCache::new(0), asked)
    }

    /// How likely answers are with nothing in front but what is learned, `[1, target]`.
    pub fn unconditional_scores(&self, backbone: &dyn Backbone) -> Tensor<2> {
        let asked = |template: &Template, tokenizer: &TextTokenizer| {
            let pairs = template.answers().iter().map(|answer| tokenizer.encode_pair("", answer)).collect();
            Asked { pairs, anchor: Vec::new() }
        };
        self.over_wordings(backbone, &mut PrefixCache::new(0), asked)
    }

    /// Log-likelihoods, `[batch, target]`: of each class's answer behind the item, or of the item behind each class's answer.
    pub(crate) fn word_scores(&self, backbone: &dyn Backbone, queries: &[Query], prefixes: &mut PrefixCache) -> Tensor<2> {
        let prompts = self.prompts(backbone, queries);
        // What a text without content begins with, all others do.
        let bare = self.prompts(backbone, &[Query { text: String::new() }]).remove(0);
        let behind_answers = match self.alignment().reads() {
            Reads::ItemBehindAnswers => true,
            Reads::Answers => false,
            Reads::Logits
            | Reads::Features
            | Reads::ClassTexts
            | Reads::EachText
            | Reads::LocalTexts
            | Reads::Tokens { .. }
            | Reads::Window
            | Reads::Generated => {
                panic!("what is read is not in words")
            }
        };
        self.over_wordings(backbone, prefixes, |template, tokenizer| {
            let pair = |(prompt, class): (&Prompt, usize)| {
                if behind_answers {
                    encoded(tokenizer, prompt, &template.render_reversed(prompt, class), &template.text(&prompt.query))
                } else {
                    encoded(tokenizer, prompt, &template.render(prompt), &template.answer(class))
                }
            };
            let n_classes = template.labels.len();
            let pairs = prompts.iter().flat_map(|prompt| (0..n_classes).map(move |class| (prompt, class))).map(pair).collect();
            let front = if behind_answers { template.render_reversed(&bare, 0) } else { template.render(&bare) };
            Asked { pairs, anchor: encoded(tokenizer, &bare, &front, "").context }
        })
    }

    /// The tokens of each text's context, cut on the left where they are too many.
    pub(crate) fn token_rows(&self, backbone: &dyn Backbone, queries: &[Query]) -> Vec<Vec<u32>> {
        let tokenizer = tokenizer_of(backbone);
        let template = self.templates().first().expect("a text set has a template");
        let limit = context_of(backbone).saturating_sub(self.n_positions()).max(1);
        let row = |prompt: Prompt| {
            let tokens = encoded(tokenizer, &prompt, &template.render(&prompt), "").context;
            tokens[tokens.len().saturating_sub(limit)..].to_vec()
        };
        self.prompts(backbone, queries).into_iter().map(row).collect()
    }

    /// Each text with what manipulations put around it.
    pub(crate) fn prompts(&self, backbone: &dyn Backbone, queries: &[Query]) -> Vec<Prompt> {
        let bare = queries.iter().map(|query| Prompt::new(&query.text)).collect();
        self.manipulations().iter().fold(bare, |prompts, part| part.prompts(backbone, prompts))
    }

    /// The scores of the one wording; of several, the mean of their log-probabilities.
    fn over_wordings(
        &self,
        backbone: &dyn Backbone,
        prefixes: &mut PrefixCache,
        asked: impl Fn(&Template, &TextTokenizer) -> Asked,
    ) -> Tensor<2> {
        let tokenizer = tokenizer_of(backbone);
        let templates = self.templates();
        let scores = templates.iter().map(|template| {
            let asked = asked(template, tokenizer);
            self.scored(backbone, &asked, template.labels.len(), prefixes)
        });
        let scores: Vec<Tensor<2>> = scores.collect();
        let n = scores.len();
        let probable = |scores: Tensor<2>| if n == 1 { scores } else { log_softmax(scores, 1) / n as f64 };
        scores.into_iter().map(probable).reduce(|sum, scores| sum + scores).expect("a text set has a template")
    }

    /// `[batch, target]`
    fn scored(&self, backbone: &dyn Backbone, Asked { pairs, anchor }: &Asked, n_classes: usize, prefixes: &mut PrefixCache) -> Tensor<2> {
        let kept = std::mem::replace(prefixes, PrefixCache::new(0));
        let scorer = Scorer::through(backbone, |stream| self.blocks(backbone, stream));
        let mut scorer = scorer.with_prompt_of(self.n_prompt(backbone)).with_positions_taken(self.n_positions()).with_prefixes(kept);
        let found = scorer.log_likelihoods(pairs, Some(anchor));
        *prefixes = scorer.into_prefixes();
        let shape = [pairs.len() / n_classes, n_classes];
        let found = found.reshape(shape);
        match self.alignment().reads() {
            Reads::ItemBehindAnswers => {
                let lengths: Vec<f32> = pairs.iter().map(|pair| pair.continuation.len().max(1) as f32).collect();
                let device = in_f32(&found.device());
                found / Tensor::from_data(TensorData::new(lengths, shape), device)
            }
            Reads::Answers
            | Reads::Logits
            | Reads::Features
            | Reads::ClassTexts
            | Reads::EachText
            | Reads::LocalTexts
            | Reads::Tokens { .. }
            | Reads::Window
            | Reads::Generated => found,
        }
    }

    /// Positions of the context that are taken before a text begins.
    fn n_positions(&self) -> usize {
        self.manipulations().iter().map(|part| part.n_positions()).sum()
    }

    /// Tokens that stand in front of every text's own.
    fn n_prompt(&self, backbone: &dyn Backbone) -> usize {
        let dim = backbone.card().main.dim;
        let empty = Stream::unpadded(Tensor::zeros([1, 0, dim], &backbone.device()), Tower::Text, 0);
        self.embedding(empty).layout().prompt
    }
}

/// A context and what is scored behind it. What continues groups has the tokens that it has behind one of them, not those of a text
/// that begins here.
fn encoded(tokenizer: &TextTokenizer, prompt: &Prompt, context: &str, continuation: &str) -> EncodedPair {
    let Some(front) = prompt.groups.first() else { return tokenizer.encode_pair(context, continuation) };
    let n_front = tokenizer.encode_pair(front, "").context.len();
    let mut pair = tokenizer.encode_pair(&format!("{front}{context}"), continuation);
    pair.context.drain(..n_front.min(pair.context.len()));
    pair
}

fn tokenizer_of(backbone: &dyn Backbone) -> &TextTokenizer {
    backbone.tokenizer().expect("a language model: Signature::check comes first")
}
