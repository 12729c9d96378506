//! Parity with the reference implementation (PyTorch), on tiny random networks.
//!
//! `fixtures/README.md` says what each tensor is and how `scripts/make_fixtures.py` makes them. Another folder of the
//! same layout can be checked by naming it in `REPROGRAM_PARITY_DIR`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::PathBuf;

use burn::tensor::{Device, Int, Tensor, TensorData};
use reprogram_models::weights::Weights;
use reprogram_models::{
    Backbone, Clip, ClipConfig, Frozen, Input, JointSpace, KvCache, Llama, LlamaConfig, Reading, Stream, TokenAt, TokenBatch, Vit,
    VitConfig,
};
use safetensors::SafeTensors;

const TOLERANCE: f32 = 1e-4;

fn read(family: &str, file: &str) -> Vec<u8> {
    let root = std::env::var_os("REPROGRAM_PARITY_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"), PathBuf::from);
    let path = root.join(family).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Expected(Vec<u8>);

impl Expected {
    fn floats(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        let values = view.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        (values, view.shape().to_vec())
    }

    fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (values, shape) = self.floats(name);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn integers(&self, name: &str) -> (Vec<i32>, Vec<usize>) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        let values = view.data().as_chunks::<4>().0.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect();
        (values, view.shape().to_vec())
    }

    fn rows(&self, name: &str) -> Vec<Vec<u32>> {
        let (values, shape) = self.integers(name);
        values.chunks(shape[1]).map(|row| row.iter().map(|&id| id.cast_unsigned()).collect()).collect()
    }
}

#[track_caller]
fn assert_close<const D: usize>(name: &str, found: Tensor<D>, expected: &[f32], tolerance: f32) {
    let found: Vec<f32> = found.try_into_vec_as().unwrap();
    assert_eq!(found.len(), expected.len(), "{name}: number of values");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{name}: max |Δ| = {worst:.2e}");
    assert!(worst <= tolerance, "{name}: max |Δ| = {worst:.3e} > {tolerance:.0e}");
}

#[track_caller]
fn assert_gradient_close<const D: usize>(name: &str, found: Tensor<D>, expected: &[f32]) {
    let largest = expected.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    assert_close(name, found, expected, 1e-4 * largest);
}

fn cross_entropy(logits: Tensor<2>, labels: &[i32]) -> Tensor<1> {
    let n = labels.len();
    let labels = Tensor::<2, Int>::from_data(TensorData::new(labels.to_vec(), [n, 1]), &logits.device());
    burn::tensor::activation::log_softmax(logits, 1).gather(1, labels).mean().neg()
}

fn vit() -> (Frozen<Vit>, Expected, VitConfig) {
    let config = VitConfig::from_hub(&read("vit", "config.json"), None).unwrap();
    let bytes = read("vit", "model.safetensors");
    let model = Vit::load(&config, "tiny", Weights::from_safetensors(&bytes).unwrap(), &Device::flex()).unwrap();
    (Frozen::new(model), Expected(read("vit", "expected.safetensors")), config)
}

#[test]
fn vit_hidden_states_and_logits() {
    let (model, expected, config) = vit();
    let mut stream = model.embed(Input::Image(expected.tensor("pixel_values", &Device::flex())));
    for layer in 0..=config.depth {
        let name = format!("hidden.{layer}");
        assert_close(&name, stream.hidden(), &expected.floats(&name).0, TOLERANCE);
        if layer < config.depth {
            stream = model.block(layer, stream);
        }
    }
    assert_close("logits", model.read(&stream, Reading::Logits), &expected.floats("logits").0, TOLERANCE);
}

#[test]
fn vit_gradient_of_pixels() {
    let (model, expected, _) = vit();
    let pixels = expected.tensor::<4>("pixel_values", &Device::flex().autodiff()).require_grad();
    let stream = model.blocks(model.embed(Input::Image(pixels.clone())));
    let loss = cross_entropy(model.read(&stream, Reading::Logits), &expected.integers("labels").0);
    assert_close("loss", loss.clone(), &expected.floats("loss").0, 1e-5);
    let gradients = loss.backward();
    assert_gradient_close("grad_pixel_values", pixels.grad(&gradients).unwrap(), &expected.floats("grad_pixel_values").0);
}

