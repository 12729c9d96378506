//! One workload, timed step by step: what `benchmarks/peers/steps.py` runs beside PyTorch.
//!
//! ```text
//! workload NAME [--rounds N] [--fusion auto|never]
//! ```
//!
//! Weights, inputs and starts are made up by a rule of names and indices ([`unit`]) that the peer follows too, so that the
//! losses of both sides can be compared. One line of JSON: seconds of each step (after [`N_WARM`]), losses of all steps,
//! processor time, memory before the steps and at their peak, threads.

#![allow(clippy::print_stdout, reason = "the result goes there")]

use std::process::ExitCode;
use std::time::Instant;

use burn::module::Module as _;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_methods::{
    AlignmentSpec, Batch, ClassContextSpec, ClassTemplateSpec, ContextOf, LinearMapSpec, ManipulationSpec, Method, NamePlace, NamedTensor,
    NearestTextSpec, Optimizer, PixelFrameSpec, Placement, Program, PromptInit, Query, RandomMappingSpec, Recipe, Seed, Setup,
    SoftPromptSpec, Squash, Target, Template, Updates, VerbalizerSpec, catalog,
};
use reprogram_models::blocks::{Activation, Heads};
use reprogram_models::weights::{Loader, Weights};
use reprogram_models::{
    Arithmetic, Backbone, BlockWork, Clip, ClipConfig, ClipModel, Frozen, Fusion, Input, JointSpace, Llama, LlamaConfig, PlainVit, Reading,
    Stream, TextTokenizer, Vit, VitConfig, cross_entropy,
};
use reprogram_taxonomy::{Card, Modality, Tower};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

/// The program's own, set as the program sets it (`harness/src/allocator.rs`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[allow(unsafe_code)]
fn keep_pages() {
    // SAFETY: an option by its number, before there is a second thread.
    unsafe { libmimalloc_sys::mi_option_set(15, -1) }
}

const N_WARM: usize = 2;
const N_CLASSES: usize = 10;
const N_IMAGES: usize = 16;
const N_TEXTS: usize = 8;
const N_TOKENS: usize = 128;
const VOCABULARY: usize = 49_152;
const SIDE: usize = 224;
const INNER: usize = 128;
/// Of `coop`: a batch, classes, and the epochs over which the images' one pass is spread.
const N_PHOTOS: usize = 32;
const N_NAMES: usize = 100;
const N_EPOCHS: usize = 50;
const CLIP_VOCABULARY: usize = 49_408;
const NAMES: [&str; 5] = ["vit-forward", "vit-frame", "vit-vpt-deep", "soft-prompt", "coop"];

/// In 0..1, for the entry at `index` of the tensor of this name: FNV-1a over the name, then the finaliser `lowbias32`.
fn unit(name: &str, index: u32) -> f32 {
    let offset = name.bytes().fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    let mut x = index.wrapping_add(offset);
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    ((x ^ (x >> 16)) >> 8) as f32 / 16_777_216.0
}

/// Entries of a tensor between −.05 and .05; around 1 for the weights of norms.
fn values(name: &str, n: usize) -> Vec<f32> {
    let middle = if name.ends_with("weight") && name.contains("norm") { 1.0 } else { 0.0 };
    (0..n as u32).map(|i| middle + (unit(name, i) - 0.5) * 0.1).collect()
}

/// ViT-S/16.
fn vit(device: &Device) -> Frozen<Vit> {
    let plain = PlainVit {
        hidden_size: 384,
        num_hidden_layers: 12,
        num_attention_heads: 6,
        intermediate_size: 1536,
        hidden_act: Activation::Gelu,
        layer_norm_eps: 1e-6,
        image_size: SIDE,
        patch_size: 16,
        num_channels: 3,
        num_labels: 1000,
        image_mean: vec![0.5; 3],
        image_std: vec![0.5; 3],
    };
    let config = VitConfig::try_from(plain).expect("a coherent configuration");
    let loader = Loader::initialise(Box::new(|name, shape| values(name, shape.iter().product())), device);
    Frozen::new(Vit::from_loader(&config, "vit", loader).expect("a coherent configuration").0)
}

