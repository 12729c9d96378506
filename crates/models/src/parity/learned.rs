//! What PEFT learns around a language model: soft prompts and prefixes.
//!
//! # Reference
//! Lester et al., arXiv 2104.08691; Li and Liang, arXiv 2101.00190; Liu et al., arXiv 2103.10385; parameter names and layouts
//! of PEFT 0.21.

use burn::tensor::Tensor;

use super::decoder::{every_token, seats, shifted_loss};
use super::session::Session;
use super::{ParityError, gradient};
use crate::{Input, KeyValue, KvCache, Reading, Stream, TokenBatch};

const PARAMETER: &str = "prompt_encoder.default.embedding.weight";

pub(super) fn compare(session: &mut Session<'_>, rows: &[Vec<u32>], labels: &[Vec<i64>]) -> Result<(), ParityError> {
    let batch = session.real("attention_mask", rows)?;
    let texts = Texts { batch, labels, seq: rows[0].len() };
    for (parameter, gradient) in [
        (format!("prompt_tuning.param.{PARAMETER}"), Some(format!("prompt_tuning.grad.{PARAMETER}"))),
        ("prompt_tuning.prompts".to_owned(), Some("prompt_tuning.grad".to_owned())),
        ("p_tuning.virtual_tokens".to_owned(), None),
    ] {
        soft_prompt(session, &texts, &parameter, gradient.as_deref())?;
    }
    prefix(session, &texts)
}

struct Texts<'a> {
    batch: TokenBatch,
    labels: &'a [Vec<i64>],
    /// Tokens of a row in the file, padding included.
    seq: usize,
}

fn unfit(name: &str, reason: String) -> ParityError {
    ParityError::Input { name: name.to_owned(), reason }
}

/// Prompts `[prompt, dim]` in front of every text.
fn soft_prompt(session: &mut Session<'_>, texts: &Texts<'_>, name: &str, gradient_name: Option<&str>) -> Result<(), ParityError> {
    let Some(prompt) = session.leaf::<2>(name)? else { return Ok(()) };
    let (method, [n_prompt, width], dim) = (name.split('.').next().unwrap_or(name), prompt.dims(), session.backbone.card().main.dim);
    if width != dim {
        return Err(unfit(name, format!("is {width} wide, but the checkpoint's embeddings are {dim}")));
    }
    let stream = session.backbone.embed(Input::Tokens(texts.batch.clone())).insert_prompt(prompt.clone().unsqueeze());
    let stream = session.backbone.blocks(stream);
    // The reference gives logits behind the prompt's own tokens too.
    let whole =
        TokenBatch { rows: texts.batch.rows.iter().map(|row| [&vec![0; n_prompt], row.as_slice()].concat()).collect(), ..texts.batch };
    let at_all = stream.clone().prompt_as_content();
    let logits = session.backbone.read(&at_all, Reading::LogitsAt(&every_token(&whole)));
    session.rows(&format!("{method}.logits"), logits, &seats(&whole, n_prompt + texts.seq, 0));
    // The last prompt token predicts the first real one, which the reference's shifted loss counts if it has a label.
    let labels: Vec<Vec<i64>> = texts.labels.iter().map(|row| [&vec![-100; n_prompt], row.as_slice()].concat()).collect();
    let Some(loss) = shifted_loss(session, &at_all, &whole, &labels) else { return Ok(()) };
    session.value(&format!("{method}.loss"), loss.clone());
    if let Some(gradient_name) = gradient_name {
        session.gradient(gradient_name, gradient(loss, &prompt));
    }
    Ok(())
}

/// Keys and values in front of every block's own: `[prefix, layer · 2 · kv_dim]`, keys before values in each layer. They are
/// used as they are, not rotated; the tokens' positions go on behind them.
fn prefix(session: &mut Session<'_>, texts: &Texts<'_>) -> Result<(), ParityError> {
    let name = format!("prefix_tuning.param.{PARAMETER}");
    let Some(parameter) = session.leaf::<2>(&name)? else { return Ok(()) };
    let [n_prefix, width] = parameter.dims();
    let [n_heads, head_dim] = key_shape(session, &texts.batch);
    let depth = session.backbone.card().main.depth;
    if width != depth * 2 * n_heads * head_dim {
        return Err(unfit(
            &name,
            format!(
                "is {width} wide, but {depth} layers of {n_heads} key and value heads of {head_dim} need {}",
                depth * 2 * n_heads * head_dim
            ),
        ));
    }
    let halves: Tensor<4> = parameter.clone().reshape([n_prefix, 2 * depth, n_heads, head_dim]).permute([1, 2, 0, 3]);
    let half = |index: usize| halves.clone().narrow(0, index, 1);
    let mut stream: Stream = session.backbone.embed(Input::Tokens(texts.batch.clone())).shift_positions(n_prefix);
    for layer in 0..depth {
        stream = session.backbone.block(layer, stream.insert_prefix(KeyValue { key: half(2 * layer), value: half(2 * layer + 1) }));
    }
    let logits = session.backbone.read(&stream, Reading::LogitsAt(&every_token(&texts.batch)));
    session.rows("prefix_tuning.logits", logits, &seats(&texts.batch, texts.seq, 0));
    let Some(loss) = shifted_loss(session, &stream, &texts.batch, texts.labels) else { return Ok(()) };
    session.value("prefix_tuning.loss", loss.clone());
    session.gradient(&format!("prefix_tuning.grad.{PARAMETER}"), gradient(loss, &parameter));
    Ok(())
}

/// Heads and width of the first block's keys, as a text leaves them.
fn key_shape(session: &Session<'_>, batch: &TokenBatch) -> [usize; 2] {
    let stream = session.backbone.embed(Input::Tokens(batch.clone())).after(KvCache::default());
    let cache = session.backbone.block(0, stream).into_cache().unwrap_or_default();
    cache.layer(0).map_or([0, 0], |past| [past.key.dims()[1], past.key.dims()[3]])
}
