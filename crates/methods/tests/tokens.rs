//! Parts at the embedding and at blocks on a toy vision transformer and a toy language model: what is neutral changes nothing,
//! gradients are those of finite differences, frozen weights stay, and counts are the papers' formulae.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use reprogram_methods::{
    AlignmentSpec, Batch, BottleneckSpec, Cover, DeepPromptSpec, DeltaSpec, Fused, KeyValuePrefixSpec, LinearMapSpec, LinearOn,
    LowRankSpec, ManipulationSpec, MappedPromptSpec, NamedTensor, PixelDeltaSpec, PixelRange, PixelUnits, PrefixInit, Prepared, Program,
    PromptEncoder, PromptInit, SoftPromptSpec, Squash,
};
use reprogram_models::cross_entropy;
use reprogram_taxonomy::{Cut, Layers, Modality};
use toy::{CANVAS, CHANNELS, Toy, batch, method, values};

const DEPTH: usize = 3;
const DIM: usize = 8;
const LINEAR: AlignmentSpec = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features });
const HEAD: usize = (DIM + 1) * 3;

fn toy() -> Toy {
    Toy::new(DEPTH, &Device::flex())
}

fn deep(tokens: usize, layers: Layers) -> ManipulationSpec {
    ManipulationSpec::DeepPrompt(DeepPromptSpec { tokens, layers, init: PromptInit::Xavier, modality: Modality::Vision })
}

fn shallow(init: PromptInit) -> ManipulationSpec {
    ManipulationSpec::SoftPrompt(SoftPromptSpec { tokens: 2, init, modality: Modality::Vision })
}

fn mapped(encoder: PromptEncoder) -> ManipulationSpec {
    let init = PromptInit::Normal { std: 1.0 };
    ManipulationSpec::MappedPrompt(MappedPromptSpec { tokens: 2, hidden: Some(5), init, modality: Modality::Vision, encoder })
}

fn prefix(map: Option<usize>) -> ManipulationSpec {
    let spec =
        KeyValuePrefixSpec { tokens: 2, layers: Layers::All, init: PrefixInit::Normal { std: 0.5 }, map, modality: Modality::Vision };
    ManipulationSpec::KeyValuePrefix(spec)
}

fn delta(layers: Option<Layers>, init_std: f32) -> ManipulationSpec {
    ManipulationSpec::Delta(DeltaSpec { modality: Modality::Vision, layers, init_std })
}

fn bottleneck(layers: Option<Layers>) -> ManipulationSpec {
    ManipulationSpec::Bottleneck(BottleneckSpec { modality: Modality::Vision, hidden: 3, layers })
}

fn low_rank() -> ManipulationSpec {
    ManipulationSpec::LowRank(LowRankSpec { rank: 2, alpha: 4.0, layers: Layers::All, modality: Modality::Vision })
}

fn pixels(cover: Cover) -> ManipulationSpec {
    ManipulationSpec::PixelDelta(PixelDeltaSpec {
        cover,
        squash: Squash::None,
        init_std: 0.1,
        units: PixelUnits::Pixels,
        range: PixelRange::Free,
    })
}

