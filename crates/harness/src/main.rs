//! The `reprogram` command.

use std::process::ExitCode;

use reprogram_harness::allocator::{Counting, keep_pages};

/// Tensors come and go by the megabyte; the system's allocator gives each back to the kernel and asks for it again, which
/// cost a quarter of the processor time of training.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    keep_pages();
    reprogram_harness::cli::main()
}
