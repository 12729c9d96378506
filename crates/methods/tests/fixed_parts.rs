//! Parts that nobody trains: they are what their rule says, made of training items without a gradient, and the same function as
//! learned parts with the same numbers. And a part of an input that grows.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use reprogram_methods::{
    AlignmentSpec, Batch, Contrast, Cover, DeltaSpec, DemonstrationsSpec, FixedPromptSpec, FixedTokens, IdentitySpec, InstructionSpec,
    ItemKeysSpec, KeyValuePrefixSpec, LabelledText, LinearMapSpec, LinearOn, ManipulationSpec, Method, NearestTextSpec, PixelMarkSpec,
    PixelStripSpec, PrefixInit, Program, PromptInit, Query, Recipe, Seed, Setup, SoftPromptSpec, SteeringSpec, StripContent, Target,
    Template, VerbalizerSpec,
};
use reprogram_models::weights::Weights;
use reprogram_models::{Backbone, EfficientNet, EfficientNetConfig, Input, KvCache, Llama, MbStage, cross_entropy};
use reprogram_taxonomy::{Layers, Modality};
use toy::language;
use toy::{CANVAS, CHANNELS, FRAMED, Toy, batch, images, method, target, values};

const LINEAR: AlignmentSpec = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features });
const LABELS: [usize; 6] = [0, 1, 2, 1, 0, 1];

fn toy() -> Toy {
    Toy::new(3, &Device::flex())
}

/// A program on the toy transformer, made of six images in two batches.
fn made(toy: &Toy, part: ManipulationSpec) -> Program {
    let mut program = toy.program(&method(&[part], LINEAR), 1);
    assert!(program.is_made_of_items());
    let all = images(6);
    let batches = [Batch::Images(all.clone().narrow(0, 0, 4)), Batch::Images(all.narrow(0, 4, 2))];
    program.make(&toy.backbone, &batches, &LABELS).unwrap();
    program
}

