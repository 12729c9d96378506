//! Alignments on synthetic scores, and the misfits that a part or a method tells.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::tensor::{Device, Tensor, TensorData};
use std::num::NonZeroUsize;

use reprogram_methods::{
    Aligner, AlignmentSpec, Assignment, BaseImage, BayesianMappingSpec, BlockMappingSpec, FirstClassesSpec, Fitting, FrequencyMappingSpec,
    IdentitySpec, ManipulationSpec, Method, NamedTensor, PixelFrameSpec, Placement, Program, PromptInit, RandomMappingSpec,
    RankMappingSpec, Recipe, Reduction, Refit, SoftPromptSpec, Target, VerbalizerSpec, Weighting,
};
use reprogram_models::{Backbone, Input, Reading};
use reprogram_taxonomy::Modality;
use toy::{CANVAS, FRAMED, N_SOURCE, Toy, method, target, uniform, values};

const RANDOM: AlignmentSpec = AlignmentSpec::RandomMapping(RandomMappingSpec {});
const WHOLE: Placement = Placement { canvas: [CANVAS, CANVAS], image: [CANVAS, CANVAS] };

fn aligned_by(spec: AlignmentSpec, n_classes: usize) -> Program {
    Toy::new(1, &Device::flex()).build(&method(&[], spec), &target(n_classes), FRAMED, 1).unwrap()
}

/// Scores `[item, source]` with one high entry an item.
fn peaks(sources: &[usize]) -> Tensor<2> {
    let one_hot = sources.iter().flat_map(|&peak| (0..N_SOURCE).map(move |source| if source == peak { 5.0 } else { 0.0 }));
    Tensor::from_data(TensorData::new(one_hot.collect::<Vec<f32>>(), [sources.len(), N_SOURCE]), &Device::flex())
}

fn fitted(mut program: Program, sources: &[usize], labels: &[usize]) -> Program {
    program.alignment_mut().fit(Fitting { scores: &peaks(sources), labels });
    program
}

/// The matrix `[source, target]` of a mapping, column by column.
fn columns(program: &Program) -> Vec<Vec<f32>> {
    let NamedTensor { shape, values, .. } = program.tensors().pop().unwrap();
    (0..shape[1]).map(|target| values.iter().skip(target).step_by(shape[1]).copied().collect()).collect()
}

/// The source of each target in a one-to-one mapping.
fn one_to_one(program: &Program) -> Vec<usize> {
    let source = |column: Vec<f32>| {
        assert!((column.iter().sum::<f32>() - 1.0).abs() < 1e-9, "{column:?}");
        column.iter().position(|&entry| entry > 0.5).unwrap()
    };
    columns(program).into_iter().map(source).collect()
}

fn misfit(method: &Method, target: &Target, placement: Placement) -> String {
    Toy::new(2, &Device::flex()).build(method, target, placement, 1).unwrap_err().to_string()
}

#[test]
fn a_random_mapping_is_injective_and_repeats() {
    let toy = Toy::new(1, &Device::flex());
    let draw = |seed| one_to_one(&toy.build(&method(&[], RANDOM), &target(5), FRAMED, seed).unwrap());
    let draws: Vec<Vec<usize>> = (0..20).map(draw).collect();
    for (seed, map) in (0u64..).zip(&draws) {
        let mut sources = map.clone();
        sources.sort_unstable();
        sources.dedup();
        assert_eq!(sources.len(), 5, "{map:?}");
        assert_eq!(&draw(seed), map);
    }
    assert!(draws.iter().any(|map| map != &draws[0]));
}

#[test]
fn a_frequency_mapping_is_what_the_counts_say() {
    for refit in [Refit::Once, Refit::EveryEpoch] {
        let program = aligned_by(AlignmentSpec::FrequencyMapping(FrequencyMappingSpec { refit, ..FrequencyMappingSpec::default() }), 3);
        // Class 0 is seen thrice at source 4 and class 1 twice, which leaves class 1 its second choice; class 2 is absent.
        let program = fitted(program, &[4, 4, 4, 4, 4, 5], &[0, 0, 0, 1, 1, 1]);
        assert_eq!(one_to_one(&program), [4, 5, 0]);
        assert_eq!(program.alignment().note().unwrap(), "class 0 ← 4, class 1 ← 5, class 2 ← 0");
        let scores = values(program.alignment().align(peaks(&[5])));
        assert_eq!(scores, [0.0, 5.0, 0.0]);
    }
}

