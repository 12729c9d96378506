//! Manipulations of pixels on a toy vision transformer: where they start, what they reach, their gradients and their counts.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use reprogram_methods::{
    AlignmentSpec, Cover, LinearMapSpec, LinearOn, ManipulationSpec, MaskNetwork, Method, NamedTensor, PixelDeltaSpec, PixelFrameSpec,
    PixelGeneratorSpec, PixelRange, PixelUnits, Program, SampleMaskSpec, Squash, TrainableResizeSpec, catalog,
};
use reprogram_models::{Backbone, cross_entropy};
use toy::{CANVAS, CHANNELS, FRAMED, N_SOURCE, Toy, batch, images, method, target, values};

const LINEAR: AlignmentSpec = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Logits });
const N_LINEAR: usize = (N_SOURCE + 1) * 3;
const N_CANVAS: usize = CHANNELS * CANVAS * CANVAS;
const N_FRAME: usize = N_CANVAS - CHANNELS * 16;
/// Of 32 channels of one pixel, of which 8 are features: a trigger of 24 beside the paper's 9,120 numbers.
const N_GENERATOR: usize = 24 + 9_120;

fn toy() -> Toy {
    Toy::new(2, &Device::flex())
}

fn frame(squash: Squash, units: PixelUnits, range: PixelRange) -> ManipulationSpec {
    ManipulationSpec::PixelFrame(PixelFrameSpec { squash, init_std: 0.3, units, range })
}

fn pixels(cover: Cover, units: PixelUnits) -> ManipulationSpec {
    ManipulationSpec::PixelDelta(PixelDeltaSpec { cover, squash: Squash::None, init_std: 0.3, units, range: PixelRange::Free })
}

fn resize(scale: f32) -> ManipulationSpec {
    ManipulationSpec::TrainableResize(TrainableResizeSpec { scale })
}

fn generator() -> ManipulationSpec {
    ManipulationSpec::PixelGenerator(PixelGeneratorSpec::default())
}

fn mask(network: MaskNetwork, pools: usize) -> ManipulationSpec {
    ManipulationSpec::SampleMask(SampleMaskSpec { network, pools })
}

/// Each part with the numbers of it that are trained, and that are stored.
fn everything() -> Vec<(&'static str, ManipulationSpec, [usize; 2])> {
    use PixelUnits::{Pixels, Standardised};
    vec![
        ("frame of σ", frame(Squash::Sigmoid, Pixels, PixelRange::Free), [N_FRAME, N_CANVAS]),
        ("frame of tanh behind standardisation", frame(Squash::Tanh, Standardised, PixelRange::Free), [N_FRAME, N_CANVAS]),
        ("clamped frame", frame(Squash::None, Pixels, PixelRange::Clamped), [N_FRAME, N_CANVAS]),
        ("border", pixels(Cover::BorderShare { share: 30.0 / 224.0 }, Standardised), [CHANNELS * (64 - 36), N_CANVAS]),
        ("generator", generator(), [N_GENERATOR, N_GENERATOR]),
        ("resize", resize(0.8), [1, 1]),
        // 240 running means and variances of four batch normalisations are stored besides.
        ("mask", mask(MaskNetwork::Five, 2), [N_CANVAS + 26_499, N_CANVAS + 26_499 + 240]),
        ("deep mask", mask(MaskNetwork::Six, 1), [N_CANVAS + 102_339, N_CANVAS + 102_339 + 496]),
        ("corner", pixels(Cover::CornerShare { share: 0.4 }, Pixels), [CHANNELS * 9, N_CANVAS]),
    ]
}

/// A program of one part under a trained map, off any start at zero.
fn started(toy: &Toy, part: &ManipulationSpec) -> Program {
    let program = toy.program(&method(std::slice::from_ref(part), LINEAR), 1);
    let mut point = program.point();
    if matches!(part, ManipulationSpec::SampleMask(_)) {
        point[..N_CANVAS].iter_mut().enumerate().for_each(|(i, number)| *number = (i as f32 * 0.7).sin());
    }
    program.at_point(&point)
}

fn loss(toy: &Toy, program: &Program) -> Tensor<1> {
    cross_entropy(program.forward(&toy.backbone, &batch(4)), &[0, 1, 2, 1])
}

