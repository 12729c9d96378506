//! What texts begin with is computed once, and gives the numbers of computing every text alone and whole.
//!
//! Families are the tiny random networks of the `models` crate, sliding windows and local and global layers among them; a
//! network made here has room for texts of several pieces. Pairs come from random tries.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor, TensorData, activation::log_softmax};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use reprogram_methods::{
    AlignmentSpec, Batch, DemonstrationsSpec, Evaluation, LabelledText, ManipulationSpec, Method, NO_ENCODERS, PairScore, Program,
    PromptInit, Query, Recipe, Scorer, Seed, Setup, SoftPromptSpec, VerbalizerSpec,
};
use reprogram_models::weights::Weights;
use reprogram_models::{
    Backbone, Decoding, EncodedPair, Input, KeyValue, KvCache, Llama, LlamaConfig, Masking, PrefixCache, Reading, Stops, Stream, TokenAt,
    TokenBatch, blocks::Heads, generate, generate_after,
};
use safetensors::tensor::{Dtype, TensorView};
use toy::language::{target_of, template, tiny};

const TOLERANCE: f32 = 1e-4;

const FAMILIES: [&str; 6] = ["llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"];

/// Room for 700 tokens; of its three layers, one looks back 40 tokens and one 9.
fn long() -> Llama {
    let mut config = LlamaConfig::plain(16, 3, Heads { query: 4, key_value: 2, dim: 4 }, 32, 64, 700);
    config.layers[1].masking = Masking::Window(40);
    config.layers[2].masking = Masking::Window(9);
    let mut shapes = vec![("model.embed_tokens.weight".to_owned(), vec![64, 16]), ("model.norm.weight".to_owned(), vec![16])];
    for layer in 0..3 {
        let block = [
            ("input_layernorm", vec![16]),
            ("self_attn.q_proj", vec![16, 16]),
            ("self_attn.k_proj", vec![8, 16]),
            ("self_attn.v_proj", vec![8, 16]),
            ("self_attn.o_proj", vec![16, 16]),
            ("post_attention_layernorm", vec![16]),
            ("mlp.gate_proj", vec![32, 16]),
            ("mlp.up_proj", vec![32, 16]),
            ("mlp.down_proj", vec![16, 32]),
        ];
        shapes.extend(block.into_iter().map(|(part, shape)| (format!("model.layers.{layer}.{part}.weight"), shape)));
    }
    let bytes = |(name, shape): &(String, Vec<usize>)| -> Vec<u8> {
        let mut rng = Seed::new(0).fork(name).rng();
        (0..shape.iter().product()).flat_map(|_| rng.random_range(-0.7f32..0.7).to_le_bytes()).collect()
    };
    let bytes: Vec<Vec<u8>> = shapes.iter().map(bytes).collect();
    let views = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let file = safetensors::serialize(views, None).unwrap();
    Llama::load(&config, "long", Weights::from_safetensors(&file).unwrap(), None, &Device::flex()).unwrap()
}

fn context_of(model: &Llama) -> usize {
    match model.card().main.input {
        reprogram_taxonomy::InputSpace::Tokens { context, .. } => context,
        _ => unreachable!(),
    }
}

/// Texts that begin alike in many ways. `longest` bounds a context, not a pair.
fn random_trie(name: &str, longest: usize) -> Vec<EncodedPair> {
    let mut rng: StdRng = rand::SeedableRng::seed_from_u64(Seed::new(7).fork(name).rng().random());
    let mut nodes: Vec<Vec<u32>> = vec![vec![1]];
    let tokens = |rng: &mut StdRng, n: usize| -> Vec<u32> { (0..n).map(|_| rng.random_range(0..64)).collect() };
    for _ in 0..12 {
        let mut node = nodes[rng.random_range(0..nodes.len())].clone();
        let length = if rng.random_bool(0.3) { longest / 2 } else { rng.random_range(1..longest / 5) };
        node.extend(tokens(&mut rng, length));
        node.truncate(longest);
        nodes.push(node);
    }
    let mut pairs = Vec::new();
    for node in &nodes {
        for _ in 0..rng.random_range(1..5) {
            let length = rng.random_range(1..5);
            pairs.push(EncodedPair { context: node.clone(), continuation: tokens(&mut rng, length) });
        }
    }
    pairs.push(pairs[3].clone());
    pairs.push(EncodedPair { context: nodes[2].clone(), continuation: Vec::new() });
    pairs.shuffle(&mut rng);
    pairs
}