fn of(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

/// `[1, source]`: 0, 1, 4, 9, …
fn squares() -> Tensor<2> {
    let squares: Vec<f32> = (0..N_SOURCE).map(|source| (source * source) as f32).collect();
    Tensor::from_data(TensorData::new(squares, [1, N_SOURCE]), &Device::flex())
}

fn close(found: &[f32], expected: &[f32]) {
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(found.len() == expected.len() && worst < 1e-5, "{found:?} instead of {expected:?}");
}

#[test]
fn rules_without_outputs_say_which_sources_a_class_has() {
    let first = aligned_by(AlignmentSpec::FirstClasses(FirstClassesSpec {}), 3);
    assert_eq!(one_to_one(&first), [0, 1, 2]);
    close(&values(first.alignment().align(squares())), &[0.0, 1.0, 4.0]);
    let blocks = aligned_by(AlignmentSpec::BlockMapping(BlockMappingSpec { per_class: of(2) }), 3);
    close(&values(blocks.alignment().align(squares())), &[0.5, 6.5, 20.5]);
    assert_eq!(blocks.alignment().note().unwrap(), "class 0 ← 0 + 1, class 1 ← 2 + 3, class 2 ← 4 + 5");
    for program in [first, blocks] {
        assert_eq!((program.n_trainable(), program.n_stored()), (0, 3 * N_SOURCE));
    }
}

fn rank(per_class: usize, reduction: Reduction, base: BaseImage) -> AlignmentSpec {
    AlignmentSpec::RankMapping(RankMappingSpec { per_class: of(per_class), reduction, base })
}

#[test]
fn a_rank_mapping_deals_sources_out_by_their_logits_on_a_grey_image() {
    let toy = Toy::new(1, &Device::flex());
    let grey = Tensor::<4>::full([1, 3, CANVAS, CANVAS], 0.5, &Device::flex());
    let logits = values(toy.backbone.read(&toy.backbone.blocks(toy.backbone.embed(Input::Image(grey))), Reading::Logits));
    let mut order: Vec<usize> = (0..N_SOURCE).collect();
    order.sort_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    let square = |source: usize| (source * source) as f32;
    for (reduction, reduced) in [(Reduction::Max, f32::max as fn(f32, f32) -> f32), (Reduction::Mean, |a, b| f32::midpoint(a, b))] {
        let program = toy.build(&method(&[], rank(2, reduction, BaseImage::Grey)), &target(3), FRAMED, 1).unwrap();
        let expected: Vec<f32> = (0..3).map(|class| reduced(square(order[class]), square(order[class + 3]))).collect();
        close(&values(program.alignment().align(squares())), &expected);
        assert_eq!((program.n_trainable(), program.n_stored()), (0, 6 * N_SOURCE));
    }
}

#[test]
fn a_rank_mapping_on_noise_depends_on_the_seed_alone() {
    let note = |seed| {
        let toy = Toy::new(1, &Device::flex());
        let method = method(&[], rank(1, Reduction::Max, BaseImage::Noise));
        toy.build(&method, &target(5), FRAMED, seed).unwrap().alignment().note().unwrap()
    };
    let notes: Vec<String> = (0..8).map(note).collect();
    assert_eq!(notes[3], note(3));
    assert!(notes.iter().any(|other| other != &notes[0]), "{notes:?}");
}

#[test]
fn several_sources_of_a_class_are_averaged_and_may_be_shared() {
    let sources = [4, 4, 4, 5, 5, 4, 4, 5, 1, 2];
    let labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2];
    let with = |per_class, assignment| {
        let spec = FrequencyMappingSpec { refit: Refit::Once, per_class: of(per_class), assignment, ..FrequencyMappingSpec::default() };
        fitted(aligned_by(AlignmentSpec::FrequencyMapping(spec), 3), &sources, &labels)
    };
    let note = |program: &Program| program.alignment().note().unwrap();
    // Class 0 takes 4, then 5; class 1 gets what is left of its own, then the lowest free one.
    let greedy = with(2, Assignment::Greedy);
    assert_eq!(note(&greedy), "class 0 ← 4 + 5, class 1 ← 1 + 0, class 2 ← 2 + 3");
    close(&values(greedy.alignment().align(squares())), &[20.5, 0.5, 6.5]);
    assert_eq!(note(&with(1, Assignment::Mode)), "class 0 ← 4, class 1 ← 4, class 2 ← 2");
    assert_eq!(note(&with(2, Assignment::Mode)), "class 0 ← 4 + 5, class 1 ← 4 + 1, class 2 ← 2 + 0");
}

#[test]
fn a_second_fit_forgets_the_first() {
    let program = aligned_by(
        AlignmentSpec::FrequencyMapping(FrequencyMappingSpec { refit: Refit::EveryEpoch, ..FrequencyMappingSpec::default() }),
        2,
    );
    let program = fitted(fitted(program, &[1, 1, 2], &[0, 0, 1]), &[3, 5], &[0, 1]);
    assert_eq!(one_to_one(&program), [3, 5]);
}

