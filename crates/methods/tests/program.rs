//! The one forward pass on a toy backbone: what manipulations do, what is trained, and what is saved.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData, activation::log_softmax};
use reprogram_methods::{
    AlignmentSpec, Batch, LinearMapSpec, LinearOn, ManipulationSpec, NamedTensor, PixelFrameSpec, Program, PromptInit, RandomMappingSpec,
    SoftPromptSpec, Squash,
};
use reprogram_models::{Backbone, Input, Reading, Stream};
use reprogram_taxonomy::{Modality, Tower};
use toy::{CANVAS, CHANNELS, FRAMED, N_SOURCE, Toy, batch, images, method, target, values};

const RANDOM: AlignmentSpec = AlignmentSpec::RandomMapping(RandomMappingSpec {});
const LINEAR: AlignmentSpec = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Logits });
const N_FRAME: usize = CANVAS * CANVAS - FRAMED.image[0] * FRAMED.image[1];

fn toy() -> Toy {
    Toy::new(2, &Device::flex())
}

fn frame(squash: Squash, init_std: f32) -> ManipulationSpec {
    ManipulationSpec::PixelFrame(PixelFrameSpec { squash, init_std, ..PixelFrameSpec::default() })
}

fn prompt() -> ManipulationSpec {
    ManipulationSpec::SoftPrompt(SoftPromptSpec { tokens: 3, init: PromptInit::Normal { std: 0.5 }, modality: Modality::Vision })
}

/// Without gradients, as items are scored. (With them, attention takes another way, to the last bit but one.)
fn logits(toy: &Toy, program: &Program, batch: &Batch) -> Vec<f32> {
    values(program.valid().forward(&toy.backbone, batch))
}

fn loss(toy: &Toy, program: &Program) -> Tensor<1> {
    let scores = program.forward(&toy.backbone, &batch(4));
    let labels = Tensor::<2, Int>::from_data(TensorData::new(vec![0i32, 1, 2, 1], [4, 1]), &scores.device());
    log_softmax(scores, 1).gather(1, labels).mean().neg()
}

/// Gradients of a module's parameters, in the order of [`Program::tensors`]; nothing where there is none.
fn gradients(module: &impl Module, gradients: &Gradients) -> Vec<Option<Vec<f32>>> {
    struct Reader<'a>(&'a Gradients, Vec<Option<Vec<f32>>>);
    impl ModuleVisitor for Reader<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.push(param.val().grad(self.0).map(values));
        }
    }
    let mut reader = Reader(gradients, Vec::new());
    module.visit(&mut reader);
    reader.1
}

/// A program with one number moved.
fn moved(program: &Program, tensor: usize, index: usize, by: f32) -> Program {
    let mut tensors = program.tensors();
    tensors[tensor].values[index] += by;
    program.clone().with_tensors(tensors).unwrap()
}

/// One step of gradient descent by hand.
fn stepped(toy: &Toy, program: Program, rate: f32) -> (Program, f32) {
    let loss = loss(toy, &program);
    let value: f32 = loss.clone().into_scalar();
    let steps = gradients(&program, &loss.backward());
    let mut tensors = program.tensors();
    for (NamedTensor { values, .. }, step) in tensors.iter_mut().zip(steps) {
        values.iter_mut().zip(step.unwrap_or_default()).for_each(|(value, slope)| *value -= rate * slope);
    }
    (program.with_tensors(tensors).unwrap(), value)
}

#[test]
fn a_frame_of_tanh_zero_changes_nothing() {
    let toy = toy();
    let framed = toy.program(&method(&[frame(Squash::Tanh, 0.0)], RANDOM), 1);
    let bare = toy.program(&method(&[], RANDOM), 1);
    assert_eq!(logits(&toy, &framed, &batch(3)), logits(&toy, &bare, &batch(3)));
}