/// As large as SmolLM2-135M.
fn language_model(device: &Device) -> Llama {
    let (dim, hidden, depth, key_value) = (576, 1536, 30, 192);
    let config = LlamaConfig::plain(dim, depth, Heads { query: 9, key_value: 3, dim: 64 }, hidden, VOCABULARY, 2048);
    let mut shapes = vec![("model.embed_tokens.weight".to_owned(), vec![VOCABULARY, dim]), ("model.norm.weight".to_owned(), vec![dim])];
    for layer in 0..depth {
        let block = [
            ("input_layernorm", vec![dim]),
            ("self_attn.q_proj", vec![dim, dim]),
            ("self_attn.k_proj", vec![key_value, dim]),
            ("self_attn.v_proj", vec![key_value, dim]),
            ("self_attn.o_proj", vec![dim, dim]),
            ("post_attention_layernorm", vec![dim]),
            ("mlp.gate_proj", vec![hidden, dim]),
            ("mlp.up_proj", vec![hidden, dim]),
            ("mlp.down_proj", vec![dim, hidden]),
        ];
        shapes.extend(block.into_iter().map(|(part, shape)| (format!("model.layers.{layer}.{part}.weight"), shape)));
    }
    let bytes: Vec<Vec<u8>> = shapes
        .iter()
        .map(|(name, shape)| values(name, shape.iter().product()).iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let view = |shape: &[usize], bytes| TensorView::new(Dtype::F32, shape.to_vec(), bytes).expect("as many bytes as the shape says");
    let views = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| (name, view(shape, bytes)));
    let file = safetensors::serialize(views, None).expect("consistent views");
    drop(bytes);
    let weights = Weights::from_safetensors(&file).expect("just written");
    Llama::load(&config, "llama", weights, Some(tokenizer()), device).expect("every tensor is there")
}

/// As large as CLIP ViT-B/32.
fn two_towers(device: &Device) -> Clip {
    let tower = |dim: usize, n_heads: usize| {
        json!({ "hidden_size": dim, "num_hidden_layers": 12, "num_attention_heads": n_heads, "intermediate_size": 4 * dim,
                "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5 })
    };
    let (mut vision, mut text) = (tower(768, 12), tower(512, 8));
    for (key, value) in [("image_size", SIDE), ("patch_size", 32), ("num_channels", 3)] {
        vision[key] = json!(value);
    }
    let ends = [("bos_token_id", CLIP_VOCABULARY - 2), ("eos_token_id", CLIP_VOCABULARY - 1)];
    for (key, value) in [("vocab_size", CLIP_VOCABULARY), ("max_position_embeddings", 77)].into_iter().chain(ends) {
        text[key] = json!(value);
    }
    let config = json!({ "model_type": "clip", "projection_dim": 512, "vision_config": vision, "text_config": text });
    let config = ClipConfig::from_hub(config.to_string().as_bytes(), None).expect("a coherent configuration");
    let loader = Loader::initialise(Box::new(|name, shape| values(name, shape.iter().product())), device);
    let (model, manifest) = ClipModel::from_loader(&config, loader).expect("a coherent configuration");
    let tensors = manifest.export(&model);
    drop(model);
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let view = |shape: &[usize], bytes| TensorView::new(Dtype::F32, shape.to_vec(), bytes).expect("as many bytes as the shape says");
    let views = tensors.iter().zip(&bytes).map(|(tensor, bytes)| (tensor.name.clone(), view(&tensor.shape, bytes)));
    let file = safetensors::serialize(views, None).expect("consistent views");
    drop(bytes);
    let weights = Weights::from_safetensors(&file).expect("just written");
    Clip::load(&config, "clip", weights, Some(clip_tokenizer()), device).expect("every tensor is there")
}

/// A word a token, between a start and an end.
fn clip_tokenizer() -> TextTokenizer {
    let (start, end) = (CLIP_VOCABULARY - 2, CLIP_VOCABULARY - 1);
    let mut vocabulary: serde_json::Map<_, _> = (1..start).map(|id| (format!("w{id}"), json!(id))).collect();
    vocabulary.extend([("<unk>".to_owned(), json!(0)), ("<s>".to_owned(), json!(start)), ("</s>".to_owned(), json!(end))]);
    let special = |id: usize, content: &str| json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let [front, back] = ["<s>", "</s>"].map(|id| json!({"SpecialToken": {"id": id, "type_id": 0}}));
    let [text, other] = ["A", "B"].map(|id| json!({"Sequence": {"id": id, "type_id": 0}}));
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
        "decoder": null, "added_tokens": [special(start, "<s>"), special(end, "</s>")],
        "post_processor": {
            "type": "TemplateProcessing", "single": [front, text, back], "pair": [front, text, other, back],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [start], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "ids": [end], "tokens": ["</s>"]}},
        },
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    });
    TextTokenizer::from_tokenizer_json(file.to_string().as_bytes(), None).expect("a tokenizer")
}

