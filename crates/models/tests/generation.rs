//! Generated text: the same alone and in any batch, stopped where it should be, drawn as often as it should be.
//!
//! The real model's reply needs `REPROGRAM_SMOLLM2_GGUF` and `REPROGRAM_SMOLLM2_GOLDENS`; without them that test says that it
//! did not run.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use reprogram_models::weights::{Gguf, Weights};
use reprogram_models::{
    Backbone, ChatEnd, ChatMessage, ChatTemplate, Decoding, Ending, Generated, Input, Llama, LlamaConfig, Reading, Sampling, Stops,
    TokenBatch, generate,
};

const FAMILIES: [&str; 6] = ["llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"];

fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)).unwrap()
}

fn tiny(family: &str) -> Llama {
    let bytes = fixture(&format!("gguf/{family}.gguf"));
    Llama::from_gguf(&Gguf::parse(&bytes).unwrap(), family, &Device::flex()).unwrap()
}

/// `SplitMix64`, one stream a row.
struct Draws(Vec<u64>);

impl Draws {
    fn new(rows: impl Iterator<Item = u64>) -> Self {
        Self(rows.map(|row| row.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(99)).collect())
    }

    fn next(&mut self, row: usize) -> f64 {
        let state = &mut self.0[row];
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn run(model: &Llama, prompts: &[Vec<u32>], decoding: Decoding, stops: &Stops, streams: &[u64]) -> Vec<Generated> {
    let mut draws = Draws::new(streams.iter().copied());
    generate(model, prompts, decoding, stops, |row| draws.next(row)).unwrap()
}

/// Rows of very different lengths, which end at different times and for different reasons.
fn prompts() -> Vec<Vec<u32>> {
    let row = |n: u32, start: u32| (0..n).map(|i| (11 * i + start) % 64).collect();
    vec![row(3, 5), row(58, 1), row(1, 40), row(9, 33), row(5, 62)]
}

#[test]
fn a_row_is_the_same_alone_and_in_any_batch() {
    let sampled = Decoding::Sampled(Sampling::new(0.9, NonZeroUsize::new(40), Some(0.95)).unwrap());
    let streams = [0, 1, 2, 3, 4];
    for family in FAMILIES {
        let model = tiny(family);
        for decoding in [Decoding::Greedy, sampled] {
            let first = run(&model, &prompts()[..1], decoding, &Stops::after(5), &streams[..1]);
            let stops = Stops::after(20).at_token(first[0].tokens[4]);
            let together = run(&model, &prompts(), decoding, &stops, &streams);
            let alone: Vec<Generated> =
                (0..5).map(|row| run(&model, &prompts()[row..=row], decoding, &stops, &streams[row..=row]).remove(0)).collect();
            assert_eq!(together, alone, "{family}");
            let order = [3, 0, 4, 2, 1];
            let shuffled: Vec<Vec<u32>> = order.iter().map(|&row| prompts()[row].clone()).collect();
            let shuffled = run(&model, &shuffled, decoding, &stops, &order.map(|row| row as u64));
            for (at, row) in order.iter().enumerate() {
                assert_eq!(shuffled[at], alone[*row], "{family}");
            }
            assert!(matches!(alone[0].ending, Ending::Token(_)));
            let lengths: Vec<usize> = alone.iter().map(|row| row.tokens.len()).collect();
            println!("{family}: lengths {lengths:?}");
        }
        let free = run(&model, &prompts(), Decoding::Greedy, &Stops::after(20), &[]);
        assert_eq!((&free[1].ending, free[1].tokens.len()), (&Ending::Context, 6), "{family}: 58 tokens of 64");
        assert!(free.iter().enumerate().all(|(at, row)| at == 1 || (&row.ending, row.tokens.len()) == (&Ending::MaxTokens, 20)));
    }
}

#[test]
fn the_best_of_one_is_the_most_likely() {
    let one = Decoding::Sampled(Sampling::new(1.7, NonZeroUsize::new(1), None).unwrap());
    for family in FAMILIES {
        let model = tiny(family);
        let greedy = run(&model, &prompts(), Decoding::Greedy, &Stops::after(12), &[]);
        assert_eq!(run(&model, &prompts(), one, &Stops::after(12), &[7; 5]), greedy, "{family}");
    }
}

#[test]
fn a_text_stops_a_row_wherever_tokens_end() {
    let mut across = 0;
    for family in FAMILIES {
        let model = tiny(family);
        let prompt = vec![prompts().remove(3)];
        let free = run(&model, &prompt, Decoding::Greedy, &Stops::after(16), &[]).remove(0);
        let text = free.text.unwrap();
        assert_eq!(text, model.tokenizer().unwrap().decode(&free.tokens), "{family}: characters that are tokens");
        for length in 1..=4 {
            for stop in text.as_bytes().windows(length).map(|stop| std::str::from_utf8(stop).unwrap()) {
                let stops = Stops::after(16).at_text("never there").at_text(stop);
                let stopped = run(&model, &prompt, Decoding::Greedy, &stops, &[]).remove(0);
                assert_eq!(stopped.text.as_deref(), Some(&text[..text.find(stop).unwrap()]), "{family}: {stop:?}");
                assert_eq!(stopped.ending, Ending::Text(stop.to_owned()));
                // The last token completed it.
                let (last, before) = stopped.tokens.split_last().unwrap();
                let tokenizer = model.tokenizer().unwrap();
                assert!(!tokenizer.decode(before).contains(stop), "{family}: {stop:?}");
                across += usize::from(!tokenizer.decode(&[*last]).contains(stop));
            }
        }
    }
    println!("{across} texts were spelled by several tokens");
    assert!(across > 100);
}

#[test]
fn the_first_of_several_texts_and_tokens_counts() {
    let model = tiny("qwen3");
    let prompt = vec![prompts().remove(0)];
    let free = run(&model, &prompt, Decoding::Greedy, &Stops::after(10), &[]).remove(0);
    let text = free.text.unwrap();
    let stops = Stops::after(10).at_text(&text[6..8]).at_text(&text[3..5]);
    let stopped = run(&model, &prompt, Decoding::Greedy, &stops, &[]).remove(0);
    assert_eq!(stopped.text.as_deref(), Some(&text[..text.find(&text[3..5]).unwrap().min(text.find(&text[6..8]).unwrap())]));
    let end = free.tokens[2];
    let at = free.tokens.iter().position(|&token| token == end).unwrap();
    let ended = run(&model, &prompt, Decoding::Greedy, &Stops::after(10).at_token(end), &[]).remove(0);
    assert_eq!((ended.ending, ended.tokens.len()), (Ending::Token(end), at + 1));
    assert_eq!(ended.text.unwrap(), model.tokenizer().unwrap().decode(&free.tokens[..at]), "the ending token has no text");
    let none = run(&model, &prompt, Decoding::Greedy, &Stops::after(0), &[]).remove(0);
    assert_eq!((none.tokens, none.ending), (Vec::new(), Ending::MaxTokens));
}

/// Pearson's statistic of `counts` against probabilities, and the bound that it stays under in 999 of 1000 cases.
fn chi_square(counts: &[usize], probabilities: &[f64]) -> (f64, f64) {
    let n = counts.iter().sum::<usize>() as f64;
    // Rare tokens are counted as one.
    let (mut rare, mut statistic, mut cells) = ((0.0, 0.0), 0.0, 0.0f64);
    for (&count, probability) in counts.iter().zip(probabilities) {
        let expected = n * probability;
        if expected < 5.0 {
            rare = (rare.0 + count as f64, rare.1 + expected);
        } else {
            statistic += (count as f64 - expected).powi(2) / expected;
            cells += 1.0;
        }
    }
    if rare.1 > 0.0 {
        statistic += (rare.0 - rare.1).powi(2) / rare.1;
        cells += 1.0;
    }
    let freedom = cells - 1.0;
    // Wilson and Hilferty's approximation of the quantile.
    let spread = 2.0 / (9.0 * freedom);
    (statistic, freedom * (1.0 - spread + 3.09 * spread.sqrt()).powi(3))
}

#[test]
fn tokens_are_drawn_as_often_as_they_are_likely() {
    let model = tiny("qwen3");
    let prompt = vec![3u32, 14, 15, 9];
    let logits: Vec<f32> = {
        let stream = model.blocks(model.embed(Input::Tokens(TokenBatch::new(vec![prompt.clone()]))));
        model.read(&stream, Reading::Logits).try_into_vec_as().unwrap()
    };
    let softmax = |temperature: f64| {
        let weights: Vec<f64> = logits.iter().map(|&logit| (f64::from(logit) / temperature).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect::<Vec<f64>>()
    };
    for temperature in [1.0, 1.5] {
        let decoding = Decoding::Sampled(Sampling::new(temperature, None, None).unwrap());
        let streams: Vec<u64> = (0..8000).collect();
        let rows = run(&model, &vec![prompt.clone(); streams.len()], decoding, &Stops::after(1), &streams);
        let mut counts = vec![0; 64];
        for row in rows {
            counts[row.tokens[0] as usize] += 1;
        }
        let (statistic, bound) = chi_square(&counts, &softmax(temperature));
        let (other, other_bound) = chi_square(&counts, &softmax(temperature * 1.15));
        println!(
            "temperature {temperature}: χ² = {statistic:.1} < {bound:.1}; against {:.2}: {other:.1} > {other_bound:.1}",
            temperature * 1.15
        );
        assert!(statistic < bound, "χ² = {statistic:.1}, bound {bound:.1}");
        assert!(other > other_bound, "the test sees a temperature that is 15 % off");
    }
}

#[test]
fn what_cannot_be_continued_says_why() {
    let model = tiny("llama3");
    let without_tokenizer = {
        let config = LlamaConfig::from_hub(&fixture("llama3/config.json")).unwrap();
        let bytes = fixture("llama3/model.safetensors");
        Llama::load(&config, "bare", Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap()
    };
    let error = |model: &Llama, prompt: Vec<u32>, stops: Stops| {
        generate(model, &[vec![1], prompt], Decoding::Greedy, &stops, |_| 0.0).unwrap_err().to_string()
    };
    let errors = [
        error(&model, vec![], Stops::after(1)),
        error(&model, vec![1; 64], Stops::after(1)),
        error(&model, vec![1], Stops::after(1).at_text("")),
        error(&without_tokenizer, vec![1], Stops::after(1).at_text("x")),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn smollm2_replies_to_a_chat() {
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    let Some((file, goldens)) = path("REPROGRAM_SMOLLM2_GGUF").zip(path("REPROGRAM_SMOLLM2_GOLDENS")) else {
        println!("not run: REPROGRAM_SMOLLM2_GGUF and REPROGRAM_SMOLLM2_GOLDENS are not set");
        return;
    };
    let bytes = std::fs::read(file).unwrap();
    let model = Llama::from_gguf(&Gguf::parse(&bytes).unwrap(), "smollm2", &Device::flex()).unwrap();
    let template = ChatTemplate::from_gguf(&Gguf::parse(&bytes).unwrap(), None).unwrap().unwrap();
    let tokenizer = model.tokenizer().unwrap();
    let chat = |text: &str| tokenizer.encode_chat(&template, &[ChatMessage::new("user", text)], ChatEnd::AssistantsTurn, None).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&std::fs::read(goldens.join("chat.json")).unwrap()).unwrap();
    let reply = expected["reply"].as_str().unwrap().strip_suffix("<|im_end|>").unwrap();
    let stops = Stops::after(60).at_token(tokenizer.eos().unwrap());
    let prompts = [chat("Name three fruits that are red."), chat("What is 2 + 2?")];
    let replies = generate(&model, &prompts, Decoding::Greedy, &stops, |_| 0.0).unwrap();
    assert_eq!(replies[0].text.as_deref(), Some(reply));
    assert_eq!(replies[0].ending, Ending::Token(tokenizer.eos().unwrap()));
    let stopped = generate(&model, &prompts[..1], Decoding::Greedy, &stops.at_text("fruits"), |_| 0.0).unwrap();
    assert_eq!(stopped[0].text.as_deref(), reply.split("fruits").next());
    println!("{:?}", replies.iter().map(|reply| reply.text.as_deref()).collect::<Vec<_>>());
}
