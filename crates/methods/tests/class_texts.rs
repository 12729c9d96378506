//! Items compared with texts, on a toy CLIP: what is learned in the text tower, what is shared, and what stays constant.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reprogram_methods::{
    AlignmentSpec, ClassContextSpec, ContextOf, Evaluation, IdentitySpec, ManipulationSpec, MeanTextSpec, NamePlace, NamedTensor,
    NearestTextSpec, Prepared, Program, PromptInit,
};
use reprogram_models::{Backbone, Clip, Input, JointSpace, Reading, Stream, TokenBatch, cross_entropy};
use reprogram_taxonomy::{Cut, Misfit, Tower};
use toy::two_towers::{CONTEXT, TEXT_DIM, build_to, clip, furthest, template, text_rows};
use toy::{batch, check_gradient, images, values};

const NEAREST: AlignmentSpec = AlignmentSpec::NearestText(NearestTextSpec {});
const LABELS: [usize; 4] = [0, 1, 2, 1];

/// Carries a stream through the text tower.
type Run<'a> = &'a dyn Fn(Stream) -> Stream;

fn context(tokens: usize, of: ContextOf) -> ManipulationSpec {
    let init = PromptInit::Normal { std: 0.5 };
    ManipulationSpec::ClassContext(ClassContextSpec { tokens, init, of, name: NamePlace::End, near: None })
}

fn build(backbone: &dyn Backbone, manipulations: &[ManipulationSpec]) -> Result<Program, Misfit> {
    build_to(backbone, manipulations, NEAREST)
}

/// Each text in a pass of its own.
fn one_by_one(model: &Clip, rows: &[Vec<u32>], run: Run<'_>) -> Tensor<2> {
    let one = |row: &Vec<u32>| {
        let stream = run(model.embed(Input::Tokens(TokenBatch::new(vec![row.clone()]))));
        model.read(&stream, Reading::Features)
    };
    Tensor::cat(rows.iter().map(one).collect(), 0)
}

const TEXTS: [&str; 6] = ["class 0 .", "a photo of a class 1 .", "a photo of a class 0 .", "the", "class 0 .", "a photo of the class 2"];

#[test]
fn texts_as_trees_are_the_texts() {
    let model = clip(&Device::flex());
    let rows = text_rows(&model, &TEXTS);
    let device = Device::flex().autodiff();
    let prompt = toy::uniform("prompt", 5 * TEXT_DIM, 0.5);
    let gradient = |features: &dyn Fn(Run<'_>) -> Tensor<2>| {
        let prompt = Tensor::<1>::from_floats(prompt.as_slice(), &device).reshape([1, 5, TEXT_DIM]).require_grad();
        let features = features(&|stream| model.blocks(stream.insert_prompt(prompt.clone())));
        let weights = Tensor::<1>::from_floats(toy::uniform("weights", 6 * 12, 1.0).as_slice(), &device).reshape([6, 12]);
        let gradients = (features.clone() * weights).sum().backward();
        (values(features.inner()), values(prompt.grad(&gradients).unwrap()))
    };
    let plain = values(one_by_one(&model, &rows, &|stream| model.blocks(stream)));
    let tree = values(model.text_features(rows.clone(), &|stream| model.blocks(stream)));
    let (tree_features, tree_gradient) = gradient(&|run| model.text_features(rows.clone(), run));
    let (row_features, row_gradient) = gradient(&|run| one_by_one(&model, &rows, run));
    let apart = [furthest(&plain, &tree), furthest(&row_features, &tree_features), furthest(&row_gradient, &tree_gradient)];
    println!("apart by {apart:?}");
    assert!(apart.iter().all(|apart| *apart < 1e-5), "{apart:?}");
    assert!(furthest(&plain, &row_features) > 1e-2, "the prompt matters");
}

