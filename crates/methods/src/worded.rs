//! Where items are texts: what f is given of them, and how likely it finds answers, or items behind answers.

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use reprogram_models::{Backbone, EncodedPair, PrefixCache, Stream, TextTokenizer, in_f32};
use reprogram_taxonomy::Tower;

use crate::beside::MISSING;
use crate::likelihood::{Scorer, context_of};
use crate::{Batch, Evidence, Options, Program, Prompt, Query, Reads, Template};

/// What is scored in one wording.
struct Asked {
    /// A row's answers side by side.
    pairs: Vec<EncodedPair>,
    /// How many answers each row has: as many as there are classes, or fewer.
    counts: Vec<usize>,
    /// What every text begins with, whatever the item.
    anchor: Vec<u32>,
}

impl Program {
    /// All that f is given of each text in front of an answer, in every wording: what its constant half depends on.
    pub fn given(&self, backbone: &dyn Backbone, queries: &[Query]) -> Vec<String> {
        let read = |prompt: Prompt| {
            let contexts = self.templates().iter().map(|template| template.render(&prompt));
            let options = prompt.options.iter().map(|options| format!("{options:?}"));
            prompt.groups.iter().cloned().chain(contexts).chain(options).collect::<Vec<_>>().join("\0")
        };
        self.prompts(backbone, queries).into_iter().map(read).collect()
    }

    /// f's outputs on what the alignment asks for that is no item, one row each: texts without content, or the cue alone; nothing where
    /// it asks for no such thing.
    pub fn content_free_scores(&self, backbone: &dyn Backbone) -> Option<Tensor<2>> {
        match self.alignment().evidence() {
            Evidence::None | Evidence::TrainingOnce | Evidence::TrainingEveryEpoch => None,
            Evidence::ContentFree(texts) => Some(self.source(backbone, &Batch::Texts(texts.into_iter().map(Query::new).collect()))),
            Evidence::Cue => Some(self.cue_scores(backbone)),
        }
    }

    /// How likely answers are behind the template's cue alone, `[1, target]`.
    pub fn cue_scores(&self, backbone: &dyn Backbone) -> Tensor<2> {
        self.scores_behind(backbone, |template| &template.cue, &[None])
    }

    /// How likely the answers of these items are with nothing in front but what is learned, `[batch, target]`. Where they are those of
    /// the classes, they are the same for all items.
    pub fn unconditional_scores(&self, backbone: &dyn Backbone, queries: &[Query]) -> Tensor<2> {
        let options: Vec<_> = queries.iter().map(|query| query.options.as_ref()).collect();
        self.scores_behind(backbone, |_| "", &options)
    }

    /// How likely the answers of items with these options are behind a context that all share.
    pub(crate) fn scores_behind(
        &self,
        backbone: &dyn Backbone,
        context: impl Fn(&Template) -> &str,
        options: &[Option<&Options>],
    ) -> Tensor<2> {
        self.over_wordings(backbone, &mut PrefixCache::new(0), |template, tokenizer| {
            let context = context(template);
            let answers = options.iter().map(|&own| (0..template.n_answers(own)).map(|class| template.answer_of(own, class)).collect());
            let answers: Vec<Vec<String>> = answers.collect();
            let pairs: Vec<_> = answers.iter().flatten().map(|answer| tokenizer.encode_pair(context, answer)).collect();
            let anchor = pairs.first().filter(|_| !context.is_empty()).map(|pair| pair.context.clone()).unwrap_or_default();
            Asked { pairs, counts: answers.iter().map(Vec::len).collect(), anchor }
        })
    }