/// Gradients in the order of [`Program::tensors`]; nothing where there is none.
fn gradients(program: &Program, gradients: &Gradients) -> Vec<Option<Vec<f32>>> {
    struct Reader<'a>(&'a Gradients, Vec<Option<Vec<f32>>>);
    impl ModuleVisitor for Reader<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.push(param.val().grad(self.0).map(values));
        }
    }
    let mut reader = Reader(gradients, Vec::new());
    program.visit(&mut reader);
    reader.1
}

/// A program with one tensor moved.
fn moved(program: &Program, tensor: usize, direction: &[f32], by: f32) -> Program {
    let mut tensors = program.tensors();
    tensors[tensor].values.iter_mut().zip(direction).for_each(|(value, entry)| *value += by * entry);
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
fn every_number_is_counted() {
    let toy = toy();
    for (name, part, [trained, stored]) in everything() {
        let program = toy.program(&method(&[part], LINEAR), 1);
        assert_eq!([program.n_trainable(), program.n_stored()], [trained + N_LINEAR, stored + N_LINEAR], "{name}");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let toy = toy();
    for (name, part, _) in everything() {
        let program = started(&toy, &part);
        let slopes = gradients(&program, &loss(&toy, &program).backward());
        for (NamedTensor { name: tensor, .. }, (at, slopes)) in program.tensors().iter().zip(slopes.iter().enumerate()) {
            let Some(slopes) = slopes else { continue };
            let length = slopes.iter().map(|slope| slope * slope).sum::<f32>().sqrt();
            if tensor.ends_with("convolution.bias") {
                assert!(length < 1e-5, "{tensor}: batch normalisation takes the bias out: {length}");
                continue;
            }
            let direction: Vec<f32> = slopes.iter().map(|slope| slope / length).collect();
            let by = |by: f32| -> f32 { loss(&toy, &moved(&program, at, &direction, by)).into_scalar() };
            // As far as the loss tells apart, and not across many kinks of a mask's network.
            let step = (5e-5 / length).clamp(5e-4, 1e-2);
            let difference = (by(step) - by(-step)) / (2.0 * step);
            println!("{name}, {tensor}: {difference:.3e} against {length:.3e}");
            let tolerance = if name.ends_with("mask") { 4e-2 } else { 1e-2 };
            assert!(
                length > 3e-4 && (difference - length).abs() <= tolerance * length + 2e-5,
                "{name}, {tensor}: {difference} against {length}"
            );
        }
    }
}

#[test]
fn a_step_moves_the_program_and_not_the_backbone() {
    let toy = toy();
    let before = toy.manifest.export(&*toy.backbone);
    for (name, part, _) in everything() {
        let program = started(&toy, &part);
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
fn a_delta_behind_standardisation_is_one_of_its_deviations() {
    // The toy divides by ½, so that the same δ is half as much in pixels.
    let toy = toy();
    let program = |units, by: f32| {
        let program = toy.program(&method(&[pixels(Cover::Whole, units)], LINEAR), 1);
        let mut tensors = program.tensors();
        tensors[0].values.iter_mut().for_each(|value| *value *= by);
        program.with_tensors(tensors).unwrap()
    };
    let behind = scores(&toy, &program(PixelUnits::Standardised, 1.0));
    assert!(furthest(&behind, &scores(&toy, &program(PixelUnits::Pixels, 0.5))) < 1e-5);
    assert!(furthest(&behind, &scores(&toy, &program(PixelUnits::Pixels, 1.0))) > 1e-3);
    let standardised = values(toy.backbone.standardised(images(1)).unwrap());
    let by_hand: Vec<f32> = values(images(1)).into_iter().map(|pixel| (pixel - 0.5) / 0.5).collect();
    assert!(furthest(&standardised, &by_hand) < 1e-6);
}

#[test]
fn clamped_pixels_stay_between_black_and_white() {
    let toy = toy();
    let with = |range, value: f32| {
        let program = toy.program(&method(&[frame(Squash::None, PixelUnits::Pixels, range)], LINEAR), 1);
        let mut tensors = program.tensors();
        tensors[0].values.fill(value);
        scores(&toy, &program.with_tensors(tensors).unwrap())
    };
    assert_eq!(with(PixelRange::Clamped, 7.0), with(PixelRange::Free, 1.0));
    assert_eq!(with(PixelRange::Clamped, -7.0), with(PixelRange::Free, 0.0));
}

#[test]
fn what_is_neutral_changes_nothing() {
    let toy = toy();
    let bare = scores(&toy, &toy.program(&method(&[], LINEAR), 1));
    for part in [resize(1.0), mask(MaskNetwork::Five, 3)] {
        assert_eq!(scores(&toy, &toy.program(&method(std::slice::from_ref(&part), LINEAR), 1)), bare, "{}", part.name());
    }
    assert!(furthest(&scores(&toy, &toy.program(&method(&[resize(0.8)], LINEAR), 1)), &bare) > 1e-4);
}

#[test]
fn a_mask_depends_on_the_image_and_keeps_its_statistics_from_training() {
    let toy = toy();
    let program = started(&toy, &mask(MaskNetwork::Five, 2));
    let statistics = |program: &Program| {
        let of = |tensor: &NamedTensor| tensor.name.contains("running");
        program.valid().tensors().into_iter().filter(of).flat_map(|tensor| tensor.values).collect::<Vec<f32>>()
    };
    let before = statistics(&program);
    assert!(before.len() == 240 && before.iter().all(|&value| value.abs() < 1e-9 || (value - 1.0).abs() < 1e-9));
    let fresh = scores(&toy, &program);
    assert_eq!(fresh, scores(&toy, &program), "scoring changes nothing");
    let kept = program.valid();
    let _ = loss(&toy, &program);
    assert!(furthest(&statistics(&program), &before) > 1e-3, "a training pass counts");
    assert!(furthest(&scores(&toy, &program), &fresh) > 1e-6, "and its statistics are used");
    assert_eq!(scores(&toy, &kept), fresh, "a program that was kept stays as it was");
}

#[test]
fn masks_say_which_canvas_they_need() {
    let toy = toy();
    let misfit = |pools| toy.build(&method(&[mask(MaskNetwork::Five, pools)], LINEAR), &target(3), FRAMED, 1).unwrap_err().to_string();
    insta::assert_snapshot!(misfit(4), @"sample-mask needs a canvas of whole squares of 16 pixels (`pools = 4`), not 8 × 8");
    insta::assert_snapshot!(misfit(5), @"sample-mask needs `pools` of at most 4, one behind each convolution but the last");
}

/// A catalogued method on the toy.
fn catalogued(name: &str) -> Program {
    let method: Method = (catalog::find(name).unwrap().method)();
    toy().build(&method, &target(3), FRAMED, 1).unwrap()
}

#[test]
fn catalogued_methods_start_and_count_as_their_papers_say() {
    // Paper's formula on a canvas of 8 × 8 with an image of 4 × 4 in it; 30 of 224 pixels are one of eight.
    let border = 2 * CHANNELS * (CANVAS + CANVAS - 2);
    let mapping = N_SOURCE * 3;
    for (name, trained, stored) in [
        ("ar", N_FRAME, N_CANVAS + mapping),
        ("ar-linear", N_FRAME + N_LINEAR, N_CANVAS + N_LINEAR),
        ("vp-pad", border, N_CANVAS + mapping),
        ("vp-patch", CHANNELS, N_CANVAS + mapping),
        ("vp-watermark", N_CANVAS, N_CANVAS + mapping),
        ("evp", N_FRAME, N_CANVAS + mapping),
        ("smm", N_CANVAS + 26_499, N_CANVAS + 26_499 + 240 + mapping),
        ("smm-six", N_CANVAS + 102_339, N_CANVAS + 102_339 + 496 + mapping),
        ("blackvip", N_GENERATOR, N_GENERATOR + mapping),
        ("autovp-full", 1 + N_FRAME + N_LINEAR, 1 + N_CANVAS + N_LINEAR),
    ] {
        let program = catalogued(name);
        assert_eq!((program.n_trainable(), program.n_stored()), (trained, stored), "{name}");
    }
    for zero in ["vp-watermark", "evp"] {
        assert!(catalogued(zero).point().iter().all(|number| *number == 0.0), "{zero} starts at zero");
    }
    for normal in ["ar", "vp-pad", "vp-patch"] {
        let point = catalogued(normal).point();
        let variance = point.iter().map(|number| number * number).sum::<f32>() / point.len() as f32;
        assert!((variance - 1.0).abs() < 0.35, "{normal} starts at N(0, 1): {variance}");
    }
}
