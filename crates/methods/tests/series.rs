//! Series through a tiny language model, and past it: what parts make of them, counts, forecasts and gradients.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use std::num::NonZeroUsize;

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_methods::{
    AlignmentSpec, Batch, Centre, FixedPromptSpec, FixedTokens, ForecastHeadSpec, LastValueSpec, LinearMapSpec, ManipulationSpec,
    PatchPrototypesSpec, Patches, Program, SeriesPromptSpec, WindowMapSpec,
};
use reprogram_models::Backbone;
use reprogram_taxonomy::{Misfit, Modality};
use toy::language::{HISTORY, HORIZON, built, built_for, model, windows};
use toy::{method, target, values};

const PATCHES: Patches = Patches { length: 8, stride: 4 };
/// Patches of a window: (24 − 8) / 4 + 2.
const N_PATCHES: usize = 6;

fn prototypes(vocabulary: Option<usize>) -> ManipulationSpec {
    ManipulationSpec::PatchPrototypes(PatchPrototypesSpec {
        patches: PATCHES,
        width: 5,
        heads: 2,
        head_width: 3,
        prototypes: 7,
        vocabulary,
        dropout: 0.0,
    })
}

fn words() -> ManipulationSpec {
    ManipulationSpec::SeriesPrompt(SeriesPromptSpec { about: "GOOD".to_owned() })
}

const HEAD: AlignmentSpec = AlignmentSpec::ForecastHead(ForecastHeadSpec { patches: PATCHES, width: 4 });

fn program(manipulations: &[ManipulationSpec], alignment: AlignmentSpec) -> Result<Program, Misfit> {
    built(&model(), &method(manipulations, alignment))
}

fn forecast(program: &Program) -> Vec<f32> {
    values(program.valid().forward(&model(), &Batch::Series(windows(3))))
}

#[test]
fn the_map_has_as_many_numbers_as_the_paper_says() {
    let model = model();
    let [vocabulary, dim] = model.token_embeddings().unwrap().dims();
    let all = 2 * 3;
    let of = |rows: usize| {
        let convolution = 3 * PATCHES.length * 5;
        let mixture = 7 * rows + 7;
        let attention = (5 * all + all) + 2 * (dim * all + all) + (all * dim + dim);
        convolution + mixture + attention + N_PATCHES * 4 * HORIZON + HORIZON
    };
    let count = |program: Program| (program.n_trainable(), program.n_stored());
    assert_eq!(count(program(&[words(), prototypes(None)], HEAD).unwrap()), (of(vocabulary), of(vocabulary)));
    assert_eq!(count(program(&[prototypes(Some(9))], HEAD).unwrap()), (of(9), of(9)));
}

#[test]
fn past_f_the_last_values_are_repeated() {
    let last = |period: usize| AlignmentSpec::LastValue(LastValueSpec { period: NonZeroUsize::new(period).unwrap() });
    let found = |period: usize| forecast(&program(&[], last(period)).unwrap());
    let close = |found: Vec<f32>, expected: Vec<f32>| {
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} instead of {expected:?}");
    };
    let by_hand = |period: usize| {
        let of = |window: &reprogram_methods::Window| -> Vec<f32> {
            (0..HORIZON).map(|step| window.values[HISTORY - period + step % period]).collect()
        };
        windows(3).iter().flat_map(of).collect()
    };
    for period in [1, 2, 5] {
        close(found(period), by_hand(period));
    }
    insta::assert_snapshot!(program(&[], last(HISTORY + 1)).unwrap_err(), @"last-value needs a `period` of 1 to 24 steps");
}