fn scores(toy: &Toy, program: &Program) -> Vec<f32> {
    values(program.valid().forward(&toy.backbone, &batch(3)))
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn steering(layers: Option<Layers>, scale: f32) -> ManipulationSpec {
    ManipulationSpec::Steering(SteeringSpec { modality: Modality::Vision, layers, scale, contrast: Contrast::default() })
}

fn item_keys(items: usize, layers: Layers, modality: Modality) -> ManipulationSpec {
    ManipulationSpec::ItemKeys(ItemKeysSpec { items, layers, modality })
}

/// A learned part's program with the fixed one's numbers: the head first, which both have.
fn with_numbers(toy: &Toy, learned: ManipulationSpec, numbers: Vec<f32>) -> Program {
    let program = toy.program(&method(&[learned], LINEAR), 1);
    let mut tensors = program.tensors();
    assert_eq!(tensors[0].values.len(), numbers.len());
    tensors[0].values = numbers;
    program.with_tensors(tensors).unwrap()
}

#[test]
fn a_steering_vector_is_a_difference_of_means_and_a_delta_of_these_numbers() {
    let toy = toy();
    let bare = scores(&toy, &toy.program(&method(&[], LINEAR), 1));
    for layers in [None, Some(Layers::All), Some(Layers::Range { first: 1, last: 2 })] {
        let still = made(&toy, steering(layers, 0.0));
        assert!(furthest(&scores(&toy, &still), &bare) < 1e-6, "a scale of zero changes nothing");
        let steered = made(&toy, steering(layers, 0.7));
        assert!(furthest(&scores(&toy, &steered), &bare) > 1e-4);
        let direction = steered.tensors()[0].values.clone();
        let delta = ManipulationSpec::Delta(DeltaSpec { modality: Modality::Vision, layers, init_std: 0.0 });
        let learned = with_numbers(&toy, delta, direction.clone());
        assert_eq!(scores(&toy, &steered), scores(&toy, &learned));
        assert_eq!((steered.n_trainable(), learned.n_trainable()), (27, 27 + direction.len()), "nothing of it is trained");
    }
    let embedded = toy.backbone.embed(Input::Image(images(6)));
    let tokens = values(embedded.mean_tokens(false));
    let of = |item: usize| &tokens[item * 8..(item + 1) * 8];
    let expected: Vec<f32> = (0..8).map(|i| 0.7 * ((of(1)[i] + of(3)[i] + of(5)[i]) / 3.0 - f32::midpoint(of(0)[i], of(4)[i]))).collect();
    assert!(furthest(&made(&toy, steering(None, 0.7)).tensors()[0].values, &expected) < 1e-6);
}

#[test]
fn a_prompt_of_class_means_is_a_soft_prompt_of_these_numbers() {
    let toy = toy();
    let spec = FixedPromptSpec { of: FixedTokens::ClassMeans, modality: Modality::Vision };
    let fixed = made(&toy, ManipulationSpec::FixedPrompt(spec));
    let soft = SoftPromptSpec { tokens: 3, init: PromptInit::Xavier, modality: Modality::Vision };
    let learned = with_numbers(&toy, ManipulationSpec::SoftPrompt(soft), fixed.tensors()[0].values.clone());
    assert_eq!(scores(&toy, &fixed), scores(&toy, &learned));
}

#[test]
fn keys_of_images_are_a_prefix_of_these_numbers() {
    let toy = toy();
    let layers = Layers::Range { first: 1, last: 2 };
    let fixed = made(&toy, item_keys(2, layers, Modality::Vision));
    // Class token and four patches of two images: the first of class 0, and the first of class 1.
    let (heads, n_tokens, dim) = (2, 5, 4);
    let pair = toy.backbone.embed(Input::Image(images(2))).after(KvCache::default());
    let cache = toy.backbone.blocks(pair).into_cache().unwrap();
    let sides: Vec<Vec<f32>> =
        [1, 2].iter().filter_map(|&layer| cache.layer(layer).map(|of| [&of.key, &of.value])).flatten().cloned().map(values).collect();
    let of =
        |side: &[f32], item: usize, head: usize, token: usize| side[((item * heads + head) * n_tokens + token) * dim..][..dim].to_vec();
    let mut rows = Vec::new();
    for (item, token) in (0..2).flat_map(|item| (0..n_tokens).map(move |token| (item, token))) {
        for side in &sides {
            rows.extend((0..heads).flat_map(|head| of(side, item, head, token)));
        }
    }
    let tokens = 2 * n_tokens;
    let init = PrefixInit::Normal { std: 1.0 };
    let prefix = KeyValuePrefixSpec { tokens, layers, init, map: None, modality: Modality::Vision };
    let learned = with_numbers(&toy, ManipulationSpec::KeyValuePrefix(prefix), rows);
    assert!(furthest(&scores(&toy, &fixed), &scores(&toy, &learned)) < 1e-6);
    let too_few = toy.program(&method(&[item_keys(9, Layers::All, Modality::Vision)], LINEAR), 1);
    let error = { too_few }.make(&toy.backbone, &[Batch::Images(images(6))], &LABELS).unwrap_err();
    insta::assert_snapshot!(error, @"item-keys needs 9 training items, but there are 6");
}

/// A language model whose tokens are characters, without special ones.
struct Texts {
    model: Llama,
    target: Target,
    train: Vec<LabelledText>,
}

impl Texts {
    fn new() -> Self {
        let text = |label: usize| LabelledText { id: label.to_string(), text: format!("X{label}Y"), label, options: None };
        Self {
            model: language::model(),
            target: language::target_of(Template { instruction: Some("DO".to_owned()), ..language::template() }),
            train: (0..3).map(text).collect(),
        }
    }

    fn program(&self, part: ManipulationSpec) -> Program {
        let alignment = AlignmentSpec::Verbalizer(VerbalizerSpec::default());
        let method = Method { manipulations: vec![part], alignment, recipe: Recipe::default() };
        let device = Device::flex();
        let setup = Setup {
            encoders: reprogram_methods::NO_ENCODERS,
            backbone: &self.model,
            device: &device,
            target: &self.target,
            placement: None,
            train_texts: &self.train,
            worked_examples: &[],
            seed: Seed::new(2),
        };
        let mut program = method.build(&setup).unwrap();
        if program.is_made_of_items() {
            let queries = self.train.iter().map(|text| Query::new(&text.text)).collect();
            program.make(&self.model, &[Batch::Texts(queries)], &[0, 1, 2]).unwrap();
        }
        program
    }

    fn scores(&self, part: ManipulationSpec) -> Vec<f32> {
        let queries = ["GOOD", "GO", "", "VERYDULL"].map(Query::new).to_vec();
        values(self.program(part).forward(&self.model, &Batch::Texts(queries)))
    }
}

#[test]
fn keys_of_demonstrations_are_in_context_learning_by_another_door() {
    let texts = Texts::new();
    let prompted = texts.scores(ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(3)));
    let keyed = texts.scores(item_keys(3, Layers::All, Modality::Text));
    let distance = furthest(&prompted, &keyed);
    println!("demonstrations at the input and as keys: {distance:.2e} apart");
    assert!(distance < 1e-3, "{distance}");
    let bare = texts.scores(ManipulationSpec::Instruction(InstructionSpec { text: Some(String::new()) }));
    assert!(furthest(&bare, &keyed) > 1e-2, "the demonstrations matter");
}

