//! Several texts a class on a toy CLIP: rules, counts and weights that bring them together, and frames that are for some of them.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reprogram_methods::{
    AlignmentSpec, ClassContextSpec, ClassContextsSpec, ClassDescriptionsSpec, ContextOf, CountedTextsSpec, Decoupled, DecoupledFrameSpec,
    Evidence, Fitting, ManipulationSpec, MeanTextSpec, NamePlace, NearestTextSpec, PixelFrameSpec, Program, PromptInit, Squash,
    TopTextsSpec, TransportSpec, WeightedTextsSpec,
};
use reprogram_models::{Backbone, Clip, Input, cross_entropy};
use reprogram_taxonomy::{Alignment, Cut, Misfit};
use toy::two_towers::{TEXT_DIM, build_to, clip, furthest, template};
use toy::{CANVAS, CHANNELS, batch, check_gradient, images, values};

const LABELS: [usize; 4] = [0, 1, 2, 1];
const SENTENCES: [&str; 4] = ["a photo of a {} .", "the {} is large .", "this {}", "a bad {} ."];

/// The same sentences about each class, in groups of these sizes.
fn descriptions(groups: &[usize]) -> ManipulationSpec {
    let of = (0..3).map(|class| {
        let name = format!("class {class}");
        let mut sentences = SENTENCES.iter().map(|sentence| sentence.replace("{}", &name));
        (name.clone(), groups.iter().map(|&n| sentences.by_ref().take(n).collect()).collect())
    });
    ManipulationSpec::ClassDescriptions(ClassDescriptionsSpec { of: of.collect() })
}

fn build(model: &Clip, manipulations: &[ManipulationSpec], alignment: AlignmentSpec) -> Program {
    build_to(model, manipulations, alignment).unwrap()
}

fn top(k: usize, weights: &[f32]) -> AlignmentSpec {
    AlignmentSpec::TopTexts(TopTextsSpec { k, weights: weights.to_vec() })
}

const COUNTED: AlignmentSpec = AlignmentSpec::CountedTexts(CountedTextsSpec { k: 3 });

fn scores(model: &Clip, program: &Program) -> Vec<f32> {
    values(program.valid().forward(model, &batch(4)))
}

/// Similarities to the 12 texts, `[item][class][sentence]`.
fn similarities(model: &Clip) -> Vec<f32> {
    let program = build(model, &[descriptions(&[4])], COUNTED);
    values(program.valid().source(model, &batch(4)))
}

/// By class: a function of the class's own similarities.
fn by_class(similarities: &[f32], of_class: impl Fn(&[f32]) -> f32) -> Vec<f32> {
    similarities.chunks(4).map(of_class).collect()
}

fn sorted(own: &[f32]) -> Vec<f32> {
    let mut own = own.to_vec();
    own.sort_by(|a, b| b.total_cmp(a));
    own
}

#[test]
fn descriptions_are_what_sentences_with_names_are() {
    let model = clip(&Device::flex());
    let mean = || AlignmentSpec::MeanText(MeanTextSpec {});
    let written = build(&model, &[template(&SENTENCES)], mean());
    let described = build(&model, &[descriptions(&[2, 2])], mean());
    assert_eq!(written.class_texts().classes(), described.class_texts().classes());
    assert_eq!(described.class_texts().groups(), [0, 0, 1, 1].repeat(3));
    assert!(furthest(&scores(&model, &written), &scores(&model, &described)) < 1e-5);
}

#[test]
fn the_nearest_texts_speak_for_a_class() {
    let model = clip(&Device::flex());
    let all = similarities(&model);
    let program = |groups: &[usize], alignment| scores(&model, &build(&model, &[descriptions(groups)], alignment));
    let mean = by_class(&all, |own| own.iter().sum::<f32>() / 4.0);
    let largest = by_class(&all, |own| sorted(own)[0]);
    let two = by_class(&all, |own| 0.3 * sorted(&own[..2])[0] + 0.7 * sorted(&own[2..])[0]);
    for (expected, found) in
        [(mean, program(&[4], top(4, &[1.0]))), (largest, program(&[4], top(1, &[1.0]))), (two, program(&[2, 2], top(1, &[0.3, 0.7])))]
    {
        assert!(furthest(&expected, &found) < 1e-4, "{expected:?}, {found:?}");
    }
}

#[test]
fn a_frame_learns_from_the_nearest_texts() {
    let model = clip(&Device::flex());
    let frame = ManipulationSpec::PixelFrame(PixelFrameSpec { init_std: 0.3, ..PixelFrameSpec::default() });
    let program = build(&model, &[descriptions(&[2, 2]), frame], top(1, &[0.5, 0.5]));
    assert_eq!(program.n_trainable(), CHANNELS * (CANVAS * CANVAS - 16));
    check_gradient(&program, 19, &|program| cross_entropy(program.forward(&model, &batch(4)), &LABELS));
}

