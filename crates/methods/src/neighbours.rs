//! The training texts that are nearest to a text, by what a frozen encoder makes of both.
//!
//! # Reference
//! Liu et al., 2022, arXiv 2101.06804, algorithm 1 (cosine of sentence features).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use reprogram_models::{Backbone, Input, Reading, TokenBatch, raised};

use crate::likelihood::context_of;
use crate::{LabelledText, Prompt, Template};

/// Texts that go through the encoder at once.
const BATCH: usize = 16;

/// Who says what is near.
#[derive(Clone)]
pub(crate) enum Judge {
    /// f, which is asked about a text as it is asked for the answer: its features are those in front of the answer.
    Own(Template),
    /// An encoder of texts, under its name.
    Encoder(String, Arc<dyn Backbone>),
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(template) => f.debug_tuple("Own").field(template).finish(),
            Self::Encoder(name, _) => f.debug_tuple("Encoder").field(name).finish(),
        }
    }
}

/// The training texts, and features as far as they are known.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours {
    texts: Arc<Vec<LabelledText>>,
    judge: Judge,
    /// Of unit length, by text. They do not change, since what makes them is frozen.
    known: Arc<Mutex<BTreeMap<String, Arc<Vec<f32>>>>>,
}

impl Neighbours {
    pub(crate) fn new(texts: &[LabelledText], judge: Judge) -> Self {
        Self { texts: Arc::new(texts.to_vec()), judge, known: Arc::default() }
    }

    /// For each text the `n` nearest training texts, itself left out, nearest first; ties go to the lower id.
    pub(crate) fn nearest(&self, backbone: &dyn Backbone, texts: &[String], n: usize) -> Vec<Vec<&LabelledText>> {
        let pool = self.features(backbone, self.texts.iter().map(|text| text.text.as_str()));
        let own = self.features(backbone, texts.iter().map(String::as_str));
        let near = |(text, features): (&String, &Arc<Vec<f32>>)| {
            let others = self.texts.iter().zip(&pool).filter(|(other, _)| other.text != *text);
            let mut others: Vec<(f32, &LabelledText)> = others.map(|(other, its)| (dot(features, its), other)).collect();
            others.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.id.cmp(&second.id)));
            others.into_iter().take(n).map(|(_, other)| other).collect()
        };
        texts.iter().zip(&own).map(near).collect()
    }

    fn features<'a>(&self, backbone: &dyn Backbone, texts: impl Iterator<Item = &'a str>) -> Vec<Arc<Vec<f32>>> {
        let texts: Vec<&str> = texts.collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<&str> = texts.iter().copied().filter(|&text| !known.contains_key(text)).collect();
        missing.sort_unstable();
        missing.dedup();
        for batch in missing.chunks(BATCH) {
            let features = self.compute(backbone, batch);
            known.extend(batch.iter().map(|&text| text.to_owned()).zip(features));
        }
        texts.iter().map(|&text| Arc::clone(&known[text])).collect()
    }

    fn compute(&self, backbone: &dyn Backbone, texts: &[&str]) -> Vec<Arc<Vec<f32>>> {
        let encoder = match &self.judge {
            Judge::Own(_) => backbone,
            Judge::Encoder(_, encoder) => encoder.as_ref(),
        };
        let tokenizer = encoder.tokenizer().expect("it reads texts: the part's build comes first");
        let limit = context_of(encoder);
        let row = |text: &&str| match &self.judge {
            Judge::Own(template) => {
                let tokens = tokenizer.encode_pair(&template.render(&Prompt::new(text)), "").context;
                tokens[tokens.len().saturating_sub(limit)..].to_vec()
            }
            Judge::Encoder(..) => {
                let mut tokens = tokenizer.encode_with_special_tokens(text);
                if tokens.is_empty() {
                    tokens = tokenizer.encode_pair(text, "").context;
                }
                tokens.truncate(limit);
                tokens
            }
        };
        let rows: Vec<Vec<u32>> = texts.iter().map(row).collect();
        let read: Vec<Vec<u32>> = rows.iter().filter(|row| !row.is_empty()).cloned().collect();
        if read.is_empty() {
            return rows.iter().map(|_| Arc::default()).collect();
        }
        let stream = encoder.blocks(encoder.embed(Input::Tokens(TokenBatch::new(read))));
        let features = raised(encoder.read(&stream, Reading::Features));
        let [_, dim] = features.dims();
        let values: Vec<f32> = features.try_into_vec_as().expect("features are floats");
        let mut found = values.chunks(dim).map(|row| Arc::new(unit(row)));
        // A text without a token has no features, and is as near to one item as to any other.
        rows.iter().map(|row| if row.is_empty() { Arc::default() } else { found.next().expect("one a text that was read") }).collect()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn unit(row: &[f32]) -> Vec<f32> {
    let length = dot(row, row).sqrt().max(f32::MIN_POSITIVE);
    row.iter().map(|value| value / length).collect()
}
