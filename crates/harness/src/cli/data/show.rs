//! `reprogram data show`: a data set's table in words, and items of it: texts and lines in the terminal, pictures in a PNG file.

use std::path::Path;

use image::ImageFormat;

use super::{ShowArgs, sizes, task};
use crate::assets::{AssetStore, Digest, Pin, Progress, Trust, grouped};
use crate::cli::failure::Failure;
use crate::data::{Content, DataError, DataSet, Example, Gold, RawPart};
use crate::inspect::{Sheet, contact_sheet, sparkline};
use crate::listing::{Entry, Listing};
use crate::registry::{DataSetEntry, Folds, Template};

/// Classes up to which each one is listed.
const FEW: usize = 20;
/// Blocks of a line that stands for a recording or a series.
const BLOCKS: usize = 60;

pub(super) fn show(args: &ShowArgs, entry: &DataSetEntry, store: &AssetStore, progress: &dyn Progress) -> Result<Listing, Failure> {
    let mut listing = described(&args.name, entry);
    let parts = match RawPart::read_all(entry, store, Trust::Stamp, progress) {
        Ok(parts) => parts,
        Err(error @ DataError::Asset(_)) if args.out.is_none() => {
            listing.note(format!("No items are shown, because files are missing. {error}"));
            return Ok(listing);
        }
        Err(error @ DataError::Asset(_)) => return Err(Failure::AssetMissing(error.to_string())),
        Err(error) => return Err(Failure::bad_input(error)),
    };
    let part = match args.part {
        None => parts.first(),
        Some(name) => parts.iter().find(|part| part.name == name),
    };
    let part = part.ok_or_else(|| {
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        Failure::BadInput(format!("`{}` has no such part; there are {}", args.name, names.join(", ")))
    })?;
    let mut say = |heading: String, text: String| listing.push(vec![heading.into(), Entry::Text(text)]);
    for part in &parts {
        say(format!("classes of {}", part.name.as_str()), balance(entry, &part.counts(entry.classes().len())));
    }
    say(format!("items of {}", part.name.as_str()), form(&part.examples));
    for (heading, text) in samples(entry, part, args.each.unwrap_or(2)) {
        say(heading, text);
    }
    let by_part = parts.iter().map(|part| (part.name, part.examples.clone())).collect();
    let divided = DataSet::from_parts(&args.name, entry.modality(), entry.classes().to_vec(), entry.split(), by_part);
    let sizes = divided.map_err(Failure::bad_input)?.sizes();
    let [train, validation, test] = [sizes.train, sizes.validation, sizes.test].map(|n| grouped(n as u64));
    say(
        "items to draw from".to_owned(),
        format!(
            "train {train}, validation {validation}, test {test}; left out: {} repeated, {} with several labels",
            sizes.repeated, sizes.ambiguous
        ),
    );
    if let Some(out) = &args.out {
        let default = if entry.classes().len() > FEW { 3 } else { 8 };
        write_sheet(args, entry, part, args.each.unwrap_or(default), out)?;
        listing.note(format!("Pictures of items are in {}.", out.display()));
    }
    Ok(listing)
}

/// What the table says.
fn described(name: &str, entry: &DataSetEntry) -> Listing {
    let mut listing = Listing::new(name, &["explanation"]);
    let mut say = |heading: &str, text: String| listing.push(vec![heading.into(), Entry::Text(text)]);
    say("about", entry.about().to_owned());
    say("modality", entry.modality().to_string());
    say("task", task(entry));
    say("licence", entry.licence().to_owned());
    say("citation", entry.citation().to_owned());
    say("parts", sizes(entry).join(", "));
    say("division", entry.split().to_string());
    if let Some(folds) = entry.folds() {
        let n = folds.count(entry);
        say("folds", format!("{n}, as `{}` to `{}`", Folds::name(name, 1), Folds::name(name, n)));
    }
    say("table", entry.evidence().as_str().to_owned());
    let mut seen: Vec<&str> = Vec::new();
    for asset in entry.assets() {
        if !seen.contains(&asset.file()) {
            seen.push(asset.file());
            let sources: Vec<String> = asset.sources().iter().map(ToString::to_string).collect();
            let content = match asset.pin() {
                Pin::Content { bytes, sha256 } => format!("{} bytes, sha256 {sha256}", grouped(bytes)),
                Pin::Unverified => "unverified".to_owned(),
            };
            say("file", format!("{}: {content}, from {}", asset.file(), sources.join("; ")));
        }
    }
    listing
}

