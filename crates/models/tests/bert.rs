//! BERT against the reference implementation, on a tiny random network; then padding, batching, prompts and prefixes.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod reference;

use burn::tensor::{Device, Tensor};
use reference::{Expected, TOLERANCE, assert_close, furthest, read};
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, Bert, BertConfig, Input, KeyValue, Pooling, Reading, Stream, TokenBatch};

fn config() -> BertConfig {
    BertConfig::from_hub(&read("bert", "config.json")).unwrap()
}

fn bert() -> (Bert, Expected) {
    let bytes = read("bert", "model.safetensors");
    let model = Bert::load(&config(), "tiny", Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap();
    (model, Expected::of("bert"))
}

/// Real tokens of each row.
fn rows(expected: &Expected) -> Vec<Vec<u32>> {
    let (ids, mask) = (expected.stored("input_ids"), expected.values("attention_mask"));
    let row = |(ids, mask): (&[f32], &[f32])| ids.iter().zip(mask).filter(|(_, real)| **real > 0.5).map(|(id, _)| *id as u32).collect();
    ids.values.chunks(ids.shape[1]).zip(mask.chunks(ids.shape[1])).map(row).collect()
}

fn features(model: &Bert, stream: Stream) -> Tensor<2> {
    model.read(&model.blocks(stream), Reading::Features)
}

fn feature_values(model: &Bert, batch: TokenBatch) -> Vec<f32> {
    features(model, model.embed(Input::Tokens(batch))).try_into_vec_as().unwrap()
}

#[test]
fn hidden_states_and_features() {
    let (model, expected) = bert();
    let mut stream = model.embed(Input::Tokens(TokenBatch::new(rows(&expected))));
    let mask = expected.values("attention_mask");
    let real = |values: Vec<f32>| -> Vec<f32> {
        let width = values.len() / mask.len();
        values.chunks(width).zip(&mask).filter(|(_, real)| **real > 0.5).flat_map(|(token, _)| token.to_vec()).collect()
    };
    let depth = model.card().main.depth;
    for layer in 0..=depth {
        let name = format!("hidden.{layer}");
        let worst = furthest(&real(stream.hidden().try_into_vec_as().unwrap()), &real(expected.values(&name)));
        println!("{name}: max |Δ| = {worst:.2e}");
        assert!(worst <= TOLERANCE, "{name}: max |Δ| = {worst:.3e}");
        if layer < depth {
            stream = model.block(layer, stream);
        }
    }
    assert_close("features", model.read(&stream, Reading::Features), &expected.values("features"), TOLERANCE);
}

#[test]
fn padding_and_batching_change_nothing() {
    let (model, expected) = bert();
    let rows = rows(&expected);
    let right = feature_values(&model, TokenBatch::new(rows.clone()));
    let left = feature_values(&model, TokenBatch::left_padded(rows.clone()));
    let alone: Vec<f32> = rows.iter().flat_map(|row| feature_values(&model, TokenBatch::new(vec![row.clone()]))).collect();
    let eight = feature_values(&model, TokenBatch::new(rows.iter().cycle().take(8).cloned().collect()));
    let cycled: Vec<f32> = right.iter().copied().cycle().take(eight.len()).collect();
    for (what, found, expected) in
        [("left against right padding", &left, &right), ("alone against a batch", &alone, &right), ("a batch of 8", &eight, &cycled)]
    {
        let worst = furthest(found, expected);
        println!("{what}: max |Δ| = {worst:.2e}");
        assert!(worst <= 1e-5, "{what}: max |Δ| = {worst:.3e}");
    }
}

/// A learned prompt between the start token and the text, whose words move on by as many positions; on either side of
/// padding.
#[test]
fn prompt_in_front_of_the_text() {
    let (model, expected) = bert();
    let device = Device::flex().autodiff();
    for batch in [TokenBatch::new(rows(&expected)), TokenBatch::left_padded(rows(&expected))] {
        let prompt = expected.tensor::<2>("prompt.prompts", &device).require_grad();
        let stream = model.embed(Input::Tokens(batch)).insert_prompt(prompt.clone().unsqueeze());
        let found = features(&model, stream);
        assert_close("prompt.features", found.clone(), &expected.values("prompt.features"), TOLERANCE);
        let gradients = (found * expected.tensor("probe", &device)).sum().backward();
        assert_close("prompt.grad", prompt.grad(&gradients).unwrap(), &expected.values("prompt.grad"), 1e-5);
    }
}

/// Learned keys and values in front of every block's own; the text's positions are counted from behind them.
#[test]
fn prefix_of_keys_and_values() {
    let (model, expected) = bert();
    let device = Device::flex().autodiff();
    let keys = expected.tensor::<4>("prefix.keys", &device).require_grad();
    let values = expected.tensor::<4>("prefix.values", &device).require_grad();
    let mut stream = model.embed(Input::Tokens(TokenBatch::new(rows(&expected)))).shift_positions(keys.dims()[2]);
    for layer in 0..model.card().main.depth {
        let of_layer = |all: &Tensor<4>| all.clone().narrow(0, layer, 1);
        stream = model.block(layer, stream.insert_prefix(KeyValue { key: of_layer(&keys), value: of_layer(&values) }));
    }
    let found = model.read(&stream, Reading::Features);
    assert_close("prefix.features", found.clone(), &expected.values("prefix.features"), TOLERANCE);
    let gradients = (found * expected.tensor("probe", &device)).sum().backward();
    assert_close("prefix.grad_keys", keys.grad(&gradients).unwrap(), &expected.values("prefix.grad_keys"), 1e-5);
    assert_close("prefix.grad_values", values.grad(&gradients).unwrap(), &expected.values("prefix.grad_values"), 1e-5);
}

#[test]
fn the_first_token_can_be_read_instead() {
    let bytes = read("bert", "model.safetensors");
    let config = BertConfig { pooling: Pooling::First, unit_length: false, ..config() };
    let model = Bert::load(&config, "tiny", Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap();
    let expected = Expected::of("bert");
    let hidden = expected.tensor::<3>("hidden.3", &Device::flex());
    let first: Vec<f32> = hidden.narrow(1, 0, 1).try_into_vec_as().unwrap();
    let found = features(&model, model.embed(Input::Tokens(TokenBatch::new(rows(&expected)))));
    assert_close("the start token", found, &first, TOLERANCE);
}

#[test]
fn names_may_begin_with_the_models_own() {
    let (bytes, expected) = (read("bert", "model.safetensors"), Expected::of("bert"));
    let weights = Weights::from_safetensors(&bytes).unwrap().renamed(|name| format!("bert.{name}")).unwrap();
    let model = Bert::load(&config(), "tiny", weights, None, &Device::flex()).unwrap();
    let found = features(&model, model.embed(Input::Tokens(TokenBatch::new(rows(&expected)))));
    assert_close("features", found, &expected.values("features"), TOLERANCE);
}

#[test]
fn weights_that_do_not_fit_are_listed() {
    let bytes = read("bert", "model.safetensors");
    let weights = || Weights::from_safetensors(&bytes).unwrap();
    let rename = |name: &str| name.replace("layer.1.output.dense.bias", "layer.1.output.dense.beta");
    let deeper = BertConfig { n_types: 3, ..config() };
    let errors = [(config(), weights().renamed(rename).unwrap()), (deeper, weights())]
        .map(|(config, weights)| Bert::load(&config, "tiny", weights, None, &Device::flex()).err().unwrap().to_string());
    insta::assert_snapshot!(errors.join("\n"));
}
