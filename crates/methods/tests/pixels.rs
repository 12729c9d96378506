//! Manipulations of pixels on a toy vision transformer: where they start, what they reach, their gradients and their counts.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use reprogram_methods::{
    AlignmentSpec, Cover, LinearMapSpec, LinearOn, ManipulationSpec, Method, NamedTensor, PixelDeltaSpec, PixelFrameSpec, PixelRange,
    PixelUnits, Program, Squash, catalog,
};
use reprogram_models::{Backbone, cross_entropy};
use toy::{CANVAS, CHANNELS, FRAMED, N_SOURCE, Toy, batch, images, method, target, values};

const LINEAR: AlignmentSpec = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Logits });
const N_LINEAR: usize = (N_SOURCE + 1) * 3;
const N_CANVAS: usize = CHANNELS * CANVAS * CANVAS;
const N_FRAME: usize = N_CANVAS - CHANNELS * 16;

fn toy() -> Toy {
    Toy::new(2, &Device::flex())
}

fn frame(squash: Squash, units: PixelUnits, range: PixelRange) -> ManipulationSpec {
    ManipulationSpec::PixelFrame(PixelFrameSpec { squash, init_std: 0.3, units, range })
}

fn pixels(cover: Cover, units: PixelUnits) -> ManipulationSpec {
    ManipulationSpec::PixelDelta(PixelDeltaSpec { cover, squash: Squash::None, init_std: 0.3, units, range: PixelRange::Free })
}

/// Each part with the numbers of it that are trained, and that are stored.
fn everything() -> Vec<(&'static str, ManipulationSpec, [usize; 2])> {
    use PixelUnits::{Pixels, Standardised};
    vec![
        ("frame of σ", frame(Squash::Sigmoid, Pixels, PixelRange::Free), [N_FRAME, N_CANVAS]),
        ("frame of tanh behind standardisation", frame(Squash::Tanh, Standardised, PixelRange::Free), [N_FRAME, N_CANVAS]),
        ("clamped frame", frame(Squash::None, Pixels, PixelRange::Clamped), [N_FRAME, N_CANVAS]),
        ("border", pixels(Cover::BorderShare { share: 30.0 / 224.0 }, Standardised), [CHANNELS * (64 - 36), N_CANVAS]),
        ("corner", pixels(Cover::CornerShare { share: 0.4 }, Pixels), [CHANNELS * 9, N_CANVAS]),
    ]
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

/// A program with one number moved.
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
fn every_number_is_counted() {
    let toy = toy();
    for (name, part, [trained, stored]) in everything() {
        let program = toy.program(&method(&[part], LINEAR), 1);
        assert_eq!([program.n_trainable(), program.n_stored()], [trained + N_LINEAR, stored + N_LINEAR], "{name}");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f32 = 1e-2;
    let toy = toy();
    for (name, part, _) in everything() {
        let program = toy.program(&method(&[part], LINEAR), 1);
        let slopes = gradients(&program, &loss(&toy, &program).backward());
        let mut worst = 0.0f32;
        for (tensor, slopes) in slopes.iter().enumerate() {
            let Some(slopes) = slopes else { continue };
            let steepest = (0..slopes.len()).max_by(|&a, &b| slopes[a].abs().total_cmp(&slopes[b].abs())).unwrap();
            let at = |by: f32| -> f32 { loss(&toy, &moved(&program, tensor, steepest, by)).into_scalar() };
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            println!("{name}, tensor {tensor}: {difference:.3e} against {:.3e}", slopes[steepest]);
            assert!(slopes[steepest].abs() > 1e-4, "{name}, tensor {tensor}: no slope to compare");
            worst = worst.max((difference - slopes[steepest]).abs() / slopes[steepest].abs());
        }
        assert!(worst <= 2e-2, "{name}: {worst} of the steepest");
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
