//! Parts that change waveforms, on a tiny classifier of sounds: algebra, counts, and gradients through the spectrogram.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use std::num::NonZeroUsize;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reprogram_methods::{
    AlignmentSpec, Batch, LinearMapSpec, LinearOn, ManipulationSpec, NamedTensor, Placement, Program, Seed, Setup, WaveCover, WaveStart,
    WaveformDeltaSpec, catalog,
};
use reprogram_models::{Acoustic, cross_entropy};
use reprogram_taxonomy::Misfit;
use toy::acoustic::{LAID, SAMPLES, SERIES, classifier, series};
use toy::{method, target, values};

const N_SOURCE: usize = 8;
const LINEAR: AlignmentSpec = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Logits });

fn delta(copies: usize, cover: WaveCover, start: WaveStart, dropout: f64) -> ManipulationSpec {
    ManipulationSpec::WaveformDelta(WaveformDeltaSpec { copies: NonZeroUsize::new(copies).unwrap(), cover, start, dropout, penalty: 0.0 })
}

fn built(backbone: &Acoustic, manipulations: &[ManipulationSpec], placement: Placement) -> Result<Program, Misfit> {
    let device = Device::flex().autodiff();
    let target = target(3);
    method(manipulations, LINEAR).build(&Setup {
        encoders: reprogram_methods::NO_ENCODERS,
        backbone,
        device: &device,
        target: &target,
        placement: Some(placement),
        train_texts: &[],
        worked_examples: &[],
        seed: Seed::new(1),
    })
}

fn scores(backbone: &Acoustic, program: &Program, waveforms: Tensor<2>) -> Vec<f32> {
    values(program.valid().forward(backbone, &Batch::Waveforms(waveforms)))
}

#[test]
fn a_zero_delta_under_one_copy_changes_nothing() {
    let backbone = classifier(N_SOURCE, &Device::flex());
    let bare = built(&backbone, &[], LAID).unwrap();
    let zero = built(&backbone, &[delta(1, WaveCover::Whole, WaveStart::Zero, 0.4)], LAID).unwrap();
    assert_eq!(scores(&backbone, &bare, series(3)), scores(&backbone, &zero, series(3)));
    let copied = built(&backbone, &[delta(3, WaveCover::Whole, WaveStart::Zero, 0.0)], LAID).unwrap();
    assert_ne!(scores(&backbone, &bare, series(3)), scores(&backbone, &copied, series(3)));
}

#[test]
fn what_lies_under_the_series_is_masked_and_not_counted() {
    let backbone = classifier(N_SOURCE, &Device::flex());
    let around = |copies| built(&backbone, &[delta(copies, WaveCover::Around, WaveStart::Glorot, 0.0)], LAID).unwrap();
    let head = N_SOURCE * 3 + 3;
    assert_eq!((around(1).n_trainable(), around(1).n_stored()), (SAMPLES - SERIES + head, SAMPLES + head));
    assert_eq!(around(3).n_trainable(), SAMPLES - 3 * SERIES + head);
    let whole = built(&backbone, &[delta(3, WaveCover::Whole, WaveStart::Glorot, 0.0)], LAID).unwrap();
    assert_eq!(whole.n_trainable(), SAMPLES + head);

    let start = LAID.offset()[1];
    let moved = |at: usize| {
        let mut tensors = around(1).tensors();
        tensors[0].values[at] += 0.7;
        scores(&backbone, &around(1).with_tensors(tensors).unwrap(), series(2))
    };
    let before = scores(&backbone, &around(1), series(2));
    assert_eq!(moved(start + 5), before, "under the series");
    assert_ne!(moved(start - 5), before, "beside it");
}

#[test]
fn recordings_leave_nothing_around_them() {
    let backbone = classifier(N_SOURCE, &Device::flex());
    let full = Placement { canvas: [1, SAMPLES], image: [1, SAMPLES] };
    let misfit = built(&backbone, &[delta(1, WaveCover::Around, WaveStart::Zero, 0.0)], full).unwrap_err();
    insta::assert_snapshot!(misfit, @"waveform-delta needs series shorter than the canvas, to be around them: recordings fill it");
    assert!(built(&backbone, &[delta(1, WaveCover::Whole, WaveStart::Zero, 0.0)], full).is_ok());
}

fn loss(backbone: &Acoustic, program: &Program) -> Tensor<1> {
    cross_entropy(program.forward(backbone, &Batch::Waveforms(series(4))), &[0, 1, 2, 1])
}

