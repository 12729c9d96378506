//! `reprogram parity`: is this checkpoint loaded right?

use std::path::PathBuf;

use reprogram_models::Pixels;
use reprogram_models::parity::{Comparison, Difference, Expected, Quantity, Report, Tolerance};

use super::failure::Failure;
use crate::backbones::{self, map};
use crate::device::{DeviceChoice, Precision};
use crate::listing::{Entry, ListFormat, Listing, terminal_width};

/// Arguments of `reprogram parity`.
#[derive(Debug, Clone, clap::Args)]
pub struct ParityArgs {
    /// A folder in the hub's layout: config.json and weights
    checkpoint: PathBuf,
    /// Inputs and outputs of the reference implementation: a safetensors file
    expected: PathBuf,
    /// Largest difference of hidden states, features, logits and losses
    #[arg(long, default_value_t = Tolerance::default().absolute)]
    atol: f32,
    /// Largest difference of a gradient, as a share of its largest entry
    #[arg(long, default_value_t = Tolerance::default().relative)]
    rtol: f32,
    /// `pixel_values` are in 0..1, before the folder's own normalisation, rather than behind it
    #[arg(long)]
    raw_pixels: bool,
    /// Where to compute: cpu, wgpu, wgpu:N, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// Floats of weights and activations on a GPU, of weights on the CPU: with fewer bits, give tolerances that allow for it
    #[arg(long, value_enum, default_value_t)]
    precision: Precision,
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
}

/// Feeds the inputs, compares the outputs.
pub fn run(args: &ParityArgs) -> Result<String, Failure> {
    let device = super::admitted(args.device, args.precision)?;
    let numbers = args.precision.on(args.device).map_err(Failure::bad_input)?;
    let pixels = if args.raw_pixels { Pixels::Raw } else { Pixels::Normalised };
    let loaded = backbones::load_folder(&args.checkpoint, pixels, numbers.storage, &device)?;
    let bytes = map(&args.expected)?;
    let at = |error| Failure::BadInput(format!("{}: {error}", args.expected.display()));
    let report = Expected::parse(&bytes).and_then(|expected| expected.compare(loaded.backbone.as_ref())).map_err(at)?;
    let tolerance = Tolerance { absolute: args.atol, relative: args.rtol };
    let text = table(&report, tolerance, &args.checkpoint.display().to_string()).render(args.format, terminal_width());
    let n_failures = report.failures(tolerance).count();
    if n_failures == 0 {
        return Ok(text);
    }
    Err(Failure::Differs { text, reason: format!("{n_failures} of {} tensors are too far from the reference", report.compared.len()) })
}

fn table(report: &Report, tolerance: Tolerance, checkpoint: &str) -> Listing {
    let mut listing = Listing::new(format!("{checkpoint} against the reference"), &["max |Δ|", "relative", "limit", "verdict"]);
    for comparison in &report.compared {
        let verdict = if comparison.holds(tolerance) { "ok" } else { "TOO FAR" };
        let [absolute, relative] = figures(comparison);
        listing.push(vec![
            comparison.name.as_str().into(),
            absolute,
            relative,
            limit(comparison.quantity, tolerance).into(),
            verdict.into(),
        ]);
    }
    let worst = |quantity| {
        report
            .compared
            .iter()
            .filter(move |comparison| comparison.quantity == quantity)
            .map(figures_of)
            .fold((0.0f32, 0.0f32), |a, b| (a.0.max(b.0), a.1.max(b.1)))
    };
    listing.note(format!(
        "{} tensors compared; values at most {:.1e} apart, gradients {:.1e} of their largest entry.",
        report.compared.len(),
        worst(Quantity::Value).0,
        worst(Quantity::Gradient).1
    ));
    if report.unchecked.is_empty() {
        listing.note("Nothing in the file was left unchecked.");
    } else {
        listing.note(format!("Not checked, {}: {}", report.unchecked.len(), grouped(&report.unchecked).join(", ")));
    }
    listing
}

/// Names, those with the same two first words as one.
fn grouped(names: &[String]) -> Vec<String> {
    let stem = |name: &str| name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    let mut groups: Vec<(String, usize)> = Vec::new();
    for name in names {
        match groups.last_mut() {
            Some((last, n)) if stem(last) == stem(name) => *n += 1,
            Some(_) | None => groups.push((name.clone(), 1)),
        }
    }
    groups.into_iter().map(|(name, n)| if n == 1 { name } else { format!("{}.* ({n})", stem(&name)) }).collect()
}

fn limit(quantity: Quantity, tolerance: Tolerance) -> String {
    match quantity {
        Quantity::Value => format!("{:.0e}", tolerance.absolute),
        Quantity::Gradient => format!("{:.0e} relative", tolerance.relative),
        Quantity::Integer => "equal".to_owned(),
    }
}

fn figures_of(comparison: &Comparison) -> (f32, f32) {
    match comparison.difference {
        Difference::Values { absolute, relative } => (absolute, relative),
        Difference::Shape { .. } => (f32::INFINITY, f32::INFINITY),
    }
}

fn figures(comparison: &Comparison) -> [Entry; 2] {
    match &comparison.difference {
        Difference::Values { absolute, relative } => [format!("{absolute:.1e}").into(), format!("{relative:.1e}").into()],
        Difference::Shape { found, expected } => [format!("shape {found:?}, expected {expected:?}").into(), Entry::None],
    }
}
