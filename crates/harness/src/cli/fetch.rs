//! `reprogram fetch`: brings the files of data sets and checkpoints to this machine, and says where they are.

use std::collections::BTreeMap;
use std::fs;

use crate::assets::{Asset, AssetStore, Digest, HubRepository, Network, Obtained, Origin, Pin, Progress, Silent, Trust, grouped};
use crate::backbones;
use crate::cli::failure::Failure;
use crate::listing::{Entry, ListFormat, Listing, terminal_width};
use crate::registry::{Registry, Weights};
use crate::suggest::instead_of;

/// What `reprogram bench` needs.
const DEFAULT: [&str; 3] = ["smollm2-135m-instruct", "digits", "tweets"];
/// The one name that is neither a data set nor a checkpoint.
const FONTS: &str = "fonts";

/// Arguments of `reprogram fetch`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Clone, clap::Args)]
pub struct FetchArgs {
    /// Data sets, checkpoints, or `fonts`; without a name, what `reprogram bench` needs
    names: Vec<String>,
    /// Everything that the registry knows
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Say what can be fetched, and fetch nothing
    #[arg(long, conflicts_with_all = ["names", "all"])]
    list: bool,
    /// Ask nothing outside of this machine: only the cache, the mirror folder and the hub's own cache
    #[arg(long)]
    offline: bool,
    /// Hash every cached file again, even if it was hashed before
    #[arg(long)]
    verify: bool,
    /// How the table is written
    #[arg(long, value_enum, default_value = "terminal")]
    format: ListFormat,
}

