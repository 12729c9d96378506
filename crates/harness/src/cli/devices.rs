//! `reprogram devices`: what can be computed on, and whether it computes what it should.

use super::failure::Failure;
use crate::assets::{Network, Settings};
use crate::device::{DeviceChoice, DeviceFacts, available, built_in};
use crate::listing::{Entry, ListFormat, Listing, terminal_width};
use crate::progress::say;
use crate::selftest::{Outcome, Remembered, TOLERANCE};

/// Arguments of `reprogram devices`.
#[derive(Debug, Clone, clap::Args)]
pub struct DevicesArgs {
    /// Run the self-test of every device anew, and show every operation
    #[arg(long)]
    test: bool,
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
}

/// Lists devices. A missing driver is an empty line, never a panic.
pub fn run(args: &DevicesArgs) -> Result<String, Failure> {
    let settings = Settings::from_env(Network::Forbidden).map_err(|error| Failure::AssetMissing(error.to_string()))?;
    let listing = if args.test { tested(&settings)? } else { listed(&settings) };
    Ok(listing.render(args.format, terminal_width()))
}

fn listed(settings: &Settings) -> Listing {
    let mut listing = Listing::new("Devices", &["device", "driver", "memory", "self-test"]);
    let found = available();
    for &choice in &found {
        let facts = DeviceFacts::of(choice);
        let state = match choice {
            DeviceChoice::Cpu => "the reference".to_owned(),
            DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_) => remembered(settings, choice, &facts),
        };
        let text = |fact: Option<String>| fact.map_or(Entry::None, Entry::Text);
        let memory = facts.memory.map(|bytes| format!("{:.1} GB", bytes as f64 / 1e9));
        listing.push(vec![choice.to_string().into(), text(facts.name), text(facts.driver), text(memory), state.into()]);
    }
    for (word, is_built_in) in built_in() {
        let state = if !is_built_in {
            format!("not built in: `cargo build --release --features {word}`")
        } else if found.iter().any(|choice| choice.kind() == word) {
            continue;
        } else {
            "built in, but no device found".to_owned()
        };
        listing.push(vec![word.into(), Entry::None, Entry::None, Entry::None, state.into()]);
    }
    listing
}

fn remembered(settings: &Settings, choice: DeviceChoice, facts: &DeviceFacts) -> String {
    let [name, driver] = [&facts.name, &facts.driver].map(|fact| fact.clone().unwrap_or_default());
    match Remembered::recall(&settings.cache, &choice.to_string(), &name, &driver) {
        None => "runs before the first use".to_owned(),
        Some(remembered) => remembered.fault().map_or_else(|| "passed".to_owned(), |fault| format!("FAILED: {fault}")),
    }
}

fn tested(settings: &Settings) -> Result<Listing, Failure> {
    let mut listing = Listing::new("Self-test", &["device", "output", "gradient", "verdict"]);
    for choice in available() {
        say(&format!("testing {choice}"));
        let remembered = choice.test(&settings.cache).map_err(Failure::bad_input)?;
        for one in &remembered.tested {
            let verdict = if one.outcome.holds() { "ok" } else { "FAILED" };
            let number = |difference: f32| if difference >= f32::MAX { "no number".to_owned() } else { format!("{difference:.1e}") };
            let [output, gradient] = match &one.outcome {
                Outcome::Measured { forward, gradient } => {
                    [number(*forward).into(), gradient.map_or(Entry::None, |gradient| number(gradient).into())]
                }
                Outcome::Died { said } => [said.as_str().into(), Entry::None],
            };
            listing.push(vec![one.operation.as_str().into(), choice.to_string().into(), output, gradient, verdict.into()]);
        }
        let n_failed = remembered.failures().count();
        listing.note(format!(
            "{choice} ({}, {}): {n_failed} of {} operations fail",
            remembered.name,
            remembered.driver,
            remembered.tested.len()
        ));
    }
    listing.note(format!("Differences from float64, as a share of the largest entry; up to {TOLERANCE:.0e} is rounding."));
    Ok(listing)
}
