//! `reprogram devices`: what can be computed on.

use super::failure::Failure;
use crate::device::{available, built_in};
use crate::listing::{ListFormat, Listing, terminal_width};

/// Arguments of `reprogram devices`.
#[derive(Debug, Clone, clap::Args)]
pub struct DevicesArgs {
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
}

/// Lists devices. A missing driver is an empty line, never a panic.
pub fn run(args: &DevicesArgs) -> Result<String, Failure> {
    let mut listing = Listing::new("Devices", &["state"]);
    for choice in available() {
        listing.push(vec![choice.to_string().into(), "available".into()]);
    }
    for (word, is_built_in) in built_in() {
        let present = listing.rows.iter().any(|row| format!("{:?}", row[0]).contains(word));
        if !is_built_in {
            listing.push(vec![word.into(), format!("not built in: `cargo build --release --features {word}`").into()]);
        } else if !present {
            listing.push(vec![word.into(), "built in, but no device found".into()]);
        }
    }
    Ok(listing.render(args.format, terminal_width()))
}
