//! Items that bring their own answers, two or three of them: scores, lengths, priors, demonstrations, learned prompts, misfits.
//!
//! The backbone is the tiny random `llama3` of the `models` crate, whose tokens are characters, blanks left out, and whose context is 32 of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, activation::softmax};
use reprogram_methods::{
    AlignmentSpec, AnswerPriorSpec, Batch, BayesianMappingSpec, ChannelSpec, ContextualCalibrationSpec, CountedOn, DemonstrationsSpec,
    ExtractionSpec, FixedPromptSpec, FixedTokens, FrequencyMappingSpec, LabelledText, LinearMapSpec, LinearOn, ManipulationSpec, Method,
    NO_ENCODERS, Options, Pair, Per, PriorOf, Program, PromptInit, Query, Recipe, Scorer, Seed, Setup, SoftPromptSpec, Target, Template,
    VerbalizerEmbeddingsSpec, VerbalizerSpec, VocabularyMapSpec, Wording, WordingsSpec,
};
use reprogram_models::weights::Gguf;
use reprogram_models::{Llama, cross_entropy};
use reprogram_taxonomy::{Misfit, Modality};

fn tiny() -> Llama {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/gguf/llama3.gguf");
    Llama::from_gguf(&Gguf::parse(&std::fs::read(path).unwrap()).unwrap(), "llama3", &Device::flex()).unwrap()
}

fn template() -> Template {
    Template {
        instruction: None,
        input: "<{text}".to_owned(),
        cue: ">".to_owned(),
        separator: ";".to_owned(),
        labels: Vec::new(),
        variants: Vec::new(),
        answer: None,
    }
}

fn answers(words: &[&str]) -> Options {
    Options::Answers(words.iter().map(ToString::to_string).collect())
}

/// One item with two options, one with three.
fn queries() -> Vec<Query> {
    let query = |text: &str, options| Query { options: Some(options), ..Query::new(text) };
    vec![query("GOOD", answers(&["ABC", "DE"])), query("DULL", answers(&["F", "GHIJ", "KL"]))]
}

fn train() -> Vec<LabelledText> {
    let text =
        |id: &str, text: &str, label, options| LabelledText { id: id.to_owned(), text: text.to_owned(), label, options: Some(options) };
    vec![text("a", "X0", 1, answers(&["MN", "OP"])), text("b", "X1", 2, answers(&["Q", "R", "STU"]))]
}

fn built_with(template: Template, model: &Llama, parts: &[ManipulationSpec], alignment: AlignmentSpec) -> Result<Program, Misfit> {
    let classes = ["A", "B", "C"].map(str::to_owned).to_vec();
    let target = Target { classes, template: Some(template), shares_source_labels: false, horizon: None };
    let setup = Setup {
        encoders: NO_ENCODERS,
        backbone: model,
        device: &Device::flex().autodiff(),
        target: &target,
        placement: None,
        train_texts: &train(),
        worked_examples: &[],
        seed: Seed::new(2),
    };
    Method { manipulations: parts.to_vec(), alignment, recipe: Recipe::default() }.build(&setup)
}

fn built(model: &Llama, parts: &[ManipulationSpec], alignment: AlignmentSpec) -> Result<Program, Misfit> {
    built_with(template(), model, parts, alignment)
}

fn verbalizer(per: Option<Per>) -> AlignmentSpec {
    AlignmentSpec::Verbalizer(VerbalizerSpec { per })
}

fn scores(program: &Program, model: &Llama) -> Vec<Vec<f32>> {
    let found: Vec<f32> = program.forward(model, &Batch::Texts(queries())).try_into_vec_as().unwrap();
    found.chunks(3).map(<[f32]>::to_vec).collect()
}

/// Of answers behind one context each, in their order.
fn likelihoods(model: &Llama, pairs: &[(&str, &str)]) -> Vec<f32> {
    let pair = |(context, continuation): &(&str, &str)| Pair { context: (*context).to_owned(), continuation: (*continuation).to_owned() };
    let pairs: Vec<Pair> = pairs.iter().map(pair).collect();
    Scorer::new(model).pairs(&pairs).iter().map(|score| score.log_likelihood).collect()
}

const PAIRS: [(&str, &str); 5] =
    [("<GOOD\n>", " ABC"), ("<GOOD\n>", " DE"), ("<DULL\n>", " F"), ("<DULL\n>", " GHIJ"), ("<DULL\n>", " KL")];

