//! The ViT family against the reference implementation (PyTorch), on tiny random networks: DeiT with its teacher's head,
//! DINOv2 at another resolution than its own, and an encoder of `nn.TransformerEncoder` with norms behind the sums.
//!
//! `fixtures/README.md` says what each tensor is and how `scripts/make_fixtures.py` makes them.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::PathBuf;

use burn::tensor::{Device, Int, Tensor, TensorData};
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, Frozen, Input, KeyValue, KvCache, Reading, Storage, Stream, TorchEncoder, Vit, VitConfig};
use reprogram_taxonomy::OutputSpace;
use serde_json::{Value, json};

const TOLERANCE: f32 = 1e-4;

/// DINOv2's images in the fixture; its positions are stored for 20 pixels.
const DINOV2_PIXELS: usize = 28;

fn read(family: &str, file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(family).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Fixture {
    family: &'static str,
    model: Frozen<Vit>,
    expected: Vec<u8>,
}

impl Fixture {
    fn load(family: &'static str) -> Self {
        let (config, bytes) = (read(family, "config.json"), read(family, "model.safetensors"));
        let weights = Weights::from_safetensors(&bytes).unwrap();
        let device = Device::flex();
        let model = match family {
            "vit_postnorm" => serde_json::from_slice::<TorchEncoder>(&config).unwrap().load(family, weights, &device),
            "dinov2" => Vit::load(&dinov2(), family, weights, &device),
            _ => Vit::load(&VitConfig::from_hub(&config, None).unwrap(), family, weights, &device),
        };
        Self { family, model: Frozen::new(model.unwrap()), expected: read(family, "expected.safetensors") }
    }

    fn values(&self, name: &str) -> Vec<f32> {
        Weights::from_safetensors(&self.expected).unwrap().tensor(name).unwrap_or_else(|| panic!("no {name}")).values
    }

    fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let stored = Weights::from_safetensors(&self.expected).unwrap().tensor(name).unwrap();
        Tensor::from_data(TensorData::new(stored.values, stored.shape), device)
    }

    #[track_caller]
    fn assert_close<const D: usize>(&self, name: &str, found: Tensor<D>, tolerance: f32) {
        assert_near(&format!("{}: {name}", self.family), found, &self.values(name), tolerance);
    }

    #[track_caller]
    fn assert_gradient<const D: usize>(&self, name: &str, found: Tensor<D>) {
        let largest = self.values(name).iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        self.assert_close(name, found, TOLERANCE * largest);
    }

    /// Eight images: those of the fixture, mirrored, turned, and both.
    fn eight_images(&self) -> Tensor<4> {
        let pixels = self.tensor::<4>("pixel_values", &Device::flex());
        let both = pixels.clone().flip([2, 3]);
        Tensor::cat(vec![pixels.clone(), pixels.clone().flip([2]), pixels.flip([3]), both], 0)
    }

    fn logits(&self, stream: Stream) -> Tensor<2> {
        self.model.read(&self.model.blocks(stream), Reading::Logits)
    }

    fn embed(&self, pixels: Tensor<4>) -> Stream {
        self.model.embed(Input::Image(pixels))
    }

    fn cross_entropy(&self, logits: Tensor<2>) -> Tensor<1> {
        let labels = self.tensor::<1>("labels", &logits.device()).int().unsqueeze_dim::<2>(1);
        burn::tensor::activation::log_softmax(logits, 1).gather(1, labels as Tensor<2, Int>).mean().neg()
    }
}

fn dinov2() -> VitConfig {
    VitConfig::from_hub(&read("dinov2", "config.json"), None).unwrap().at_resolution(DINOV2_PIXELS).unwrap()
}

#[track_caller]
fn assert_near<const D: usize>(name: &str, found: Tensor<D>, expected: &[f32], tolerance: f32) {
    let found: Vec<f32> = found.try_into_vec_as().unwrap();
    assert_eq!(found.len(), expected.len(), "{name}: number of values");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{name}: max |Δ| = {worst:.2e}");
    assert!(worst <= tolerance, "{name}: max |Δ| = {worst:.3e} > {tolerance:.0e}");
}

