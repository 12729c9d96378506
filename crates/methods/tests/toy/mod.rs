//! A tiny vision transformer with seeded weights, and a target of three classes for it.
//! Each test binary uses a part of it.

#![allow(dead_code)]

pub(crate) mod acoustic;
pub(crate) mod language;
pub(crate) mod place;
pub(crate) mod two_towers;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use rand::RngExt;
use reprogram_methods::{AlignmentSpec, Batch, ManipulationSpec, Method, NO_ENCODERS, Placement, Program, Recipe, Seed, Setup, Target};
use reprogram_models::blocks::Activation;
use reprogram_models::weights::{Loader, Manifest};
use reprogram_models::{Frozen, PlainVit, Vit};
use reprogram_taxonomy::Misfit;

/// Colour channels.
pub(crate) const CHANNELS: usize = 3;
/// Pixels of the canvas's edge.
pub(crate) const CANVAS: usize = 8;
/// Where a small image lies.
pub(crate) const FRAMED: Placement = Placement { canvas: [CANVAS, CANVAS], image: [4, 4] };
/// Source classes.
pub(crate) const N_SOURCE: usize = 6;

/// A backbone with what writing it back needs.
pub(crate) struct Toy {
    pub(crate) backbone: Frozen<Vit>,
    pub(crate) manifest: Manifest,
}

impl Toy {
    /// With this many blocks, its weights on `device`.
    pub(crate) fn new(depth: usize, device: &Device) -> Self {
        Self::with_sources(N_SOURCE, depth, device)
    }

    /// The same with another number of source classes.
    pub(crate) fn with_sources(n_sources: usize, depth: usize, device: &Device) -> Self {
        let config = PlainVit {
            hidden_size: 8,
            num_hidden_layers: depth,
            num_attention_heads: 2,
            intermediate_size: 16,
            hidden_act: Activation::Gelu,
            layer_norm_eps: 1e-6,
            image_size: CANVAS,
            patch_size: 4,
            num_channels: CHANNELS,
            num_labels: n_sources,
            image_mean: vec![0.5; CHANNELS],
            image_std: vec![0.5; CHANNELS],
        };
        let values = |name: &str, shape: &[usize]| uniform(name, shape.iter().product(), 0.5);
        let (model, manifest) = Vit::from_loader(&config.try_into().unwrap(), "toy", Loader::initialise(Box::new(values), device)).unwrap();
        Self { backbone: Frozen::new(model), manifest }
    }

    /// A method's program, its parameters with autodiff.
    pub(crate) fn program(&self, method: &Method, seed: u64) -> Program {
        self.build(method, &target(3), FRAMED, seed).unwrap()
    }

    /// A method's program, or why there is none.
    pub(crate) fn build(&self, method: &Method, target: &Target, placement: Placement, seed: u64) -> Result<Program, Misfit> {
        let device = Device::flex().autodiff();
        let seed = Seed::new(seed);
        method.build(&Setup {
            encoders: NO_ENCODERS,
            backbone: &self.backbone,
            device: &device,
            target,
            placement: Some(placement),
            train_texts: &[],
            worked_examples: &[],
            seed,
        })
    }
}

/// Classes `class 0`, `class 1`, …
pub(crate) fn target(n_classes: usize) -> Target {
    Target { classes: (0..n_classes).map(|i| format!("class {i}")).collect(), template: None, shares_source_labels: false, horizon: None }
}

/// A method with the default recipe.
pub(crate) fn method(manipulations: &[ManipulationSpec], alignment: AlignmentSpec) -> Method {
    Method { manipulations: manipulations.to_vec(), alignment, recipe: Recipe::default() }
}

/// Images on the canvas, zero outside of the small image.
pub(crate) fn images(n: usize) -> Tensor<4> {
    let pixels = uniform("images", n * CHANNELS * CANVAS * CANVAS, 0.5);
    let on_canvas = |(i, value): (usize, f32)| {
        let (row, column) = (i / CANVAS % CANVAS, i % CANVAS);
        if FRAMED.is_frame(row, column) { 0.0 } else { value + 0.5 }
    };
    let pixels: Vec<f32> = pixels.into_iter().enumerate().map(on_canvas).collect();
    Tensor::from_data(TensorData::new(pixels, [n, CHANNELS, CANVAS, CANVAS]), &Device::flex())
}

/// The same as a batch.
pub(crate) fn batch(n: usize) -> Batch {
    Batch::Images(images(n))
}

/// The numbers of a tensor.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

/// Seeded numbers in `-bound..bound`.
pub(crate) fn uniform(name: &str, n: usize, bound: f32) -> Vec<f32> {
    let mut rng = Seed::new(0).fork(name).rng();
    (0..n).map(|_| rng.random_range(-bound..bound)).collect()
}

/// A program's gradients against finite differences of the loss, in f32: every `step`th number.
pub(crate) fn check_gradient(program: &Program, step: usize, loss: &dyn Fn(&Program) -> Tensor<1>) {
    struct Reader<'a>(&'a Gradients, Vec<f32>);
    impl ModuleVisitor for Reader<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // What is fitted has no gradient.
            if param.val().is_require_grad() {
                self.1.extend(param.val().grad(self.0).map(values).unwrap());
            }
        }
    }
    let gradients = loss(program).backward();
    let mut reader = Reader(&gradients, Vec::new());
    program.visit(&mut reader);
    let point = program.point();
    let at = |i: usize, by: f32| -> f32 {
        let mut moved = point.clone();
        moved[i] += by;
        loss(&program.at_point(&moved).valid()).into_scalar()
    };
    let largest = reader.1.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    assert!(largest > 0.0, "nothing has a gradient");
    for i in (0..point.len()).step_by(step) {
        let difference = (at(i, 1e-2) - at(i, -1e-2)) / 2e-2;
        assert!((difference - reader.1[i]).abs() < 0.03 * largest + 1e-3, "{i}: {difference} and {}", reader.1[i]);
    }
}
