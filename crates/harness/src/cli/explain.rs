//! `reprogram explain METHOD BACKBONE DATASET`: why a cell is legal, or not.

use std::fmt::Write as _;

use reprogram_methods::{Encoders, Method};

use super::ComputeArgs;
use super::failure::Failure;
use super::sweep::read;
use crate::backbones;
use crate::config::{Budget, Sweep};
use crate::data::DataError;
use crate::plan::{Cell, LoadedData, Workshop};
use crate::progress::Console;
use crate::trial::TrialError;

/// Arguments of `reprogram explain`.
#[derive(Debug, Clone, clap::Args)]
pub struct ExplainArgs {
    /// A catalogued method, or one of the file given by `--sweep`
    method: String,
    /// A checkpoint
    backbone: String,
    /// A data set
    dataset: String,
    /// A sweep file that defines the method
    #[arg(long)]
    sweep: Option<std::path::PathBuf>,
    /// Pixels of an image's edge on the backbone's canvas
    #[arg(long)]
    image_size: Option<usize>,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Checks one cell. An illegal one is an answer, not a failure.
pub fn run(args: &ExplainArgs, console: &Console) -> Result<String, Failure> {
    let (method, own_size) = method(args)?;
    let opened = args.compute.open()?;
    let workshop = opened.workshop(console);
    let loaded = backbones::load(&args.backbone, &workshop)?;
    let data = load_data(&args.dataset, &workshop)?;
    let encoders = load_encoders(&method, &workshop)?;
    let budget = Budget::of_all_items(1, 1);
    let image_size = args.image_size.or(own_size);
    let cell = Cell {
        name: &args.method,
        method: &method,
        backbone: &args.backbone,
        dataset: &args.dataset,
        budget: &budget,
        image_size,
        augment: None,
    };
    let signature = method.signature();
    let card = loaded.backbone.card();
    let mut out = String::new();
    let _ = writeln!(out, "{}: {signature} [{}]", args.method, method.paradigm());
    let _ = writeln!(
        out,
        "{}: {} input, {} blocks of width {}, {}",
        args.backbone,
        card.modality(),
        card.main.depth,
        card.main.dim,
        card.output
    );
    let classes = match (data.target.horizon, data.target.n_classes()) {
        (Some(horizon), _) => format!("the next {horizon} values"),
        (None, 0) => "open answers".to_owned(),
        (None, n) => format!("{n} classes ({})", data.target.classes.join(", ")),
    };
    let _ = writeln!(out, "{}: {}, {classes}", args.dataset, data.dataset.modality());
    match cell.check(&loaded, &encoders, &data, 1, &opened.device) {
        Ok(_) => {
            let _ = writeln!(out, "legal: it runs");
        }
        Err(TrialError::Misfit(misfit)) => {
            let _ = writeln!(out, "not legal: {misfit}");
        }
        Err(error @ (TrialError::Data(_) | TrialError::Interrupted | TrialError::NotFinite { .. } | TrialError::Generate(_))) => {
            return Err(Failure::bad_input(error));
        }
    }
    Ok(out)
}

/// A data set by name, for a command that looks at one cell.
pub(super) fn load_data(name: &str, workshop: &Workshop<'_>) -> Result<LoadedData, Failure> {
    LoadedData::load(name, workshop).map_err(|error| match error {
        DataError::Asset(_) => Failure::AssetMissing(error.to_string()),
        other => Failure::bad_input(other),
    })
}

/// The encoders that a method names beside the backbone, for such a command.
pub(super) fn load_encoders(method: &Method, workshop: &Workshop<'_>) -> Result<Encoders, Failure> {
    let load = |name: &str| {
        let loaded = backbones::load(name, workshop)?;
        Ok((name.to_owned(), loaded.backbone))
    };
    method.encoders().into_iter().map(load).collect()
}

fn method(args: &ExplainArgs) -> Result<(Method, Option<usize>), Failure> {
    if let Some(file) = &args.sweep {
        let sweep = Sweep::parse(&file.display().to_string(), &read(file)?, &[]).map_err(Failure::bad_input)?;
        if let Some(configured) = sweep.methods.get(&args.method) {
            return Ok((configured.method.clone(), configured.image_size));
        }
    }
    let entry = reprogram_methods::catalog::find(&args.method).ok_or_else(|| {
        let names = reprogram_methods::catalog::CATALOG.iter().map(|entry| entry.name);
        let help = crate::suggest::instead_of(&args.method, names, "reprogram methods list");
        Failure::BadInput(format!("there is no method `{}`\n  help: {help}", args.method))
    })?;
    Ok(((entry.method)(), None))
}
