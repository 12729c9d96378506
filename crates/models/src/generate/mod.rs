//! Text generation: one token after the other, a batch at a time, with a cache of keys and values.
//!
//! Rows do not see each other: short prompts are filled up on the left, a row that ends leaves the batch, and each row draws
//! from its own stream of random numbers. So a row's tokens do not depend on the rows beside it. What all prompts begin with
//! goes through the blocks once, and its keys and values are kept once for all rows.

mod choice;

use burn::tensor::{Int, Tensor};
use reprogram_taxonomy::{InputSpace, OutputSpace};

pub use choice::{Sampling, SamplingError};

use crate::{Backbone, Input, KvCache, PrefixCache, Reading, TextTokenizer, TokenBatch, common_prefix};

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decoding {
    /// The most likely one.
    Greedy,
    /// Drawn.
    Sampled(Sampling),
}

/// When a row ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stops {
    /// After this many tokens.
    pub max_tokens: usize,
    /// Behind any of these tokens.
    pub tokens: Vec<u32>,
    /// In front of any of these texts, also where several tokens spell it.
    pub texts: Vec<String>,
}

impl Stops {
    /// After this many tokens, whatever they are.
    pub fn after(max_tokens: usize) -> Self {
        Self { max_tokens, ..Self::default() }
    }

    /// Also behind this token.
    #[must_use]
    pub fn at_token(mut self, token: u32) -> Self {
        self.tokens.push(token);
        self
    }

    /// Also in front of this text.
    #[must_use]
    pub fn at_text(mut self, text: &str) -> Self {
        self.texts.push(text.to_owned());
        self
    }
}

/// Why a row ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It has as many tokens as were asked for.
    MaxTokens,
    /// The model reads no longer texts.
    Context,
    /// This token was chosen.
    Token(u32),
    /// This text was spelled.
    Text(String),
}

/// What was generated behind one prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// All tokens that were chosen, the one that ended the row included.
    pub tokens: Vec<u32>,
    /// Their text, without an ending token, and cut in front of an ending text; where the model has a tokenizer.
    pub text: Option<String>,
    /// Why it ended.
    pub ending: Ending,
}

/// Prompts that cannot be continued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// Another kind of model.
    #[error("`{0}` is no language model: it does not give scores to the tokens that it reads")]
    NoLanguageModel(String),
    /// Nothing to continue.
    #[error("prompt {row} has no tokens\n  help: begin it with the tokenizer's prefix token")]
    EmptyPrompt {
        /// Which.
        row: usize,
    },
    /// No room for a token.
    #[error("prompt {row} has {n_tokens} tokens, which fill the model's context of {context}\n  help: shorten it")]
    LongPrompt {
        /// Which.
        row: usize,
        /// Its tokens.
        n_tokens: usize,
        /// What the model reads.
        context: usize,
    },
    /// Tokens cannot be read.
    #[error("stop texts need a tokenizer, and `{0}` has none\n  help: stop at tokens")]
    NoTokenizer(String),
    /// A text that is everywhere.
    #[error("an empty stop text would stop every row at once")]
    EmptyStop,
}

/// Common prefixes shorter than this are not worth a pass of their own.
const MIN_SHARED: usize = 8;

/// A row that goes on.
struct Row<'a> {
    /// Its place in the result.
    index: usize,
    prompt: &'a [u32],
    tokens: Vec<u32>,
}

/// Continues each prompt. `draw` gives the next number of a row's own random stream, uniform from 0 to 1; it is asked once
/// for each token that a row draws, and never when decoding greedily.
pub fn generate(
    backbone: &dyn Backbone,
    prompts: &[Vec<u32>],
    decoding: Decoding,
    stops: &Stops,
    draw: impl FnMut(usize) -> f64,
) -> Result<Vec<Generated>, GenerateError> {
    generate_after(backbone, prompts, decoding, stops, &mut PrefixCache::new(0), draw)
}

/// As [`generate`], for several batches whose prompts begin alike: `prefixes`, made for this backbone, keeps what they share.
pub fn generate_after(
    backbone: &dyn Backbone,
    prompts: &[Vec<u32>],
    decoding: Decoding,
    stops: &Stops,
    prefixes: &mut PrefixCache,
    mut draw: impl FnMut(usize) -> f64,
) -> Result<Vec<Generated>, GenerateError> {
    let limits = Limits::of(backbone, prompts, stops)?;
    let mut done: Vec<Option<Generated>> = prompts.iter().map(|_| None).collect();
    let mut rows: Vec<Row<'_>> = prompts.iter().enumerate().map(|(index, prompt)| Row { index, prompt, tokens: Vec::new() }).collect();
    if stops.max_tokens == 0 {
        rows.clear();
        done.fill(Some(Generated { tokens: Vec::new(), text: limits.text(&[], &[]), ending: Ending::MaxTokens }));
    }
    // The last token of each prompt must be fed with its row.
    let shared = common_prefix(prompts).min(prompts.iter().map(Vec::len).min().unwrap_or(1) - 1);
    let is_worth_it = !rows.is_empty() && shared >= MIN_SHARED && (prompts.len() > 1 || prefixes.keeps_any());
    let shared = if is_worth_it { shared } else { 0 };
    let mut cache = match shared {
        0 => KvCache::default(),
        shared => prefixes.past(backbone, &prompts[0][..shared], |stream| backbone.blocks(stream)),
    };
    let mut next = TokenBatch::left_padded(prompts.iter().map(|prompt| prompt[shared..].to_vec()).collect());
    while !rows.is_empty() {
        let stream = backbone.blocks(backbone.embed(Input::Tokens(next)).after(cache));
        let chosen = choose(backbone.read(&stream, Reading::Logits), decoding, |at| draw(rows[at].index));
        cache = stream.into_cache().expect("the stream was given a cache");
        let n_rows = rows.len();
        let mut kept = Vec::new();
        let mut going = Vec::new();
        for (at, (mut row, token)) in rows.into_iter().zip(chosen).enumerate() {
            row.tokens.push(token);
            if let Some(end) = limits.end(&row) {
                done[row.index] = Some(end);
            } else {
                kept.push(at);
                going.push(row);
            }
        }
        if !kept.is_empty() && kept.len() < n_rows {
            cache = cache.rows(&kept);
        }
        rows = going;
        next = TokenBatch::new(rows.iter().filter_map(|row| row.tokens.last().map(|&token| vec![token])).collect());
    }
    Ok(done.into_iter().map(|row| row.expect("every row ends")).collect())
}