/// Hidden states after every block, logits, loss and the pixels' gradient.
fn against_the_reference(fixture: &Fixture) {
    let pixels = fixture.tensor::<4>("pixel_values", &Device::flex().autodiff()).require_grad();
    let mut stream = fixture.embed(pixels.clone());
    let depth = fixture.model.card().main.depth;
    for layer in 0..=depth {
        fixture.assert_close(&format!("hidden.{layer}"), stream.hidden(), TOLERANCE);
        if layer < depth {
            stream = fixture.model.block(layer, stream);
        }
    }
    let logits = fixture.model.read(&stream, Reading::Logits);
    fixture.assert_close("logits", logits.clone(), TOLERANCE);
    let loss = fixture.cross_entropy(logits);
    fixture.assert_close("loss", loss.clone(), 1e-5);
    fixture.assert_gradient("grad_pixel_values", pixels.grad(&loss.backward()).unwrap());
}

/// Prompts behind the special tokens, in front of the first block, and others in their place at each later one.
fn prompts_in_front(fixture: &Fixture) {
    let pixels = fixture.tensor::<4>("pixel_values", &Device::flex().autodiff());
    for (name, is_deep) in [("vpt_shallow", false), ("vpt_deep", true)] {
        let prompts = fixture.tensor::<3>("vpt.prompts", &Device::flex().autodiff()).require_grad();
        let at = |layer: usize| prompts.clone().narrow(0, layer, 1);
        let mut stream = fixture.embed(pixels.clone()).insert_prompt(at(0));
        for layer in 0..fixture.model.card().main.depth {
            if is_deep && layer > 0 {
                stream = stream.replace_prompt(at(layer));
            }
            stream = fixture.model.block(layer, stream);
        }
        let logits = fixture.model.read(&stream, Reading::Logits);
        fixture.assert_close(&format!("{name}.logits"), logits.clone(), TOLERANCE);
        let loss = fixture.cross_entropy(logits);
        fixture.assert_close(&format!("{name}.loss"), loss.clone(), 1e-5);
        let gradient = prompts.grad(&loss.backward()).unwrap();
        fixture.assert_gradient(&format!("{name}.grad"), if is_deep { gradient } else { gradient.narrow(0, 0, 1) });
    }
}

fn one_image_or_eight(fixture: &Fixture) {
    let images = fixture.eight_images();
    let together: Vec<f32> = fixture.logits(fixture.embed(images.clone())).try_into_vec_as().unwrap();
    let alone = (0..8).map(|row| fixture.logits(fixture.embed(images.clone().narrow(0, row, 1)))).collect();
    assert_near(&format!("{}: 1 against 8 images", fixture.family), Tensor::cat(alone, 0), &together, 1e-5);
}

/// The keys and values of prompt tokens, put in front of each block as a learned prefix would be: the same as the prompt.
fn behind_a_prefix(fixture: &Fixture) {
    let device = Device::flex();
    let images = fixture.eight_images();
    let prompt = fixture.tensor::<3>("vpt.prompts", &device).narrow(0, 0, 1);
    let n_prompt = prompt.dims()[1];
    let prompted = fixture.embed(images.clone()).insert_prompt(prompt).after(KvCache::default());
    let n_special = prompted.layout().special;
    let prompted = fixture.model.blocks(prompted);
    let with_prompt: Vec<f32> = fixture.model.read(&prompted, Reading::Logits).try_into_vec_as().unwrap();
    let cache = prompted.into_cache().unwrap();

    let mut stream = fixture.embed(images);
    for layer in 0..fixture.model.card().main.depth {
        let KeyValue { key, value } = cache.layer(layer).unwrap().clone();
        let prefix = KeyValue { key: key.narrow(2, n_special, n_prompt), value: value.narrow(2, n_special, n_prompt) };
        stream = fixture.model.block(layer, stream.insert_prefix(prefix));
    }
    let logits = fixture.model.read(&stream, Reading::Logits);
    assert_near(&format!("{}: a prefix against its prompt", fixture.family), logits, &with_prompt, 1e-5);
    let without: Vec<f32> = fixture.logits(fixture.embed(fixture.eight_images())).try_into_vec_as().unwrap();
    let effect = without.iter().zip(&with_prompt).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(effect > 0.01, "the prompt changes the logits by {effect} only");
}

fn all_of(family: &'static str, n_special: usize) {
    let fixture = Fixture::load(family);
    let pixels = fixture.tensor::<4>("pixel_values", &Device::flex());
    assert_eq!(fixture.embed(pixels).layout().special, n_special);
    against_the_reference(&fixture);
    prompts_in_front(&fixture);
    one_image_or_eight(&fixture);
    behind_a_prefix(&fixture);
}

#[test]
fn deit_with_teacher() {
    all_of("deit", 2);
}

#[test]
fn dinov2_at_another_resolution() {
    all_of("dinov2", 1);
}

#[test]
fn norms_behind_the_sums() {
    all_of("vit_postnorm", 1);
}

