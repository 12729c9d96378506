//! The `reprogram` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    reprogram_harness::cli::main()
}