#[test]
fn a_linear_forecast_of_nothing_is_the_mean() {
    let program = program(&[], AlignmentSpec::WindowMap(WindowMapSpec { centre: Centre::Mean })).unwrap();
    assert_eq!(program.n_trainable(), HISTORY * HORIZON + HORIZON);
    let zero = program.at_point(&vec![0.0; HISTORY * HORIZON + HORIZON]);
    let means = windows(3).iter().flat_map(|window| [window.values.iter().sum::<f32>() / HISTORY as f32; HORIZON]).collect::<Vec<f32>>();
    assert!(forecast(&zero).iter().zip(&means).all(|(a, b)| (a - b).abs() < 1e-5));
    // Another scale of the series is the same scale of the forecast.
    let scaled = |by: f32| -> Vec<f32> {
        let mut windows = windows(3);
        windows.iter_mut().flat_map(|window| &mut window.values).for_each(|value| *value *= by);
        values(program.valid().forward(&model(), &Batch::Series(windows)))
    };
    assert!(scaled(3.0).iter().zip(scaled(1.0)).all(|(a, b)| (a - 3.0 * b).abs() < 1e-3));
}

#[test]
fn a_linear_forecast_around_the_last_value_is_the_one_computed_by_hand() {
    let program = program(&[], AlignmentSpec::WindowMap(WindowMapSpec::default())).unwrap();
    assert_eq!(program.n_trainable(), HISTORY * HORIZON + HORIZON);
    let n_weights = HISTORY * HORIZON;
    // Weights `[history, horizon]`, row by row, and no bias.
    let point: Vec<f32> = (0..n_weights + HORIZON).map(|i| if i < n_weights { (i % 7) as f32 / 10.0 - 0.2 } else { 0.0 }).collect();
    let by_hand = windows(3).into_iter().flat_map(|window| {
        let last = window.values[HISTORY - 1];
        let step = |h: usize| last + (0..HISTORY).map(|t| (window.values[t] - last) * point[t * HORIZON + h]).sum::<f32>();
        (0..HORIZON).map(step).collect::<Vec<f32>>()
    });
    let found = forecast(&program.at_point(&point));
    assert!(found.iter().zip(by_hand).all(|(a, b)| (a - b).abs() < 1e-4 * b.abs().max(1.0)), "{found:?}");
    // Of nothing, it is the last value.
    let zero = forecast(&program.at_point(&vec![0.0; n_weights + HORIZON]));
    let last: Vec<f32> = windows(3).iter().flat_map(|window| [window.values[HISTORY - 1]; HORIZON]).collect();
    assert!(zero.iter().zip(&last).all(|(a, b)| (a - b).abs() < 1e-5), "{zero:?}");
}

