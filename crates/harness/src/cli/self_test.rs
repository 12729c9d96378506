//! `reprogram self-test`: the self-test's own process, started by this program.

use std::io::stdout;

use super::failure::Failure;
use crate::device::{DeviceChoice, Precision};
use crate::selftest;

/// Arguments of `reprogram self-test`.
#[derive(Debug, Clone, clap::Args)]
pub struct SelfTestArgs {
    /// The device
    device: DeviceChoice,
    /// Its floats
    #[arg(long, value_enum, default_value_t)]
    precision: Precision,
}

/// Runs every operation, a line each on standard output.
pub fn run(args: &SelfTestArgs) -> Result<String, Failure> {
    let mut device = args.device.open().map_err(Failure::bad_input)?;
    selftest::offer(&Precision::offered(args.device, &device), &mut stdout()).map_err(Failure::system)?;
    args.precision.set(args.device, &mut device).map_err(Failure::bad_input)?;
    selftest::serve(&device, &mut stdout()).map_err(Failure::system)?;
    Ok(String::new())
}
