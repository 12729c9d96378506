//! Texts through learned tables: mixtures of source tokens for a language model, patches for an image classifier.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use reprogram_methods::{
    AlignmentSpec, Batch, LabelledText, LinearMapSpec, LinearOn, ManipulationSpec, Program, PromptInit, Query, Seed, Setup, SoftPromptSpec,
    Template, TokenPatchesSpec, VerbalizerEmbeddingsSpec, VerbalizerSpec, VocabularyMapSpec,
};
use reprogram_models::{Backbone, Llama, cross_entropy};
use reprogram_taxonomy::Modality;
use toy::language::{target_of, template, tiny};
use toy::{FRAMED, Toy, method, target, values};

const LINEAR: AlignmentSpec = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features });
const TEXTS: [&str; 4] = ["GOOD", "GO", "VERYDULL", "MM"];
const LABELS: [usize; 4] = [0, 1, 2, 1];

fn queries() -> Batch {
    Batch::Texts(TEXTS.iter().map(|&text| Query::new(text)).collect())
}

fn train_texts() -> Vec<LabelledText> {
    let text =
        |(i, (text, label)): (usize, (&&str, usize))| LabelledText { id: i.to_string(), text: (*text).to_owned(), label, options: None };
    TEXTS[..3].iter().zip(LABELS).enumerate().map(text).collect()
}

fn llama() -> Llama {
    tiny("llama3")
}

/// A method's program on a language model, its parameters with autodiff.
fn program(model: &Llama, manipulations: &[ManipulationSpec], alignment: AlignmentSpec) -> Program {
    program_of(["A", "BCD", "BE"], model, manipulations, alignment)
}

/// The same with answers in other words.
fn program_of(labels: [&str; 3], model: &Llama, manipulations: &[ManipulationSpec], alignment: AlignmentSpec) -> Program {
    let labels: Vec<String> = labels.map(str::to_owned).to_vec();
    let target = target_of(Template { labels, ..template() });
    let (device, train_texts) = (Device::flex().autodiff(), train_texts());
    let setup = Setup {
        encoders: reprogram_methods::NO_ENCODERS,
        backbone: model,
        device: &device,
        target: &target,
        placement: None,
        train_texts: &train_texts,
        worked_examples: &[],
        seed: Seed::new(1),
    };
    method(manipulations, alignment).build(&setup).unwrap()
}

fn map(neighbours: usize) -> ManipulationSpec {
    ManipulationSpec::VocabularyMap(VocabularyMapSpec { neighbours })
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn slopes(program: &Program, loss: Tensor<1>) -> Vec<f32> {
    struct Collect<'a>(&'a GradientsParams, Vec<f32>);
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.extend(values(self.0.get::<D>(param.id).unwrap()));
        }
    }
    let gradients = GradientsParams::from_grads(loss.backward(), program);
    let mut collect = Collect(&gradients, Vec::new());
    program.visit(&mut collect);
    collect.1
}

/// The steepest slopes of the first `n` numbers against differences.
fn check_slopes(program: &Program, n: usize, backbone: &dyn Backbone) {
    const STEP: f32 = 1e-2;
    let loss = |program: &Program| cross_entropy(program.forward(backbone, &queries()), &LABELS);
    let found = slopes(program, loss(program));
    assert_eq!(found.len(), program.n_trainable());
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| found[b].abs().total_cmp(&found[a].abs()));
    assert!(found[order[0]].abs() > 1e-5, "no slope");
    for &at in &order[..3] {
        let moved = |by: f32| -> f32 {
            let mut point = program.point();
            point[at] += by;
            loss(&program.at_point(&point)).into_scalar()
        };
        let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        assert!((difference - found[at]).abs() <= 3e-2 * found[order[0]].abs() + 1e-5, "{difference} against {}", found[at]);
    }
}