#[test]
fn a_frame_of_sigmoid_zero_is_grey_around_the_image() {
    let toy = toy();
    let program = toy.program(&method(&[frame(Squash::Sigmoid, 0.0)], RANDOM), 1);
    let shape = [CHANNELS * 2, CANVAS, CANVAS];
    let grey = (0..shape.iter().product()).map(|i| f32::from(u8::from(FRAMED.is_frame(i / CANVAS % CANVAS, i % CANVAS))) * 0.5);
    let grey = Tensor::<3>::from_data(TensorData::new(grey.collect::<Vec<f32>>(), shape), &Device::flex());
    let by_hand = images(2) + grey.reshape([2, CHANNELS, CANVAS, CANVAS]);
    let bare = toy.program(&method(&[], RANDOM), 1);
    assert_eq!(logits(&toy, &program, &batch(2)), logits(&toy, &bare, &Batch::Images(by_hand)));
}

#[test]
fn only_the_frame_counts_as_trainable() {
    let program = toy().program(&method(&[frame(Squash::Tanh, 0.0)], RANDOM), 1);
    assert_eq!(program.n_trainable(), CHANNELS * N_FRAME);
    assert_eq!(program.n_stored(), CHANNELS * CANVAS * CANVAS + N_SOURCE * 3);
    let linear = toy().program(&method(&[frame(Squash::Tanh, 0.0), prompt()], LINEAR), 1);
    assert_eq!(linear.n_trainable(), CHANNELS * N_FRAME + 3 * 8 + (N_SOURCE + 1) * 3);
}

#[test]
fn the_gradient_of_the_frame_is_that_of_finite_differences() {
    const STEP: f32 = 2e-2;
    let toy = toy();
    for squash in [Squash::Tanh, Squash::Sigmoid, Squash::None] {
        let program = toy.program(&method(&[frame(squash, 0.3)], LINEAR), 1);
        let slopes = gradients(&program, &loss(&toy, &program).backward()).remove(0).unwrap();
        let under_image = (0..slopes.len()).filter(|i| !FRAMED.is_frame(i / CANVAS % CANVAS, i % CANVAS));
        assert!(under_image.clone().all(|i| slopes[i] == 0.0), "under the image there is no gradient");
        assert_eq!(under_image.count(), CHANNELS * (CANVAS * CANVAS - N_FRAME));
        let mut steepest: Vec<usize> = (0..slopes.len()).collect();
        steepest.sort_by(|&a, &b| slopes[b].abs().total_cmp(&slopes[a].abs()));
        let mut worst = 0.0f32;
        for &i in steepest.iter().take(6) {
            let at = |by: f32| -> f32 { loss(&toy, &moved(&program, 0, i, by)).into_scalar() };
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            worst = worst.max((difference - slopes[i]).abs() / slopes[i].abs());
        }
        println!("{squash:?}: worst relative difference {worst:.1e}, steepest {:.1e}", slopes[steepest[0]]);
        assert!(worst < 1e-2, "{squash:?}: {worst:.2e}");
    }
}

#[test]
fn training_leaves_the_backbone_where_it_was() {
    // With autodiff on the backbone's own device, it is freezing alone that keeps gradients away.
    let toy = Toy::new(2, &Device::flex().autodiff());
    let before = toy.manifest.export(&*toy.backbone);
    let program = toy.program(&method(&[frame(Squash::Sigmoid, 0.0), prompt()], LINEAR), 1);
    let reached = gradients(&*toy.backbone, &loss(&toy, &program).backward());
    assert!(reached.len() > 30 && reached.iter().all(Option::is_none), "no weight of the backbone has a gradient");
    let start = program.tensors();
    let (program, first) = stepped(&toy, program, 0.3);
    let (program, _) = stepped(&toy, program, 0.3);
    let last: f32 = loss(&toy, &program).into_scalar();
    assert!(last < first, "{first} → {last}");
    assert!(start.iter().zip(program.tensors()).all(|(old, new)| old.values != new.values), "everything learnable has moved");
    assert_eq!(toy.manifest.export(&*toy.backbone), before);
}