#[test]
fn vectors_of_a_text_are_the_text() {
    let texts = Texts::new();
    let prompted = texts.scores(ManipulationSpec::Instruction(InstructionSpec::default()));
    let of = FixedTokens::Text("DO;".to_owned());
    let fixed = texts.scores(ManipulationSpec::FixedPrompt(FixedPromptSpec { of, modality: Modality::Text }));
    assert!(furthest(&prompted, &fixed) < 1e-3);
}

#[test]
fn two_texts_point_a_way_without_training_items() {
    let texts = Texts::new();
    let steering = |toward: &str, scale| {
        let contrast = Contrast::Texts { toward: toward.to_owned(), from: "BAD".to_owned() };
        ManipulationSpec::Steering(SteeringSpec { modality: Modality::Text, layers: Some(Layers::All), scale, contrast })
    };
    assert!(!texts.program(steering("GOOD", 1.0)).is_made_of_items());
    let [still, same, moved] = [("GOOD", 0.0), ("BAD", 1.0), ("GOOD", 1.0)].map(|(toward, scale)| texts.scores(steering(toward, scale)));
    assert!(furthest(&still, &same) < 1e-5, "a text against itself points nowhere");
    assert!(furthest(&still, &moved) > 1e-3);
}

#[test]
fn a_mark_lightens_its_place_up_to_white() {
    let toy = toy();
    let mark = ManipulationSpec::PixelMark(PixelMarkSpec { cover: Cover::Patch { size: 1, row: 4, column: 3 }, value: 0.8 });
    let program = toy.program(&method(&[mark], LINEAR), 1);
    assert!(!program.is_made_of_items() && program.n_stored() == 27, "nothing is kept of it");
    let by_hand: Vec<f32> = values(images(3))
        .into_iter()
        .enumerate()
        .map(|(i, pixel)| if (i / CANVAS % CANVAS, i % CANVAS) == (4, 3) { (pixel + 0.8).min(1.0) } else { pixel })
        .collect();
    let marked = Tensor::from_data(TensorData::new(by_hand, [3, CHANNELS, CANVAS, CANVAS]), &Device::flex());
    let bare = toy.program(&method(&[], LINEAR), 1).valid();
    assert!(furthest(&scores(&toy, &program), &values(bare.forward(&toy.backbone, &Batch::Images(marked)))) < 1e-5);
}

fn strip() -> ManipulationSpec {
    ManipulationSpec::PixelStrip(PixelStripSpec { width: 6, init_std: 0.1, content: StripContent::Learned })
}