#[test]
fn texts_are_weighted_by_counts() {
    let model = clip(&Device::flex());
    let all = similarities(&model);
    let mut program = build(&model, &[descriptions(&[4])], COUNTED);
    assert_eq!(program.alignment().evidence(), Evidence::TrainingEveryEpoch);
    let own = by_class(&all, |own| own.iter().sum::<f32>() / 4.0);
    assert!(furthest(&own, &scores(&model, &program)) < 1e-4, "before it is counted, a class has its own texts");

    // Texts 0, 1 and 2 are nearest to the first item, 2, 3 and 4 to the second, which is of the same class, so that 0 follows; 11, 0
    // and 5 to the third, of whose class 4 and 6 follow; class 2 has no item.
    let row = |near: [usize; 3]| -> [f32; 12] { std::array::from_fn(|text| if near.contains(&text) { 1.0 } else { 0.0 }) };
    let seen = Tensor::<2>::from_floats([row([0, 1, 2]), row([2, 3, 4]), row([11, 0, 5])], &Device::flex());
    program.alignment_mut().fit(Fitting { scores: &seen, labels: &[0, 0, 1] });
    let matrix = program.tensors().pop().unwrap().values;
    let column = |class: usize| -> Vec<f32> { matrix.iter().skip(class).step_by(3).copied().collect() };
    let sixths = |counts: [f32; 12]| counts.map(|count| count / 6.0).to_vec();
    assert!(furthest(&column(0), &sixths([2.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])) < 1e-6);
    assert!(furthest(&column(1), &sixths([0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0])) < 1e-6);
    assert!(furthest(&column(2), &[[0.0; 8].as_slice(), &[0.25; 4]].concat()) < 1e-6, "a class without items keeps its own");
    let weighted: Vec<f32> = all.chunks(12).flat_map(|row| (0..3).map(|c| row.iter().zip(column(c)).map(|(s, r)| s * r).sum())).collect();
    assert!(furthest(&weighted, &scores(&model, &program)) < 1e-4);
}

#[test]
fn sure_sentences_weigh_more() {
    let model = clip(&Device::flex());
    let alignment = || AlignmentSpec::WeightedTexts(WeightedTextsSpec {});
    let mut program = build(&model, &[template(&["a photo of a {} .", "the {}"])], alignment());
    let before: Vec<f32> = program.tensors().pop().unwrap().values;
    assert!((before[0] - 0.5).abs() < 1e-7 && (before[3] - 0.5).abs() < 1e-7, "alike at first");
    // The first sentence tells two items apart, the second does not. Order: class 0 first, second sentence, class 1, class 2.
    let seen = Tensor::<2>::from_floats([[2.0, 1.0, 0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 2.0, 1.0, 1.0, 1.0]], &Device::flex());
    program.alignment_mut().fit(Fitting { scores: &seen, labels: &[0, 1] });
    // z of the first sentence: (1, −1, 0) and (−1, 1, 0): its score is 1, the second's 0.
    let first = 1f32.exp() / (1f32.exp() + 1.0);
    let after: Vec<f32> = program.tensors().pop().unwrap().values;
    let expected: Vec<f32> = (0..18).map(|i| if i / 6 == i % 3 { if i / 3 % 2 == 0 { first } else { 1.0 - first } } else { 0.0 }).collect();
    assert!(furthest(&after, &expected) < 1e-6, "{after:?}");
    assert_eq!((program.n_trainable(), program.signature().alignment), (0, Alignment::Statistical));
}