/// What ends a row, checked once.
struct Limits<'a> {
    stops: &'a Stops,
    context: usize,
    tokenizer: Option<&'a TextTokenizer>,
}

impl<'a> Limits<'a> {
    fn of(backbone: &'a dyn Backbone, prompts: &[Vec<u32>], stops: &'a Stops) -> Result<Self, GenerateError> {
        let card = backbone.card();
        let (InputSpace::Tokens { context, .. }, OutputSpace::Vocabulary { .. }) = (card.main.input, card.output) else {
            return Err(GenerateError::NoLanguageModel(card.name.clone()));
        };
        for (row, prompt) in prompts.iter().enumerate() {
            if prompt.is_empty() {
                return Err(GenerateError::EmptyPrompt { row });
            }
            if prompt.len() >= context {
                return Err(GenerateError::LongPrompt { row, n_tokens: prompt.len(), context });
            }
        }
        let tokenizer = backbone.tokenizer();
        if tokenizer.is_none() && !stops.texts.is_empty() {
            return Err(GenerateError::NoTokenizer(card.name.clone()));
        }
        if stops.texts.iter().any(String::is_empty) {
            return Err(GenerateError::EmptyStop);
        }
        Ok(Self { stops, context, tokenizer })
    }

    /// What was generated, if the row ends with its last token.
    fn end(&self, row: &Row<'_>) -> Option<Generated> {
        let &last = row.tokens.last()?;
        if self.stops.tokens.contains(&last) {
            let text = self.text(row.prompt, &row.tokens[..row.tokens.len() - 1]);
            return Some(self.cut(row, text, Ending::Token(last)));
        }
        let text = if self.stops.texts.is_empty() { None } else { self.text(row.prompt, &row.tokens) };
        let is_stopped = text.as_deref().is_some_and(|text| self.stops.texts.iter().any(|stop| text.contains(stop.as_str())));
        let ending = if row.tokens.len() >= self.stops.max_tokens { Ending::MaxTokens } else { Ending::Context };
        let is_full = row.tokens.len() >= self.stops.max_tokens || row.prompt.len() + row.tokens.len() >= self.context;
        (is_stopped || is_full).then(|| self.cut(row, text.or_else(|| self.text(row.prompt, &row.tokens)), ending))
    }

    /// Cuts the text in front of the first stop text, if there is one.
    fn cut(&self, row: &Row<'_>, text: Option<String>, ending: Ending) -> Generated {
        let tokens = row.tokens.clone();
        let first = text.as_deref().and_then(|text| {
            let found = self.stops.texts.iter().filter_map(|stop| text.find(stop.as_str()).map(|at| (at, stop)));
            found.min_by_key(|(at, _)| *at)
        });
        match first {
            Some((at, stop)) => {
                let text = text.map(|text| text[..at].to_owned());
                Generated { tokens, text, ending: Ending::Text(stop.clone()) }
            }
            None => Generated { tokens, text, ending },
        }
    }

    /// The text of tokens behind a prompt: what they add to the text of the prompt's last token, so that a space in front of
    /// them is kept.
    fn text(&self, prompt: &[u32], tokens: &[u32]) -> Option<String> {
        let tokenizer = self.tokenizer?;
        let anchor = prompt.last().copied();
        let before = tokenizer.decode(anchor.as_slice());
        let whole: Vec<u32> = anchor.into_iter().chain(tokens.iter().copied()).collect();
        let whole = tokenizer.decode(&whole);
        Some(whole.strip_prefix(&before).map_or_else(|| tokenizer.decode(tokens), str::to_owned))
    }
}

/// The next token of each row. `logits`: `[batch, vocabulary]`.
fn choose(logits: Tensor<2>, decoding: Decoding, mut draw: impl FnMut(usize) -> f64) -> Vec<u32> {
    match decoding {
        Decoding::Greedy => {
            let best: Tensor<2, Int> = logits.argmax(1);
            let best: Vec<i64> = best.try_into_vec_as().expect("integers on every device");
            best.into_iter().map(|id| id as u32).collect()
        }
        Decoding::Sampled(sampling) => {
            let vocabulary = logits.dims()[1];
            let logits: Vec<f32> = logits.try_into_vec_as().expect("f32 on every device");
            logits.chunks(vocabulary).enumerate().map(|(at, logits)| sampling.choose(logits, draw(at))).collect()
        }
    }
}
