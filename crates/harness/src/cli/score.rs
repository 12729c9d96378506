//! `reprogram score`: log-likelihoods of continuations, JSON line by JSON line.
//!
//! # Reference
//! The request of lm-evaluation-harness's `loglikelihood`, with its tokenisation rule; its normalisations are functions of the columns of a
//! reply: `loglikelihood`, divided by `n_tokens`, `n_characters` or `n_bytes`, or less `unconditional`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use reprogram_methods::{Pair, Scorer};
use serde::{Deserialize, Serialize};

use super::ComputeArgs;
use super::failure::Failure;
use crate::backbones;
use crate::progress::{Console, say};

/// Arguments of `reprogram score`.
#[derive(Debug, Clone, clap::Args)]
pub struct ScoreArgs {
    /// A language model: a checkpoint's name, or the path of a GGUF file
    #[arg(long)]
    model: String,
    /// Lines of {"id", "context", "continuation"}
    #[arg(long)]
    input: PathBuf,
    /// Lines of {"id", "loglikelihood", …}, in the order of the input
    #[arg(long)]
    output: PathBuf,
    /// Padded tokens that go through the model at once
    #[arg(long, default_value_t = 2_048)]
    batch_tokens: usize,
    /// Say also how likely each continuation is with nothing in front
    #[arg(long)]
    unconditional: bool,
    #[command(flatten)]
    compute: ComputeArgs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    id: serde_json::Value,
    context: String,
    continuation: String,
}

#[derive(Serialize)]
struct Reply<'a> {
    id: &'a serde_json::Value,
    loglikelihood: f32,
    is_greedy: bool,
    n_tokens: usize,
    /// Without the spaces in front.
    n_characters: usize,
    n_bytes: usize,
    /// Whether the context has other tokens alone than in front of the continuation.
    crosses_border: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unconditional: Option<f32>,
}

/// Scores a file.
pub fn run(args: &ScoreArgs, console: &Console) -> Result<String, Failure> {
    let text = fs::read_to_string(&args.input).map_err(|error| Failure::BadInput(format!("{}: {error}", args.input.display())))?;
    let mut requests = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let request: Request = serde_json::from_str(line).map_err(|error| {
            Failure::BadInput(format!(
                "{}, line {}: {error}\n  help: each line is {{\"id\": …, \"context\": …, \"continuation\": …}}",
                args.input.display(),
                number + 1
            ))
        })?;
        requests.push(request);
    }
    let opened = args.compute.open()?;
    let loaded = backbones::load(&args.model, &opened.workshop(console))?;
    let Some(tokenizer) = loaded.backbone.tokenizer() else {
        return Err(Failure::BadInput(format!("`{}` is no language model: it has no tokenizer", args.model)));
    };
    let pairs: Vec<Pair> =
        requests.iter().map(|request| Pair { context: request.context.clone(), continuation: request.continuation.clone() }).collect();
    let start = Instant::now();
    let mut scorer = Scorer::new(loaded.backbone.as_ref()).with_token_budget(args.batch_tokens);
    let found = scorer.pairs(&pairs);
    say(&format!("{} pairs in {:.3} s, {} tokens fed", pairs.len(), start.elapsed().as_secs_f64(), scorer.n_fed()));
    let alone = if args.unconditional { behind_nothing(&mut scorer, &pairs) } else { BTreeMap::new() };
    let mut out = Vec::new();
    for (request, score) in requests.iter().zip(found) {
        let continuation = request.continuation.trim_start_matches(' ');
        let border = tokenizer.borders(&request.context, std::slice::from_ref(&request.continuation))[0];
        let reply = Reply {
            id: &request.id,
            loglikelihood: score.log_likelihood,
            is_greedy: score.is_greedy,
            n_tokens: score.n_tokens,
            n_characters: continuation.chars().count(),
            n_bytes: continuation.len(),
            crosses_border: border.is_crossed,
            unconditional: alone.get(request.continuation.as_str()).copied(),
        };
        serde_json::to_writer(&mut out, &reply).map_err(Failure::system)?;
        out.write_all(b"\n").map_err(Failure::system)?;
    }
    fs::write(&args.output, out).map_err(|error| Failure::System(format!("{}: {error}", args.output.display())))?;
    Ok(format!("{} pairs scored: {}\n", requests.len(), args.output.display()))
}

/// Each continuation with nothing in front, once.
fn behind_nothing<'p>(scorer: &mut Scorer<'_>, pairs: &'p [Pair]) -> BTreeMap<&'p str, f32> {
    let continuations: BTreeSet<&str> = pairs.iter().map(|pair| pair.continuation.as_str()).collect();
    let alone: Vec<Pair> =
        continuations.iter().map(|&continuation| Pair { context: String::new(), continuation: continuation.to_owned() }).collect();
    continuations.into_iter().zip(scorer.pairs(&alone)).map(|(continuation, score)| (continuation, score.log_likelihood)).collect()
}
