//! Keys and values that f itself makes of training items, in front of each block's own: nothing is learned.
//!
//! `attention(q, [K(d) ; k], [V(d) ; v])`. Of texts, d is one text, the demonstrations as a prompt would hold them, so that at all
//! blocks this is in-context learning by another door: the context is read once, and items see what it left. Images go through f
//! each alone, side by side, so that an item attends to the tokens of all of them.
//!
//! # Reference
//! Ratner et al., ACL 2023, arXiv 2212.10947 (parallel context windows), and Hao et al., arXiv 2212.06713 (structured prompting),
//! for contexts that are encoded apart and attended to together; here without rescaled attention. Classes take turns; an item
//! whose own text is among the demonstrations is not left out, as keys are made once for all items.

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_models::{Input, KeyValue, KvCache, Stream, TokenBatch};
use reprogram_taxonomy::{Format, Layers, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::demonstrations::rendered;
use super::{all_layers, hidden_site, layers_within};
use crate::masked_delta::canvas;
use crate::{Manipulate, Part, Setup, Shown};

/// `part = "item-keys"`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ItemKeysSpec {
    /// How many items, over all classes.
    pub items: usize,
    /// At which blocks.
    #[serde(default = "all_layers")]
    pub layers: Layers,
    /// The backbone's modality.
    pub modality: Modality,
}

/// The keys and values.
#[derive(Module, Debug)]
pub struct ItemKeys {
    /// One entry a block, each `[1, kv_head, tokens, head_dim]`; none until they are made. They follow from the items, and are not
    /// saved.
    #[module(skip)]
    made: Vec<KeyValue>,
    #[module(skip)]
    blocks: [usize; 2],
    #[module(skip)]
    source: Source,
}

/// What they are made of.
#[derive(Debug, Clone)]
enum Source {
    /// The tokens of the demonstrations.
    Text(Vec<u32>),
    /// This many images.
    Images(usize),
}

impl Part for ItemKeysSpec {
    type Coordinates = Site;
    type Module = ItemKeys;

    fn coordinates(&self) -> Site {
        hidden_site(self.modality, Format::Fixed, Operator::Concatenative, self.layers)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ItemKeys, Misfit> {
        let needs = |needs: String| Misfit::PartNeeds { part: "item-keys".to_owned(), needs };
        if setup.backbone.heads().is_none() {
            return Err(needs("a backbone with attention".to_owned()));
        }
        if self.items == 0 {
            return Err(needs("at least one item".to_owned()));
        }
        let blocks = layers_within(self.layers, setup);
        let source = match (&setup.target.template, setup.backbone.tokenizer()) {
            (Some(template), Some(tokenizer)) => {
                let text = rendered(setup, template, self.items)
                    .ok_or_else(|| needs(format!("{} training texts, but there are {}", self.items, setup.train_texts.len())))?;
                Source::Text(tokenizer.encode_pair(&text, "").context)
            }
            (Some(_) | None, _) => canvas(setup, "item-keys").map(|_| Source::Images(self.items))?,
        };
        Ok(ItemKeys { made: Vec::new(), blocks: [blocks.start, blocks.end], source })
    }
}

/// `[item, kv_head, token, head_dim]` to `[1, kv_head, item · token, head_dim]`.
fn side_by_side(tensor: &Tensor<4>) -> Tensor<4> {
    let [n_items, n_heads, n_tokens, dim] = tensor.dims();
    tensor.clone().swap_dims(0, 1).reshape([1, n_heads, n_items * n_tokens, dim])
}

/// The chosen images of all batches.
fn images(shown: &Shown<'_>, n_items: usize) -> Result<Input, Misfit> {
    let needs = |needs: String| Misfit::PartNeeds { part: "item-keys".to_owned(), needs };
    let batches: Vec<Tensor<4>> = shown
        .inputs
        .iter()
        .map(|input| match input {
            Input::Image(images) => Ok(images.clone()),
            Input::Tokens(_) | Input::Waveform(_) => Err(needs("images, or texts with a template".to_owned())),
        })
        .collect::<Result<_, _>>()?;
    let chosen: Vec<i32> = shown.in_turns().into_iter().take(n_items).map(|item| item as i32).collect();
    if chosen.len() < n_items {
        return Err(needs(format!("{n_items} training items, but there are {}", chosen.len())));
    }
    let all = Tensor::cat(batches, 0);
    let chosen = Tensor::from_ints(chosen.as_slice(), &all.device());
    Ok(Input::Image(all.select(0, chosen)))
}

impl Manipulate for ItemKeys {
    fn is_made_of_items(&self) -> bool {
        true
    }

    fn make(&mut self, shown: &Shown<'_>) -> Result<(), Misfit> {
        let input = match &self.source {
            Source::Text(tokens) => Input::Tokens(TokenBatch::new(vec![tokens.clone()])),
            Source::Images(n_items) => images(shown, *n_items)?,
        };
        let stream = shown.backbone.embed(input).after(KvCache::default());
        let cache = shown.backbone.blocks(stream).into_cache().expect("the stream was given a cache");
        let entry = |layer: usize| {
            let KeyValue { key, value } = cache.layer(layer).expect("one entry a block");
            KeyValue { key: side_by_side(key), value: side_by_side(value) }
        };
        self.made = (self.blocks[0]..self.blocks[1]).map(entry).collect();
        Ok(())
    }

    fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        let at = layer.checked_sub(self.blocks[0]);
        match at.and_then(|at| self.made.get(at)) {
            Some(entry) => {
                let stream = if at == Some(0) { stream.shift_positions(entry.len()) } else { stream };
                stream.insert_prefix(entry.clone())
            }
            None => stream,
        }
    }
}