/// What a name stands for.
enum Wanted<'a> {
    Files(&'static str, Vec<&'a Asset>),
    BuiltIn(&'a str),
    Repository(&'a HubRepository),
}

/// Fetches, and says nothing until it is done.
pub fn run(args: &FetchArgs) -> Result<String, Failure> {
    run_with(args, &Silent)
}

/// Fetches, and tells `progress` about it.
pub fn run_with(args: &FetchArgs, progress: &dyn Progress) -> Result<String, Failure> {
    let network = if args.offline { Network::Forbidden } else { Network::Allowed };
    let registry = Registry::from_env().map_err(Failure::bad_input)?;
    if args.list {
        return Ok(known(&registry).render(args.format, terminal_width()));
    }
    let store = AssetStore::from_env(network).map_err(|error| Failure::AssetMissing(error.to_string()))?;
    let listing = fetch(args, &registry, &store, progress)?;
    Ok(listing.render(args.format, terminal_width()))
}

fn fetch(args: &FetchArgs, registry: &Registry, store: &AssetStore, progress: &dyn Progress) -> Result<Listing, Failure> {
    let known = everything(registry);
    let names: Vec<&str> = match (args.all, args.names.as_slice()) {
        (true, _) => known.keys().copied().collect(),
        (false, []) => DEFAULT.to_vec(),
        (false, names) => names.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = names.iter().find(|name| !known.contains_key(*name)) {
        let help = instead_of(unknown, known.keys().copied(), "reprogram fetch --list");
        return Err(Failure::BadInput(format!("nothing is called `{unknown}`\n  help: {help}")));
    }
    let trust = if args.verify { Trust::Rehash } else { Trust::Stamp };
    let mut listing = Listing::new("Files on this machine", &["kind", "file", "bytes", "from", "path"]);
    let mut missing = Vec::new();
    let mut arrived = 0;
    let mut unverified = Vec::new();
    for name in names {
        match &known[name] {
            Wanted::BuiltIn(inside) => listing.push(vec![
                name.into(),
                "checkpoint".into(),
                format!("`{inside}`, built in").into(),
                Entry::None,
                "this program".into(),
                Entry::None,
            ]),
            Wanted::Repository(repository) => match store.repository(repository, &backbones::is_whole, progress) {
                Ok(path) => listing.push(vec![
                    name.into(),
                    "checkpoint".into(),
                    "folder".into(),
                    Entry::None,
                    repository.to_string().into(),
                    path.display().to_string().into(),
                ]),
                Err(error) => missing.push(error.to_string()),
            },
            Wanted::Files(kind, assets) => match store.obtain_all(assets, trust, progress) {
                Ok(obtained) => {
                    for (asset, obtained) in assets.iter().zip(obtained) {
                        let bytes = size(asset, &obtained)?;
                        arrived += if obtained.origin == Origin::Cache { 0 } else { bytes };
                        if asset.pin() == Pin::Unverified {
                            unverified.push((asset.name(), digest(&obtained)?));
                        }
                        listing.push(row(name, kind, asset, bytes, &obtained));
                    }
                }
                Err(error) => missing.push(error.to_string()),
            },
        }
    }
    if !missing.is_empty() {
        return Err(Failure::AssetMissing(missing.join("\n\n")));
    }
    let all = if unverified.is_empty() { "all files" } else { "files, but for those below," };
    listing.note(format!(
        "{} bytes arrived; {all} have the size and sha256 that the registry pins; repositories are pinned by their commit",
        grouped(arrived)
    ));
    for (name, sha256) in unverified {
        listing.note(format!("{name} is unverified: nobody has said what it should be; here its sha256 is {sha256}"));
    }
    Ok(listing)
}

/// All names, and what they stand for.
fn known(registry: &Registry) -> Listing {
    let mut listing = Listing::new("What can be fetched", &["kind", "files"]);
    for (name, wanted) in everything(registry) {
        let (kind, files) = match wanted {
            Wanted::Files(kind, files) => (kind, files.len().to_string()),
            Wanted::BuiltIn(_) => ("checkpoint", "built in".to_owned()),
            Wanted::Repository(_) => ("checkpoint", "a repository".to_owned()),
        };
        listing.push(vec![name.into(), kind.into(), files.into()]);
    }
    listing
}

/// The size that is pinned, or that the file has.
fn size(asset: &Asset, obtained: &Obtained) -> Result<u64, Failure> {
    match asset.pin() {
        Pin::Content { bytes, .. } => Ok(bytes),
        Pin::Unverified => Ok(fs::metadata(&obtained.path).map_err(Failure::system)?.len()),
    }
}

fn digest(obtained: &Obtained) -> Result<Digest, Failure> {
    Ok(Digest::of(&fs::read(&obtained.path).map_err(Failure::system)?))
}

fn row(name: &str, kind: &str, asset: &Asset, bytes: u64, obtained: &Obtained) -> Vec<Entry> {
    let from = match &obtained.origin {
        Origin::Cache => "cache",
        Origin::Source(source) => source,
    };
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    vec![name.into(), kind.into(), asset.file().into(), bytes.into(), from.into(), obtained.path.display().to_string().into()]
}

fn everything(registry: &Registry) -> BTreeMap<&str, Wanted<'_>> {
    let datasets = registry.datasets().iter().map(|(name, entry)| (name.as_str(), Wanted::Files("data set", entry.assets())));
    let checkpoints = registry.checkpoints().iter().map(|(name, checkpoint)| match checkpoint.weights() {
        Weights::BuiltIn(inside) => (name.as_str(), Wanted::BuiltIn(inside)),
        Weights::Repository(repository) => (name.as_str(), Wanted::Repository(repository)),
        Weights::Files(_) => (name.as_str(), Wanted::Files("checkpoint", checkpoint.assets())),
    });
    let fonts = std::iter::once((FONTS, Wanted::Files("fonts", registry.fonts().assets())));
    datasets.chain(checkpoints).chain(fonts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::Settings;

    fn args(names: &[&str]) -> FetchArgs {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        FetchArgs { names, all: false, list: false, offline: true, verify: false, format: ListFormat::Md }
    }

    /// A registry with one data set whose file lies in a mirror.
    fn with_small(folder: &std::path::Path) -> (Registry, AssetStore) {
        let (content, sha256) = ("0 a\n1 b\n", Digest::of(b"0 a\n1 b\n"));
        fs::write(folder.join("small.txt"), content).unwrap();
        let table = format!(
            "[small]\nabout = ''\nmodality = 'text'\nclasses = ['no', 'yes']\nlicence = ''\ncitation = ''\n\
             reader = {{ label-lines = {{ labels = ['0', '1'], encoding = 'utf-8' }} }}\nsplit = {{ test-percent = 30, validation-percent = 30 }}\n\
             template = {{ instruction = '', input = '{{text}}', cue = '', separator = '', labels = ['no', 'yes'] }}\n\
             [[small.parts]]\npart = 'all'\nrows = [1, 1]\n[[small.parts.files]]\nfile = 'small.txt'\nbytes = {}\nsha256 = '{sha256}'\n\
             sources = [{{ mirror = 'small.txt' }}]\n",
            content.len()
        );
        fs::write(folder.join("datasets.toml"), table).unwrap();
        let mut settings = Settings::new(folder.join("cache"), Network::Forbidden);
        settings.mirror = Some(folder.to_owned());
        (Registry::built_in().unwrap().extended(folder).unwrap(), AssetStore::new(settings))
    }

    #[test]
    fn what_was_fetched_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let (registry, store) = with_small(folder.path());
        let mut tables = Vec::new();
        for verify in [false, true] {
            let args = FetchArgs { verify, ..args(&["small", "letters-vit"]) };
            let listing = fetch(&args, &registry, &store, &Silent).unwrap();
            tables
                .push(listing.render(ListFormat::Csv, None).replace(folder.path().to_str().unwrap(), "FOLDER") + &listing.notes.join("\n"));
        }
        insta::assert_snapshot!(tables.join("\n\n"));
    }

    #[test]
    fn what_can_be_fetched_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let (registry, _) = with_small(folder.path());
        let listed = known(&registry).render(ListFormat::Csv, None);
        for line in ["small,data set,1", "letters-vit,checkpoint,built in", "fonts,fonts,21", "gsm8k-hub,data set,2"] {
            assert!(listed.lines().any(|found| found == line), "{line} is not in {listed}");
        }
    }

    #[test]
    fn what_is_missing_offline_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let (registry, store) = with_small(folder.path());
        let failure = fetch(&args(&[]), &registry, &store, &Silent).unwrap_err();
        assert_eq!(failure.exit_code(), 3);
        insta::assert_snapshot!(failure.to_string().replace(folder.path().to_str().unwrap(), "FOLDER"));
    }

    #[test]
    fn a_name_that_nothing_has_is_answered_with_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        let (registry, store) = with_small(folder.path());
        let failure = fetch(&args(&["didgits"]), &registry, &store, &Silent).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        insta::assert_snapshot!(failure);
    }
}