/// All tokens but the last.
fn fed(pair: &EncodedPair) -> Vec<u32> {
    let mut whole = [pair.context.as_slice(), &pair.continuation].concat();
    whole.pop();
    whole
}

/// One pair alone, all of it: the log-probability of each scored token, `[tokens]`, and whether each is the most likely.
fn alone(model: &Llama, pair: &EncodedPair, run: &dyn Fn(Stream) -> Stream) -> (Tensor<1>, bool) {
    let fed = fed(pair);
    let fed = &fed[fed.len().saturating_sub(context_of(model))..];
    let n = pair.continuation.len();
    let stream = run(model.embed(Input::Tokens(TokenBatch::new(vec![fed.to_vec()]))));
    let at: Vec<TokenAt> = (fed.len() - n..fed.len()).map(|index| TokenAt { row: 0, index }).collect();
    let scores = log_softmax(model.read(&stream, Reading::LogitsAt(&at)), 1);
    let best: Vec<i64> = scores.clone().argmax(1).try_into_vec_as().unwrap();
    let is_greedy = best.iter().zip(&pair.continuation).all(|(&best, &token)| best == i64::from(token));
    let tokens = pair.continuation.iter().enumerate();
    let tokens = tokens.map(|(at, &token)| scores.clone().slice([at..at + 1, token as usize..token as usize + 1]).reshape([1]));
    (Tensor::cat(tokens.collect(), 0), is_greedy)
}

fn naive(model: &Llama, pairs: &[EncodedPair], run: &dyn Fn(Stream) -> Stream) -> Vec<PairScore> {
    let score = |pair: &EncodedPair| {
        if pair.continuation.is_empty() {
            return PairScore { log_likelihood: 0.0, is_greedy: true, n_tokens: 0 };
        }
        let (tokens, is_greedy) = alone(model, pair, run);
        PairScore { log_likelihood: tokens.sum().into_scalar::<f32>(), is_greedy, n_tokens: pair.continuation.len() }
    };
    pairs.iter().map(score).collect()
}

#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{what}: max |Δ| = {worst:.1e}");
    assert!(worst <= TOLERANCE, "{what}: {worst:.2e}");
}

#[track_caller]
fn assert_same(what: &str, found: &[PairScore], expected: &[PairScore]) {
    let numbers = |scores: &[PairScore]| -> Vec<f32> { scores.iter().map(|score| score.log_likelihood).collect() };
    assert_close(what, &numbers(found), &numbers(expected));
    let rest = |scores: &[PairScore]| -> Vec<(bool, usize)> { scores.iter().map(|score| (score.is_greedy, score.n_tokens)).collect() };
    assert_eq!(rest(found), rest(expected), "{what}");
}

#[test]
fn random_tries_score_as_their_texts_do_alone() {
    for family in FAMILIES {
        let model = tiny(family);
        for trie in 0..4 {
            // Some pairs are longer than the context of 64 tokens.
            let pairs = random_trie(&format!("{family} {trie}"), [30, 64, 64, 50][trie]);
            let expected = naive(&model, &pairs, &|stream| model.blocks(stream));
            for budget in [1, 100, usize::MAX] {
                let found = Scorer::new(&model).with_token_budget(budget).encoded(&pairs);
                assert_same(&format!("{family}, trie {trie}, budget {budget}"), &found, &expected);
            }
        }
    }
}

