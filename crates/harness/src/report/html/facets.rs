//! The page's filter: which values its methods have on each axis.

use std::collections::{BTreeMap, BTreeSet};

use reprogram_taxonomy::{Modality, Site};
use serde::Serialize;

use crate::report::summary::{Group, Row, Summary};

/// Stands where a method acts nowhere.
const NONE: &str = "none";
/// Stands where no record says.
const UNKNOWN: &str = "unknown";

/// An axis and its name on the page.
const AXES: [(&str, &str); 6] = [
    ("format", "λ format"),
    ("location", "ℓ location"),
    ("operator", "τ operator"),
    ("alignment", "ω alignment"),
    ("paradigm", "paradigm"),
    ("modality", "modality"),
];

/// The values of a method by axis: several where it acts at several places.
type Coordinates = BTreeMap<&'static str, BTreeSet<String>>;

/// One axis on which the methods of a page differ.
#[derive(Debug, Serialize)]
pub(super) struct FacetView {
    axis: &'static str,
    title: &'static str,
    /// A value, and how many rows have it.
    options: Vec<(String, usize)>,
}

impl FacetView {
    /// The axes on which there is something to choose.
    pub(super) fn all(summary: &Summary) -> Vec<Self> {
        let rows: Vec<Coordinates> =
            summary.groups.iter().flat_map(|group| group.rows.iter().map(|row| of(row, modality(group)))).collect();
        let facet = |(axis, title): (&'static str, &'static str)| {
            let mut options = BTreeMap::<&String, usize>::new();
            for value in rows.iter().flat_map(|row| &row[axis]) {
                *options.entry(value).or_default() += 1;
            }
            let options: Vec<(String, usize)> = options.into_iter().map(|(value, n)| (value.clone(), n)).collect();
            (options.len() > 1).then_some(Self { axis, title, options })
        };
        AXES.into_iter().filter_map(facet).collect()
    }
}

/// What the script looks up: coordinates by method, as JSON.
pub(super) fn coordinates(group: &Group) -> String {
    let rows: BTreeMap<&str, Coordinates> = group.rows.iter().map(|row| (row.method.as_str(), of(row, modality(group)))).collect();
    serde_json::to_string(&rows).expect("plain data")
}

/// What the items of a group are: where there are two towers, a site in the other one says so.
fn modality(group: &Group) -> Option<Modality> {
    let sites = || group.rows.iter().filter_map(|row| row.signature.as_ref()).flat_map(|signature| &signature.sites);
    sites().find(|site| site.tower().is_none()).or_else(|| sites().next()).map(Site::modality)
}

fn of(row: &Row, items: Option<Modality>) -> Coordinates {
    let sites = || row.signature.iter().flat_map(|signature| &signature.sites);
    let values = |value: &dyn Fn(&Site) -> String| -> BTreeSet<String> {
        let values: BTreeSet<String> = sites().map(value).collect();
        let nowhere = if row.signature.is_some() { NONE } else { UNKNOWN };
        if values.is_empty() { [nowhere.to_owned()].into() } else { values }
    };
    let one = |value: Option<String>| [value.unwrap_or_else(|| UNKNOWN.to_owned())].into();
    let modalities: BTreeSet<String> = sites().map(|site| site.modality().to_string()).collect();
    [
        ("format", values(&|site| site.format().to_string())),
        ("location", values(&|site| site.location().to_string())),
        ("operator", values(&|site| site.operator().to_string())),
        ("alignment", one(row.signature.as_ref().map(|signature| signature.alignment.to_string()))),
        ("paradigm", one(row.paradigm.map(|paradigm| paradigm.to_string()))),
        ("modality", if modalities.is_empty() { one(items.map(|modality| modality.to_string())) } else { modalities }),
    ]
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canned::realistic;

    #[test]
    fn an_axis_counts_rows_by_value() {
        let facets = FacetView::all(&Summary::of(&realistic()));
        let written: Vec<String> = facets.iter().map(|facet| format!("{}: {:?}", facet.axis, facet.options)).collect();
        insta::assert_snapshot!(written.join("\n"), @r#"
        format: [("fixed", 2), ("learnable", 8), ("none", 2), ("unknown", 1)]
        location: [("embedding", 1), ("input", 9), ("none", 2), ("unknown", 1)]
        operator: [("additive", 7), ("concatenative", 3), ("none", 2), ("unknown", 1)]
        alignment: [("linear", 2), ("rule-based", 5), ("statistical", 5), ("unknown", 1)]
        paradigm: [("baseline", 2), ("model-reprogramming", 7), ("prompt-instruction", 2), ("prompt-tuning", 1), ("unknown", 1)]
        modality: [("text", 5), ("vision", 8)]
        "#);
    }

    #[test]
    fn a_method_without_a_site_has_the_modality_of_its_group() {
        let summary = Summary::of(&realistic());
        let tweets = summary.groups.iter().find(|group| group.dataset == "tweets").unwrap();
        let zero_shot = tweets.rows.iter().find(|row| row.method == "zero-shot").unwrap();
        let found = of(zero_shot, modality(tweets));
        assert_eq!((&found["modality"], &found["format"]), (&["text".to_owned()].into(), &["none".to_owned()].into()));
    }
}
