//! Two-tower models: parity with the reference implementations, and what must not change a number.
//!
//! `fixtures/README.md` says what each tensor is; `scripts/make_two_tower_fixtures.py` makes those of SigLIP, of `open_clip`'s
//! layout and of CLIP's other rule of a text's end.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::PathBuf;

use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use reprogram_models::weights::Weights;
use reprogram_models::{
    Backbone, Clip, ClipConfig, Input, JointSpace, KvCache, Reading, Siglip, SiglipConfig, Stream, TextEnd, TokenBatch, is_open_clip,
    open_clip_to_hub,
};
use safetensors::SafeTensors;

const TOLERANCE: f32 = 1e-4;
/// Of what is the same function computed in another order.
const SAME: f32 = 2e-5;

fn read(family: &str, file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(family).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Expected(Vec<u8>);

impl Expected {
    fn of(family: &str) -> Self {
        Self(read(family, "expected.safetensors"))
    }

    fn words(&self, name: &str) -> (Vec<[u8; 4]>, Vec<usize>) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        (view.data().as_chunks::<4>().0.to_vec(), view.shape().to_vec())
    }

    fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (words, shape) = self.words(name);
        Tensor::from_data(TensorData::new(words.into_iter().map(f32::from_le_bytes).collect::<Vec<_>>(), shape), device)
    }

    fn integers(&self, name: &str) -> Vec<u32> {
        self.words(name).0.into_iter().map(u32::from_le_bytes).collect()
    }

    fn rows(&self, name: &str) -> Vec<Vec<u32>> {
        let (words, shape) = self.words(name);
        words.chunks(shape[1]).map(|row| row.iter().map(|&word| u32::from_le_bytes(word)).collect()).collect()
    }

    #[track_caller]
    fn check<const D: usize>(&self, name: &str, found: Tensor<D>) {
        assert_close(name, found, self.tensor(name, &Device::flex()), TOLERANCE);
    }
}

#[track_caller]
fn assert_close<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>, tolerance: f32) {
    assert_eq!(found.dims(), expected.dims(), "{what}: shape");
    let (found, expected): (Vec<f32>, Vec<f32>) = (found.try_into_vec_as().unwrap(), expected.try_into_vec_as().unwrap());
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{what}: max |Δ| = {worst:.2e}");
    assert!(worst <= tolerance, "{what}: max |Δ| = {worst:.3e} > {tolerance:.0e}");
}

fn clip(family: &str) -> Clip {
    let bytes = read(family, "model.safetensors");
    let weights = Weights::from_safetensors(&bytes).unwrap();
    let (config, weights) = if family == "open_clip" {
        assert!(is_open_clip(&weights));
        (ClipConfig::from_open_clip(&read(family, "open_clip_config.json")).unwrap(), open_clip_to_hub(weights).unwrap())
    } else {
        assert!(!is_open_clip(&weights));
        (ClipConfig::from_hub(&read(family, "config.json"), None).unwrap(), weights)
    };
    Clip::load(&config, family, weights, None, &Device::flex()).unwrap()
}

fn siglip() -> Siglip {
    let config = SiglipConfig::from_hub(&read("siglip", "config.json"), Some(&read("siglip", "preprocessor_config.json"))).unwrap();
    let bytes = read("siglip", "model.safetensors");
    Siglip::load(&config, "siglip", Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap()
}

fn features(model: &dyn Backbone, stream: Stream) -> Tensor<2> {
    model.read(&model.blocks(stream), Reading::Features)
}

fn texts(model: &dyn Backbone, rows: &[Vec<u32>]) -> Stream {
    model.embed(Input::Tokens(TokenBatch::new(rows.to_vec())))
}

/// Rows of the token table, `[1, tokens, dim]`.
fn embedded(model: &dyn Backbone, ids: &[u32]) -> Tensor<3> {
    let ids: Vec<i32> = ids.iter().map(|&id| id.cast_signed()).collect();
    let table = model.token_embeddings().unwrap();
    let ids = Tensor::<1, Int>::from_ints(ids.as_slice(), &table.device());
    table.select(0, ids).unsqueeze()
}

/// Numbers that look random and are the same everywhere.
fn noise<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let n: usize = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|i| ((i * 7_919 + 13) % 2_003) as f32 / 1_001.5 - 1.0).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn hidden_states(model: &dyn Backbone, mut stream: Stream, tower: &str, expected: &Expected) {
    let depth = model.card().tower(stream.tower()).unwrap().depth;
    for layer in 0..=depth {
        expected.check(&format!("{tower}.hidden.{layer}"), stream.hidden());
        if layer < depth {
            stream = model.block(layer, stream);
        }
    }
}

