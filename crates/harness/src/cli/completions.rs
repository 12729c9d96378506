//! `reprogram completions SHELL`.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::Arguments;
use super::failure::Failure;

/// Arguments of `reprogram completions`.
#[derive(Debug, Clone, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &CompletionsArgs) -> Result<String, Failure> {
    let mut out = Vec::new();
    generate(args.shell, &mut Arguments::command(), "reprogram", &mut out);
    String::from_utf8(out).map_err(Failure::system)
}