#[track_caller]
fn assert_rows(found: &[Vec<f32>], expected: &[f32]) {
    let own: Vec<f32> = found[0][..2].iter().chain(&found[1]).copied().collect();
    let worst = own.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= 1e-4, "{found:?}, not {expected:?}");
    assert!(found[0][2] < -1e20, "the first item has no third option: {found:?}");
}

#[test]
fn each_item_is_scored_by_its_own_answers() {
    let model = tiny();
    let program = built(&model, &[], verbalizer(None)).unwrap();
    let found = scores(&program, &model);
    assert_rows(&found, &likelihoods(&model, &PAIRS));
    let row = Tensor::<1>::from_floats(found[0].as_slice(), &Device::flex()).reshape([1, 3]);
    let probabilities: Vec<f32> = softmax(row, 1).try_into_vec_as().unwrap();
    assert!(probabilities[2] == 0.0 && probabilities.iter().all(|p| p.is_finite()), "{probabilities:?}");
}

#[test]
fn lengths_are_those_of_the_items_answers() {
    let model = tiny();
    let raw = likelihoods(&model, &PAIRS);
    for (per, lengths) in [(Per::Character, [3.0, 2.0, 1.0, 4.0, 2.0]), (Per::Token, [3.0, 2.0, 1.0, 4.0, 2.0])] {
        let program = built(&model, &[], verbalizer(Some(per))).unwrap();
        let expected: Vec<f32> = raw.iter().zip(lengths).map(|(score, length)| score / length).collect();
        assert_rows(&scores(&program, &model), &expected);
        let lengths = program.choice_lengths(&model, &queries()).unwrap();
        assert_eq!(lengths.characters, [vec![3, 2], vec![1, 4, 2]]);
        assert_eq!((lengths.bytes, lengths.tokens), (lengths.characters, vec![vec![3, 2], vec![1, 4, 2]]));
    }
}

#[test]
fn the_cue_says_how_likely_each_answer_is_anyway() {
    let model = tiny();
    let program = built(&model, &[], AlignmentSpec::AnswerPrior(AnswerPriorSpec { of: PriorOf::Cue })).unwrap();
    let anyway = likelihoods(&model, &PAIRS.map(|(_, answer)| (">", answer)));
    let expected: Vec<f32> = likelihoods(&model, &PAIRS).iter().zip(anyway).map(|(score, anyway)| score - anyway).collect();
    assert_rows(&scores(&program, &model), &expected);
    let alone: Vec<f32> = program.valid().unconditional_scores(&model, &queries()).try_into_vec_as().unwrap();
    let rows: Vec<Vec<f32>> = alone.chunks(3).map(<[f32]>::to_vec).collect();
    assert_rows(&rows, &likelihoods(&model, &PAIRS.map(|(_, answer)| ("", answer))));
}

#[test]
fn one_ending_stands_behind_each_beginning() {
    let model = tiny();
    let template = Template { input: "{text}".to_owned(), cue: String::new(), ..template() };
    let program = built_with(template, &model, &[], verbalizer(None)).unwrap();
    let options = Options::Beginnings { texts: ["AB CUP", "AB HAT"].map(str::to_owned).to_vec(), ending: "FITS".to_owned() };
    let query = Query { options: Some(options), ..Query::new("AB _ FITS") };
    let found: Vec<f32> = program.source(&model, &Batch::Texts(vec![query.clone()])).try_into_vec_as().unwrap();
    let expected = likelihoods(&model, &[("AB CUP", " FITS"), ("AB HAT", " FITS")]);
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-4) && found[2] < -1e20, "{found:?}, not {expected:?}");
    let lengths = program.choice_lengths(&model, &[query]).unwrap();
    assert_eq!((lengths.tokens, lengths.characters), (vec![vec![4, 4]], vec![vec![4, 4]]));
}

#[test]
fn a_worked_example_shows_its_right_option() {
    let model = tiny();
    let shots = ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(2));
    let program = built(&model, &[shots], verbalizer(None)).unwrap();
    let given = program.given(&model, &queries());
    assert!(given[0].contains("<X0\n> OP;") && given[0].contains("<X1\n> STU;"), "{}", given[0]);
    let other = vec![Query { options: Some(answers(&["ABC", "DF"])), ..Query::new("GOOD") }];
    assert_ne!(program.given(&model, &other)[0], given[0], "what is kept depends on the options");
}

