//! Prompts that are read with a model at hand: groups, neighbours, wordings, and items behind answers.
//!
//! Families are the tiny random networks of the `models` crate, whose tokens are characters.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use burn::tensor::{Device, Tensor, activation::log_softmax};
use reprogram_methods::{
    AlignmentSpec, Batch, ChannelSpec, Choice, CountedOn, DemonstrationsSpec, Fitting, FrequencyMappingSpec, GroupedDemonstrationsSpec,
    LabelledText, LinearMapSpec, LinearOn, ManipulationSpec, Method, NO_ENCODERS, Order, Pair, Program, Query, Recipe, Scorer, Seed, Setup,
    Template, VerbalizerSpec, Wording, WordingsSpec,
};
use reprogram_models::{Backbone, Input, Llama, Reading, TokenBatch};
use reprogram_taxonomy::Misfit;
use toy::language::{self, tiny};

const FAMILIES: [&str; 6] = ["llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"];

const TEXTS: [&str; 4] = ["GOOD", "GO", "VERYDULL", "MM"];

fn template() -> Template {
    let variants = vec![Wording { input: "{text}".to_owned(), cue: "=".to_owned(), labels: None }];
    Template { variants, ..language::template() }
}

fn texts(words: &[&str]) -> Vec<LabelledText> {
    words
        .iter()
        .enumerate()
        .map(|(i, word)| LabelledText { id: i.to_string(), text: (*word).to_owned(), label: i % 3, options: None })
        .collect()
}

fn built(model: &Llama, train: &[LabelledText], manipulation: ManipulationSpec, alignment: AlignmentSpec) -> Result<Program, Misfit> {
    let target = language::target_of(template());
    let device = Device::flex();
    let setup = Setup {
        encoders: NO_ENCODERS,
        backbone: model,
        device: &device,
        target: &target,
        placement: None,
        train_texts: train,
        worked_examples: &[],
        seed: Seed::new(2),
    };
    Method { manipulations: vec![manipulation], alignment, recipe: Recipe::default() }.build(&setup)
}

fn answering(model: &Llama, train: &[LabelledText], manipulation: ManipulationSpec) -> Program {
    built(model, train, manipulation, AlignmentSpec::Verbalizer(VerbalizerSpec::default())).unwrap()
}

fn grouped(groups: usize, shots: usize) -> ManipulationSpec {
    ManipulationSpec::GroupedDemonstrations(GroupedDemonstrationsSpec { groups, shots })
}

fn queries() -> Vec<Query> {
    TEXTS.iter().map(|&text| Query::new(text)).collect()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

fn scores(program: &Program, model: &Llama) -> Vec<f32> {
    values(program.source(model, &Batch::Texts(queries())))
}

#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{what}: max |Δ| = {worst:.1e}");
    assert!(worst <= 1e-4, "{what}: {worst:.2e}");
}

#[test]
fn one_group_is_plain_in_context_learning() {
    let train = texts(&["X0Y", "X1Y", "X2Y"]);
    for family in FAMILIES {
        let model = tiny(family);
        let plain = answering(&model, &train, ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(3)));
        let one = answering(&model, &train, grouped(1, 3));
        assert_close(family, &scores(&one, &model), &scores(&plain, &model));
    }
}

#[test]
fn equal_groups_weigh_as_one() {
    let same: Vec<LabelledText> =
        (0..6).map(|i| LabelledText { id: i.to_string(), text: "X1Y".to_owned(), label: 1, options: None }).collect();
    // Windows count the keys in front, so that more groups hide more of them.
    for family in ["llama3", "qwen2", "qwen3"] {
        let model = tiny(family);
        let one = answering(&model, &same, grouped(1, 2));
        let three = answering(&model, &same, grouped(3, 2));
        assert_close(family, &scores(&three, &model), &scores(&one, &model));
        let others = texts(&["X0Y", "X1Y", "X2Y", "A", "CDE", "BB"]);
        let (one, three) = (answering(&model, &others, grouped(1, 2)), answering(&model, &others, grouped(3, 2)));
        assert_ne!(scores(&three, &model), scores(&one, &model), "other groups say something else");
    }
}

#[test]
fn groups_need_room_and_texts() {
    let model = tiny("llama3");
    let refused = |groups, shots| built(&model, &texts(&["A", "B"]), grouped(groups, shots), AlignmentSpec::Channel(ChannelSpec {}));
    assert!(refused(0, 2).is_err() && refused(2, 2).is_err());
    assert!(refused(2, 1).is_ok());
}

#[test]
fn a_channel_is_the_mean_over_the_items_tokens() {
    let model = tiny("llama3");
    let shots = ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(2));
    let train = texts(&["X0Y", "X1Y"]);
    let program = built(&model, &train, shots.clone(), AlignmentSpec::Channel(ChannelSpec {})).unwrap();
    let direct = answering(&model, &train, shots);
    let given = direct.given(&model, &queries());
    let mut pairs = Vec::new();
    for (text, context) in TEXTS.iter().zip(&given) {
        // `<X0Y\n> A;<X1Y\n> BCD;<text\n>` the other way round.
        let shots = context.split(';').take(2).map(|shot| {
            let (input, answer) = shot.split_once('\n').unwrap();
            format!("{answer}\n{input}")
        });
        let shots = shots.collect::<Vec<_>>().join(";");
        pairs.extend(["A", "BCD", "BE"].map(|label| Pair { context: format!("{shots};> {label}\n<"), continuation: (*text).to_owned() }));
    }
    let expected: Vec<f32> = Scorer::new(&model).pairs(&pairs).iter().map(|score| score.log_likelihood / score.n_tokens as f32).collect();
    assert_close("channel", &scores(&program, &model), &expected);
}