/// Of two words each.
fn class_names(n_classes: usize) -> Vec<String> {
    let word = |i: usize| format!("w{}", 1 + (unit("names", i as u32) * (CLIP_VOCABULARY - 3) as f32) as usize);
    (0..n_classes).map(|class| format!("{} {}", word(2 * class), word(2 * class + 1))).collect()
}

/// A word a token: `w2`, `w3`, ….
fn tokenizer() -> TextTokenizer {
    let words = (2..VOCABULARY).map(|id| (format!("w{id}"), json!(id)));
    let vocabulary: serde_json::Map<_, _> =
        [("<unk>".to_owned(), json!(0)), ("</s>".to_owned(), json!(1))].into_iter().chain(words).collect();
    let end =
        json!({"id": 1, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": null, "decoder": null, "added_tokens": [end],
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    });
    TextTokenizer::from_tokenizer_json(file.to_string().as_bytes(), None).expect("a tokenizer")
}

/// A backbone whose blocks run as they are told.
struct Told<'a>(&'a dyn Backbone, Fusion);

impl Arithmetic for Told<'_> {
    fn embed_macs(&self, input: &Input) -> u64 {
        self.0.embed_macs(input)
    }

    fn block_work(&self, tower: Tower, layer: usize) -> BlockWork {
        self.0.block_work(tower, layer)
    }

    fn read_macs(&self, tower: Tower, rows: usize, seq: usize, reading: Reading<'_>) -> u64 {
        self.0.read_macs(tower, rows, seq, reading)
    }
}

impl Backbone for Told<'_> {
    fn card(&self) -> &Card {
        self.0.card()
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        self.0.each_weight(visit);
    }

    fn embed(&self, input: Input) -> Stream {
        self.0.embed(input).with_fusion(self.1)
    }

    fn block(&self, layer: usize, stream: Stream) -> Stream {
        self.0.block(layer, stream)
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        self.0.read(stream, reading)
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        self.0.tokenizer()
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        self.0.token_embeddings()
    }

    fn joint(&self) -> Option<&JointSpace> {
        self.0.joint()
    }

    fn text_features_times(&self, copies: usize, rows: Vec<Vec<u32>>, run: &dyn Fn(Stream) -> Stream) -> Tensor<2> {
        self.0.text_features_times(copies, rows, run)
    }

    fn heads(&self) -> Option<Heads> {
        self.0.heads()
    }
}

/// Pixels within the inner square, zeros around it: `[image, 3, side, side]`.
fn images(n_images: usize, inner: usize, device: &Device) -> Tensor<4> {
    let offset = (SIDE - inner) / 2;
    let inside = |at: usize| (offset..offset + inner).contains(&at);
    let pixel = |i: usize| if inside(i / SIDE % SIDE) && inside(i % SIDE) { unit("pixels", i as u32) } else { 0.0 };
    let pixels: Vec<f32> = (0..n_images * 3 * SIDE * SIDE).map(pixel).collect();
    Tensor::from_data(TensorData::new(pixels, [n_images, 3, SIDE, SIDE]), device)
}