/// The first ViT has no deep prompts in its fixture; `tests/parity.rs` has the rest of it.
#[test]
fn plain_vit() {
    let fixture = Fixture::load("vit");
    against_the_reference(&fixture);
    one_image_or_eight(&fixture);
}

fn architecture(family: &str, architecture: &str) -> Vec<u8> {
    let mut config: Value = serde_json::from_slice(&read(family, "config.json")).unwrap();
    config["architectures"] = json!([architecture]);
    serde_json::to_vec(&config).unwrap()
}

fn features(model: &Frozen<Vit>, pixels: Tensor<4>) -> Tensor<2> {
    model.read(&model.blocks(model.embed(Input::Image(pixels))), Reading::Features)
}

/// The same encoder as a file without a head names it: features and no labels.
#[test]
fn without_a_head() {
    for (family, name) in [("vit", "ViTModel"), ("deit", "DeiTModel"), ("dinov2", "Dinov2Model")] {
        let fixture = Fixture::load(family);
        let pixels = fixture.tensor::<4>("pixel_values", &Device::flex());
        let config = VitConfig::from_hub(&architecture(family, name), None).unwrap().at_resolution(pixels.dims()[2]).unwrap();
        let bytes = read(family, "model.safetensors");
        // A ViT without a head has a pooler, which no feature is read behind.
        let weights = Weights::from_safetensors(&bytes).unwrap().without(|name| name.starts_with("distillation_"));
        let weights = weights.without(|name| family == "dinov2" && name.starts_with("classifier."));
        let bare = |name: &str| match name.split_once("classifier.") {
            Some((_, parameter)) => format!("pooler.dense.{parameter}"),
            None => name.strip_prefix(&format!("{family}.")).unwrap().to_owned(),
        };
        let model = Vit::load(&config, family, weights.renamed(bare).unwrap(), &Device::flex()).unwrap();
        let model = Frozen::new(model);
        assert_eq!(model.card().output, OutputSpace::Features { dim: config.dim });
        let expected: Vec<f32> = features(&fixture.model, pixels.clone()).try_into_vec_as().unwrap();
        assert_near(&format!("{name}: features"), features(&model, pixels), &expected, 0.0);
    }
}

/// A DeiT that is read at its class token alone keeps its distillation token.
#[test]
fn deit_without_its_teacher() {
    let fixture = Fixture::load("deit");
    let config = VitConfig::from_hub(&architecture("deit", "DeiTForImageClassification"), None).unwrap();
    let bytes = read("deit", "model.safetensors");
    let weights = Weights::from_safetensors(&bytes).unwrap();
    let weight = weights.tensor("cls_classifier.weight").unwrap();
    let bias = weights.tensor("cls_classifier.bias").unwrap().values;
    let weights = weights.without(|name| name.starts_with("distillation_classifier."));
    let model = Vit::load(&config, "deit", weights.renamed(|name| name.replace("cls_classifier", "classifier")).unwrap(), &Device::flex());
    let model = Frozen::new(model.unwrap());
    let pixels = fixture.tensor::<4>("pixel_values", &Device::flex());
    let stream = model.blocks(model.embed(Input::Image(pixels.clone())));
    assert_eq!(stream.layout().special, 2);
    let class: Vec<f32> = features(&fixture.model, pixels).try_into_vec_as().unwrap();
    let [n, dim] = weight.shape[..] else { panic!("a matrix") };
    let row = |class: &[f32], k: usize| class.iter().zip(&weight.values[k * dim..]).map(|(a, b)| a * b).sum::<f32>() + bias[k];
    let by_hand: Vec<f32> = class.chunks(dim).flat_map(|class| (0..n).map(|k| row(class, k)).collect::<Vec<_>>()).collect();
    assert_near("deit: logits of the class token", model.read(&stream, Reading::Logits), &by_hand, 1e-5);
}

