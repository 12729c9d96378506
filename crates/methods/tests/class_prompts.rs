//! What is learned beside the names of classes on a toy CLIP: words that stand where hand-written ones would, texts that depend on the
//! item, and tokens in both towers. What is neutral changes nothing, gradients are those of finite differences, and counts are
//! the papers' formulae.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reprogram_methods::{
    AlignmentSpec, Batch, ClassContextSpec, ConditionedContextSpec, ContextOf, CoupledPromptSpec, ManipulationSpec, NamePlace, NamedTensor,
    NearText, NearestTextSpec, Program, PromptInit, SoftPromptSpec,
};
use reprogram_models::{Clip, cross_entropy};
use reprogram_taxonomy::{Cut, Misfit, Modality};
use toy::two_towers::{TEXT_DIM, build_to, clip, furthest, template};
use toy::{batch, check_gradient, images, values};

const LABELS: [usize; 4] = [0, 1, 2, 1];
const JOINT: usize = 12;
const VISION_DIM: usize = 8;

fn text(words: &str) -> PromptInit {
    PromptInit::Text(words.to_owned())
}

fn context(tokens: usize, init: PromptInit, name: NamePlace) -> ClassContextSpec {
    ClassContextSpec { tokens, init, of: ContextOf::All, name, near: None }
}

fn nearest(model: &Clip, manipulations: &[ManipulationSpec]) -> Result<Program, Misfit> {
    build_to(model, manipulations, AlignmentSpec::NearestText(NearestTextSpec {}))
}

fn with_context(model: &Clip, spec: ClassContextSpec) -> Program {
    nearest(model, &[template(&["{} ."]), ManipulationSpec::ClassContext(spec)]).unwrap()
}

fn scores(model: &Clip, program: &Program) -> Vec<f32> {
    values(program.valid().forward(model, &batch(4)))
}

fn loss(model: &Clip, program: &Program) -> Tensor<1> {
    let loss = cross_entropy(program.forward(model, &batch(4)), &LABELS);
    program.penalty(model).map_or(loss.clone(), |penalty| loss + penalty)
}

/// With some of its tensors set to zero.
fn zeroed(program: &Program, is_zero: impl Fn(&str) -> bool) -> Program {
    let mut tensors: Vec<NamedTensor> = program.tensors();
    for tensor in tensors.iter_mut().filter(|tensor| is_zero(&tensor.name)) {
        tensor.values.fill(0.0);
    }
    program.clone().with_tensors(tensors).unwrap()
}

#[test]
fn a_context_that_starts_as_words_is_those_words() {
    let model = clip(&Device::flex());
    for (name, words, sentence) in [
        (NamePlace::End, "a photo of a", "a photo of a {} ."),
        (NamePlace::Middle, "a photo of", "a {} photo of ."),
        (NamePlace::Front, "photo of a", "{} photo of a ."),
    ] {
        let learned = with_context(&model, context(words.split(' ').count(), text(words), name));
        let written = nearest(&model, &[template(&[sentence])]).unwrap();
        let apart = furthest(&scores(&model, &learned), &scores(&model, &written));
        println!("{sentence}: apart by {apart}");
        assert!(apart < 1e-4, "{sentence}: {apart}");
    }
}

#[test]
fn a_name_stands_in_front_and_in_the_middle_of_what_is_learned() {
    let model = clip(&Device::flex());
    for name in [NamePlace::Middle, NamePlace::Front] {
        let program = with_context(&model, context(3, PromptInit::Normal { std: 0.5 }, name));
        assert_eq!((program.n_trainable(), program.cut(&model)), (3 * TEXT_DIM, Cut::Output));
        check_gradient(&program, 7, &|program| loss(&model, program));
        let other = nearest(&model, &[template(&["the {}"]), ManipulationSpec::ClassContext(context(3, text("a"), name))]).unwrap_err();
        assert!(other.to_string().contains("begin with the name of the class"), "{other}");
    }
}

#[test]
fn a_class_is_kept_near_to_a_sentence() {
    let model = clip(&Device::flex());
    let near = Some(NearText { template: "a photo of a {} .".to_owned(), weight: 8.0 });
    let same = with_context(&model, ClassContextSpec { near: near.clone(), ..context(4, text("a photo of a"), NamePlace::End) });
    let nothing: f32 = same.penalty(&model).unwrap().into_scalar();
    assert!(nothing.abs() < 1e-4, "the sentence itself costs nothing, not {nothing}");
    let other = with_context(&model, ClassContextSpec { near, ..context(4, PromptInit::Normal { std: 0.5 }, NamePlace::End) });
    let something: f32 = other.penalty(&model).unwrap().into_scalar();
    assert!((1e-2..=16.0).contains(&something), "{something}");
    check_gradient(&other, 7, &|program| loss(&model, program));
    assert!(with_context(&model, context(4, text("a"), NamePlace::End)).penalty(&model).is_none());
}