#[test]
fn a_gradient_goes_through_the_spectrogram() {
    let backbone = classifier(N_SOURCE, &Device::flex());
    let program = built(&backbone, &[delta(3, WaveCover::Around, WaveStart::Glorot, 0.0)], LAID).unwrap();
    let point = program.point();
    let gradients = burn::optim::GradientsParams::from_grads(loss(&backbone, &program).backward(), &program);
    // A step of plain descent reads the gradient off.
    let stepped = burn::optim::SgdConfig::new().init().step(1.0, program.clone(), gradients).point();
    let slopes: Vec<f32> = point.iter().zip(&stepped).map(|(before, after)| before - after).collect();
    let length = slopes.iter().map(|slope| slope * slope).sum::<f32>().sqrt();
    let of_delta = slopes[..SAMPLES].iter().map(|slope| slope * slope).sum::<f32>().sqrt();
    let by = |by: f32| -> f32 {
        let at: Vec<f32> = point.iter().zip(&slopes).map(|(number, slope)| number + by * slope / length).collect();
        loss(&backbone, &program.clone().at_point(&at)).into_scalar()
    };
    let step = (5e-4 / length).min(1e-2);
    let difference = (by(step) - by(-step)) / (2.0 * step);
    println!("{difference:.4e} against {length:.4e}, of which δ {of_delta:.4e}");
    assert!(of_delta > 1e-3 * length, "δ is reached");
    assert!((difference - length).abs() < 2e-2 * length, "{difference} against {length}");
}

#[test]
fn a_part_of_the_delta_is_dropped_in_training_alone() {
    let backbone = classifier(N_SOURCE, &Device::flex());
    let program = built(&backbone, &[delta(1, WaveCover::Whole, WaveStart::Glorot, 0.4)], LAID).unwrap();
    let training = |program: &Program| -> f32 { loss(&backbone, program).into_scalar() };
    assert!((training(&program) - training(&program)).abs() > 0.0, "another draw each time");
    assert_eq!(scores(&backbone, &program, series(2)), scores(&backbone, &program, series(2)));
}

#[test]
fn a_large_delta_costs_what_its_squares_say() {
    let backbone = classifier(N_SOURCE, &Device::flex());
    let spec = WaveformDeltaSpec { start: WaveStart::Glorot, penalty: 0.05, ..WaveformDeltaSpec::default() };
    let program = built(&backbone, &[ManipulationSpec::WaveformDelta(spec)], LAID).unwrap();
    let squares: f32 = program.point()[..SAMPLES].iter().map(|value| value * value).sum();
    let penalty: f32 = program.penalty(&backbone).unwrap().into_scalar();
    assert!((penalty - 0.05 * squares).abs() < 1e-6, "{penalty} instead of .05 times {squares}");
    assert!(built(&backbone, &[delta(1, WaveCover::Whole, WaveStart::Glorot, 0.0)], LAID).unwrap().penalty(&backbone).is_none());
}

#[test]
fn catalogued_methods_count_as_the_paper_says() {
    // N samples of δ; a label mapping's matrix is stored, a linear map is trained.
    let backbone = classifier(N_SOURCE, &Device::flex());
    let (device, target) = (Device::flex().autodiff(), target(3));
    let mapping = N_SOURCE * 3;
    for (name, trained, stored) in [
        ("voice2series", SAMPLES, SAMPLES + mapping),
        ("voice2series-flm", SAMPLES, SAMPLES + mapping),
        ("voice2series-ilm", SAMPLES, SAMPLES + mapping),
        ("voice2series-blm", SAMPLES, SAMPLES + mapping),
        ("voice2series-linear", SAMPLES + mapping + 3, SAMPLES + mapping + 3),
    ] {
        let method = (catalog::find(name).unwrap().method)();
        let setup = Setup {
            encoders: reprogram_methods::NO_ENCODERS,
            backbone: &backbone,
            device: &device,
            target: &target,
            placement: Some(LAID),
            train_texts: &[],
            worked_examples: &[],
            seed: Seed::new(1),
        };
        let program = method.build(&setup).unwrap();
        assert_eq!((program.n_trainable(), program.n_stored()), (trained, stored), "{name}");
        let delta: Vec<NamedTensor> = program.tensors().into_iter().filter(|tensor| tensor.shape == [1, SAMPLES]).collect();
        let bound = (6.0 / (SAMPLES + 1) as f32).sqrt();
        let largest = delta[0].values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        assert!(largest <= bound && largest > 0.95 * bound, "{name}: from U(−{bound}, {bound}), {largest}");
    }
}