#[test]
fn forecasts_and_classes_do_not_fit_each_other() {
    let linear = AlignmentSpec::LinearMap(LinearMapSpec::default());
    insta::assert_snapshot!(
        program(&[prototypes(None)], linear.clone()).unwrap_err(),
        @"linear needs classes or answers, but this data set asks for the next 3 values of series, which `forecast-head`, `window-map` and `last-value` give"
    );
    let of_classes = |manipulations: &[ManipulationSpec], alignment| {
        built_for(&model(), &method(manipulations, alignment), &target(4)).map(|_| ()).unwrap_err().to_string()
    };
    let forecasts = [HEAD, AlignmentSpec::WindowMap(WindowMapSpec::default()), AlignmentSpec::LastValue(LastValueSpec::default())];
    let mut texts: Vec<String> = forecasts.into_iter().map(|alignment| of_classes(&[prototypes(None)], alignment)).collect();
    texts.push(of_classes(&[words(), prototypes(None)], linear));
    insta::assert_snapshot!(texts.join("\n"), @r"
    forecast-head needs series that are to be forecast, but this data set asks for one of 4 classes
    window-map needs series that are to be forecast, but this data set asks for one of 4 classes
    last-value needs series that are to be forecast, but this data set asks for one of 4 classes
    series-prompt needs series that are to be forecast, but this data set asks for one of 4 classes
    ");
    let made = ManipulationSpec::FixedPrompt(FixedPromptSpec { of: FixedTokens::ClassMeans, modality: Modality::Text });
    insta::assert_snapshot!(
        program(&[prototypes(None), made], HEAD).unwrap_err(),
        @"fixed-prompt needs classes or answers, but this data set asks for the next 3 values of series, which `forecast-head`, `window-map` and `last-value` give"
    );
}

#[test]
fn words_in_front_change_the_forecast_and_windows_do_not_change_each_other() {
    let with = program(&[words(), prototypes(None)], HEAD).unwrap();
    let without = program(&[prototypes(None)], HEAD).unwrap();
    assert_ne!(forecast(&with), forecast(&without));
    let alone: Vec<f32> =
        windows(3).into_iter().flat_map(|window| values(with.valid().forward(&model(), &Batch::Series(vec![window])))).collect();
    let worst = forecast(&with).iter().zip(&alone).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(worst < 1e-4, "rows of other lengths beside it: {worst:e}");
}

fn loss(program: &Program) -> Tensor<1> {
    program.forward(&model(), &Batch::Series(windows(3))).square().mean()
}

#[test]
fn a_gradient_goes_through_the_model_to_all_of_the_map() {
    let program = program(&[words(), prototypes(None)], HEAD).unwrap();
    let point = program.point();
    let gradients = burn::optim::GradientsParams::from_grads(loss(&program).backward(), &program);
    let stepped = burn::optim::SgdConfig::new().init().step(1.0, program.clone(), gradients).tensors();
    let mut direction = Vec::with_capacity(point.len());
    for (before, after) in program.tensors().iter().zip(&stepped) {
        let slopes: Vec<f32> = before.values.iter().zip(&after.values).map(|(a, b)| a - b).collect();
        assert!(slopes.iter().any(|slope| slope.abs() > 1e-9), "{} is reached", before.name);
        direction.extend(slopes);
    }
    let length = direction.iter().map(|slope| slope * slope).sum::<f32>().sqrt();
    let by = |by: f32| -> f32 {
        let at: Vec<f32> = point.iter().zip(&direction).map(|(number, slope)| number + by * slope / length).collect();
        loss(&program.at_point(&at)).into_scalar()
    };
    let difference = (by(5e-3) - by(-5e-3)) / 1e-2;
    println!("{difference:.4e} against {length:.4e}");
    assert!((difference - length).abs() < 2e-2 * length, "{difference} against {length}");
}

#[test]
fn a_language_model_is_not_fed_bare_series() {
    let takes = |manipulations: &[ManipulationSpec], alignment| method(manipulations, alignment).takes();
    let linear = || AlignmentSpec::LinearMap(LinearMapSpec::default());
    assert_eq!(takes(&[], linear()), None);
    for told in [prototypes(None), words()] {
        assert_eq!(takes(&[told], linear()), Some(Modality::TimeSeries));
    }
    assert!(built_for(&model(), &method(&[prototypes(None)], linear()), &target(4)).is_ok(), "series of classes are read so");
    assert_eq!(takes(&[], AlignmentSpec::WindowMap(WindowMapSpec::default())), Some(Modality::TimeSeries));
    let long = ManipulationSpec::PatchPrototypes(PatchPrototypesSpec { patches: Patches { length: 25, stride: 8 }, ..Default::default() });
    insta::assert_snapshot!(program(&[long], HEAD).unwrap_err(), @"patch-prototypes needs patches of 1 to 24 values, in steps of at least one");
}

#[test]
fn half_of_a_training_pass_may_be_left_out() {
    let spec = PatchPrototypesSpec { patches: PATCHES, prototypes: 7, dropout: 0.5, ..PatchPrototypesSpec::default() };
    let program = program(&[ManipulationSpec::PatchPrototypes(spec)], HEAD).unwrap();
    let training = || -> f32 { loss(&program).into_scalar() };
    assert!((training() - training()).abs() > 0.0, "another draw each time");
    assert_eq!(forecast(&program), forecast(&program));
}
