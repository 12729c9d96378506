//! BibTeX of what an entry refers to.
//!
//! `references.bib` holds one record a paper; an entry's `reference` names papers by arXiv number, or by title where there is none.

/// The records, apart.
fn records() -> impl Iterator<Item = &'static str> {
    include_str!("references.bib").split("\n\n").map(str::trim)
}

/// A record's field, without its braces.
fn field<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    let line = record.lines().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('='))?;
    line.trim().trim_end_matches(',').strip_prefix('{')?.strip_suffix('}')
}

/// The records of the papers that a reference names, in the order in which it names them.
pub(crate) fn cited(reference: &str) -> Vec<&'static str> {
    let at = |record: &str| reference.find(field(record, "eprint").or_else(|| field(record, "title"))?);
    let mut found: Vec<(usize, &str)> = records().filter_map(|record| Some((at(record)?, record))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, record)| record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::CATALOG;

    #[test]
    fn every_entry_cites_a_paper_and_every_paper_is_cited() {
        for entry in CATALOG {
            let n_named = entry.reference.matches("arXiv ").count().max(1);
            assert_eq!(cited(entry.reference).len(), n_named, "{}: {}\nis not in references.bib", entry.name, entry.reference);
        }
        for record in records() {
            assert!(CATALOG.iter().any(|entry| cited(entry.reference).contains(&record)), "nothing refers to\n{record}");
        }
    }

    #[test]
    fn records_are_whole() {
        for record in records() {
            assert!(record.starts_with('@') && record.ends_with("\n}"), "{record}");
            for name in ["title", "author", "year"] {
                assert!(field(record, name).is_some_and(|value| !value.is_empty()), "no {name} in\n{record}");
            }
        }
    }
}