#[test]
fn a_soft_prompt_is_tokens_behind_the_class_token() {
    let toy = toy();
    let program = toy.program(&method(&[prompt()], RANDOM), 1);
    let tokens = program.tensors().remove(0);
    assert_eq!(tokens.shape, [3, 8]);
    let tokens = Tensor::<3>::from_data(TensorData::new(tokens.values, [1, 3, 8]), &Device::flex()).expand([2, 3, 8]);
    let embedded = toy.backbone.embed(Input::Image(images(2))).hidden();
    let (class, patches) = (embedded.clone().narrow(1, 0, 1), embedded.narrow(1, 1, 4));
    let by_hand = Stream::unpadded(Tensor::cat(vec![class, tokens, patches], 1), Tower::Vision, 1);
    let by_hand = toy.backbone.read(&toy.backbone.blocks(by_hand), Reading::Logits);
    assert_eq!(values(program.valid().source(&toy.backbone, &batch(2))), values(by_hand));
}

#[test]
fn a_soft_prompt_reaches_the_class_token_through_blocks_only() {
    let prompted_and_bare = |depth| {
        let toy = Toy::new(depth, &Device::flex());
        [vec![prompt()], vec![]].map(|parts| logits(&toy, &toy.program(&method(&parts, RANDOM), 1), &batch(2)))
    };
    let [prompted, bare] = prompted_and_bare(0);
    assert_eq!(prompted, bare);
    let [prompted, bare] = prompted_and_bare(1);
    assert_ne!(prompted, bare);
}

#[test]
fn a_saved_program_scores_the_same_elsewhere() {
    let toy = toy();
    let method = method(&[frame(Squash::Tanh, 0.3), prompt()], LINEAR);
    let (saved, other) = (toy.program(&method, 1), toy.program(&method, 2));
    assert_ne!(logits(&toy, &saved, &batch(3)), logits(&toy, &other, &batch(3)));
    let loaded = other.with_tensors(saved.tensors()).unwrap();
    assert_eq!(logits(&toy, &loaded, &batch(3)), logits(&toy, &saved, &batch(3)));
    assert_eq!((loaded.n_trainable(), loaded.tensors()), (saved.n_trainable(), saved.tensors()));
}

#[test]
fn a_foreign_program_is_refused() {
    let program = toy().program(&method(&[frame(Squash::Tanh, 0.0)], LINEAR), 1);
    let refused = |change: fn(&mut Vec<NamedTensor>)| {
        let mut tensors = program.tensors();
        change(&mut tensors);
        program.clone().with_tensors(tensors).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refused(|tensors| drop(tensors.remove(0))), @"the saved program has no tensor `manipulations.0.PixelFrame.delta`");
    insta::assert_snapshot!(refused(|tensors| tensors[1].shape.reverse()), @"tensor `alignment.LinearMap.weight` of the saved program has shape [3, 6], but [6, 3] is needed");
    let spare = |name: &str| NamedTensor { name: name.to_owned(), shape: vec![1], values: vec![0.0] };
    let mut tensors = program.tensors();
    tensors.extend([spare("spare"), spare("extra")]);
    insta::assert_snapshot!(program.clone().with_tensors(tensors).unwrap_err(), @"the saved program has tensors that this one lacks: extra, spare");
}

#[test]
fn items_do_not_see_each_other() {
    let toy = toy();
    let program = toy.build(&method(&[frame(Squash::Sigmoid, 0.3), prompt()], LINEAR), &target(3), FRAMED, 1).unwrap();
    let together = logits(&toy, &program, &batch(8));
    let alone: Vec<f32> = (0..8).flat_map(|i| logits(&toy, &program, &Batch::Images(images(8).narrow(0, i, 1)))).collect();
    let worst = together.iter().zip(&alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("8 together against 8 alone: max |Δ| = {worst:.1e}");
    assert!(worst <= 1e-5);
}
