//! Every catalogued method on toy backbones: its size is what its formula says, its gradients are those of finite differences,
//! it can be trained where it says so, and the backbone's weights stay what they are. A new entry is tested by being registered.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use reprogram_methods::catalog::{CATALOG, Entry, find};
use reprogram_methods::{ManipulationSpec, Method, NamedTensor, Program, Sizes};
use reprogram_taxonomy::Format;
use toy::place::{Place, point_lengths, without_dropout};
use toy::uniform;

/// An entry on every toy that it fits.
fn fitting<'a>(entry: &Entry, places: &'a [Place]) -> Vec<(&'a Place, Program)> {
    let method = (entry.method)();
    let fits: Vec<_> = places.iter().filter_map(|place| Some((place, place.build(&method)?))).collect();
    assert!(!fits.is_empty(), "{} fits no toy", entry.name);
    fits
}

fn numbers(program: &Program) -> Vec<f32> {
    program.tensors().into_iter().flat_map(|NamedTensor { values, .. }| values).collect()
}

#[test]
fn every_entry_trains_and_leaves_the_weights() {
    let places = Place::all();
    let before = places.each_ref().map(Place::weights_sha256);
    for entry in CATALOG {
        let method = (entry.method)();
        for (place, program) in fitting(entry, &places) {
            let start = numbers(&program);
            let end = numbers(&place.stepped(&method, place.fitted(program)));
            assert!(end.iter().all(|number| number.is_finite()), "{}: not finite", entry.name);
            assert_eq!(start != end, !end.is_empty(), "{}: parameters move, or there are none", entry.name);
        }
        for (place, before) in places.iter().zip(&before) {
            assert_eq!(&place.weights_sha256(), before, "{}: weights of the {} toy moved", entry.name, place.name);
        }
    }
    println!("{} entries", CATALOG.len());
}