#[test]
fn a_strip_needs_an_input_that_grows() {
    insta::assert_snapshot!(
        toy().build(&method(&[strip()], LINEAR), &target(3), FRAMED, 1).unwrap_err(),
        @"toy takes images of one size, which cannot grow: `operator = \"additive\"` on the canvas is the same thing"
    );
    let stage = |(n_blocks, kernel, stride, expansion, channels)| MbStage { n_blocks, kernel, stride, expansion, channels };
    let stages = [(1, 3, 1, 1, 4), (2, 3, 2, 6, 6), (2, 5, 2, 6, 8), (1, 3, 1, 2, 8)].map(stage).to_vec();
    let config = EfficientNetConfig { image_size: 30, stem: 8, stages, features: 24, n_classes: 7, ..EfficientNetConfig::lite0() };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/efficientnet/model.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let network = EfficientNet::load(&config, "tiny", Weights::from_safetensors(&bytes).unwrap(), &Device::flex()).unwrap();
    let device = Device::flex().autodiff();
    let placement = reprogram_methods::Placement { canvas: [30, 30], image: [30, 30] };
    let setup = Setup {
        encoders: reprogram_methods::NO_ENCODERS,
        backbone: &network,
        device: &device,
        target: &target(3),
        placement: Some(placement),
        train_texts: &[],
        worked_examples: &[],
        seed: Seed::new(1),
    };
    let first = AlignmentSpec::FirstClasses(reprogram_methods::FirstClassesSpec {});
    let program = method(&[strip()], first).build(&setup).unwrap();
    assert_eq!(program.n_trainable(), 3 * 30 * 6, "channels · height · width");
    let pixels = toy::uniform("wide", 2 * 3 * 30 * 30, 0.5).into_iter().map(|value| value + 0.5).collect::<Vec<f32>>();
    let items = Batch::Images(Tensor::from_data(TensorData::new(pixels, [2, 3, 30, 30]), &Device::flex()));
    let loss = |program: &Program| cross_entropy(program.forward(&network, &items), &[0, 2]);
    let gradients = GradientsParams::from_grads(loss(&program).backward(), &program);
    let slopes = gradient(&program, &gradients);
    let steepest = (0..slopes.len()).max_by(|&a, &b| slopes[a].abs().total_cmp(&slopes[b].abs())).unwrap();
    let moved = |by: f32| {
        let mut point = program.point();
        point[steepest] += by;
        let value: f32 = loss(&program.at_point(&point)).into_scalar();
        value
    };
    let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
    println!("slope {} against {difference}", slopes[steepest]);
    assert!((difference - slopes[steepest]).abs() <= 2e-2 * slopes[steepest].abs() + 1e-5);
}

/// All gradients of a program.
fn gradient(program: &Program, gradients: &GradientsParams) -> Vec<f32> {
    use burn::module::{ModuleVisitor, Param};
    struct Collect<'a>(&'a GradientsParams, Vec<f32>);
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.extend(self.0.get::<D>(param.id).map(values).unwrap_or_default());
        }
    }
    let mut collect = Collect(gradients, Vec::new());
    program.visit(&mut collect);
    collect.1
}

#[test]
fn where_items_are_compared_with_texts_identity_compares_with_the_classes() {
    let model = toy::two_towers::clip(&Device::flex());
    let (device, target) = (Device::flex(), target(3));
    let setup = Setup {
        encoders: reprogram_methods::NO_ENCODERS,
        backbone: &model,
        device: &device,
        target: &target,
        placement: Some(FRAMED),
        train_texts: &[],
        worked_examples: &[],
        seed: Seed::new(1),
    };
    let scores = |alignment| values(method(&[], alignment).build(&setup).unwrap().forward(&model, &batch(3)));
    let identity = scores(AlignmentSpec::Identity(IdentitySpec {}));
    assert_eq!(identity, scores(AlignmentSpec::NearestText(NearestTextSpec {})));
}

#[test]
fn a_direction_between_classes_that_are_not_there_is_refused() {
    let contrast = Contrast::Classes { toward: 3, from: 0 };
    let spec = SteeringSpec { modality: Modality::Vision, layers: None, scale: 1.0, contrast };
    insta::assert_snapshot!(
        toy().build(&method(&[ManipulationSpec::Steering(spec)], LINEAR), &target(3), FRAMED, 1).unwrap_err(),
        @"steering needs two different classes of 3, counted from zero, but got 3 and 0"
    );
}
