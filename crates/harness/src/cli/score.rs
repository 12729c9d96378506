//! `reprogram score`: log-likelihoods of continuations, JSON line by JSON line.
//!
//! # Reference
//! The request of lm-evaluation-harness's `loglikelihood`, with its tokenisation rule.

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
    if loaded.backbone.tokenizer().is_none() {
        return Err(Failure::BadInput(format!("`{}` is no language model: it has no tokenizer", args.model)));
    }
    let pairs: Vec<Pair> =
        requests.iter().map(|request| Pair { context: request.context.clone(), continuation: request.continuation.clone() }).collect();
    let start = Instant::now();
    let mut scorer = Scorer::new(loaded.backbone.as_ref()).with_token_budget(args.batch_tokens);
    let found = scorer.pairs(&pairs);
    say(&format!("{} pairs in {:.3} s, {} tokens fed", pairs.len(), start.elapsed().as_secs_f64(), scorer.n_fed()));
    let mut out = Vec::new();
    for (request, score) in requests.iter().zip(found) {
        let reply = Reply { id: &request.id, loglikelihood: score.log_likelihood, is_greedy: score.is_greedy, n_tokens: score.n_tokens };
        serde_json::to_writer(&mut out, &reply).map_err(Failure::system)?;
        out.write_all(b"\n").map_err(Failure::system)?;
    }
    fs::write(&args.output, out).map_err(|error| Failure::System(format!("{}: {error}", args.output.display())))?;
    Ok(format!("{} pairs scored: {}\n", requests.len(), args.output.display()))
}