#[test]
fn prefixes_of_several_pieces_score_as_their_texts_do_alone() {
    let model = long();
    for trie in 0..3 {
        let pairs = random_trie(&format!("long {trie}"), 690);
        let expected = naive(&model, &pairs, &|stream| model.blocks(stream));
        let mut scorer = Scorer::new(&model).with_token_budget(1_000);
        assert_same(&format!("trie {trie}"), &scorer.encoded(&pairs), &expected);
        let fed: BTreeSet<Vec<u32>> = pairs.iter().filter(|pair| !pair.continuation.is_empty()).map(fed).collect();
        let all: usize = fed.iter().map(Vec::len).sum();
        let nodes: BTreeSet<&[u32]> = fed.iter().flat_map(|row| (1..=row.len()).map(|end| &row[..end])).collect();
        println!("trie {trie}: {} of {all} tokens were computed; the trie has {}", scorer.n_fed(), nodes.len());
        assert!(2 * scorer.n_fed() < 3 * nodes.len(), "{} for {} tokens", scorer.n_fed(), nodes.len());
    }
}

#[test]
fn neither_order_nor_history_changes_a_bit() {
    let model = long();
    let pairs = random_trie("order", 400);
    let bits = |scores: &[PairScore]| -> Vec<u32> { scores.iter().map(|score| score.log_likelihood.to_bits()).collect() };
    let score = |pairs: &[EncodedPair]| bits(&Scorer::new(&model).with_token_budget(600).encoded(pairs));
    let expected = score(&pairs);
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.reverse();
    order.swap(0, 5);
    let shuffled: Vec<EncodedPair> = order.iter().map(|&at| pairs[at].clone()).collect();
    assert_eq!(score(&shuffled), order.iter().map(|&at| expected[at]).collect::<Vec<_>>());

    let mut scorer = Scorer::new(&model).with_token_budget(600);
    scorer.encoded(&random_trie("other", 400));
    scorer.encoded(&pairs[..20]);
    let fed = scorer.n_fed();
    assert_eq!(bits(&scorer.encoded(&pairs)), expected, "with what was kept of other pairs");
    let mut fresh = Scorer::new(&model).with_token_budget(600);
    fresh.encoded(&pairs);
    assert!(scorer.n_fed() - fed < fresh.n_fed(), "something was kept");
    let mut forgetful = Scorer::new(&model).with_token_budget(600).with_prefixes(PrefixCache::new(0));
    assert_eq!(bits(&forgetful.encoded(&pairs)), expected, "with nothing kept");
}

#[test]
fn demonstrations_are_computed_once_and_choices_are_branches() {
    let model = long();
    let mut rng: StdRng = rand::SeedableRng::seed_from_u64(5);
    let mut tokens = |n: usize| -> Vec<u32> { (0..n).map(|_| rng.random_range(0..64)).collect() };
    let (shots, choices) = (tokens(300), [tokens(1), tokens(1), tokens(3)]);
    let contexts: Vec<Vec<u32>> = (0..50).map(|_| [shots.clone(), tokens(30)].concat()).collect();
    let pairs = |contexts: &[Vec<u32>]| -> Vec<EncodedPair> {
        let pair = |context: &Vec<u32>| {
            choices.iter().map(|choice| EncodedPair { context: context.clone(), continuation: choice.clone() }).collect::<Vec<_>>()
        };
        contexts.iter().flat_map(pair).collect()
    };
    let mut scorer = Scorer::new(&model).with_token_budget(500);
    let found = scorer.encoded(&pairs(&contexts));
    assert_same("50 contexts × 3 choices", &found, &naive(&model, &pairs(&contexts), &|stream| model.blocks(stream)));
    // Two of the longest choice's three tokens are fed. A few contexts begin alike behind the demonstrations, too.
    let most = 300 + 50 * 32;
    assert!((most - 100..=most).contains(&scorer.n_fed()), "{} of {most}", scorer.n_fed());
    let fed = scorer.n_fed();
    let again = scorer.encoded(&pairs(&contexts));
    assert_eq!(found, again);
    assert_eq!(scorer.n_fed() - fed, fed - 300, "the demonstrations were kept");
}

/// What a program may do on the way, made from `numbers` (`[6, 16]`).
type Way = fn(&Llama, &Tensor<2>, Stream) -> Stream;

/// Six tokens in front.
fn prompted(model: &Llama, numbers: &Tensor<2>, stream: Stream) -> Stream {
    model.blocks(stream.insert_prompt(numbers.clone().unsqueeze()))
}