#[test]
fn siglip_towers_and_pairs() {
    let (model, expected) = (siglip(), Expected::of("siglip"));
    let pixels = expected.tensor::<4>("pixel_values", &Device::flex().autodiff()).require_grad();
    let rows = expected.rows("input_ids");
    hidden_states(&model, model.embed(Input::Image(pixels.clone())), "vision", &expected);
    hidden_states(&model, texts(&model, &rows), "text", &expected);
    let image = features(&model, model.embed(Input::Image(pixels.clone())));
    let text = features(&model, texts(&model, &rows));
    expected.check("image_embeds", JointSpace::normalise(image.clone()));
    expected.check("text_embeds", JointSpace::normalise(text.clone()));
    let joint = model.joint().unwrap();
    let logits = joint.logits(image, text);
    expected.check("logits_per_image", logits.clone());
    expected.check("probabilities", joint.probabilities(logits.clone()));
    let labels = expected.integers("labels");
    let signs = labels.iter().flat_map(|&label| (0..rows.len()).map(move |text| if text == label as usize { 1.0f32 } else { -1.0 }));
    let signs = Tensor::from_data(TensorData::new(signs.collect::<Vec<_>>(), [labels.len(), rows.len()]), &Device::flex());
    let loss = activation::log_sigmoid(logits * signs).sum().div_scalar(-(labels.len() as f64));
    expected.check("loss", loss.clone());
    let found = pixels.grad(&loss.backward()).unwrap();
    let wanted = expected.tensor::<4>("grad_pixel_values", &Device::flex());
    let largest: f32 = wanted.clone().abs().max().into_scalar();
    assert_close("grad_pixel_values", found, wanted, 1e-4 * largest);
}

