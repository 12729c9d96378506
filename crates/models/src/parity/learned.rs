//! What PEFT learns around a language model: soft prompts, prefixes and low-rank maps.
//!
//! # Reference
//! Lester et al., arXiv 2104.08691; Li and Liang, arXiv 2101.00190; Liu et al., arXiv 2103.10385; Hu et al., arXiv 2106.09685;
//! parameter names and layouts
//! of PEFT 0.21.

use burn::tensor::{Tensor, activation::relu, module::linear};

use super::decoder::{every_token, seats, shifted_loss};
use super::session::Session;
use super::{ParityError, gradient};
use crate::{Input, KeyValue, KvCache, Reading, SideMap, Stream, TokenBatch};

const PARAMETER: &str = "prompt_encoder.default.embedding.weight";

pub(super) fn compare(session: &mut Session<'_>, rows: &[Vec<u32>], labels: &[Vec<i64>]) -> Result<(), ParityError> {
    let batch = session.real("attention_mask", rows)?;
    let texts = Texts { batch, labels, seq: rows[0].len() };
    for (parameter, gradient) in [
        (format!("prompt_tuning.param.{PARAMETER}"), format!("prompt_tuning.grad.{PARAMETER}")),
        ("prompt_tuning.prompts".to_owned(), "prompt_tuning.grad".to_owned()),
    ] {
        if let Some(prompt) = session.leaf::<2>(&parameter)? {
            let loss = soft_prompt(session, &texts, &parameter, prompt.clone())?;
            compare_gradients(session, loss, [(gradient, prompt)]);
        }
    }
    mapped_prompt(session, &texts)?;
    prefix(session, &texts)?;
    low_rank(session, &texts)
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

fn compare_gradients<const D: usize>(
    session: &mut Session<'_>,
    loss: Option<Tensor<1>>,
    parameters: impl IntoIterator<Item = (String, Tensor<D>)>,
) {
    if let Some(loss) = loss {
        let gradients = loss.backward();
        for (name, parameter) in parameters {
            let found = parameter.grad(&gradients).unwrap_or_else(|| parameter.inner().zeros_like());
            session.gradient(&name, found);
        }
    }
}

/// Prompts `[prompt, dim]` in front of every text: logits, and the loss.
fn soft_prompt(session: &mut Session<'_>, texts: &Texts<'_>, name: &str, prompt: Tensor<2>) -> Result<Option<Tensor<1>>, ParityError> {
    let (method, [n_prompt, width], dim) = (name.split('.').next().unwrap_or(name), prompt.dims(), session.backbone.card().main.dim);
    if width != dim {
        return Err(unfit(name, format!("is {width} wide, but the checkpoint's embeddings are {dim}")));
    }
    let stream = session.backbone.embed(Input::Tokens(texts.batch.clone())).insert_prompt(prompt.unsqueeze());
    let stream = session.backbone.blocks(stream);
    // The reference gives logits behind the prompt's own tokens too.
    let whole =
        TokenBatch { rows: texts.batch.rows.iter().map(|row| [&vec![0; n_prompt], row.as_slice()].concat()).collect(), ..texts.batch };
    let at_all = stream.prompt_as_content();
    let logits = session.backbone.read(&at_all, Reading::LogitsAt(&every_token(&whole)));
    session.rows(&format!("{method}.logits"), logits, &seats(&whole, n_prompt + texts.seq, 0));
    // The last prompt token predicts the first real one, which the reference's shifted loss counts if it has a label.
    let labels: Vec<Vec<i64>> = texts.labels.iter().map(|row| [&vec![-100; n_prompt], row.as_slice()].concat()).collect();
    let loss = shifted_loss(session, &at_all, &whole, &labels);
    if let Some(loss) = &loss {
        session.value(&format!("{method}.loss"), loss.clone());
    }
    Ok(loss)
}

/// P-tuning: `W₃ relu(W₂ relu(W₁ e + b₁) + b₂) + b₃` of an embedding in front of every text; without the network's parameters,
/// the tokens that it gave.
fn mapped_prompt(session: &mut Session<'_>, texts: &Texts<'_>) -> Result<(), ParityError> {
    const TOKENS: &str = "p_tuning.virtual_tokens";
    let named = |kind: &str, parameter: &str| format!("p_tuning.{kind}.prompt_encoder.default.{parameter}");
    let Some(embedding) = session.leaf::<2>(&named("param", "embedding.weight"))? else {
        if let Some(prompt) = session.leaf::<2>(TOKENS)? {
            soft_prompt(session, texts, TOKENS, prompt)?;
        }
        return Ok(());
    };
    let mut tokens = embedding.clone();
    let (mut weights, mut biases) = (vec![(named("grad", "embedding.weight"), embedding)], Vec::new());
    for layer in [0, 2, 4] {
        let [weight_name, bias_name] = ["weight", "bias"].map(|part| format!("mlp_head.{layer}.{part}"));
        let weight = session.leaf::<2>(&named("param", &weight_name))?;
        let bias = session.leaf::<1>(&named("param", &bias_name))?;
        let (Some(weight), Some(bias)) = (weight, bias) else {
            return Err(unfit(&named("param", &weight_name), "is missing, or its bias".to_owned()));
        };
        if weight.dims()[1] != tokens.dims()[1] || weight.dims()[0] != bias.dims()[0] {
            return Err(unfit(&named("param", &weight_name), format!("is {:?}, which does not fit its neighbours", weight.dims())));
        }
        let input = if layer == 0 { tokens } else { relu(tokens) };
        tokens = linear(input, weight.clone().transpose(), Some(bias.clone()));
        weights.push((named("grad", &weight_name), weight));
        biases.push((named("grad", &bias_name), bias));
    }
    session.value(TOKENS, tokens.clone());
    let Some(loss) = soft_prompt(session, texts, TOKENS, tokens)? else { return Ok(()) };
    let gradients = loss.backward();
    let zeros = |name: &str| unfit(name, "has no gradient".to_owned());
    for (name, weight) in weights {
        session.gradient(&name, weight.grad(&gradients).ok_or_else(|| zeros(&name))?);
    }
    for (name, bias) in biases {
        session.gradient(&name, bias.grad(&gradients).ok_or_else(|| zeros(&name))?);
    }
    Ok(())
}

/// Low-rank maps `(α / r) B A` beside every block's query and value maps; α is `lora.alpha` where the file has it, else 8, as in
/// PEFT.
fn low_rank(session: &mut Session<'_>, texts: &Texts<'_>) -> Result<(), ParityError> {
    let named = |kind: &str, layer: usize, map: &str, factor: &str| {
        format!("lora.{kind}.base_model.model.model.layers.{layer}.self_attn.{map}_proj.lora_{factor}.default.weight")
    };
    if !session.has(&named("param", 0, "q", "A")) {
        return Ok(());
    }
    let alpha: f32 = session.leaf::<1>("lora.alpha")?.map_or(8.0, |alpha| alpha.inner().into_scalar());
    let mut stream = session.backbone.embed(Input::Tokens(texts.batch.clone()));
    let mut learned = Vec::new();
    for layer in 0..session.backbone.card().main.depth {
        let mut maps = Vec::with_capacity(2);
        for map in ["q", "v"] {
            let mut factors = Vec::with_capacity(2);
            for factor in ["A", "B"] {
                let name = named("param", layer, map, factor);
                let values = session.leaf::<2>(&name)?.ok_or_else(|| unfit(&name, "is missing".to_owned()))?;
                learned.push((named("grad", layer, map, factor), values.clone()));
                factors.push(values);
            }
            let [down, up] = <[Tensor<2>; 2]>::try_from(factors).expect("A and B");
            let [rank, width] = down.dims();
            if up.dims()[1] != rank || width != session.backbone.card().main.dim {
                return Err(unfit(&named("param", layer, map, "A"), format!("is {:?} beside {:?}", down.dims(), up.dims())));
            }
            let scaled = up.transpose().mul_scalar(alpha / rank as f32);
            maps.push(SideMap { down: down.transpose().unsqueeze(), up: scaled.unsqueeze() });
        }
        let [query, value] = <[SideMap; 2]>::try_from(maps).expect("query and value");
        stream = session.backbone.block(layer, stream.beside(query, value));
    }
    let logits = session.backbone.read(&stream, Reading::LogitsAt(&every_token(&texts.batch)));
    session.rows("lora.logits", logits, &seats(&texts.batch, texts.seq, 0));
    let loss = shifted_loss(session, &stream, &texts.batch, texts.labels);
    if let Some(loss) = &loss {
        session.value("lora.loss", loss.clone());
    }
    compare_gradients(session, loss, learned);
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