#[test]
fn a_vocabulary_map_begins_as_the_identity_wherever_tokens_stand() {
    let model = llama();
    let prompt = SoftPromptSpec { tokens: 3, init: PromptInit::Vocabulary, modality: Modality::Text };
    let prompt = ManipulationSpec::SoftPrompt(prompt);
    for alignment in [LINEAR, AlignmentSpec::Verbalizer(VerbalizerSpec::default())] {
        let scores = |parts: &[ManipulationSpec]| values(program(&model, parts, alignment.clone()).valid().forward(&model, &queries()));
        assert!(furthest(&scores(&[map(4)]), &scores(&[])) < 1e-5);
        assert!(furthest(&scores(&[prompt.clone(), map(4)]), &scores(std::slice::from_ref(&prompt))) < 1e-5);
        assert!(furthest(&scores(&[map(4), prompt.clone()]), &scores(std::slice::from_ref(&prompt))) < 1e-5);
    }
}

#[test]
fn a_vocabulary_map_has_a_number_for_each_token_and_neighbour() {
    let model = llama();
    let program = program(&model, &[map(4)], LINEAR);
    // One token a character: those of the first three texts, `<` and `>`.
    let characters: std::collections::BTreeSet<char> = TEXTS[..3].concat().chars().chain("<>".chars()).collect();
    let n = 4 * characters.len();
    let special = program.n_trainable() - n - (model.card().main.dim + 1) * 3;
    assert!(special == 0 || special == 4, "{special}: at most one token begins every text");
    check_slopes(&program, n, &model);
}

#[test]
fn verbalizer_embeddings_begin_as_the_logits_of_first_tokens() {
    // Its embedding map is its unembedding.
    let model = tiny("qwen2");
    let embeddings = || AlignmentSpec::VerbalizerEmbeddings(VerbalizerEmbeddingsSpec {});
    let rows = |program: &Program| -> Vec<Vec<f32>> {
        values(program.clone().valid().forward(&model, &queries())).chunks(3).map(<[f32]>::to_vec).collect()
    };
    // Answers of one token each: their log-likelihoods are their logits but for what all have in common.
    let learned = program_of(["A", "B", "C"], &model, &[], embeddings());
    let worded = program_of(["A", "B", "C"], &model, &[], AlignmentSpec::Verbalizer(VerbalizerSpec::default()));
    for (learned, worded) in rows(&learned).iter().zip(rows(&worded)) {
        for class in 1..3 {
            let (here, there) = (learned[class] - learned[0], worded[class] - worded[0]);
            assert!((here - there).abs() < 1e-4, "{here} against {there}");
        }
    }
    assert_eq!(learned.n_trainable(), 3 * model.card().main.dim);
    check_slopes(&learned, learned.n_trainable(), &model);
    // `BCD` and `BE` begin alike.
    for row in rows(&program(&model, &[], embeddings())) {
        assert_eq!(row[1].to_bits(), row[2].to_bits());
    }
}

#[test]
fn an_image_classifier_reads_texts_by_patches() {
    let toy = Toy::new(2, &Device::flex());
    let (device, target, train_texts) = (Device::flex().autodiff(), target(3), train_texts());
    let setup = Setup {
        encoders: reprogram_methods::NO_ENCODERS,
        backbone: &toy.backbone,
        device: &device,
        target: &target,
        placement: Some(FRAMED),
        train_texts: &train_texts,
        worked_examples: &[],
        seed: Seed::new(1),
    };
    let patches = |size| ManipulationSpec::TokenPatches(TokenPatchesSpec { size, init_std: 1.0 });
    let reading = method(&[patches(4)], LINEAR);
    assert_eq!((reading.takes(), method(&[], LINEAR).takes()), (Some(Modality::Text), None));
    let program = reading.build(&setup).unwrap();
    // The end, what is unknown, and three words; 3 · 4 · 4 numbers each.
    let n = 5 * 3 * 4 * 4;
    assert_eq!(program.n_trainable(), n + 9 * 3);
    let scores = values(program.forward(&toy.backbone, &queries()));
    assert!(furthest(&scores[..3], &scores[3..6]) > 1e-4, "texts of other words are other images");
    check_slopes(&program, n, &toy.backbone);
    insta::assert_snapshot!(
        method(&[patches(3)], LINEAR).build(&setup).unwrap_err(),
        @"token-patches needs patches whose edge divides a canvas of 8 × 8 pixels, which 3 does not"
    );
    let without = Setup { train_texts: &[], ..setup };
    insta::assert_snapshot!(reading.build(&without).unwrap_err(), @"token-patches needs training texts with at least one word");
}