/// Gradients of all parameters.
fn slopes(program: &Program, loss: Tensor<1>) -> Vec<f32> {
    struct Collect(GradientsParams, Vec<f32>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let slopes: Option<Vec<f32>> = self.0.get::<D>(param.id).map(|slopes| slopes.try_into_vec_as().unwrap());
            self.1.extend(slopes.into_iter().flatten());
        }
    }
    let mut collect = Collect(GradientsParams::from_grads(loss.backward(), program), Vec::new());
    program.visit(&mut collect);
    collect.1
}

#[test]
fn prompts_learn_through_own_answers() {
    let model = tiny();
    let prompt = SoftPromptSpec { tokens: 2, init: PromptInit::Vocabulary, modality: Modality::Text };
    for alignment in [verbalizer(None), verbalizer(Some(Per::Byte)), AlignmentSpec::AnswerPrior(AnswerPriorSpec { of: PriorOf::Cue })] {
        let map = ManipulationSpec::VocabularyMap(VocabularyMapSpec { neighbours: 2 });
        let program = built(&model, &[ManipulationSpec::SoftPrompt(prompt.clone()), map], alignment).unwrap();
        let loss = cross_entropy(program.forward(&model, &Batch::Texts(queries())), &[1, 2]);
        let found: f32 = loss.clone().into_scalar();
        assert!(found.is_finite() && found < 1e6, "{found}");
        let slopes = slopes(&program, loss);
        assert_eq!(slopes.len(), program.n_trainable());
        assert!(slopes.iter().all(|slope| slope.is_finite()) && slopes.iter().any(|slope| slope.abs() > 1e-6), "{slopes:?}");
    }
}

#[test]
fn what_belongs_to_classes_does_not_fit() {
    let model = tiny();
    let refused = |parts: &[ManipulationSpec], alignment: AlignmentSpec| built(&model, parts, alignment).unwrap_err().to_string();
    let misfits = [
        refused(&[], AlignmentSpec::ContextualCalibration(ContextualCalibrationSpec {})),
        refused(&[], AlignmentSpec::Channel(ChannelSpec {})),
        refused(&[], AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Answers })),
        refused(&[], AlignmentSpec::FrequencyMapping(FrequencyMappingSpec { on: CountedOn::Answers, ..FrequencyMappingSpec::default() })),
        refused(&[], AlignmentSpec::BayesianMapping(BayesianMappingSpec { on: CountedOn::Answers, ..BayesianMappingSpec::default() })),
        refused(&[], AlignmentSpec::VerbalizerEmbeddings(VerbalizerEmbeddingsSpec {})),
        refused(&[], AlignmentSpec::AnswerPrior(AnswerPriorSpec { of: PriorOf::TrainingItems })),
        refused(&[], AlignmentSpec::ExtractedAnswer(ExtractionSpec::default())),
    ];
    for misfit in &misfits {
        assert!(
            misfit.ends_with(
                "needs answers that all items share, but each item of this data set brings its own options, which `verbalizer` scores, and \
                 `answer-prior` with `of = \"cue\"`"
            ),
            "{misfit}"
        );
    }
    assert!(misfits[1].starts_with("channel needs"), "{}", misfits[1]);
    let means = ManipulationSpec::FixedPrompt(FixedPromptSpec { of: FixedTokens::ClassMeans, modality: Modality::Text });
    assert!(refused(&[means], verbalizer(None)).contains("classes whose items have something in common"));
    let wording = |labels: Option<[&str; 3]>| {
        let labels = labels.map(|labels| labels.map(str::to_owned).to_vec());
        let wording = Wording { input: "{text}".to_owned(), cue: "=".to_owned(), labels };
        ManipulationSpec::Wordings(WordingsSpec { templates: vec![wording.clone(), wording] })
    };
    assert!(refused(&[wording(Some(["A", "B", "C"]))], verbalizer(None)).contains("templates without `labels`"));
    assert!(refused(&[wording(None)], verbalizer(Some(Per::Byte))).contains("one wording"));
    assert!(built(&model, &[wording(None)], verbalizer(None)).is_ok(), "a mean over wordings is one of the same answers");
}