/// Six tokens in front, other ones in each block (VPT-deep's way).
fn deeply_prompted(model: &Llama, numbers: &Tensor<2>, stream: Stream) -> Stream {
    let mut stream = stream.insert_prompt(numbers.clone().unsqueeze());
    for layer in 0..model.card().main.depth {
        if layer > 0 {
            stream = stream.replace_prompt(numbers.clone().mul_scalar(1.0 - 0.4 * layer as f32).unsqueeze());
        }
        stream = model.block(layer, stream);
    }
    stream
}

/// Keys and values of six tokens in front of each block's own.
fn prefixed(model: &Llama, numbers: &Tensor<2>, stream: Stream) -> Stream {
    let cache = model.blocks(model.embed(Input::Tokens(TokenBatch::new(vec![vec![1]]))).after(KvCache::default())).into_cache().unwrap();
    let [_, n_heads, _, head_dim] = cache.layer(0).unwrap().key.dims();
    let wide = Tensor::cat(vec![numbers.clone(), numbers.clone().mul_scalar(-0.5)], 1);
    let wide = Tensor::cat(vec![wide.clone(), wide.mul_scalar(0.7)], 1).narrow(1, 0, n_heads * head_dim);
    let mut stream = stream.shift_positions(6);
    for layer in 0..model.card().main.depth {
        let half = |factor: f32| wide.clone().mul_scalar(factor + 0.1 * layer as f32).reshape([1, 6, n_heads, head_dim]).swap_dims(1, 2);
        stream = model.block(layer, stream.insert_prefix(KeyValue { key: half(1.0), value: half(-0.8) }));
    }
    stream
}

#[test]
fn values_and_gradients_of_what_is_learned_are_those_of_texts_alone() {
    let ways: [(&str, Way); 3] = [("prompt", prompted), ("deep prompts", deeply_prompted), ("keys and values", prefixed)];
    let device = Device::flex().autodiff();
    for model in FAMILIES.map(tiny).into_iter().chain([long()]) {
        let dim = model.card().main.dim;
        let name = &model.card().name;
        let mut rng = Seed::new(3).rng();
        let data: Vec<f32> = (0..6 * dim).map(|_| rng.random_range(-1.0f32..1.0)).collect();
        let fresh = || Tensor::<2>::from_data(TensorData::new(data.clone(), [6, dim]), &device).require_grad();
        for (what, way) in ways {
            // Six positions are taken.
            let longest = context_of(&model).min(300) - 12;
            let mut pairs = random_trie(&format!("{name} {what}"), longest);
            pairs.retain(|pair| !pair.continuation.is_empty());
            let weights: Vec<f32> = (0..pairs.len()).map(|_| rng.random_range(-1.0f32..1.0)).collect();
            let weights = Tensor::<1>::from_floats(weights.as_slice(), &device);

            let numbers = fresh();
            let run = |stream| way(&model, &numbers, stream);
            let expected = Tensor::cat(pairs.iter().map(|pair| alone(&model, pair, &run).0.sum()).collect(), 0);
            let gradients = (expected.clone() * weights.clone()).sum().backward();
            let expected_gradient = numbers.grad(&gradients).unwrap();

            for budget in [100, usize::MAX] {
                let numbers = fresh();
                let front = if what == "keys and values" { 0 } else { 6 };
                let scorer = Scorer::through(&model, |stream| way(&model, &numbers, stream)).with_token_budget(budget);
                let mut scorer = scorer.with_prompt_of(front);
                for step in 0..2 {
                    let found = scorer.log_likelihoods(&pairs, None);
                    let gradients = (found.clone() * weights.clone()).sum().backward();
                    let gradient = numbers.grad(&gradients).unwrap();
                    let what = format!("{name}, {what}, budget {budget}, step {step}");
                    assert_close(&what, &found.try_into_vec_as::<f32>().unwrap(), &expected.clone().try_into_vec_as::<f32>().unwrap());
                    let scale = expected_gradient.clone().abs().max().into_scalar::<f32>().max(1.0);
                    let relative = |gradient: Tensor<2>| -> Vec<f32> { gradient.div_scalar(scale).try_into_vec_as().unwrap() };
                    assert_close(&format!("{what}: gradient"), &relative(gradient), &relative(expected_gradient.clone()));
                }
                assert!(scorer.into_prefixes().is_empty(), "where gradients flow nothing is kept");
            }
            let changed = naive(&model, &pairs, &|stream| model.blocks(stream));
            let changed: Vec<f32> = changed.iter().map(|score| score.log_likelihood).collect();
            let expected: Vec<f32> = expected.try_into_vec_as().unwrap();
            assert!(changed.iter().zip(&expected).any(|(a, b)| (a - b).abs() > 0.05), "{name}: {what} changes something");
        }
    }
}

