//! Items answered by generated text on toy language models: the same as a loop written out by hand, the same in any company, drawn
//! from the trial's seed and from nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking and says what it measured")]

mod toy;

use std::num::NonZeroUsize;

use burn::tensor::Device;
use reprogram_methods::{
    AlignmentSpec, AnswerForm, Answered, Extraction, ExtractionSpec, Generation, LeastToMostSpec, MajoritySpec, ManipulationSpec, Method,
    NO_ENCODERS, Pick, PromptInit, Recipe, Seed, Setup, SoftPromptSpec, StepByStepSpec, Target, Template, VerbalizerSpec, VerbatimSpec,
    Way, WorkedExample, WorkedExamplesSpec, catalog,
};
use reprogram_models::{Backbone, Decoding, GenerateError, Llama, Stops, generate};
use reprogram_taxonomy::{Misfit, Modality};
use toy::language::{target_of, template, tiny};

const ITEMS: [(&str, &str); 4] = [("a", "GO"), ("b", "VERYDULL"), ("c", "MM"), ("d", "GOOD DO")];

fn target() -> Target {
    let exemplar = |text: &str| WorkedExample { text: text.to_owned(), rationale: Some("MO".to_owned()), answer: "A".to_owned() };
    let form = AnswerForm { phrase: "so".to_owned(), extraction: Extraction::Line1, exemplars: ["DO", "LO"].map(exemplar).to_vec() };
    target_of(Template { input: "{text}".to_owned(), labels: vec![], answer: Some(form), ..template() })
}

fn extraction(max_tokens: usize) -> AlignmentSpec {
    AlignmentSpec::ExtractedAnswer(ExtractionSpec { pick: Pick::First, max_tokens })
}

fn votes(paths: usize) -> AlignmentSpec {
    let paths = NonZeroUsize::new(paths).unwrap();
    AlignmentSpec::Majority(MajoritySpec { paths, max_tokens: 3, ..MajoritySpec::default() })
}

fn method(manipulations: &[ManipulationSpec], alignment: AlignmentSpec) -> Method {
    Method { manipulations: manipulations.to_vec(), alignment, recipe: Recipe::default() }
}

fn built(backbone: &Llama, method: &Method, target: &Target) -> Result<reprogram_methods::Program, Misfit> {
    let device = Device::flex();
    let seed = Seed::new(5);
    method.build(&Setup {
        encoders: NO_ENCODERS,
        backbone,
        device: &device,
        target,
        placement: None,
        train_texts: &[],
        worked_examples: &[],
        seed,
    })
}

fn answers(backbone: &Llama, method: &Method, items: &[(&str, &str)], seed: u64) -> (Vec<Answered>, usize) {
    let program = built(backbone, method, &target()).unwrap();
    let mut generation = Generation::new(&program, backbone, Seed::new(seed));
    let answered = generation.answers(items, || Ok::<(), GenerateError>(())).unwrap();
    (answered, generation.n_tokens())
}

fn methods() -> Vec<Method> {
    let thought = ManipulationSpec::StepByStep(StepByStepSpec { trigger: "LO".to_owned(), max_tokens: 4 });
    let apart = ManipulationSpec::LeastToMost(LeastToMostSpec { trigger: "LO".to_owned(), questions: 2, max_tokens: 4 });
    let worked = ManipulationSpec::WorkedExamples(WorkedExamplesSpec { shots: 1, way: Way::Shown, max_tokens: 4 });
    vec![
        method(&[], extraction(3)),
        method(std::slice::from_ref(&thought), extraction(3)),
        method(&[apart], extraction(3)),
        method(std::slice::from_ref(&worked), extraction(3)),
        method(&[thought], votes(3)),
        method(&[worked], AlignmentSpec::Verbatim(VerbatimSpec { max_tokens: 3 })),
    ]
}