/// Texts of [`N_TOKENS`] tokens, the template's cue included.
fn texts() -> Vec<Query> {
    let word = |i: usize| format!("w{}", 2 + (unit("tokens", i as u32) * (VOCABULARY - 2) as f32) as usize);
    let text = |item: usize| (0..N_TOKENS - 1).map(|i| word(item * (N_TOKENS - 1) + i)).collect::<Vec<_>>().join(" ");
    (0..N_TEXTS).map(|item| Query::new(text(item))).collect()
}

fn method(name: &str) -> Method {
    if name == "coop" {
        let template = ManipulationSpec::ClassTemplate(ClassTemplateSpec { templates: vec!["{} w7".to_owned()] });
        let context =
            ClassContextSpec { tokens: 16, init: PromptInit::Normal { std: 0.02 }, of: ContextOf::All, name: NamePlace::End, near: None };
        return Method {
            manipulations: vec![template, ManipulationSpec::ClassContext(context)],
            alignment: AlignmentSpec::NearestText(NearestTextSpec {}),
            recipe: Recipe { optimizer: Optimizer::Sgd { momentum: 0.0 }, learning_rate: 0.002, ..Recipe::default() },
        };
    }
    let adam = Recipe { optimizer: Optimizer::Adam, learning_rate: 0.01, ..Recipe::default() };
    let (manipulation, alignment, recipe) = match name {
        "vit-frame" => {
            let frame = PixelFrameSpec { squash: Squash::Sigmoid, ..PixelFrameSpec::default() };
            (ManipulationSpec::PixelFrame(frame), AlignmentSpec::RandomMapping(RandomMappingSpec {}), adam)
        }
        "vit-vpt-deep" => {
            let deep = (catalog::find("vpt-deep").expect("a catalogued method").method)();
            let sgd = Recipe { optimizer: Optimizer::Sgd { momentum: 0.0 }, ..adam };
            (deep.manipulations[0].clone(), AlignmentSpec::LinearMap(LinearMapSpec::default()), sgd)
        }
        _ => {
            let prompt = SoftPromptSpec { tokens: 20, init: PromptInit::Vocabulary, modality: Modality::Text };
            (ManipulationSpec::SoftPrompt(prompt), AlignmentSpec::Verbalizer(VerbalizerSpec::default()), adam)
        }
    };
    Method { manipulations: vec![manipulation], alignment, recipe }
}

/// The method's program, started by the rule; a label mapping takes source class `97 · class`.
fn program(backbone: &dyn Backbone, method: &Method, n_classes: usize) -> Program {
    let template = Template {
        instruction: None,
        input: "{text}".to_owned(),
        cue: "w7".to_owned(),
        separator: "\n".to_owned(),
        labels: vec!["w100".to_owned(), "w200".to_owned()],
        variants: Vec::new(),
        answer: None,
    };
    let target = Target {
        classes: class_names(n_classes),
        template: backbone.tokenizer().map(|_| template),
        shares_source_labels: false,
        horizon: None,
    };
    let device = backbone.device().autodiff();
    let placement = Some(Placement { canvas: [SIDE; 2], image: [INNER; 2] });
    let setup = Setup {
        encoders: reprogram_methods::NO_ENCODERS,
        backbone,
        device: &device,
        target: &target,
        placement,
        train_texts: &[],
        worked_examples: &[],
        seed: Seed::new(0),
    };
    let program = method.build(&setup).expect("a method that fits");
    let started = |tensor: NamedTensor| {
        let values = if tensor.name.ends_with("matrix") {
            (0..tensor.values.len()).map(|i| f32::from(u8::from(i / n_classes == 97 * (i % n_classes)))).collect()
        } else {
            values(tensor.name.rsplit('.').next().unwrap_or_default(), tensor.values.len())
        };
        NamedTensor { values, ..tensor }
    };
    let tensors = program.tensors().into_iter().map(started).collect();
    program.with_tensors(tensors).expect("the program's own tensors")
}