#[test]
fn a_prompt_is_computed_once_for_texts_that_share_nothing() {
    let model = long();
    let numbers = Tensor::<2>::full([50, 16], 0.3, &Device::flex());
    let pairs: Vec<EncodedPair> =
        (0..4).map(|i| EncodedPair { context: (0..60).map(|j| (i + j * (i + 3)) % 64).collect(), continuation: vec![i, 5] }).collect();
    let way = |stream: Stream| model.blocks(stream.insert_prompt(numbers.clone().unsqueeze()));
    let found = Scorer::through(&model, way).with_prompt_of(50).encoded(&pairs);
    assert_same("a prompt alone is shared", &found, &naive(&model, &pairs, &way));
}

#[test]
fn generation_behind_a_shared_beginning_is_generation_of_each_row_alone() {
    let row = |n: u32, start: u32| -> Vec<u32> { (0..21).map(|i| (7 * i + 3) % 64).chain((0..n).map(|i| (11 * i + start) % 64)).collect() };
    let prompts = vec![row(3, 5), row(28, 1), row(1, 40), row(1, 40), row(9, 33)];
    for model in FAMILIES.map(tiny).into_iter().chain([long()]) {
        let run = |prompts: &[Vec<u32>]| generate(&model, prompts, Decoding::Greedy, &Stops::after(12), |_| 0.0).unwrap();
        let together = run(&prompts);
        let alone: Vec<_> = prompts.iter().map(|prompt| run(std::slice::from_ref(prompt)).remove(0)).collect();
        assert_eq!(together, alone, "{}", model.card().name);
        let mut prefixes = PrefixCache::new(100);
        for _ in 0..2 {
            let kept = generate_after(&model, &prompts, Decoding::Greedy, &Stops::after(12), &mut prefixes, |_| 0.0).unwrap();
            assert_eq!(kept, together);
        }
        assert_eq!(prefixes.n_computed(), 21, "once for five rows and two batches");
    }
}

#[test]
fn a_cache_of_prefixes_is_bounded_and_forgets_the_oldest() {
    let model = long();
    let mut prefixes = PrefixCache::new(300);
    let text = |first: u32| -> Vec<u32> { (0..200).map(|i| (first + 3 * i) % 64).collect() };
    let ask = |prefixes: &mut PrefixCache, tokens: &[u32]| {
        let before = prefixes.n_computed();
        let past = prefixes.past(&model, tokens, |stream| model.blocks(stream));
        assert_eq!(past.len(), tokens.len());
        assert!(prefixes.len() <= 300);
        prefixes.n_computed() - before
    };
    assert_eq!(ask(&mut prefixes, &text(0)), 200);
    assert_eq!(ask(&mut prefixes, &text(0)), 0);
    assert_eq!(ask(&mut prefixes, &text(0)[..150]), 22, "the first piece was kept");
    assert_eq!(ask(&mut prefixes, &text(1)), 200);
    assert_eq!(ask(&mut prefixes, &text(0)), 200 - 128 + 128, "the older one gave way");
    assert_eq!(ask(&mut PrefixCache::new(0), &text(0)), 200);
}

/// A method's program on texts of few characters, each of which is a token.
fn program(model: &Llama, manipulations: &[ManipulationSpec]) -> Program {
    let answers = AlignmentSpec::Verbalizer(VerbalizerSpec::default());
    let method = Method { manipulations: manipulations.to_vec(), alignment: answers, recipe: Recipe::default() };
    let target = target_of(template());
    let text = |label: usize| LabelledText { id: label.to_string(), text: format!("X{label}Y"), label, options: None };
    let train_texts = [text(0), text(1), text(2)];
    let device = Device::flex().autodiff();
    let setup = Setup {
        encoders: NO_ENCODERS,
        backbone: model,
        device: &device,
        target: &target,
        placement: None,
        train_texts: &train_texts,
        worked_examples: &[],
        seed: Seed::new(2),
    };
    method.build(&setup).unwrap()
}