/// Raw pixels through a preprocessor's numbers are what the reference was fed normalised.
#[test]
fn a_preprocessor_normalises_and_sets_the_resolution() {
    let (mean, std) = ([0.5f32, 0.4, 0.3], [0.2f32, 0.3, 0.4]);
    let preprocessor = json!({
        "do_normalize": true, "do_rescale": true, "rescale_factor": 0.003_921_568_627_450_98, "image_mean": mean, "image_std": std,
        "do_resize": true, "resample": 3, "size": {"shortest_edge": 32},
        "do_center_crop": true, "crop_size": {"height": DINOV2_PIXELS, "width": DINOV2_PIXELS},
        "image_processor_type": "BitImageProcessor", "do_convert_rgb": true,
    });
    let config = VitConfig::from_hub(&read("dinov2", "config.json"), Some(preprocessor.to_string().as_bytes())).unwrap();
    assert_eq!((config.image_size, config.position_grid), (DINOV2_PIXELS, 5));
    let fixture = Fixture::load("dinov2");
    let bytes = read("dinov2", "model.safetensors");
    let model = Frozen::new(Vit::load(&config, "dinov2", Weights::from_safetensors(&bytes).unwrap(), &Device::flex()).unwrap());
    let channel = |values: [f32; 3]| Tensor::<1>::from_floats(values, &Device::flex()).reshape([1, 3, 1, 1]);
    let raw = fixture.tensor::<4>("pixel_values", &Device::flex()) * channel(std) + channel(mean);
    let logits = model.read(&model.blocks(model.embed(Input::Image(raw))), Reading::Logits);
    fixture.assert_close("logits", logits, TOLERANCE);
}

#[test]
fn what_is_not_computed_is_refused_by_name() {
    let with = |family: &str, key: &str, value: Value| {
        let mut config: Value = serde_json::from_slice(&read(family, "config.json")).unwrap();
        config[key] = value;
        VitConfig::from_hub(config.to_string().as_bytes(), None).unwrap_err().to_string()
    };
    let preprocessed = |family: &str, key: &str, value: Value| {
        let n = if family == "vit" { 1 } else { 3 };
        let mut preprocessor = json!({"do_normalize": true, "image_mean": vec![0.5; n], "image_std": vec![0.5; n]});
        preprocessor[key] = value;
        let preprocessor = preprocessor.to_string();
        VitConfig::from_hub(&read(family, "config.json"), Some(preprocessor.as_bytes())).unwrap_err().to_string()
    };
    let errors = [
        with("vit", "architectures", json!(["ViTForMaskedImageModeling"])),
        with("vit", "architectures", Value::Null),
        with("vit", "model_type", json!("vit_msn")),
        with("vit", "hidden_act", json!("tanh")),
        with("vit", "num_attention_heads", json!(5)),
        with("vit", "patch_size", json!(5)),
        with("vit", "patch_size", json!(0)),
        with("vit", "image_size", json!([16, 24])),
        with("vit", "id2label", Value::Null),
        with("vit", "id2label", json!({})),
        with("vit", "num_labels", json!(4)),
        with("vit", "layer_norm_eps", Value::Null),
        with("dinov2", "use_swiglu_ffn", json!(true)),
        with("dinov2", "num_register_tokens", json!(4)),
        preprocessed("vit", "do_normalize", json!(false)),
        preprocessed("vit", "do_rescale", json!(false)),
        preprocessed("vit", "rescale_factor", json!(1.0 / 127.5)),
        preprocessed("vit", "image_mean", Value::Null),
        preprocessed("vit", "image_std", json!([0.0])),
        preprocessed("vit", "size", json!(32)),
        preprocessed("vit", "do_flip_channel_order", json!(true)),
        preprocessed("dinov2", "image_mean", json!([0.5])),
        preprocessed("dinov2", "size", json!({"height": 28, "width": 24})),
        preprocessed("dinov2", "size", json!(30)),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

/// A file of another layout, or with more than it: told by the tensors' names.
#[test]
fn what_is_no_such_encoder_is_said() {
    let rule: TorchEncoder = serde_json::from_slice(&read("vit_postnorm", "config.json")).unwrap();
    let bytes = read("vit_postnorm", "model.safetensors");
    let weights = || Weights::from_safetensors(&bytes).unwrap();
    let without = |name: &'static str| weights().without(move |found| found == name);
    let other = read("deit", "model.safetensors");
    let errors = [
        rule.load("x", Weights::from_safetensors(&other).unwrap(), &Device::flex()),
        rule.load("x", without("transformer.layers.1.self_attn.in_proj_bias"), &Device::flex()),
        rule.load("x", without("transformer.layers.1.norm2.bias"), &Device::flex()),
        rule.load("x", weights().renamed(|name| name.replace("mlp_head.1", "head")).unwrap(), &Device::flex()),
        TorchEncoder { n_heads: 5, ..rule.clone() }.load("x", weights(), &Device::flex()),
    ];
    insta::assert_snapshot!(errors.map(|model| model.unwrap_err().to_string()).join("\n"));
    assert!(Vit::from_focus_onnx(&bytes, "x", Storage::Floats, &Device::flex()).is_err());
}