fn everything() -> Vec<(&'static str, ManipulationSpec, usize)> {
    let some = Layers::Range { first: 1, last: 2 };
    // Two layers of two directions, each with four gates and two biases; then a map of the width of both, and one to the tokens.
    let layer = |input: usize| 2 * (4 * 5 * (input + 5) + 2 * 4 * 5);
    let lstm = layer(DIM) + layer(10) + 10 * 10 + 10 + 10 * DIM + DIM;
    let narrow = 2 * DIM * 3 + 3 + DIM;
    let network = DIM * 5 + 5 + 5 * 5 + 5 + 5 * DIM + DIM;
    vec![
        ("soft prompt", shallow(PromptInit::Xavier), 2 * DIM),
        ("mapped prompt", mapped(PromptEncoder::Mlp), 2 * DIM + network),
        ("mapped prompt by an LSTM", mapped(PromptEncoder::Lstm), 2 * DIM + lstm),
        ("deep prompt", deep(2, Layers::All), DEPTH * 2 * DIM),
        ("deep prompt at some blocks", deep(2, some), 2 * 2 * DIM),
        ("prefix", prefix(None), DEPTH * 2 * 2 * DIM),
        ("mapped prefix", prefix(Some(4)), 2 * DIM + DIM * 4 + 4 + 4 * (DEPTH * 2 * DIM) + DEPTH * 2 * DIM),
        ("delta at the embedding", delta(None, 0.3), DIM),
        ("delta at some blocks", delta(Some(some), 0.3), 2 * DIM),
        ("bottleneck at the embedding", bottleneck(None), narrow),
        ("bottleneck at some blocks", bottleneck(Some(some)), 2 * narrow),
        ("low rank", low_rank(), DEPTH * 2 * (DIM * 2 + 2 * DIM)),
        ("pixels of a patch", pixels(Cover::Patch { size: 3, row: 1, column: 2 }), CHANNELS * 9),
        ("pixels of a border", pixels(Cover::Border { width: 2 }), CHANNELS * (CANVAS * CANVAS - 16)),
        ("all pixels", pixels(Cover::Whole), CHANNELS * CANVAS * CANVAS),
    ]
}

fn loss(toy: &Toy, program: &Program) -> Tensor<1> {
    cross_entropy(program.forward(&toy.backbone, &batch(4)), &[0, 1, 2, 1])
}

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

fn moved(program: &Program, tensor: usize, index: usize, by: f32) -> Program {
    let mut tensors = program.tensors();
    tensors[tensor].values[index] += by;
    program.clone().with_tensors(tensors).unwrap()
}