#[test]
fn zero_shot_is_the_mean_of_sentences() {
    let model = clip(&Device::flex());
    let mean = AlignmentSpec::MeanText(MeanTextSpec {});
    let program = build_to(&model, &[template(&["a photo of a {} .", "the {}"])], mean).unwrap();
    let image = model.read(&model.blocks(model.embed(Input::Image(images(4)))), Reading::Features);
    let class = |label: usize| {
        let rows = text_rows(&model, &[&format!("a photo of a class {label} ."), &format!("the class {label}")]);
        JointSpace::normalise(one_by_one(&model, &rows, &|stream| model.blocks(stream))).mean_dim(0)
    };
    let expected = model.joint().unwrap().logits(image, Tensor::cat((0..3).map(class).collect(), 0));
    let found = values(program.valid().forward(&model, &batch(4)));
    assert!(furthest(&values(expected), &found) < 1e-4);
    assert_eq!((program.n_trainable(), program.n_stored()), (0, 0));
    assert_eq!(program.class_texts().classes()[1], ["a photo of a class 1 .", "the class 1"]);
}

#[test]
fn a_context_is_learned_while_images_stay_constant() {
    let model = clip(&Device::flex());
    for (of, n_contexts) in [(ContextOf::All, 1), (ContextOf::Each, 3)] {
        let program = build(&model, &[template(&["{} ."]), context(16, of)]).unwrap();
        assert_eq!(program.n_trainable(), n_contexts * 16 * TEXT_DIM);
        assert_eq!(program.cut(&model), Cut::Output, "images go through f once");
        assert_eq!(program.signature().first_learnable_in(Tower::Text, Tower::Vision), Cut::Embedding);
        let Prepared::Outputs(features) = program.prepare(&model, &batch(4)) else { panic!("features") };
        assert_eq!(features.dims(), [4, 12]);
        let halves = cross_entropy(program.finish(&model, Prepared::Outputs(features)), &LABELS);
        let whole = cross_entropy(program.forward(&model, &batch(4)), &LABELS);
        assert!((halves.clone().into_scalar::<f32>() - whole.into_scalar::<f32>()).abs() < 1e-6);
        drop(halves);
        check_gradient(&program, 37, &|program| cross_entropy(program.forward(&model, &batch(4)), &LABELS));
    }
}

#[test]
fn contexts_of_each_class_are_apart() {
    let model = clip(&Device::flex());
    let program = build(&model, &[context(2, ContextOf::Each)]).unwrap();
    let before = values(program.valid().forward(&model, &batch(4)));
    let mut tensors: Vec<NamedTensor> = program.tensors();
    tensors[0].values[2 * TEXT_DIM..4 * TEXT_DIM].iter_mut().for_each(|value| *value = -*value);
    let after = values(program.with_tensors(tensors).unwrap().valid().forward(&model, &batch(4)));
    for (before, after) in before.chunks(3).zip(after.chunks(3)) {
        assert!((before[0] - after[0]).abs() < 1e-5 && (before[2] - after[2]).abs() < 1e-5, "others stay");
        assert!((before[1] - after[1]).abs() > 1e-4, "the second class's moves");
    }
}

#[test]
fn an_evaluation_computes_the_texts_once() {
    let model = clip(&Device::flex());
    let program = build(&model, &[template(&["{} ."]), context(4, ContextOf::All)]).unwrap().valid();
    let mut evaluation = Evaluation::new(&program, &model);
    for n in [4, 2] {
        assert_eq!(values(evaluation.forward(&batch(n))), values(program.forward(&model, &batch(n))));
    }
    assert!(matches!(evaluation.prepare(&batch(1)), Prepared::Outputs(_)));
}

#[test]
fn what_does_not_fit_is_told() {
    let model = clip(&Device::flex());
    let long = build(&model, &[context(CONTEXT, ContextOf::All)]).unwrap_err().to_string();
    let bare = build(&model, &[template(&["a photo"])]).unwrap_err().to_string();
    let toy = toy::Toy::new(2, &Device::flex());
    let labelled = build(&toy.backbone, &[]).unwrap_err().to_string();
    let texts = build(&toy.backbone, &[context(2, ContextOf::All)]).unwrap_err().to_string();
    let several = build(&model, &[template(&["a {}", "the {}"])]).unwrap_err().to_string();
    let identity = AlignmentSpec::Identity(IdentitySpec {});
    let also_several = build_to(&model, &[template(&["a {}", "the {}"])], identity).unwrap_err().to_string();
    insta::assert_snapshot!([long, bare, labelled, texts, several, also_several].join("\n"));
}