/// What a step does; the loss, or for a forward pass alone the mean of the logits' squares.
fn steps<'a>(name: &str, backbone: &'a dyn Backbone) -> Box<dyn FnMut() -> f32 + 'a> {
    let device = backbone.device();
    if name == "vit-forward" {
        let images = images(N_IMAGES, SIDE, &device);
        return Box::new(move || {
            let stream = backbone.blocks(backbone.embed(Input::Image(images.clone())));
            backbone.read(&stream, Reading::Logits).square().mean().into_scalar()
        });
    }
    let (batch, n_classes) = match name {
        "vit-frame" => (Batch::Images(images(N_IMAGES, INNER, &device)), N_CLASSES),
        "vit-vpt-deep" => (Batch::Images(images(N_IMAGES, SIDE, &device)), N_CLASSES),
        "coop" => (Batch::Images(images(N_PHOTOS, SIDE, &device)), N_NAMES),
        _ => (Batch::Texts(texts()), 2),
    };
    let labels: Vec<usize> = (0..batch.len()).map(|item| item % n_classes).collect();
    let method = method(name);
    let mut program = Some(program(backbone, &method, n_classes));
    let Updates::Gradients(mut optimizer) = method.recipe.optimizer.start(Seed::new(0)) else {
        unreachable!("workloads ask for gradients")
    };
    // What a trial computes once and keeps: the images' features. Its share of a step is added to the step's time.
    let started = Instant::now();
    let prepared = program.as_ref().filter(|_| name == "coop").map(|program| program.valid().prepare(backbone, &batch));
    let share = if name == "coop" { started.elapsed().as_secs_f64() / N_EPOCHS as f64 } else { 0.0 };
    Box::new(move || {
        let current = program.take().expect("put back");
        let scores = match &prepared {
            Some(prepared) => current.alignment().align(current.finish(backbone, prepared.clone())),
            None => current.forward(backbone, &batch),
        };
        let loss = cross_entropy(scores, &labels);
        std::thread::sleep(std::time::Duration::from_secs_f64(share));
        let value = loss.clone().into_scalar();
        let gradients = GradientsParams::from_grads(loss.backward(), &current);
        program = Some(optimizer.step(method.recipe.learning_rate, current, gradients));
        value
    })
}

/// A size of this process in bytes, where the system says; zero elsewhere.
fn resident(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Processor time of all threads so far, in seconds; zero where the system does not say.
fn processor_seconds() -> f64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = status.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Name, rounds, fusion.
fn arguments() -> Option<(String, usize, Fusion)> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().filter(|name| NAMES.contains(&name.as_str()))?;
    let (mut rounds, mut fusion) = (5, Fusion::Auto);
    while let Some(option) = arguments.next() {
        match (option.as_str(), arguments.next()?.as_str()) {
            ("--rounds", value) => rounds = value.parse().ok()?,
            ("--fusion", "auto") => fusion = Fusion::Auto,
            ("--fusion", "never") => fusion = Fusion::Never,
            _ => return None,
        }
    }
    Some((name, rounds, fusion))
}

fn main() -> ExitCode {
    keep_pages();
    let Some((name, rounds, fusion)) = arguments() else {
        println!("usage: workload {} [--rounds N] [--fusion auto|never]", NAMES.join("|"));
        return ExitCode::FAILURE;
    };
    let device = Device::flex();
    let backbone: Box<dyn Backbone> = match name.as_str() {
        "soft-prompt" => Box::new(language_model(&device)),
        "coop" => Box::new(two_towers(&device)),
        _ => Box::new(vit(&device)),
    };
    let backbone = Told(&*backbone, fusion);
    let mut step = steps(&name, &backbone);
    // Where this is refused, the peak is that of loading too.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = resident("VmRSS");
    let (mut seconds, mut losses, mut processor) = (Vec::new(), Vec::new(), 0.0);
    for round in 0..N_WARM + rounds {
        if round == N_WARM {
            processor = processor_seconds();
        }
        let start = Instant::now();
        losses.push(step());
        seconds.push(start.elapsed().as_secs_f64());
    }
    let threads = std::env::var("RAYON_NUM_THREADS").ok().and_then(|threads| threads.parse().ok());
    let line = json!({
        "workload": name,
        "seconds": seconds[N_WARM..],
        "losses": losses,
        "cpu_seconds": processor_seconds() - processor,
        "resident_before": before,
        "peak_resident": resident("VmHWM"),
        "threads": threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)),
    });
    println!("{line}");
    ExitCode::SUCCESS
}