#[test]
fn an_item_is_answered_the_same_alone_and_in_company() {
    for family in ["llama3", "gemma3"] {
        let model = tiny(family);
        for method in methods() {
            let (together, n_tokens) = answers(&model, &method, &ITEMS, 1);
            let alone: Vec<(Vec<Answered>, usize)> = ITEMS.iter().map(|item| answers(&model, &method, &[*item], 1)).collect();
            let turned: Vec<_> = ITEMS.iter().rev().copied().collect();
            let mut turned = answers(&model, &method, &turned, 1).0;
            turned.reverse();
            assert_eq!(together, turned, "{family}");
            assert_eq!(n_tokens, alone.iter().map(|(_, n)| n).sum::<usize>(), "{family}");
            assert_eq!(together, alone.into_iter().flat_map(|(answered, _)| answered).collect::<Vec<_>>(), "{family}");
        }
    }
}

/// Two turns, token by token, as one would write them down.
#[test]
fn thinking_aloud_is_the_loop_written_out() {
    let model = tiny("llama3");
    let tokenizer = model.tokenizer().unwrap();
    let ask = |prompt: &str, n: usize| {
        let stops = tokenizer.special_tokens().eos.into_iter().fold(Stops::after(n), Stops::at_token);
        let prompt = tokenizer.encode_pair(prompt, "").context;
        generate(&model, &[prompt], Decoding::Greedy, &stops, |_| 0.5).unwrap().remove(0).text.unwrap()
    };
    let answered = answers(&model, &methods()[1], &ITEMS, 1).0;
    for ((_, text), answered) in ITEMS.iter().zip(answered) {
        let first = format!("{text}\n> LO");
        let thought = ask(&first, 4);
        let second = format!("{}\nTherefore, so", format!("{first}{thought}").trim_end());
        assert_eq!(answered.paths[0].texts, [thought, ask(&second, 3)]);
        assert_eq!(answered.answer, Extraction::Line1.answer(&answered.paths[0].texts[1], &Pick::First));
    }
}

#[test]
fn paths_are_drawn_from_the_seed_and_vote() {
    let model = tiny("llama3");
    let method = method(&[], votes(5));
    let drawn = |seed| answers(&model, &method, &ITEMS, seed).0;
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
    let first = &drawn(1)[0];
    assert_eq!(first.paths.len(), 5);
    assert!(first.paths.iter().any(|path| path.texts != first.paths[0].texts), "paths differ");
    assert!(first.paths.iter().any(|path| path.answer == first.answer));
}

#[test]
fn what_is_not_drawn_needs_no_seed() {
    let drawn: Vec<bool> = methods().iter().map(Method::is_drawn).collect();
    assert_eq!(drawn, [false, false, false, true, true, true]);
    let model = tiny("llama3");
    for method in methods().iter().filter(|method| !method.is_drawn()) {
        assert_eq!(answers(&model, method, &ITEMS, 1), answers(&model, method, &ITEMS, 2));
    }
}

#[test]
fn what_does_not_fit_says_why() {
    let model = tiny("llama3");
    let no = |method: &Method, target: &Target| built(&model, method, target).unwrap_err().to_string();
    let thought = ManipulationSpec::StepByStep(StepByStepSpec::default());
    let soft = ManipulationSpec::SoftPrompt(SoftPromptSpec { tokens: 2, init: PromptInit::Normal { std: 0.1 }, modality: Modality::Text });
    let closed = {
        let mut target = target();
        target.classes = vec!["A".to_owned(), "BCD".to_owned()];
        let template = target.template.as_mut().unwrap();
        (template.labels, template.answer) = (target.classes.clone(), None);
        target
    };
    let cold = AlignmentSpec::Majority(MajoritySpec { temperature: 0.0, ..MajoritySpec::default() });
    let few_shot = (catalog::find("cot-few-shot").unwrap().method)();
    let learned = method(&[soft], extraction(3));
    let reasons = [
        no(&method(&[], AlignmentSpec::Verbalizer(VerbalizerSpec::default())), &target()),
        no(&method(&[thought], AlignmentSpec::Verbalizer(VerbalizerSpec::default())), &closed),
        no(&method(&[], extraction(3)), &closed),
        no(&learned, &target()),
        no(&method(&[], cold), &target()),
        no(&few_shot, &target()),
        learned.incoherence().unwrap(),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
}