/// What fills a text up is added by the model, and counts: rows of any length give what full ones give.
#[test]
fn siglip_fills_texts_up_itself() {
    let (model, expected) = (siglip(), Expected::of("siglip"));
    let mut rows = expected.rows("input_ids");
    for (row, length) in rows.iter_mut().zip(expected.integers("lengths")) {
        row.truncate(length as usize);
    }
    expected.check("text_embeds", JointSpace::normalise(features(&model, texts(&model, &rows))));
    let alone = rows.iter().map(|row| features(&model, texts(&model, std::slice::from_ref(row)))).collect();
    expected.check("text_embeds", JointSpace::normalise(Tensor::cat(alone, 0)));
    // A text that ends elsewhere is another text.
    let other = SiglipConfig { padding: 0, ..SiglipConfig::from_hub(&read("siglip", "config.json"), None).unwrap() };
    let bytes = read("siglip", "model.safetensors");
    let other = Siglip::load(&other, "other", Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap();
    let difference: f32 =
        (features(&other, texts(&other, &rows[2..3])) - features(&model, texts(&model, &rows[2..3]))).abs().max().into_scalar();
    assert!(difference > 0.01, "the padding token changes a short text by {difference} only");
}

#[test]
fn open_clip_layout_is_the_same_function() {
    let (model, expected) = (clip("open_clip"), Expected::of("open_clip"));
    let image = features(&model, model.embed(Input::Image(expected.tensor("pixel_values", &Device::flex()))));
    let text = features(&model, texts(&model, &expected.rows("input_ids")));
    expected.check("image_embeds", JointSpace::normalise(image.clone()));
    expected.check("text_embeds", JointSpace::normalise(text.clone()));
    expected.check("logits_per_image", model.joint().unwrap().logits(image, text));
}

#[test]
fn open_clip_layout_with_a_text_tower_of_its_own() {
    let bytes = read("open_clip", "model.safetensors");
    let apart = |name: &str| if name.starts_with("visual") || name == "logit_scale" { name.to_owned() } else { format!("text.{name}") };
    let weights = Weights::from_safetensors(&bytes).unwrap().renamed(apart).unwrap();
    let config = ClipConfig::from_open_clip(&read("open_clip", "open_clip_config.json")).unwrap();
    let model = Clip::load(&config, "custom", open_clip_to_hub(weights).unwrap(), None, &Device::flex()).unwrap();
    let expected = Expected::of("open_clip");
    expected.check("text_embeds", JointSpace::normalise(features(&model, texts(&model, &expected.rows("input_ids")))));
}

#[test]
fn clip_reads_a_text_at_its_largest_id_where_the_configuration_says_two() {
    let config = ClipConfig::from_hub(&read("clip_largest", "config.json"), None).unwrap();
    assert_eq!(config.end, TextEnd::Largest);
    let (model, expected) = (clip("clip_largest"), Expected::of("clip_largest"));
    let text = features(&model, texts(&model, &expected.rows("input_ids")));
    expected.check("text_embeds", JointSpace::normalise(text.clone()));
    let image = features(&model, model.embed(Input::Image(expected.tensor("pixel_values", &Device::flex()))));
    expected.check("logits_per_image", model.joint().unwrap().logits(image, text));
}

#[test]
fn pixel_statistics_stand_in_the_preprocessors_file() {
    let read_with = |preprocessor: &str| ClipConfig::from_hub(&read("clip", "config.json"), Some(preprocessor.as_bytes()));
    let config = read_with(r#"{"image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.25, 0.2], "resample": 3}"#).unwrap();
    let bytes = read("clip", "model.safetensors");
    let model = Clip::load(&config, "normalised", Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap();
    let pixels = Expected::of("clip").tensor::<4>("pixel_values", &Device::flex());
    let plain = clip("clip");
    let shape = |values: [f32; 3]| Tensor::from_data(TensorData::new(values.to_vec(), [1, 3, 1, 1]), &Device::flex());
    let raw = pixels.clone() * shape([0.5, 0.25, 0.2]) + shape([0.5, 0.4, 0.3]);
    let (one, other) = (features(&model, model.embed(Input::Image(raw))), features(&plain, plain.embed(Input::Image(pixels))));
    assert_close("pixels as they come, normalised", one, other, TOLERANCE);
    assert_eq!(read_with(r#"{"do_normalize": false}"#).unwrap(), ClipConfig::from_hub(&read("clip", "config.json"), None).unwrap());
    let errors = [r#"{"image_mean": [0.5]}"#, r#"{"image_mean": [0, 0, 0]}"#, r#"{"image_mean": [0, 0, 0], "image_std": [1, 1, 0]}"#];
    insta::assert_snapshot!(errors.map(|json| read_with(json).unwrap_err().to_string()).join("\n"));
}

/// What every two-tower model has to keep.
struct Family {
    name: &'static str,
    model: Box<dyn Backbone>,
    rows: Vec<Vec<u32>>,
    pixels: Tensor<4>,
    /// Tokens at the start of a text that stay in front of a prompt.
    n_special: usize,
}

fn families() -> Vec<Family> {
    let shorten = |mut rows: Vec<Vec<u32>>, lengths: [usize; 3]| {
        rows.truncate(3);
        rows.iter_mut().zip(lengths).for_each(|(row, length)| row.truncate(length));
        rows
    };
    let pixels = |family: &str| Expected::of(family).tensor::<4>("pixel_values", &Device::flex());
    let rows = |family: &str, lengths| shorten(Expected::of(family).rows("input_ids"), lengths);
    let family = |name, model, rows, n_special| Family { name, model, rows, pixels: pixels(name), n_special };
    vec![
        family("clip", Box::new(clip("clip")), rows("clip", [10, 7, 8]), 1),
        family("open_clip", Box::new(clip("open_clip")), rows("open_clip", [16, 6, 9]), 1),
        family("siglip", Box::new(siglip()), rows("siglip", [5, 9, 2]), 0),
    ]
}

/// Eight rows at once and one at a time.
fn eight<T: Clone>(rows: &[T]) -> Vec<T> {
    (0..8).map(|i| rows[i % rows.len()].clone()).collect()
}

fn one_by_one(rows: usize, feature: impl Fn(usize) -> Tensor<2>) -> Tensor<2> {
    Tensor::cat((0..rows).map(feature).collect(), 0)
}

#[test]
fn a_batch_of_eight_is_eight_batches_of_one() {
    for Family { name, model, rows, pixels, .. } in families() {
        let model = model.as_ref();
        let rows = eight(&rows);
        let together = features(model, texts(model, &rows));
        let alone = one_by_one(8, |i| features(model, texts(model, &rows[i..=i])));
        assert_close(&format!("{name}, texts"), together, alone, SAME);
        let n = pixels.dims()[0];
        let pixels = Tensor::cat((0..8).map(|i| pixels.clone().narrow(0, i % n, 1)).collect(), 0) * noise([8, 1, 1, 1]);
        let together = features(model, model.embed(Input::Image(pixels.clone())));
        let alone = one_by_one(8, |i| features(model, model.embed(Input::Image(pixels.clone().narrow(0, i, 1)))));
        assert_close(&format!("{name}, images"), together, alone, SAME);
    }
}

#[test]
fn left_padding_is_right_padding() {
    for Family { name, model, rows, .. } in families() {
        let left = features(model.as_ref(), model.embed(Input::Tokens(TokenBatch::left_padded(rows.clone()))));
        assert_close(&format!("{name}, padding"), left, features(model.as_ref(), texts(model.as_ref(), &rows)), 0.0);
    }
}

/// The embeddings of a text's own first tokens, put in as a prompt.
#[test]
fn a_prompt_of_tokens_is_those_tokens() {
    const N: usize = 3;
    for Family { name, model, rows, n_special, .. } in families() {
        let model = model.as_ref();
        let row = rows.iter().find(|row| row.len() > n_special + N + 1).unwrap();
        let prompt = embedded(model, &row[n_special..n_special + N]);
        let rest: Vec<u32> = row[..n_special].iter().chain(&row[n_special + N..]).copied().collect();
        let prompted = features(model, texts(model, &[rest]).insert_prompt(prompt));
        assert_close(&format!("{name}, prompt"), prompted, features(model, texts(model, std::slice::from_ref(row))), SAME);
    }
}

#[test]
fn a_prompt_does_not_mix_rows() {
    for Family { name, model, rows, pixels, .. } in families() {
        let model = model.as_ref();
        let rows: Vec<Vec<u32>> = rows
            .into_iter()
            .map(|row| if row.len() > 12 { row[..1].iter().chain(&row[row.len() - 8..]).copied().collect() } else { row })
            .collect();
        let rows = eight(&rows);
        let card = model.card();
        let prompt = noise([1, 2, card.second.as_ref().unwrap().dim]);
        let prompted = |rows: &[Vec<u32>]| features(model, texts(model, rows).insert_prompt(prompt.clone()));
        let alone = one_by_one(8, |i| prompted(&rows[i..=i]));
        assert_close(&format!("{name}, prompted texts"), prompted(&rows), alone, SAME);
        let prompt = noise([1, 5, card.main.dim]);
        let prompted = |pixels: Tensor<4>| features(model, model.embed(Input::Image(pixels)).insert_prompt(prompt.clone()));
        let n = pixels.dims()[0];
        let alone = one_by_one(n, |i| prompted(pixels.clone().narrow(0, i, 1)));
        assert_close(&format!("{name}, prompted images"), prompted(pixels.clone()), alone.clone(), SAME);
        let plain = features(model, model.embed(Input::Image(pixels)));
        let effect: f32 = (plain - alone).abs().max().into_scalar();
        assert!(effect > 0.01, "{name}: the prompt changes images by {effect} only");
    }
}

/// Keys and values of every block, from one pass.
fn remembered(model: &dyn Backbone, stream: Stream) -> KvCache {
    model.blocks(stream.after(KvCache::default())).into_cache().unwrap()
}

fn behind_prefixes(model: &dyn Backbone, mut stream: Stream, prefixes: &KvCache) -> Tensor<2> {
    for layer in 0..model.card().tower(stream.tower()).unwrap().depth {
        stream = model.block(layer, stream.insert_prefix(prefixes.layer(layer).unwrap().clone()));
    }
    model.read(&stream, Reading::Features)
}

/// In an encoder that sees all, every key and value twice changes no weighted mean: a prefix made of a stream's own keys and
/// values leaves the stream as it is.
#[test]
fn a_prefix_of_all_keys_again_changes_nothing() {
    for Family { name, model, rows, pixels, .. } in families() {
        let model = model.as_ref();
        let image = || model.embed(Input::Image(pixels.clone()));
        let doubled = behind_prefixes(model, image(), &remembered(model, image()));
        assert_close(&format!("{name}, image prefix"), doubled, features(model, image()), SAME);
        if name == "siglip" {
            let doubled = behind_prefixes(model, texts(model, &rows), &remembered(model, texts(model, &rows)));
            assert_close(&format!("{name}, text prefix"), doubled, features(model, texts(model, &rows)), SAME);
        }
    }
}

/// In causal order, a prefix made of a text's first tokens is those tokens.
#[test]
fn a_prefix_of_first_tokens_is_those_tokens() {
    for Family { name, model, rows, .. } in families().into_iter().filter(|family| family.name != "siglip") {
        let model = model.as_ref();
        for row in &rows {
            let (first, rest) = row.split_at(3);
            let prefixes = remembered(model, texts(model, &[first.to_vec()]));
            let split = behind_prefixes(model, texts(model, &[rest.to_vec()]).shift_positions(3), &prefixes);
            assert_close(&format!("{name}, prefix"), split, features(model, texts(model, std::slice::from_ref(row))), SAME);
        }
    }
}

#[test]
fn a_prefix_does_not_mix_rows() {
    for Family { name, model, rows, pixels, .. } in families() {
        let model = model.as_ref();
        // One image's and one text's keys and values stand for learned ones.
        let learned = remembered(model, model.embed(Input::Image(pixels.clone().narrow(0, 0, 1) * 0.5)));
        let n = pixels.dims()[0];
        let together = behind_prefixes(model, model.embed(Input::Image(pixels.clone())), &learned);
        let alone = one_by_one(n, |i| behind_prefixes(model, model.embed(Input::Image(pixels.clone().narrow(0, i, 1))), &learned));
        assert_close(&format!("{name}, images behind a prefix"), together, alone, SAME);
        let learned = remembered(model, texts(model, &rows[..1]));
        let rows = eight(&rows);
        let together = behind_prefixes(model, texts(model, &rows), &learned);
        let alone = one_by_one(8, |i| behind_prefixes(model, texts(model, &rows[i..=i]), &learned));
        assert_close(&format!("{name}, texts behind a prefix"), together.clone(), alone, SAME);
        let effect: f32 = (together - features(model, texts(model, &rows))).abs().max().into_scalar();
        assert!(effect > 0.01, "{name}: the prefix changes texts by {effect} only");
    }
}
