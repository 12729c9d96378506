//! Training by queries on a toy vision transformer: no gradient is asked for, every loss is counted, the backbone stays.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use std::convert::Infallible;

use burn::module::Module;
use burn::tensor::Device;
use reprogram_methods::{
    AlignmentSpec, FirstClassesSpec, ManipulationSpec, Method, Optimizer, PixelFrameSpec, PixelGeneratorSpec, Program, Seed, Squash,
    Updates,
};
use reprogram_models::cross_entropy;
use toy::{CHANNELS, FRAMED, N_SOURCE, Toy, batch, method, target};

const FIRST: AlignmentSpec = AlignmentSpec::FirstClasses(FirstClassesSpec {});

fn frame() -> ManipulationSpec {
    ManipulationSpec::PixelFrame(PixelFrameSpec { squash: Squash::None, ..PixelFrameSpec::default() })
}

fn generator() -> ManipulationSpec {
    ManipulationSpec::PixelGenerator(PixelGeneratorSpec::default())
}

/// What a trial does: losses of the program at a point, without autodiff.
fn trained(toy: &Toy, method: &Method, optimizer: &Optimizer, rate: f64, n_steps: usize) -> (Program, [f32; 2], usize) {
    let program = toy.build(method, &target(3), FRAMED, 1).unwrap();
    let mut n_asked = 0;
    let mut loss = |point: &[f32]| -> f32 {
        n_asked += 1;
        let program = program.at_point(point).valid();
        assert!(!program.forward(&toy.backbone, &batch(1)).device().is_autodiff(), "no graph is made");
        cross_entropy(program.forward(&toy.backbone, &batch(4)), &[0, 1, 2, 1]).into_scalar()
    };
    let mut point = program.point();
    let start = loss(&point);
    let Updates::Queries(mut rule) = optimizer.start(Seed::new(1)) else { panic!("{optimizer:?} asks for losses") };
    for _ in 0..n_steps {
        rule.step(rate, &mut point, |at| Ok::<_, Infallible>(loss(at))).unwrap();
    }
    let end = loss(&point);
    (program.at_point(&point), [start, end], n_asked - 2)
}

#[test]
fn queries_alone_train_a_frame_and_a_generator() {
    let toy = Toy::new(2, &Device::flex());
    let before = toy.manifest.export(&*toy.backbone);
    let spsa = Optimizer::SpsaGc { pairs: 5, perturbation: 0.01, decay: 0.1, momentum: 0.5 };
    let rgf = Optimizer::Rgf { directions: 5, radius: 0.01 };
    for (part, optimizer, rate, a_step) in [(frame(), &spsa, 0.3, 10), (frame(), &rgf, 0.3, 6), (generator(), &spsa, 0.01, 10)] {
        let (program, [start, end], n_asked) = trained(&toy, &method(std::slice::from_ref(&part), FIRST), optimizer, rate, 25);
        println!("{}, {optimizer:?}: {start} → {end} in {n_asked} queries", part.name());
        assert!(end < start - 1e-3, "{}, {optimizer:?}: {start} → {end}", part.name());
        assert_eq!(n_asked, 25 * a_step);
        assert_eq!(program.n_passes(), if matches!(part, ManipulationSpec::PixelGenerator(_)) { 2 } else { 1 });
    }
    assert_eq!(toy.manifest.export(&*toy.backbone), before);
}

#[test]
fn a_point_is_what_is_trained_and_nothing_else() {
    let toy = Toy::new(2, &Device::flex());
    let program = toy.program(&method(&[frame(), generator()], FIRST), 1);
    let point = program.point();
    // 8 features and 24 numbers of a trigger make 32 channels of one pixel.
    let generator = 24 + (4 * 64 + 64 + 64 * 64 + 2 * 64) + (4 * 64 + 64 + 64 * 32 + 2 * 32) + (4 * 32 + 32 + 32 * 32 + 2 * 32);
    let generator = generator + (4 * 32 + 32 + 32 * 16 + 2 * 16) + 4 * 16 * CHANNELS;
    assert_eq!(point.len(), CHANNELS * 64 + generator);
    assert_eq!(program.n_trainable(), CHANNELS * 48 + generator, "the frame's mask hides the rest");
    assert_eq!(program.n_stored(), CHANNELS * 64 + generator + 3 * N_SOURCE);
    let moved: Vec<f32> = point.iter().map(|number| number + 1.0).collect();
    assert_eq!(program.at_point(&moved).point(), moved);
    assert_eq!(program.point(), point, "the program itself stays");
}

#[test]
#[should_panic(expected = "1 numbers of the point are left over")]
fn a_point_of_another_program_is_a_bug() {
    let toy = Toy::new(1, &Device::flex());
    let program = toy.program(&method(&[frame()], FIRST), 1);
    let _ = program.at_point(&vec![0.0; program.point().len() + 1]);
}