/// With one text a class it is the mean over patches, and gradients go where they should.
#[test]
fn one_text_is_carried_to_all_patches_alike() {
    let model = clip(&Device::flex());
    let contexts =
        |contexts| ManipulationSpec::ClassContexts(ClassContextsSpec { contexts, tokens: 3, init: PromptInit::Normal { std: 0.5 } });
    let transport = || AlignmentSpec::Transport(TransportSpec::default());
    let one = build(&model, &[template(&["{} ."]), contexts(1)], transport());
    let words = one.tensors().pop().unwrap().values;
    let images = model.local_features(&model.blocks(model.embed(Input::Image(images(4))))).unwrap();
    let [n, patches, joint] = images.dims();
    assert_eq!([n, patches, joint], [4, 4, 12]);
    let context =
        ClassContextSpec { tokens: 3, init: PromptInit::Normal { std: 0.5 }, of: ContextOf::All, name: NamePlace::End, near: None };
    let nearest = AlignmentSpec::NearestText(NearestTextSpec {});
    let plain = build(&model, &[template(&["{} ."]), ManipulationSpec::ClassContext(context)], nearest);
    let mut tensors = plain.tensors();
    tensors[0].values = words;
    let plain = plain.with_tensors(tensors).unwrap().valid();
    let texts = plain.class_features(&model);
    let local = model.joint().unwrap().logits(images.reshape([16, joint]), texts);
    let mean = values(local.reshape([4, patches, 3]).mean_dim(1));
    assert!(furthest(&mean, &scores(&model, &one)) < 1e-4);
    check_gradient(&one, 7, &|program| cross_entropy(program.forward(&model, &batch(4)), &LABELS));

    let two = build(&model, &[template(&["{} ."]), contexts(2)], transport());
    assert_eq!((two.n_trainable(), two.cut(&model)), (2 * 3 * TEXT_DIM, Cut::Output));
    assert_eq!(two.class_texts().classes()[1], ["class 1 .", "class 1 ."]);
    assert_ne!(scores(&model, &one), scores(&model, &two));
}

fn frames(by: Decoupled, squash: Squash, init_std: f32) -> ManipulationSpec {
    ManipulationSpec::DecoupledFrame(DecoupledFrameSpec { frames: 2, by, squash, init_std })
}

#[test]
fn zero_frames_change_nothing() {
    let model = clip(&Device::flex());
    let plain = build(&model, &[descriptions(&[2, 2])], COUNTED);
    for by in [Decoupled::Groups, Decoupled::Clusters] {
        let program = build(&model, &[descriptions(&[2, 2]), frames(by, Squash::None, 0.0)], COUNTED);
        assert!(furthest(&scores(&model, &plain), &scores(&model, &program)) < 1e-4);
        assert_eq!((program.n_trainable(), program.n_passes()), (2 * CHANNELS * (CANVAS * CANVAS - 16), 2));
    }
}

#[test]
fn a_frame_acts_on_its_own_texts_alone() {
    let model = clip(&Device::flex());
    let program = build(&model, &[descriptions(&[2, 2]), frames(Decoupled::Groups, Squash::Tanh, 0.3)], COUNTED);
    let similarities = |program: &Program| values(program.valid().source(&model, &batch(4)));
    let before = similarities(&program);
    let mut tensors = program.tensors();
    let second = CHANNELS * CANVAS * CANVAS;
    tensors[0].values[second..].iter_mut().for_each(|value| *value = -*value);
    let after = similarities(&program.clone().with_tensors(tensors).unwrap());
    for (text, (before, after)) in before.iter().zip(&after).enumerate() {
        let moved = (before - after).abs() > 1e-6;
        assert_eq!(moved, text % 4 >= 2, "text {text}: {before} and {after}");
    }
    check_gradient(&program, 41, &|program| cross_entropy(program.forward(&model, &batch(4)), &LABELS));
}

#[test]
fn what_texts_lack_is_told() {
    let model = clip(&Device::flex());
    let refused = |manipulations: &[ManipulationSpec], alignment| -> String {
        let misfit: Misfit = build_to(&model, manipulations, alignment).unwrap_err();
        misfit.to_string()
    };
    let nobody = ManipulationSpec::ClassDescriptions(ClassDescriptionsSpec { of: BTreeMap::new() });
    let uneven = ManipulationSpec::ClassDescriptions(ClassDescriptionsSpec {
        of: (0..3).map(|class| (format!("class {class}"), vec![vec!["a".to_owned(); 1 + class]])).collect(),
    });
    let three = DecoupledFrameSpec { frames: 3, by: Decoupled::Groups, squash: Squash::None, init_std: 0.0 };
    insta::assert_snapshot!(
        [
            refused(&[descriptions(&[4])], AlignmentSpec::NearestText(NearestTextSpec {})),
            refused(&[nobody], COUNTED),
            refused(&[descriptions(&[4])], top(3, &[0.5, 0.5])),
            refused(&[descriptions(&[2, 2])], top(3, &[0.5, 0.5])),
            refused(&[uneven], AlignmentSpec::WeightedTexts(WeightedTextsSpec {})),
            refused(&[descriptions(&[2, 2]), ManipulationSpec::DecoupledFrame(three)], COUNTED),
            refused(&[descriptions(&[2, 2]), frames(Decoupled::Groups, Squash::None, 0.0)], AlignmentSpec::MeanText(MeanTextSpec {})),
        ]
        .join("\n")
    );
}