fn queries(texts: &[&str]) -> Batch {
    Batch::Texts(texts.iter().map(|text| Query::new(*text)).collect())
}

#[test]
fn a_program_scores_answers_as_each_text_does_alone() {
    use burn::module::Module as _;
    let prompt = ManipulationSpec::SoftPrompt(SoftPromptSpec {
        tokens: 9,
        init: PromptInit::Vocabulary,
        modality: reprogram_taxonomy::Modality::Text,
    });
    let shots = ManipulationSpec::Demonstrations(DemonstrationsSpec::balanced(3));
    let texts = ["GOOD", "GO", "VERYDULL", "MM", "GOOD", "", "ALONGERONE"];
    let weights = |n: usize| -> Vec<f32> { (0..n).map(|i| ((i * 7) % 5) as f32 - 2.0).collect() };
    for family in FAMILIES {
        let model = tiny(family);
        for manipulations in [vec![shots.clone()], vec![prompt.clone()], vec![shots.clone(), prompt.clone()]] {
            let program = program(&model, &manipulations);
            let whole: Vec<f32> = program.source(&model, &queries(&texts)).try_into_vec_as().unwrap();
            let single = |text: &&str| -> Vec<f32> { program.source(&model, &queries(&[text])).try_into_vec_as().unwrap() };
            let what = format!("{family}, {} manipulations", manipulations.len());
            assert_close(&what, &whole, &texts.iter().flat_map(single).collect::<Vec<_>>());

            let fixed = program.valid();
            let mut evaluation = Evaluation::new(&fixed, &model);
            let mut kept = Vec::new();
            for batch in [&texts[..3], &texts[3..4], &texts[4..]] {
                kept.extend(evaluation.source(&queries(batch)).try_into_vec_as::<f32>().unwrap());
            }
            assert_close(&format!("{what}, kept"), &kept, &whole);
            let n_first = evaluation.n_prefix_tokens();
            evaluation.source(&queries(&texts));
            assert_eq!(evaluation.n_prefix_tokens(), n_first, "what the texts share was kept");
            assert!(n_first > 0 || manipulations.len() == 1, "{what}: something is shared");

            if manipulations.contains(&prompt) {
                let gradient = |scores: Tensor<1>| -> Vec<f32> {
                    let n = scores.dims()[0];
                    let loss = (scores.clone() * Tensor::from_floats(weights(n).as_slice(), &scores.device())).sum();
                    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &program);
                    collected(&program, &gradients)
                };
                let n = texts.len() * 3;
                let together = gradient(program.source(&model, &queries(&texts)).reshape([n]));
                let pieces = texts.iter().map(|text| program.source(&model, &queries(&[text])).reshape([3])).collect();
                let apart = gradient(Tensor::cat(pieces, 0));
                let scale = apart.iter().fold(1.0f32, |most, value| most.max(value.abs()));
                let scaled = |values: Vec<f32>| -> Vec<f32> { values.into_iter().map(|value| value / scale).collect() };
                // Mistral's windows hide what stands so far in front.
                let is_hidden = family == "mistral" && manipulations.len() == 2;
                assert!(is_hidden || together.iter().any(|value| value.abs() > 1e-3), "{what}: no gradient");
                assert_close(&format!("{what}: gradient"), &scaled(together), &scaled(apart));
            }
        }
    }
}

/// All gradients of a program.
fn collected(program: &Program, gradients: &burn::optim::GradientsParams) -> Vec<f32> {
    use burn::module::{Module as _, ModuleVisitor, Param};
    struct Collect<'a>(&'a burn::optim::GradientsParams, Vec<f32>);
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.1.extend(gradient.try_into_vec_as::<f32>().unwrap());
            }
        }
    }
    let mut collect = Collect(gradients, Vec::new());
    program.visit(&mut collect);
    collect.1
}
