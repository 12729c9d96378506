//! Whether a data set is what its table says: counts, labels, classes, ids; and what it holds more than once.

use std::collections::BTreeSet;

use super::{Likeness, Repeats};
use crate::data::RawPart;
use crate::registry::{DataSetEntry, PartName};
use reprogram_taxonomy::Modality;

/// What was found in files that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// Items of each part.
    pub parts: Vec<(PartName, usize)>,
    /// What is not as the table says; the data set is broken if there is anything.
    pub faults: Vec<String>,
    /// Classes that a part has no item of. Official parts may be so.
    pub remarks: Vec<String>,
    /// The same items.
    pub exact: Repeats,
    /// Items that the splits take for the same, where that is more: texts alone.
    pub essential: Option<Repeats>,
}

impl Verified {
    /// Looks at all rows of a data set.
    pub fn new(name: &str, entry: &DataSetEntry, parts: &[RawPart]) -> Self {
        let mut faults: Vec<String> = parts.iter().flat_map(|part| part.faults(name, entry)).map(|fault| fault.to_string()).collect();
        let classes = entry.classes();
        let mut ids = BTreeSet::new();
        for example in parts.iter().flat_map(|part| &part.examples) {
            if let Some(class) = example.gold.class().filter(|class| *class >= classes.len()) {
                faults.push(format!("item `{}` has label {class}, but there are {} classes", example.id, classes.len()));
            }
            if !ids.insert(&example.id) {
                faults.push(format!("two items have the id `{}`", example.id));
            }
        }
        let mut remarks = Vec::new();
        for (label, class) in classes.iter().enumerate() {
            let lacks = |part: &&RawPart| part.examples.iter().all(|example| example.gold.class() != Some(label));
            let lacking: Vec<&str> = parts.iter().filter(lacks).map(|part| part.name.as_str()).collect();
            if lacking.len() == parts.len() {
                faults.push(format!("class `{class}` has no item"));
            } else if !lacking.is_empty() {
                remarks.push(format!("class `{class}` has no item in {}", lacking.join(", ")));
            }
        }
        let essential = (entry.modality() == Modality::Text).then(|| Repeats::of(parts, Likeness::Essential));
        let sizes = parts.iter().map(|part| (part.name, part.examples.len())).collect();
        Self { parts: sizes, faults, remarks, exact: Repeats::of(parts, Likeness::Exact), essential }
    }

    /// Items of all parts.
    pub fn n_items(&self) -> usize {
        self.parts.iter().map(|(_, n)| n).sum()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::data::{Content, Example, Gold};

    /// An item without an id.
    pub(in crate::inspect) fn text(text: &str, class: usize) -> Example {
        Example { id: String::new(), content: Content::Text(text.to_owned()), gold: Gold::Class(class) }
    }

    /// A part of these items, whose ids say where they stand.
    pub(in crate::inspect) fn part(name: PartName, mut examples: Vec<Example>) -> RawPart {
        for (place, example) in examples.iter_mut().enumerate() {
            example.id = format!("{}/{place}", name.as_str());
        }
        RawPart::stated(name, examples, &[3, 1])
    }

    fn entry() -> DataSetEntry {
        toml::from_str(
            "about = 'x'\nmodality = 'text'\nclasses = ['no', 'yes']\nlicence = ''\ncitation = ''\n\
             reader = { label-lines = { labels = ['0', '1'], encoding = 'utf-8' } }\nsplit = { test-percent = 30, validation-percent = 30 }\n\
             template = { instruction = '', input = '{text}', cue = '', separator = '', labels = ['no', 'yes'] }\n\
             [[parts]]\npart = 'all'\nrows = [3, 1]\n[[parts.files]]\nfile = 'a'\nbytes = 1\n\
             sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'\nsources = [{ mirror = 'a' }]\n",
        )
        .unwrap()
    }

    #[test]
    fn what_is_as_stated_has_no_fault() {
        let whole = part(PartName::All, vec![text("a", 0), text("b", 0), text("c", 0), text("d", 1)]);
        let verified = Verified::new("small", &entry(), &[whole]);
        assert_eq!((verified.faults.len(), verified.remarks.len(), verified.n_items()), (0, 0, 4));
        assert_eq!(verified.essential, Some(Repeats::default()));
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        let mut broken = part(PartName::All, vec![text("a", 0), text("a", 0), text("b", 7)]);
        broken.examples[1].id = "all/0".to_owned();
        insta::assert_snapshot!(Verified::new("small", &entry(), &[broken]).faults.join("\n"), @r"
        data set `small`, part `all`: 2 rows of class `no`, but the table says 3
        data set `small`, part `all`: 0 rows of class `yes`, but the table says 1
        two items have the id `all/0`
        item `all/2` has label 7, but there are 2 classes
        class `yes` has no item
        ");
    }
}