#[test]
fn an_ensemble_is_the_mean_of_its_templates() {
    let model = tiny("llama3");
    let wordings = |templates: Vec<Wording>| answering(&model, &[], ManipulationSpec::Wordings(WordingsSpec { templates }));
    let own = Wording { input: "<{text}".to_owned(), cue: ">".to_owned(), labels: None };
    let other = template().variants[0].clone();
    let alone = |wording: &Wording| {
        let scores = wordings(vec![wording.clone()]).source(&model, &Batch::Texts(queries()));
        values(log_softmax(scores, 1))
    };
    let expected: Vec<f32> = alone(&own).into_iter().zip(alone(&other)).map(|(a, b)| f32::midpoint(a, b)).collect();
    assert_close("both named", &scores(&wordings(vec![own, other]), &model), &expected);
    assert_close("the data set's own", &scores(&wordings(Vec::new()), &model), &expected);
    let features = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features });
    let refused = built(&model, &[], ManipulationSpec::Wordings(WordingsSpec::default()), features).unwrap_err();
    assert!(refused.to_string().contains("reads words"), "{refused}");
}

#[test]
fn the_nearest_stands_next_to_the_query_and_a_text_is_not_its_own_neighbour() {
    let model = tiny("llama3");
    let train = texts(&["GOOD", "GOOE", "MM", "DULLVERY", "A", "OGOG"]);
    let spec = DemonstrationsSpec { shots: 3, choice: Choice::Nearest, order: Order::Similarity, encoder: None };
    let program = answering(&model, &train, ManipulationSpec::Demonstrations(spec));
    let features = |text: &str| {
        let tokens = model.tokenizer().unwrap().encode_pair(&format!("<{text}\n>"), "").context;
        let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(vec![tokens]))));
        let features = values(model.read(&stream, Reading::Features));
        let length = features.iter().map(|x| x * x).sum::<f32>().sqrt();
        features.into_iter().map(|x| x / length).collect::<Vec<f32>>()
    };
    for (query, given) in queries().iter().zip(program.given(&model, &queries())) {
        let own = features(&query.text);
        let others = train.iter().filter(|text| text.text != query.text);
        let mut others: Vec<(f32, &str)> =
            others.map(|text| (features(&text.text).iter().zip(&own).map(|(a, b)| a * b).sum(), text.text.as_str())).collect();
        others.sort_by(|a, b| b.0.total_cmp(&a.0));
        let expected: Vec<&str> = others[..3].iter().rev().map(|(_, text)| *text).collect();
        let shown: Vec<&str> = given.split(';').take(3).map(|shot| shot.split('\n').next().unwrap().trim_start_matches('<')).collect();
        assert_eq!(shown, expected, "{}", query.text);
    }
    assert_eq!(program.n_passes(), 2, "a query's features are a pass of their own");
    let drawn = DemonstrationsSpec { shots: 3, choice: Choice::Random, order: Order::Similarity, encoder: None };
    assert!(built(&model, &train, ManipulationSpec::Demonstrations(drawn), AlignmentSpec::Channel(ChannelSpec {})).is_err());
}

#[test]
fn counted_and_trained_maps_read_answers() {
    let model = tiny("llama3");
    let shots = ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(2));
    let train = texts(&["X0Y", "X1Y"]);
    let counted = |per_class: usize| {
        let spec =
            FrequencyMappingSpec { on: CountedOn::Answers, per_class: per_class.try_into().unwrap(), ..FrequencyMappingSpec::default() };
        built(&model, &train, shots.clone(), AlignmentSpec::FrequencyMapping(spec))
    };
    let mut mapped = counted(1).unwrap();
    let likelihoods = mapped.source(&model, &Batch::Texts(queries()));
    // Gold classes that are the predictions moved on by one: each class takes the answer in front of its own.
    let best: Vec<i64> = likelihoods.clone().argmax(1).try_into_vec_as().unwrap();
    let gold: Vec<usize> = best.iter().map(|&best| (best as usize + 1) % 3).collect();
    mapped.alignment_mut().fit(Fitting { scores: &likelihoods, labels: &gold });
    let found: Vec<i64> = mapped.alignment().align(likelihoods).argmax(1).try_into_vec_as().unwrap();
    assert_eq!(found.iter().map(|&class| class as usize).collect::<Vec<_>>(), gold);
    assert!(counted(2).is_err(), "a class has one answer");
    let linear = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Answers });
    assert_eq!(built(&model, &train, shots, linear).unwrap().n_stored(), 3 * 3 + 3);
}
