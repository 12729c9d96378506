//! `reprogram devices`: what can be computed on, and whether it computes what it should.

use super::failure::Failure;
use crate::assets::{Network, Settings};
use crate::device::{DeviceChoice, DeviceFacts, Precision, available, built_in};
use crate::listing::{Entry, ListFormat, Listing, terminal_width};
use crate::progress::say;
use crate::selftest::{Deviation, Outcome, Remembered, tolerance};

/// Arguments of `reprogram devices`.
#[derive(Debug, Clone, clap::Args)]
pub struct DevicesArgs {
    /// Run the self-test of every device anew, and show every operation
    #[arg(long)]
    test: bool,
    /// The floats that are tested
    #[arg(long, value_enum, default_value_t)]
    precision: Precision,
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
}

/// Lists devices. A missing driver is an empty line, never a panic.
pub fn run(args: &DevicesArgs) -> Result<String, Failure> {
    let settings = Settings::from_env(Network::Forbidden).map_err(|error| Failure::AssetMissing(error.to_string()))?;
    let listing = if args.test { tested(&settings, args.precision)? } else { listed(&settings) };
    Ok(listing.render(args.format, terminal_width()))
}

fn listed(settings: &Settings) -> Listing {
    let mut listing = Listing::new("Devices", &["device", "driver", "memory", "floats", "self-test"]);
    let found = available();
    for &choice in &found {
        let facts = DeviceFacts::of(choice);
        let [name, driver] = [&facts.name, &facts.driver].map(|fact| fact.clone().unwrap_or_default());
        let known = Remembered::recall(&settings.cache, &choice.to_string(), &name, &driver, Precision::F32);
        let state = match (choice, &known) {
            (DeviceChoice::Cpu, _) => "the reference".to_owned(),
            (DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_), None) => "runs before the first use".to_owned(),
            (DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_), Some(known)) => {
                known.fault().map_or_else(|| "passed".to_owned(), |fault| format!("FAILED: {fault}"))
            }
        };
        let floats = match choice {
            DeviceChoice::Cpu => Some(Precision::ON_CPU.to_vec()),
            DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_) => known.map(|known| known.offered).filter(|offered| !offered.is_empty()),
        };
        let floats = floats.map(|offered| offered.iter().map(Precision::to_string).collect::<Vec<_>>());
        let text = |fact: Option<String>| fact.map_or(Entry::None, Entry::Text);
        let memory = facts.memory.map(|bytes| format!("{:.1} GB", bytes as f64 / 1e9));
        listing.push(vec![choice.to_string().into(), text(facts.name), text(facts.driver), text(memory), floats.into(), state.into()]);
    }
    for (word, is_built_in) in built_in() {
        let state = if !is_built_in {
            format!("not built in: `cargo build --release --features {word}`")
        } else if found.iter().any(|choice| choice.kind() == word) {
            continue;
        } else {
            "built in, but no device found".to_owned()
        };
        listing.push(vec![word.into(), Entry::None, Entry::None, Entry::None, Entry::None, state.into()]);
    }
    listing
}

fn tested(settings: &Settings, precision: Precision) -> Result<Listing, Failure> {
    let mut listing = Listing::new(format!("Self-test in {precision}"), &["device", "output", "gradient", "verdict"]);
    for choice in available() {
        say(&format!("testing {choice}"));
        let remembered = choice.test(precision, &settings.cache).map_err(Failure::bad_input)?;
        for one in &remembered.tested {
            let verdict = if one.outcome.holds(tolerance(precision)) { "ok" } else { "FAILED" };
            let number = |worst: &Deviation| {
                if worst.relative >= f32::MAX { "no number".to_owned() } else { format!("{:.1e}", worst.relative) }
            };
            let [output, gradient] = match &one.outcome {
                Outcome::Measured { output, gradient } => [number(output).into(), gradient.as_ref().map(number).into()],
                Outcome::Died { said } => [said.as_str().into(), Entry::None],
            };
            listing.push(vec![one.operation.as_str().into(), choice.to_string().into(), output, gradient, verdict.into()]);
        }
        let n_failed = remembered.failures().count();
        let n_tested = remembered.tested.len();
        let first = remembered.fault().map(|fault| format!(". First: {fault}")).unwrap_or_default();
        listing.note(format!("{choice} ({}, {}): {n_failed} of {n_tested} operations fail{first}", remembered.name, remembered.driver));
    }
    listing.note(format!(
        "Largest differences from float64, as a share of the largest entry; up to {:.0e} is rounding.",
        tolerance(precision)
    ));
    Ok(listing)
}