    /// Log-likelihoods, `[batch, target]`: of each class's answer behind the item, or of the item behind each class's answer. What they
    /// are held against stands beside them, `[batch, 2 · target]`, where the alignment asks for it.
    pub(crate) fn word_scores(&self, backbone: &dyn Backbone, queries: &[Query], prefixes: &mut PrefixCache) -> Tensor<2> {
        let prompts = self.prompts(backbone, queries);
        // What a text without content begins with, all others do.
        let bare = self.prompts(backbone, &[Query::new("")]).remove(0);
        let (behind_answers, beside) = match self.alignment().reads() {
            Reads::ItemBehindAnswers => (true, None),
            Reads::Answers => (false, None),
            Reads::AnswersBeside(beside) => (false, Some(beside)),
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
        let scores = self.over_wordings(backbone, prefixes, |template, tokenizer| {
            let pair = |(prompt, class): (&Prompt, usize)| {
                if behind_answers {
                    encoded(tokenizer, prompt, &template.render_reversed(prompt, class), &template.text(&prompt.query))
                } else {
                    let answer = template.answer_of(prompt.options.as_ref(), class);
                    encoded(tokenizer, prompt, &template.context(prompt, class), &answer)
                }
            };
            let counts: Vec<usize> = prompts.iter().map(|prompt| template.n_answers(prompt.options.as_ref())).collect();
            let pairs = prompts.iter().zip(&counts).flat_map(|(prompt, &n)| (0..n).map(move |class| (prompt, class))).map(pair).collect();
            let front = if behind_answers { template.render_reversed(&bare, 0) } else { template.render(&bare) };
            Asked { pairs, counts, anchor: encoded(tokenizer, &bare, &front, "").context }
        });
        match beside {
            Some(beside) => {
                let against = self.beside(backbone, beside, &prompts, &scores.device());
                Tensor::cat(vec![scores, against], 1)
            }
            None => scores,
        }
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
        let bare = queries.iter().map(|query| Prompt { options: query.options.clone(), ..Prompt::new(&query.text) }).collect();
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
            self.scored(backbone, &asked, prefixes)
        });
        let scores: Vec<Tensor<2>> = scores.collect();
        let n = scores.len();
        let probable = |scores: Tensor<2>| if n == 1 { scores } else { log_softmax(scores, 1) / n as f64 };
        scores.into_iter().map(probable).reduce(|sum, scores| sum + scores).expect("a text set has a template")
    }

    /// `[batch, target]`
    fn scored(&self, backbone: &dyn Backbone, Asked { pairs, counts, anchor }: &Asked, prefixes: &mut PrefixCache) -> Tensor<2> {
        let kept = std::mem::replace(prefixes, PrefixCache::new(0));
        let scorer = Scorer::through(backbone, |stream| self.blocks(backbone, stream));
        let mut scorer = scorer.with_prompt_of(self.n_prompt(backbone)).with_positions_taken(self.n_positions()).with_prefixes(kept);
        let found = scorer.log_likelihoods(pairs, Some(anchor));
        *prefixes = scorer.into_prefixes();
        let found = seated(found, counts, self.classes().len());
        match self.alignment().reads() {
            Reads::ItemBehindAnswers => {
                let lengths: Vec<f32> = pairs.iter().map(|pair| pair.continuation.len().max(1) as f32).collect();
                let (device, shape) = (in_f32(&found.device()), found.dims());
                found / Tensor::from_data(TensorData::new(lengths, shape), device)
            }
            Reads::Answers
            | Reads::AnswersBeside(_)
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

/// Rows of answers, `counts` of them each, in places for all classes, `[batch, target]`. Where a row has no such answer it is worth
/// [`MISSING`].
fn seated(found: Tensor<1>, counts: &[usize], n_classes: usize) -> Tensor<2> {
    let [n_found] = found.dims();
    let shape = [counts.len(), n_classes];
    if counts.iter().all(|&n| n == n_classes) {
        return found.reshape(shape);
    }
    let mut first = 0;
    let mut seats: Vec<i32> = Vec::with_capacity(counts.len() * n_classes);
    for &n in counts {
        assert!(n <= n_classes, "an item has {n} answers, but there are {n_classes} classes");
        seats.extend((0..n_classes).map(|class| if class < n { first + class } else { n_found } as i32));
        first += n;
    }
    let device = found.device();
    let missing = Tensor::<1>::from_data(TensorData::new(vec![MISSING], [1]), in_f32(&device));
    let seats = Tensor::<1, Int>::from_ints(seats.as_slice(), &device);
    Tensor::cat(vec![found, missing], 0).select(0, seats).reshape(shape)
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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn an_answer_that_an_item_lacks_is_worth_nothing() {
        let found = Tensor::<1>::from_floats([-1.0, -2.0, -3.0, -4.0, -5.0], &Device::flex());
        let rows: Vec<f32> = seated(found, &[2, 3], 3).try_into_vec_as().unwrap();
        assert_eq!(rows, [-1.0, -2.0, MISSING, -3.0, -4.0, -5.0]);
        let scores = Tensor::<2>::from_floats([[-1.0, -2.0, MISSING]], &Device::flex());
        let found: Vec<f32> = log_softmax(scores, 1).exp().try_into_vec_as().unwrap();
        assert!(found[2] == 0.0 && (found[0] + found[1] - 1.0).abs() < 1e-6, "{found:?}");
    }
}