#[test]
fn vit_padding_frame() {
    let (model, expected, config) = vit();
    let device = Device::flex().autodiff();
    let delta = expected.tensor::<4>("vp.delta", &device).require_grad();
    let image = expected.tensor::<4>("vp.image", &device);
    let [_, _, height, width] = image.dims();
    let (above, left) = ((config.image_size - height) / 2, (config.image_size - width) / 2);
    let canvas = image.pad((left, config.image_size - width - left, above, config.image_size - height - above), 0.0);
    let mask = expected.tensor::<4>("vp.mask", &device);
    let stream = model.blocks(model.embed(Input::Image(canvas + delta.clone() * mask)));
    let logits = model.read(&stream, Reading::Logits);
    assert_close("vp.logits", logits.clone(), &expected.floats("vp.logits").0, TOLERANCE);
    let loss = cross_entropy(logits, &expected.integers("labels").0);
    assert_close("vp.loss", loss.clone(), &expected.floats("vp.loss").0, 1e-5);
    let gradients = loss.backward();
    assert_gradient_close("vp.grad_delta", delta.grad(&gradients).unwrap(), &expected.floats("vp.grad_delta").0);
}

fn llama() -> (Llama, Expected) {
    let config = LlamaConfig::from_hub(&read("llama", "config.json")).unwrap();
    let bytes = read("llama", "model.safetensors");
    let weights = Weights::from_safetensors(&bytes).unwrap();
    (Llama::load(&config, "tiny", weights, None, &Device::flex()).unwrap(), Expected(read("llama", "expected.safetensors")))
}

fn every_token(rows: &[Vec<u32>]) -> Vec<TokenAt> {
    rows.iter().enumerate().flat_map(|(row, ids)| (0..ids.len()).map(move |index| TokenAt { row, index })).collect()
}

#[test]
fn llama_hidden_states_and_logits() {
    let (model, expected) = llama();
    let rows = expected.rows("input_ids");
    let mut stream = model.embed(Input::Tokens(TokenBatch::new(rows.clone())));
    for layer in 0..model.card().main.depth {
        let name = format!("hidden.{layer}");
        assert_close(&name, stream.hidden(), &expected.floats(&name).0, TOLERANCE);
        stream = model.block(layer, stream);
    }
    let logits = model.read(&stream, Reading::LogitsAt(&every_token(&rows)));
    assert_close("logits", logits, &expected.floats("logits").0, TOLERANCE);
}

/// Real tokens of each row under `masked.attention_mask`.
fn unpadded_rows(expected: &Expected) -> Vec<Vec<u32>> {
    let (mask, shape) = expected.integers("masked.attention_mask");
    let lengths = mask.chunks(shape[1]).map(|row| row.iter().filter(|&&bit| bit == 1).count());
    expected.rows("input_ids").into_iter().zip(lengths).map(|(row, length)| row[..length].to_vec()).collect()
}

#[test]
fn llama_right_padding_does_not_reach_real_tokens() {
    let (model, expected) = llama();
    let rows = unpadded_rows(&expected);
    let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(rows.clone()))));
    let logits = model.read(&stream, Reading::LogitsAt(&every_token(&rows)));
    let (values, shape) = expected.floats("masked.logits");
    let padded_rows = values.chunks(shape[1] * shape[2]);
    let real: Vec<f32> = rows.iter().zip(padded_rows).flat_map(|(row, values)| values[..row.len() * shape[2]].to_vec()).collect();
    assert_close("masked.logits", logits, &real, TOLERANCE);
}

#[test]
fn llama_soft_prompt() {
    let (model, expected) = llama();
    let prompt = expected.tensor::<2>("prompt_tuning.prompts", &Device::flex().autodiff()).require_grad();
    let n_prompt = prompt.dims()[0];
    let rows = expected.rows("input_ids");
    let stream = model.embed(Input::Tokens(TokenBatch::new(rows.clone()))).insert_prompt(prompt.clone().unsqueeze());
    let stream = model.blocks(stream);
    let logits = model.read(&stream, Reading::LogitsAt(&every_token(&rows)));
    let (values, shape) = expected.floats("prompt_tuning.logits");
    let content: Vec<f32> = values.chunks(shape[1] * shape[2]).flat_map(|row| row[n_prompt * shape[2]..].to_vec()).collect();
    assert_close("prompt_tuning.logits", logits, &content, TOLERANCE);

    // The last prompt token predicts the first real one, which the reference's shifted loss does not count.
    let scored: Vec<TokenAt> = every_token(&rows).into_iter().filter(|at| at.index + 1 < rows[at.row].len()).collect();
    let labels: Vec<i32> = scored.iter().map(|at| rows[at.row][at.index + 1].cast_signed()).collect();
    let loss = cross_entropy(model.read(&stream, Reading::LogitsAt(&scored)), &labels);
    assert_close("prompt_tuning.loss", loss.clone(), &expected.floats("prompt_tuning.loss").0, 1e-5);
    let gradients = loss.backward();
    assert_gradient_close("prompt_tuning.grad", prompt.grad(&gradients).unwrap(), &expected.floats("prompt_tuning.grad").0);
}

#[test]
fn llama_greedy_generation_with_a_cache() {
    let (model, expected) = llama();
    let (prompt, output) = (expected.rows("greedy.prompt").remove(0), expected.rows("greedy.output").remove(0));
    let n_tokens = output.len() - prompt.len();
    let generated = model.generate_greedy(&prompt, n_tokens, u32::MAX);
    assert_eq!(generated, output[prompt.len()..]);
}

