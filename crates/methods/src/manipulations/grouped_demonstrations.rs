//! Groups of worked examples that f reads apart from each other, and a query that attends to all of them: structured prompting.
//!
//! Each group goes through f alone. Its keys and values stand in front of each block's own, all groups side by side; groups end at the
//! same position, behind which the query's begin. That M groups do not drown the query, its own keys count M times:
//!
//! ```text
//! attention(q) ∝ Σ_groups Σ_j e^{q·k_j} v_j  +  M Σ_own e^{q·k} v
//! ```
//!
//! which is the same as a group's scores less ln M. With one group it is plain in-context learning.
//!
//! # Reference
//! Hao et al., arXiv 2212.06713, §2.2 (right-aligned positions, rescaled attention). The draw is that of `demonstrations`, and groups are
//! dealt from it in turn. It is the same for every query, so that what is fitted on training items sees some of them among the examples;
//! a tested item never is: the pools share no content. A sliding window counts the keys of all groups, so that fewer of them are seen.

use burn::module::Module;
use reprogram_models::{Backbone, Input, KeyValue, KvCache, Stream, TokenBatch};
use reprogram_taxonomy::{Format, Layers, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::demonstrations::take_turns;
use super::hidden_site;
use crate::likelihood::context_of;
use crate::{Manipulate, Part, Prompt, Setup};

/// `part = "grouped-demonstrations"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GroupedDemonstrationsSpec {
    /// M.
    pub groups: usize,
    /// Examples in each, over all classes.
    pub shots: usize,
}

/// What f remembers of the groups.
#[derive(Module, Debug)]
pub struct GroupedDemonstrations {
    #[module(skip)]
    texts: Vec<String>,
    /// One entry a block.
    #[module(skip)]
    past: Vec<KeyValue>,
    /// Positions that the longest group takes.
    #[module(skip)]
    length: usize,
}

impl Part for GroupedDemonstrationsSpec {
    type Coordinates = Site;
    type Module = GroupedDemonstrations;

    fn coordinates(&self) -> Site {
        hidden_site(Modality::Text, Format::Fixed, Operator::Concatenative, Layers::All)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<GroupedDemonstrations, Misfit> {
        let misfit = |needs: String| Misfit::PartNeeds { part: "grouped-demonstrations".to_owned(), needs };
        let backbone = setup.backbone;
        let (Some(template), Some(tokenizer), Some(_)) = (&setup.target.template, backbone.tokenizer(), backbone.heads()) else {
            return Err(misfit("a language model with attention, and a data set whose items are texts".to_owned()));
        };
        let seed = setup.seed.fork("demonstrations");
        let order = seed.fork("order");
        let draw = take_turns(setup.train_texts, &seed);
        let wanted = self.groups * self.shots;
        if wanted == 0 || draw.len() < wanted {
            return Err(misfit(format!("a group and a shot at least, and {wanted} training texts, but there are {}", draw.len())));
        }
        let group = |texts: &[crate::LabelledText]| {
            let mut texts: Vec<_> = texts.iter().collect();
            texts.sort_by_key(|text| order.rank(&text.id));
            let shots = texts.into_iter().map(crate::LabelledText::shown);
            template.demonstrations(&shots.collect::<Vec<_>>()).join(&template.separator)
        };
        let texts: Vec<String> = draw[..wanted].chunks(self.shots).map(group).collect();
        let rows: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode_pair(text, "").context).collect();
        let (length, limit) = (rows.iter().map(Vec::len).max().unwrap_or(0), context_of(backbone));
        if length >= limit {
            return Err(misfit(format!("groups shorter than {limit} tokens, but one has {length}")));
        }
        Ok(GroupedDemonstrations { texts, past: side_by_side(backbone, &rows, length), length })
    }
}

/// Keys and values of all groups, which end at position `length`, block by block.
fn side_by_side(backbone: &dyn Backbone, rows: &[Vec<u32>], length: usize) -> Vec<KeyValue> {
    let read = |row: &Vec<u32>| {
        let stream = backbone.embed(Input::Tokens(TokenBatch::new(vec![row.clone()])));
        let stream = stream.shift_positions(length - row.len()).after(KvCache::default());
        backbone.blocks(stream).into_cache().expect("the stream was given a cache")
    };
    let caches: Vec<KvCache> = rows.iter().map(read).collect();
    let block = |layer: usize| {
        let groups = caches.iter().map(|cache| cache.layer(layer).expect("one entry a block").clone());
        groups.reduce(KeyValue::then).expect("at least one group")
    };
    (0..backbone.card().main.depth).map(block).collect()
}

impl Manipulate for GroupedDemonstrations {
    fn prompt(&self, prompt: Prompt) -> Prompt {
        Prompt { groups: self.texts.clone(), ..prompt }
    }

    fn n_positions(&self) -> usize {
        self.length
    }

    fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        let stream = if layer == 0 { stream.shift_positions(self.length) } else { stream };
        stream.insert_groups(self.past[layer].clone(), self.texts.len())
    }
}