/// How many items each class has.
fn balance(entry: &DataSetEntry, counts: &[usize]) -> String {
    let n: usize = counts.iter().sum();
    let share = |count: usize| 100.0 * count as f64 / n.max(1) as f64;
    let most = counts.iter().copied().max().unwrap_or_default();
    match entry.classes() {
        [] => format!("{} items with an answer each", grouped(n as u64)),
        classes if classes.len() <= FEW => {
            let each =
                classes.iter().zip(counts).map(|(class, &count)| format!("{class} {} ({:.1} %)", grouped(count as u64), share(count)));
            format!("{}; the largest class alone: {:.1} %", each.collect::<Vec<_>>().join(", "), share(most))
        }
        classes => {
            let of = |wanted: usize| counts.iter().position(|&count| count == wanted).map_or("", |class| classes[class].as_str());
            let least = counts.iter().copied().min().unwrap_or_default();
            format!(
                "{} classes of {} (`{}`) to {} items (`{}`); the largest class alone: {:.1} %",
                classes.len(),
                grouped(least as u64),
                of(least),
                grouped(most as u64),
                of(most),
                share(most)
            )
        }
    }
}

/// What items are in numbers.
fn form(examples: &[Example]) -> String {
    let numbers: Vec<usize> = examples.iter().map(|example| size(&example.content)).collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    let (Some(&least), Some(&middle), Some(&most)) = (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) else {
        return "none".to_owned();
    };
    let what = match &examples[0].content {
        Content::Image(image) => return format!("{} x {} pixels, {} channels", image.height, image.width, image.channels),
        Content::Text(_) | Content::Question(_) => "words".to_owned(),
        Content::Recording(recording) => format!("samples at {} a second", grouped(u64::from(recording.rate))),
        Content::Series(_) => "values".to_owned(),
    };
    let [least, middle, most] = [least, middle, most].map(|n| grouped(n as u64));
    if least == most { format!("{most} {what}") } else { format!("{least} to {most} {what}, {middle} in the middle") }
}

fn size(content: &Content) -> usize {
    match content {
        Content::Image(image) => image.pixels.len(),
        Content::Text(text) => text.split_whitespace().count(),
        Content::Question(question) => question.lettered().split_whitespace().count(),
        Content::Recording(recording) => recording.samples.len(),
        Content::Series(series) => series.values().len(),
    }
}

/// A few items of each class as they are put to a model; of images, nothing.
fn samples(entry: &DataSetEntry, part: &RawPart, n_each: usize) -> Vec<(String, String)> {
    let mut examples: Vec<&Example> = part.examples.iter().collect();
    examples.sort_by_cached_key(|example| Digest::of_parts(&["sheet", &example.id]));
    let mut samples = Vec::new();
    let n_classes = entry.classes().len();
    for class in 0..n_classes.clamp(1, FEW) {
        let of_class = examples.iter().filter(|example| n_classes == 0 || example.gold.class() == Some(class));
        for example in of_class.take(n_each) {
            let text = match &example.content {
                Content::Image(_) => continue,
                Content::Text(text) => entry.template().map_or_else(|| text.clone(), |template| asked(template, text, &example.gold)),
                Content::Question(question) => {
                    let (text, answer) = question.answered(example.gold.class().unwrap_or_default());
                    entry.template().map_or_else(|| text.to_owned(), |template| template.render_answered(text, answer))
                }
                Content::Recording(_) | Content::Series(_) => sparkline(&example.content, BLOCKS).unwrap_or_default(),
            };
            let class = entry.classes().get(class).map_or("item", String::as_str);
            samples.push((format!("{class} ({})", example.id), text));
        }
    }
    samples
}

/// As a demonstration of it reads.
fn asked(template: &Template, text: &str, gold: &Gold) -> String {
    let answer = match gold {
        Gold::Class(class) => template.labels.get(*class).cloned().unwrap_or_default(),
        Gold::Answer { text, .. } => text.clone(),
        Gold::Future(_) => String::new(),
    };
    template.render_answered(text, &answer)
}

fn write_sheet(args: &ShowArgs, entry: &DataSetEntry, part: &RawPart, n_each: usize, out: &Path) -> Result<(), Failure> {
    let title = format!("{} · {} · {n_each} of each class", args.name, part.name.as_str());
    let sheet = Sheet { title: &title, classes: entry.classes(), examples: &part.examples, n_each };
    let Some(paper) = contact_sheet(sheet).filter(|_| n_each > 0 && !entry.classes().is_empty()) else {
        let help = "leave out `--out` to read them, and let `--each` be above zero";
        return Err(Failure::BadInput(format!("`{}` has no pictures: its items are {}\n  help: {help}", args.name, entry.modality())));
    };
    paper.save_with_format(out, ImageFormat::Png).map_err(|error| Failure::system(format!("{}: {error}", out.display())))
}