fn bayesian(weighting: Weighting) -> AlignmentSpec {
    AlignmentSpec::BayesianMapping(BayesianMappingSpec { weighting, ..BayesianMappingSpec::default() })
}

#[test]
fn a_bayesian_mapping_survives_an_absent_class() {
    for weighting in [Weighting::Predictions, Weighting::Probabilities] {
        let program = fitted(aligned_by(bayesian(weighting), 3), &[4, 4, 1], &[0, 1, 1]);
        let scores = uniform("scores", 2 * N_SOURCE, 3.0);
        let aligned = program.alignment().align(Tensor::from_data(TensorData::new(scores.clone(), [2, N_SOURCE]), &Device::flex()));
        let aligned = values(aligned);
        assert!(aligned.iter().all(|score| score.is_finite()), "{weighting:?}: {aligned:?}");
        let mean = scores[..N_SOURCE].iter().sum::<f32>() / N_SOURCE as f32;
        assert!((aligned[2] - mean).abs() < 1e-5, "an absent class takes all sources alike: {aligned:?}");
        assert!(columns(&program).iter().all(|column| (column.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }
}

#[test]
fn at_least_one_probability_is_counted() {
    // ⌊.15 · 2⌋ = 0, of which the official code makes a matrix of NaN.
    let program = fitted(aligned_by(bayesian(Weighting::Probabilities), 2), &[4, 1, 1], &[0, 1, 1]);
    let note = |aligner: &Aligner| aligner.note().unwrap();
    assert_eq!(note(program.alignment()), "ω from the top 1 probabilities");
    let columns = columns(&program);
    assert!((columns[0][4] - 1.0).abs() < 1e-6 && (columns[1][1] - 1.0).abs() < 1e-6, "{columns:?}");
}

fn soft_prompt(modality: Modality, init: PromptInit) -> ManipulationSpec {
    ManipulationSpec::SoftPrompt(SoftPromptSpec { tokens: 2, init, modality })
}

fn frame() -> ManipulationSpec {
    ManipulationSpec::PixelFrame(PixelFrameSpec::default())
}

#[test]
fn misfits_say_what_is_needed() {
    let identity = method(&[], AlignmentSpec::Identity(IdentitySpec {}));
    insta::assert_snapshot!(misfit(&identity, &target(3), FRAMED), @"identity alignment needs source and target labels to be the same, but there are 6 source classes and 3 target classes; use a rule-based, statistical or linear alignment");
    let verbalizer = method(&[], AlignmentSpec::Verbalizer(VerbalizerSpec::default()));
    insta::assert_snapshot!(misfit(&verbalizer, &target(3), FRAMED), @"verbalizer needs a language model and a data set whose template has answers in words");
    insta::assert_snapshot!(misfit(&method(&[frame()], RANDOM), &target(3), WHOLE), @"pixel-frame needs an image smaller than the canvas: set `image-size`");
    insta::assert_snapshot!(misfit(&method(&[], RANDOM), &target(7), FRAMED), @"a one-to-one label mapping needs at least as many source labels as target labels, but 6 < 7");
    let blocks = method(&[], AlignmentSpec::BlockMapping(BlockMappingSpec { per_class: of(3) }));
    insta::assert_snapshot!(misfit(&blocks, &target(3), FRAMED), @"block-mapping needs 3 source labels for each of 3 target labels, but toy has 6");
    let vocabulary = soft_prompt(Modality::Vision, PromptInit::Vocabulary);
    insta::assert_snapshot!(misfit(&method(&[vocabulary], RANDOM), &target(3), FRAMED), @"soft-prompt needs a backbone with a vocabulary, or `init = { normal = { std = … } }`");
}

#[test]
fn identity_fits_where_labels_are_shared() {
    let shared = Target { shares_source_labels: true, ..target(N_SOURCE) };
    let identity = Method { manipulations: vec![], alignment: AlignmentSpec::Identity(IdentitySpec {}), recipe: Recipe::default() };
    assert!(Toy::new(1, &Device::flex()).build(&identity, &shared, FRAMED, 1).is_ok());
}

#[test]
fn coordinates_are_checked_before_parts_are_built() {
    // The frame alone has nowhere to go on this canvas; the prompt, though second, is of another modality.
    let text = soft_prompt(Modality::Text, PromptInit::Normal { std: 1.0 });
    insta::assert_snapshot!(misfit(&method(&[frame(), text], RANDOM), &target(3), WHOLE), @"the manipulation acts on text, but toy takes vision");
}