fn conditioned() -> ManipulationSpec {
    ManipulationSpec::ConditionedContext(ConditionedContextSpec { tokens: 4, init: text("a photo of a") })
}

#[test]
fn a_network_that_says_zero_leaves_the_context() {
    let model = clip(&Device::flex());
    let program = nearest(&model, &[template(&["{} ."]), conditioned()]).unwrap();
    let hidden = 1;
    assert_eq!(program.n_trainable(), 4 * TEXT_DIM + (JOINT * hidden + hidden) + (hidden * TEXT_DIM + TEXT_DIM));
    assert_eq!(program.cut(&model), Cut::Output, "images go through f once");
    let plain = scores(&model, &with_context(&model, context(4, text("a photo of a"), NamePlace::End)));
    let silent = zeroed(&program, |name| name.contains("up"));
    assert!(furthest(&plain, &scores(&model, &silent)) < 1e-4, "nothing is added");
    assert!(furthest(&plain, &scores(&model, &program)) > 1e-3, "the network matters");
}

#[test]
fn each_item_has_texts_of_its_own() {
    let model = clip(&Device::flex());
    let program = nearest(&model, &[template(&["{} ."]), conditioned()]).unwrap();
    let together = scores(&model, &program);
    for (item, row) in together.chunks(3).enumerate() {
        let alone = Batch::Images(images(4).narrow(0, item, 1));
        let apart = furthest(&values(program.valid().forward(&model, &alone)), row);
        assert!(apart < 1e-4, "item {item}: {apart}");
    }
    check_gradient(&program, 5, &|program| loss(&model, program));
}

fn coupled(depth: usize) -> ManipulationSpec {
    ManipulationSpec::CoupledPrompt(CoupledPromptSpec { tokens: 2, depth, init: text("a photo") })
}

#[test]
fn coupled_tokens_are_counted_and_learned_in_both_towers() {
    let model = clip(&Device::flex());
    for (depth, blocks) in [(1, 1), (2, 2), (9, 2)] {
        let program = nearest(&model, &[template(&["of a {} ."]), coupled(depth)]).unwrap();
        assert_eq!(program.n_trainable(), blocks * 2 * TEXT_DIM + blocks * (TEXT_DIM * VISION_DIM + VISION_DIM), "depth {depth}");
        assert_eq!(program.cut(&model), Cut::Embedding, "images are changed at the embedding");
        check_gradient(&program, 11, &|program| loss(&model, program));
    }
}

#[test]
fn coupled_tokens_of_one_block_are_a_prompt_in_each_tower() {
    let model = clip(&Device::flex());
    let program = nearest(&model, &[template(&["of a {} ."]), coupled(1)]).unwrap();
    // Without the map, the images' tokens are its offset, twice.
    let silent = zeroed(&program, |name| name.ends_with("weight"));
    let soft = SoftPromptSpec { tokens: 2, init: PromptInit::Normal { std: 0.5 }, modality: Modality::Vision };
    let words = ManipulationSpec::ClassContext(context(2, text("a photo"), NamePlace::End));
    let apart = nearest(&model, &[template(&["of a {} ."]), words, ManipulationSpec::SoftPrompt(soft)]).unwrap();
    let offset = silent.tensors().into_iter().find(|tensor| tensor.name.ends_with("bias")).unwrap().values;
    let mut tensors = apart.tensors();
    let own = tensors.iter_mut().find(|tensor| tensor.values.len() == 2 * VISION_DIM).unwrap();
    own.values = [offset.clone(), offset].concat();
    let apart = apart.with_tensors(tensors).unwrap();
    assert!(furthest(&scores(&model, &silent), &scores(&model, &apart)) < 1e-4);
    assert!(furthest(&scores(&model, &program), &scores(&model, &apart)) > 1e-3, "the map matters");
}

#[test]
fn what_puts_tokens_in_by_itself_wants_to_be_alone() {
    let model = clip(&Device::flex());
    let words = ManipulationSpec::ClassContext(context(2, text("a"), NamePlace::End));
    let alone = |part| nearest(&model, &[template(&["{} ."]), part, words.clone()]).unwrap_err().to_string();
    insta::assert_snapshot!([alone(coupled(2)), alone(conditioned())].join("\n"));
}