fn clip() -> (Clip, Expected) {
    let config = ClipConfig::from_hub(&read("clip", "config.json")).unwrap();
    let bytes = read("clip", "model.safetensors");
    let model = Clip::load(&config, "tiny", Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap();
    (model, Expected(read("clip", "expected.safetensors")))
}

fn hidden_states(model: &dyn Backbone, mut stream: Stream, prefix: &str, expected: &Expected) -> Stream {
    let depth = model.card().tower(stream.tower()).unwrap().depth;
    for layer in 0..=depth {
        let name = format!("{prefix}hidden.{layer}");
        assert_close(&name, stream.hidden(), &expected.floats(&name).0, TOLERANCE);
        if layer < depth {
            stream = model.block(layer, stream);
        }
    }
    stream
}

#[test]
fn clip_towers_and_similarity() {
    let (model, expected) = clip();
    let pixels = expected.tensor::<4>("pixel_values", &Device::flex().autodiff()).require_grad();
    let image = model.read(&hidden_states(&model, model.embed(Input::Image(pixels.clone())), "vision.", &expected), Reading::Features);
    let texts = TokenBatch::new(expected.rows("input_ids"));
    let text = model.read(&hidden_states(&model, model.embed(Input::Tokens(texts)), "text.", &expected), Reading::Features);
    assert_close("image_embeds", JointSpace::normalise(image.clone()), &expected.floats("image_embeds").0, TOLERANCE);
    assert_close("text_embeds", JointSpace::normalise(text.clone()), &expected.floats("text_embeds").0, TOLERANCE);
    let logits = model.joint().unwrap().logits(image, text);
    assert_close("logits_per_image", logits.clone(), &expected.floats("logits_per_image").0, TOLERANCE);
    let loss = cross_entropy(logits, &expected.integers("labels").0);
    assert_close("loss", loss.clone(), &expected.floats("loss").0, 1e-5);
    let gradients = loss.backward();
    assert_gradient_close("grad_pixel_values", pixels.grad(&gradients).unwrap(), &expected.floats("grad_pixel_values").0);
}

/// `CoOp`: a learned context behind the start token, in the place of as many placeholders.
#[test]
fn clip_learned_context() {
    let (model, expected) = clip();
    let context = expected.tensor::<2>("coop.ctx", &Device::flex().autodiff()).require_grad();
    let n_context = context.dims()[0];
    let mut rows = expected.rows("coop.input_ids");
    for row in &mut rows {
        row.drain(1..=n_context);
    }
    let texts = model.embed(Input::Tokens(TokenBatch::new(rows))).insert_prompt(context.clone().unsqueeze());
    let text = model.read(&model.blocks(texts), Reading::Features);
    assert_close("coop.text_embeds", JointSpace::normalise(text.clone()), &expected.floats("coop.text_embeds").0, TOLERANCE);
    let image = expected.tensor::<4>("pixel_values", &Device::flex());
    let image = model.read(&model.blocks(model.embed(Input::Image(image))), Reading::Features);
    let logits = model.joint().unwrap().logits(image, text);
    assert_close("coop.logits", logits.clone(), &expected.floats("coop.logits").0, TOLERANCE);
    let loss = cross_entropy(logits, &expected.integers("labels").0);
    assert_close("coop.loss", loss.clone(), &expected.floats("coop.loss").0, 1e-5);
    let gradients = loss.backward();
    assert_gradient_close("coop.grad_ctx", context.grad(&gradients).unwrap(), &expected.floats("coop.grad_ctx").0);
}

fn decoder(family: &str) -> (Llama, Expected) {
    let config = LlamaConfig::from_hub(&read(family, "config.json")).unwrap();
    let bytes = read(family, "model.safetensors");
    let model = Llama::load(&config, family, Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap();
    (model, Expected(read(family, "expected.safetensors")))
}

fn next_token_logits(model: &Llama, batch: TokenBatch) -> Vec<Vec<f32>> {
    let rows = batch.rows.clone();
    let stream = model.blocks(model.embed(Input::Tokens(batch)));
    let logits: Vec<f32> = model.read(&stream, Reading::LogitsAt(&every_token(&rows))).try_into_vec_as().unwrap();
    logits.chunks(logits.len() / rows.iter().map(Vec::len).sum::<usize>()).map(<[f32]>::to_vec).collect()
}

fn furthest(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Each family's own rule (scaled positions, windows, biases, norms, caps) against the reference; then padding on either
/// side, batching and a cache, which must not change a number.
fn decoder_family(family: &str) {
    let (model, expected) = decoder(family);
    let rows = expected.rows("input_ids");
    let mut stream = model.embed(Input::Tokens(TokenBatch::new(rows.clone())));
    for layer in 0..model.card().main.depth {
        let name = format!("hidden.{layer}");
        assert_close(&name, stream.hidden(), &expected.floats(&name).0, TOLERANCE);
        stream = model.block(layer, stream);
    }
    let logits = model.read(&stream, Reading::LogitsAt(&every_token(&rows)));
    assert_close("logits", logits, &expected.floats("logits").0, TOLERANCE);
    let scored: Vec<TokenAt> = every_token(&rows).into_iter().filter(|at| at.index + 1 < rows[at.row].len()).collect();
    let labels: Vec<i32> = scored.iter().map(|at| rows[at.row][at.index + 1].cast_signed()).collect();
    let loss = cross_entropy(model.read(&stream, Reading::LogitsAt(&scored)), &labels);
    assert_close("loss", loss, &expected.floats("loss").0, 1e-5);

    let short = unpadded_rows(&expected);
    let (values, shape) = expected.floats("masked.logits");
    let real = short.iter().zip(values.chunks(shape[1] * shape[2]));
    let masked: Vec<Vec<f32>> = real.flat_map(|(row, values)| values.chunks(shape[2]).take(row.len()).map(<[f32]>::to_vec)).collect();
    let right = next_token_logits(&model, TokenBatch::new(short.clone()));
    let left = next_token_logits(&model, TokenBatch::left_padded(short.clone()));
    let alone: Vec<Vec<f32>> = short.iter().flat_map(|row| next_token_logits(&model, TokenBatch::new(vec![row.clone()]))).collect();
    let (vocabulary, last) = (shape[2], expected.floats("leftpad.last_logits").0);
    let ends = [short[0].len() - 1, short[0].len() + short[1].len() - 1];
    let left_ends: Vec<Vec<f32>> = ends.iter().map(|&end| left[end].clone()).collect();
    let reference: Vec<Vec<f32>> = last.chunks(vocabulary).map(<[f32]>::to_vec).collect();
    for (what, a, b) in [
        ("right padding against the reference", &right, &masked),
        ("left padding against the reference", &left_ends, &reference),
        ("left against right padding", &left, &right),
        ("alone against a batch", &alone, &right),
        ("behind a prefix of its own keys and values", &behind_a_prefix(&model, &short[0], 5), &right[5..short[0].len()].to_vec()),
        ("token by token with a cache", &token_by_token(&model, &short[0]), &right[..short[0].len()].to_vec()),
    ] {
        let worst = furthest(a, b);
        println!("{family}: {what}: max |Δ| = {worst:.2e}");
        assert!(worst <= TOLERANCE, "{family}: {what}: max |Δ| = {worst:.3e}");
    }
}

/// The keys and values of a row's first tokens, put in front of each block as a learned prefix would be: the same as feeding
/// those tokens.
fn behind_a_prefix(model: &Llama, row: &[u32], n_prefix: usize) -> Vec<Vec<f32>> {
    let (prefix, rest) = row.split_at(n_prefix);
    let fed = model.blocks(model.embed(Input::Tokens(TokenBatch::new(vec![prefix.to_vec()]))).after(KvCache::default()));
    let cache = fed.into_cache().unwrap();
    let batch = TokenBatch::new(vec![rest.to_vec(); 2]);
    let mut stream = model.embed(Input::Tokens(batch.clone())).shift_positions(n_prefix);
    for layer in 0..model.card().main.depth {
        stream = model.block(layer, stream.insert_prefix(cache.layer(layer).unwrap().clone()));
    }
    let logits: Vec<f32> = model.read(&stream, Reading::LogitsAt(&every_token(&batch.rows))).try_into_vec_as().unwrap();
    logits.chunks(logits.len() / (2 * rest.len())).map(<[f32]>::to_vec).skip(rest.len()).collect()
}

fn token_by_token(model: &Llama, row: &[u32]) -> Vec<Vec<f32>> {
    let mut cache = KvCache::default();
    let step = |&token: &u32| {
        let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(vec![vec![token]]))).after(std::mem::take(&mut cache)));
        let logits = model.read(&stream, Reading::Logits).try_into_vec_as().unwrap();
        cache = stream.into_cache().unwrap();
        logits
    };
    row.iter().map(step).collect()
}

#[test]
fn llama3_scaled_positions() {
    decoder_family("llama3");
}

#[test]
fn mistral_sliding_window() {
    decoder_family("mistral");
}

#[test]
fn qwen2_biases() {
    decoder_family("qwen2");
}

#[test]
fn qwen3_normalised_queries_and_keys() {
    decoder_family("qwen3");
}

#[test]
fn gemma2_caps_and_windows() {
    decoder_family("gemma2");
}

#[test]
fn gemma3_local_and_global_positions() {
    decoder_family("gemma3");
}
