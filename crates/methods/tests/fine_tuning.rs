//! Full fine-tuning as a learned difference: it starts as the frozen network, its gradients are those of the weights, and the
//! frozen network is the same afterwards.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use reprogram_methods::{AlignmentSpec, Fused, LinearMapSpec, LinearOn, ManipulationSpec, Program, WeightDeltaSpec};
use reprogram_models::cross_entropy;
use reprogram_taxonomy::{Cut, Modality};
use toy::{CHANNELS, N_SOURCE, Toy, batch, method, values};

const DEPTH: usize = 2;
const DIM: usize = 8;
const LABELS: [usize; 4] = [0, 1, 2, 1];

fn program(toy: &Toy, on: LinearOn) -> Program {
    let weights = ManipulationSpec::WeightDelta(WeightDeltaSpec { modality: Modality::Vision });
    toy.program(&method(&[weights], AlignmentSpec::LinearMap(LinearMapSpec { on })), 1)
}

fn loss(toy: &Toy, program: &Program) -> Tensor<1> {
    cross_entropy(program.forward(&toy.backbone, &batch(4)), &LABELS)
}

/// By tensor; nothing where no gradient comes.
fn gradients(program: &Program, gradients: &GradientsParams) -> Vec<Option<Vec<f32>>> {
    struct Collect<'a>(&'a GradientsParams, Vec<Option<Vec<f32>>>);
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.push(self.0.get::<D>(param.id).map(values));
        }
    }
    let mut collect = Collect(gradients, Vec::new());
    program.visit(&mut collect);
    collect.1
}

#[test]
fn it_starts_as_the_frozen_network_and_counts_all_of_its_weights() {
    let toy = Toy::new(DEPTH, &Device::flex());
    let tuned = program(&toy, LinearOn::Features);
    let bare = toy.program(&method(&[], AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features })), 1);
    let scores = |program: &Program| values(program.valid().forward(&toy.backbone, &batch(3)));
    let distance = scores(&tuned).iter().zip(scores(&bare)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(distance < 1e-6, "{distance}");
    // Patches with their map, class token, positions; blocks; the last norm; the source classifier; and the head.
    let embedding = CHANNELS * 16 * DIM + DIM + DIM + 5 * DIM;
    let block = 4 * (DIM * DIM + DIM) + 2 * DIM * 16 + 16 + DIM + 2 * 2 * DIM;
    let weights = embedding + DEPTH * block + 2 * DIM + (DIM + 1) * N_SOURCE;
    assert_eq!(tuned.n_trainable(), weights + (DIM + 1) * 3);
    assert_eq!(tuned.cut(&toy.backbone), Cut::Input);
    assert!(Fused::new(&[&tuned]).is_none(), "programs with networks of their own do not share one");
}

#[test]
fn gradients_are_those_of_finite_differences_and_a_step_moves_no_frozen_weight() {
    const STEP: f32 = 1e-2;
    let toy = Toy::new(DEPTH, &Device::flex());
    let before = toy.manifest.export(&*toy.backbone);
    for on in [LinearOn::Features, LinearOn::Logits] {
        let program = program(&toy, on);
        let start: f32 = loss(&toy, &program).into_scalar();
        let found = gradients(&program, &GradientsParams::from_grads(loss(&toy, &program).backward(), &program));
        // Nothing reads the source classifier where the head takes features.
        assert_eq!(found.iter().filter(|slopes| slopes.is_none()).count(), if on == LinearOn::Features { 2 } else { 0 });
        let largest = found.iter().flatten().flatten().fold(0.0f32, |largest, slope| largest.max(slope.abs()));
        for (tensor, slopes) in found.iter().enumerate() {
            let Some(slopes) = slopes else { continue };
            let steepest = (0..slopes.len()).max_by(|&a, &b| slopes[a].abs().total_cmp(&slopes[b].abs())).unwrap();
            let at = |by: f32| -> f32 {
                let mut tensors = program.tensors();
                tensors[tensor].values[steepest] += by;
                loss(&toy, &program.clone().with_tensors(tensors).unwrap()).into_scalar()
            };
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!(
                (difference - slopes[steepest]).abs() <= 2e-2 * largest + 1e-4,
                "tensor {tensor}: {difference} against {}",
                slopes[steepest]
            );
        }
        let mut tensors = program.tensors();
        for (tensor, slopes) in tensors.iter_mut().zip(found) {
            tensor.values.iter_mut().zip(slopes.unwrap_or_default()).for_each(|(value, slope)| *value -= 0.02 * slope);
        }
        let end: f32 = loss(&toy, &program.with_tensors(tensors).unwrap()).into_scalar();
        assert!(end < start, "{start} to {end}");
    }
    assert_eq!(toy.manifest.export(&*toy.backbone), before);
}
