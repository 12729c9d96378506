//! `reprogram bench`: the default sweep, built in.

use super::failure::Failure;
use super::sweep::{SweepOptions, run_text};
use crate::progress::Console;

const DEFAULT: &str = include_str!("../../../../benchmarks/default.toml");
const SMOKE: &str = include_str!("../../../../benchmarks/smoke.toml");

/// Arguments of `reprogram bench`.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// The smallest form: every part runs once, no number means anything
    #[arg(long)]
    smoke: bool,
    #[command(flatten)]
    options: SweepOptions,
}

/// Runs the default sweep.
pub fn run(args: &BenchArgs, console: &Console) -> Result<String, Failure> {
    let (file, text) = if args.smoke { ("benchmarks/smoke.toml", SMOKE) } else { ("benchmarks/default.toml", DEFAULT) };
    run_text(file, text, &args.options, console)
}