#[test]
fn every_entry_has_the_size_that_its_formulae_say() {
    let places = Place::all();
    let mut wrong = Vec::new();
    for entry in CATALOG {
        for (place, program) in fitting(entry, &places) {
            let (sizes, held) = (place.sizes(), program.n_held());
            let counted = [program.n_trainable(), held, program.n_stored() - held];
            let said = [entry.size.trained, entry.size.held, entry.size.fitted].map(|formula| formula.value(&sizes));
            if said != counted.map(Ok) {
                wrong.push(format!("{} on the {} toy: {said:?}, but trained, held and fitted are {counted:?}", entry.name, place.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Entries whose gradient is not that of their loss, by design: what is left out of it.
const STOPPED: [(&str, &str); 1] = [("plot", "the transport plan is a constant to the gradient")];

/// In directions that move one tensor of parameters, along its gradient and in any way, off the start: it may be a kink.
#[test]
fn gradients_of_every_entry_are_those_of_finite_differences() {
    // Noise of single precision speaks for the longer step, kinks nearby for the shorter one.
    const STEPS: [f32; 2] = [3e-3, 1e-3];
    let places = Place::all();
    let (mut wrong, mut n_directions) = (Vec::new(), 0);
    for entry in CATALOG {
        let method = without_dropout((entry.method)());
        for (place, program) in places.iter().filter_map(|place| Some((place, place.build(&method)?))) {
            let start = program.point();
            if start.is_empty() || STOPPED.iter().any(|(name, _)| *name == entry.name) {
                continue;
            }
            let nudge = uniform(entry.name, start.len(), 0.05);
            let point: Vec<f32> = start.iter().zip(nudge).map(|(number, nudge)| number + nudge).collect();
            let program = place.fitted(program.at_point(&point));
            let gradient = place.gradient(&program);
            let mut at = 0;
            for length in point_lengths(&program) {
                let own = at..at + length;
                at += length;
                let norm = length_of(&gradient[own.clone()]);
                for direction in [gradient[own.clone()].to_vec(), uniform("direction", length, 1.0)] {
                    let direction_norm = length_of(&direction);
                    if direction_norm < 1e-6 {
                        continue;
                    }
                    let direction: Vec<f32> = direction.iter().map(|number| number / direction_norm).collect();
                    let loss = |step: f32| -> f32 {
                        let mut there = point.clone();
                        there[own.clone()].iter_mut().zip(&direction).for_each(|(number, way)| *number += step * way);
                        place.loss(&program.at_point(&there)).into_scalar()
                    };
                    let measured = STEPS.map(|step| (loss(step) - loss(-step)) / (2.0 * step));
                    let computed: f32 = gradient[own.clone()].iter().zip(&direction).map(|(number, way)| number * way).sum();
                    n_directions += 1;
                    let is_near = |(step, measured): (f32, f32)| (measured - computed).abs() <= 0.05 * norm + 1e-6 / step;
                    if !STEPS.into_iter().zip(measured).any(is_near) {
                        wrong.push(format!(
                            "{} on the {} toy, numbers {own:?}: {computed} computed, {measured:?} measured",
                            entry.name, place.name
                        ));
                    }
                }
            }
        }
    }
    println!("{n_directions} directions");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn length_of(numbers: &[f32]) -> f32 {
    numbers.iter().map(|number| number * number).sum::<f32>().sqrt()
}

/// Entries whose learned manipulations change nothing before they are trained: the others start somewhere else, as published.
#[test]
fn what_starts_neutral() {
    let places = Place::all();
    let mut lines = Vec::new();
    for entry in CATALOG {
        let method = (entry.method)();
        let learned = |part: &ManipulationSpec| part.coordinates().format() == Format::Learnable;
        if !method.manipulations.iter().any(learned) {
            continue;
        }
        let fixed = method.manipulations.iter().filter(|part| !learned(part)).cloned().collect();
        let bare = Method { manipulations: fixed, ..method.clone() };
        let differs = fitting(entry, &places).iter().any(|(place, program)| {
            // Without a part that turns texts into images, texts are nothing to an image classifier.
            let Some(bare) = place.build(&bare) else { return true };
            let (with, without) = (place.outputs(program), place.outputs(&bare));
            with.iter().zip(&without).any(|(a, b)| (a - b).abs() > 1e-4)
        });
        if !differs {
            lines.push(entry.name);
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

/// What papers state, in the papers' own settings.
#[test]
fn sizes_in_the_papers_settings_are_the_papers() {
    let imagenet = |h| {
        Sizes::from_names([
            ("c", 3),
            ("H", 224),
            ("W", 224),
            ("e", 224),
            ("h", h),
            ("w", h),
            ("d", 768),
            ("L", 12),
            ("S", 1000),
            ("C", 10),
            ("f", 768),
            ("t", 512),
        ])
    };
    let of = |name: &str, h: usize| {
        let size = find(name).unwrap().size;
        [size.trained, size.held].map(|formula| formula.value(&imagenet(h)).unwrap())
    };
    assert_eq!(of("vp-ilm", 128), [101_376, 150_528]);
    assert_eq!(of("vp-pad", 224), [69_840, 150_528]);
    assert_eq!(of("smm", 224)[0] - 150_528, 26_499);
    assert_eq!(of("smm-six", 224)[0] - 150_528, 102_339);
    assert_eq!(of("blackvip", 224)[0], 9_920);
    assert_eq!(of("vpt-deep", 224)[0] - of("linear-probe", 224)[0], 12 * 10 * 768);
    assert_eq!(of("coop", 224)[0], 8_192);
}

/// The same of two towers: ViT-B/16 with 16×16 patches, its texts 512 wide.
#[test]
fn sizes_on_two_towers_are_the_papers() {
    let sizes = Sizes::from_names([("f", 512), ("t", 512), ("d", 768), ("L", 12), ("L_t", 12), ("C", 10)]);
    let of = |name: &str| find(name).unwrap().size.trained.value(&sizes).unwrap();
    assert_eq!([of("kgcoop"), of("cocoop"), of("maple"), of("plot")], [2_048, 35_360, 3_555_072, 32_768]);
}