fn scores(toy: &Toy, program: &Program) -> Vec<f32> {
    values(program.valid().forward(&toy.backbone, &batch(3)))
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn what_is_neutral_changes_nothing() {
    let toy = toy();
    let bare = scores(&toy, &toy.program(&method(&[], LINEAR), 1));
    let all = Some(Layers::All);
    for neutral in [
        delta(None, 0.0),
        delta(all, 0.0),
        low_rank(),
        bottleneck(None),
        bottleneck(all),
        deep(2, Layers::Range { first: DEPTH - 1, last: DEPTH - 1 }),
    ] {
        let program = toy.program(&method(std::slice::from_ref(&neutral), LINEAR), 1);
        let distance = furthest(&scores(&toy, &program), &bare);
        let is_prompt = matches!(neutral, ManipulationSpec::DeepPrompt(_));
        assert_eq!(distance > 1e-4, is_prompt, "{}: {distance}", neutral.name());
    }
}

#[test]
fn every_number_that_counts_as_trained_is_trained() {
    let toy = toy();
    for (name, part, n) in everything() {
        let program = toy.program(&method(&[part], LINEAR), 1);
        assert_eq!(program.n_trainable(), n + HEAD, "{name}");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f32 = 2e-2;
    let toy = toy();
    for (name, part, _) in everything() {
        let mut program = toy.program(&method(&[part], LINEAR), 1);
        if name == "low rank" || name.starts_with("bottleneck") {
            // Zeros in one factor hide the other one's gradient.
            let mut tensors = program.tensors();
            for NamedTensor { values, .. } in &mut tensors {
                values.iter_mut().enumerate().for_each(|(i, value)| *value += 0.3 * ((i as f32) * 0.7).sin());
            }
            program = program.with_tensors(tensors).unwrap();
        }
        let slopes = gradients(&program, &loss(&toy, &program).backward());
        let largest = slopes.iter().flatten().flatten().fold(0.0f32, |largest, slope| largest.max(slope.abs()));
        for (tensor, slopes) in slopes.iter().enumerate() {
            let slopes = slopes.as_ref().unwrap_or_else(|| panic!("{name}: tensor {tensor} has no gradient"));
            let steepest = (0..slopes.len()).max_by(|&a, &b| slopes[a].abs().total_cmp(&slopes[b].abs())).unwrap();
            let at = |by: f32| -> f32 { loss(&toy, &moved(&program, tensor, steepest, by)).into_scalar() };
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let error = (difference - slopes[steepest]).abs();
            assert!(error <= 2e-2 * largest + 1e-4, "{name}, tensor {tensor}: {difference} against {}", slopes[steepest]);
        }
    }
}

#[test]
fn a_step_moves_the_program_and_not_the_backbone() {
    let toy = toy();
    let before = toy.manifest.export(&*toy.backbone);
    for (name, part, _) in everything() {
        let program = toy.program(&method(&[part], LINEAR), 1);
        let value: f32 = loss(&toy, &program).into_scalar();
        let slopes = gradients(&program, &loss(&toy, &program).backward());
        let mut tensors = program.tensors();
        for (NamedTensor { values, .. }, slopes) in tensors.iter_mut().zip(slopes) {
            values.iter_mut().zip(slopes.unwrap_or_default()).for_each(|(value, slope)| *value -= 0.02 * slope);
        }
        let after: f32 = loss(&toy, &program.with_tensors(tensors).unwrap()).into_scalar();
        assert!(after < value, "{name}: {value} to {after}");
    }
    assert_eq!(toy.manifest.export(&*toy.backbone), before);
}

#[test]
fn fused_programs_are_separate_programs() {
    let toy = toy();
    for (name, part, _) in everything() {
        let method = method(&[part], LINEAR);
        let programs = [1, 2, 3].map(|seed| toy.program(&method, seed));
        let batches = [batch(4), batch(4), Batch::Images(toy::images(4).narrow(0, 1, 2))];
        let labels: [&[usize]; 3] = [&[0, 1, 2, 1], &[2, 2, 0, 1], &[1, 0]];
        let loss = |scores: Tensor<2>, labels: &[usize]| cross_entropy(scores, labels);
        let all = programs.iter().collect::<Vec<_>>();
        let fused = Fused::new(&all).unwrap().forward(&toy.backbone, &batches);
        let separate = programs.iter().zip(&batches).map(|(program, batch)| program.forward(&toy.backbone, batch));
        let mut total = None;
        for ((fused, separate), labels) in fused.into_iter().zip(separate).zip(labels) {
            let distance = furthest(&values(fused.clone().inner()), &values(separate.clone().inner()));
            assert!(distance < 1e-5, "{name}: scores are {distance} apart");
            let own = loss(fused, labels);
            total = Some(total.map_or(own.clone(), |total: Tensor<1>| total + own));
        }
        let together = total.unwrap().backward();
        for ((program, batch), labels) in programs.iter().zip(&batches).zip(labels) {
            let alone = gradients(program, &loss(program.forward(&toy.backbone, batch), labels).backward());
            for (together, alone) in gradients(program, &together).into_iter().zip(alone) {
                let distance = furthest(&together.unwrap(), &alone.unwrap());
                assert!(distance < 1e-5, "{name}: gradients are {distance} apart");
            }
        }
    }
}

#[test]
fn second_halves_of_fused_programs_are_those_of_each() {
    let toy = toy();
    let method = method(&[deep(2, Layers::Range { first: 1, last: DEPTH - 1 })], LINEAR);
    let programs = [1, 2].map(|seed| toy.program(&method, seed));
    let batches = [batch(4), Batch::Images(toy::images(4).narrow(0, 1, 2))];
    let rows = |program: &Program, batch: &Batch| program.valid().prepare(&toy.backbone, batch).into_rows().unwrap();
    let halves: Vec<_> = programs.iter().zip(&batches).flat_map(|(program, batch)| rows(program, batch)).collect();
    let prepared = Prepared::from_rows(Cut::Hidden(1), &halves.iter().collect::<Vec<_>>(), &Device::flex());
    let all = programs.iter().collect::<Vec<_>>();
    let fused = Fused::new(&all).unwrap().finish(&toy.backbone, prepared, &[4, 2]);
    for ((fused, program), batch) in fused.into_iter().zip(&programs).zip(&batches) {
        let distance = furthest(&values(fused.inner()), &values(program.source(&toy.backbone, batch).inner()));
        assert!(distance < 1e-5, "outputs are {distance} apart");
    }
}

#[test]
fn programs_of_two_methods_are_not_fused() {
    let toy = toy();
    let one = toy.program(&method(&[delta(None, 0.1)], LINEAR), 1);
    let other = toy.program(&method(&[low_rank()], LINEAR), 1);
    assert!(Fused::new(&[&one, &other]).is_none() && Fused::new(&[]).is_none());
}

#[test]
fn a_saved_program_is_the_same_function() {
    let toy = toy();
    for (name, part, _) in everything() {
        let method = method(&[part], LINEAR);
        let program = toy.program(&method, 1);
        let again = toy.program(&method, 2).with_tensors(program.tensors()).unwrap();
        assert_eq!(scores(&toy, &program), scores(&toy, &again), "{name}");
    }
}

#[test]
fn a_deep_prompt_at_the_first_block_is_a_soft_prompt() {
    let toy = toy();
    let first = Layers::Range { first: 0, last: 0 };
    let deep = toy.program(&method(&[deep(2, first)], LINEAR), 1);
    let soft = toy.program(&method(&[shallow(PromptInit::Xavier)], LINEAR), 1);
    let mut tensors = soft.tensors();
    tensors[0].values = deep.tensors()[0].values.clone();
    assert_eq!(scores(&toy, &deep), scores(&toy, &soft.with_tensors(tensors).unwrap()));
}

#[test]
fn a_deep_prompt_tolerates_no_other_tokens() {
    let two = method(&[shallow(PromptInit::Xavier), deep(2, Layers::All)], LINEAR);
    let error = toy().build(&two, &toy::target(3), toy::FRAMED, 1).unwrap_err().to_string();
    insta::assert_snapshot!(error);
}

#[test]
fn xavier_stays_within_its_bound() {
    let program = toy().program(&method(&[deep(50, Layers::All)], LINEAR), 1);
    let bound = (6.0f32 / (CHANNELS * 4 * 4 + DIM) as f32).sqrt();
    let values = program.tensors().remove(0).values;
    let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    assert!(largest <= bound && largest > 0.95 * bound, "{largest} of {bound}");
}

#[test]
fn two_halves_are_the_whole_in_any_company() {
    let toy = toy();
    let deep_at = |first| deep(2, Layers::Range { first, last: DEPTH - 1 });
    let cases = [
        (vec![], Cut::Output),
        (vec![deep_at(1)], Cut::Hidden(1)),
        (vec![deep_at(2)], Cut::Hidden(2)),
        (vec![delta(Some(Layers::Range { first: 2, last: 2 }), 0.3), deep_at(1)], Cut::Hidden(1)),
        (vec![low_rank()], Cut::Embedding),
        (vec![shallow(PromptInit::Xavier)], Cut::Embedding),
        (vec![pixels(Cover::Whole), deep_at(1)], Cut::Input),
    ];
    for (manipulations, cut) in cases {
        let program = toy.program(&method(&manipulations, LINEAR), 1);
        assert_eq!(program.cut(&toy.backbone), cut);
        let rows = program.valid().prepare(&toy.backbone, &batch(4)).into_rows();
        let Some(rows) = rows else {
            assert!(matches!(cut, Cut::Embedding | Cut::Input));
            continue;
        };
        let labels = [0, 1, 2, 1];
        let order = [2, 0, 3, 1];
        let loss_of = |scores: Tensor<2>| (values(scores.clone()), cross_entropy(scores, &order.map(|i| labels[i])).backward());
        let (whole, expected) = loss_of(program.forward(&toy.backbone, &batch(4)).select(0, Tensor::from_ints(order, &Device::flex())));
        let prepared = Prepared::from_rows(cut, &order.map(|i| &rows[i]), &Device::flex());
        let (halves, found) = loss_of(program.alignment().align(program.finish(&toy.backbone, prepared)));
        assert!(furthest(&whole, &halves) < 1e-5);
        for (expected, found) in gradients(&program, &expected).into_iter().zip(gradients(&program, &found)) {
            assert!(furthest(&expected.unwrap(), &found.unwrap()) < 1e-5);
        }
    }
}
