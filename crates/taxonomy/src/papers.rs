//! The survey's list of papers, as data: where the list puts each, where it belongs, and why the two differ.
//!
//! # Reference
//! The list that accompanies arXiv 2506.04650, 70 rows on 69 papers. The data is `papers.toml`, beside this file.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::axes::axis;
use crate::{Alignment, Format, Location, Modality, Operator, Paradigm, Point};

axis! {
    /// Whose coordinates are believed.
    "reading" Reading {
        /// The list's own coordinates, of all its papers.
        Published = "published",
        /// Coordinates that the official code or the survey's definitions support, of the papers whose backbone stays frozen.
        Corrected = "corrected",
    }
}

/// One paper of the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// A short name, unique in the catalogue.
    pub id: String,
    /// Title.
    pub title: String,
    /// Year of publication.
    pub year: u16,
    /// Where it was published.
    pub venue: String,
    /// arXiv number.
    pub arxiv: String,
    /// Address of the official code, where it was found.
    pub code: Option<String>,
    /// What kinds of data it works on.
    pub modalities: Vec<Modality>,
    /// The list's rows on it. One paper has two, which disagree.
    pub listed: Vec<Coordinates>,
    /// The axes on which the list is wrong.
    #[serde(default)]
    pub corrected: Correction,
    /// Whether the backbone stays frozen. If not, the method lies outside `ŷ = O_ω ∘ f ∘ I_{λ,τ,ℓ}(x, c)`.
    #[serde(default = "yes")]
    pub frozen: bool,
    /// Why the listed coordinates are doubtful.
    pub dispute: Option<String>,
    /// A remark on an undisputed paper.
    pub note: Option<String>,
}

/// A row of the list. Several values on an axis stand for every combination; an axis left blank covers no point.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coordinates {
    /// Regions of the grid that it is filed under.
    pub paradigms: Vec<Paradigm>,
    /// λ.
    pub formats: Vec<Format>,
    /// ℓ.
    pub locations: Vec<Location>,
    /// τ.
    pub operators: Vec<Operator>,
    /// ω.
    pub alignments: Vec<Alignment>,
}

/// Values that replace the listed ones. An axis that is absent stays as listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// Regions of the grid.
    pub paradigms: Option<Vec<Paradigm>>,
    /// λ.
    pub formats: Option<Vec<Format>>,
    /// ℓ.
    pub locations: Option<Vec<Location>>,
    /// τ.
    pub operators: Option<Vec<Operator>>,
    /// ω.
    pub alignments: Option<Vec<Alignment>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    paper: Vec<Paper>,
}

static CATALOGUE: LazyLock<Vec<Paper>> = LazyLock::new(|| {
    let catalogue: Catalogue =
        toml::from_str(include_str!("papers.toml")).expect("papers.toml is part of this crate and is read by its tests");
    catalogue.paper
});

const fn yes() -> bool {
    true
}

impl Paper {
    /// Every paper, in the list's order.
    pub fn all() -> &'static [Self] {
        &CATALOGUE
    }

    /// The paper with exactly this id.
    pub fn find(id: &str) -> Option<&'static Self> {
        Self::all().iter().find(|paper| paper.id == id)
    }

    /// Address of the abstract.
    pub fn url(&self) -> String {
        format!("https://arxiv.org/abs/{}", self.arxiv)
    }

    /// Whether there is a reason to doubt the listed coordinates.
    pub const fn is_disputed(&self) -> bool {
        self.dispute.is_some()
    }

    /// Its rows in a reading. The corrected reading has one row a paper, also where the backbone is not frozen.
    pub fn coordinates(&self, reading: Reading) -> Vec<Coordinates> {
        match reading {
            Reading::Published => self.listed.clone(),
            Reading::Corrected => vec![self.corrected_coordinates()],
        }
    }

    /// Whether its points count in a reading.
    pub const fn counts_in(&self, reading: Reading) -> bool {
        match reading {
            Reading::Published => true,
            Reading::Corrected => self.frozen,
        }
    }

    /// The points that it covers in a reading: every combination of each row's values.
    pub fn points(&self, reading: Reading) -> BTreeSet<Point> {
        if !self.counts_in(reading) {
            return BTreeSet::new();
        }
        self.coordinates(reading).iter().flat_map(Coordinates::points).collect()
    }

    /// Whether it covers a point in a reading.
    pub fn covers(&self, point: Point, reading: Reading) -> bool {
        self.counts_in(reading) && self.coordinates(reading).iter().any(|row| row.contains(point))
    }

    fn corrected_coordinates(&self) -> Coordinates {
        let Correction { paradigms, formats, locations, operators, alignments } = self.corrected.clone();
        Coordinates {
            paradigms: paradigms.unwrap_or_else(|| self.listed_values(|row| &row.paradigms)),
            formats: formats.unwrap_or_else(|| self.listed_values(|row| &row.formats)),
            locations: locations.unwrap_or_else(|| self.listed_values(|row| &row.locations)),
            operators: operators.unwrap_or_else(|| self.listed_values(|row| &row.operators)),
            alignments: alignments.unwrap_or_else(|| self.listed_values(|row| &row.alignments)),
        }
    }

    fn listed_values<T: Copy + Ord>(&self, axis: impl Fn(&Coordinates) -> &[T]) -> Vec<T> {
        self.listed.iter().flat_map(|row| axis(row).iter().copied()).collect::<BTreeSet<T>>().into_iter().collect()
    }
}

impl Coordinates {
    /// Every combination of its values.
    pub fn points(&self) -> Vec<Point> {
        Point::product(&self.formats, &self.locations, &self.operators, &self.alignments).collect()
    }

    /// Whether a point is one of the combinations.
    pub fn contains(&self, point: Point) -> bool {
        self.formats.contains(&point.format)
            && self.locations.contains(&point.location)
            && self.operators.contains(&point.operator)
            && self.alignments.contains(&point.alignment)
    }
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternatives = |words: Vec<&str>| if words.is_empty() { "–".to_owned() } else { words.join("|") };
        let formats = alternatives(self.formats.iter().map(|value| value.as_str()).collect());
        let locations = alternatives(self.locations.iter().map(|value| value.as_str()).collect());
        let operators = alternatives(self.operators.iter().map(|value| value.as_str()).collect());
        let alignments = alternatives(self.alignments.iter().map(|value| value.as_str()).collect());
        f.pad(&format!("{formats} · {locations} · {operators} → {alignments}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Need, Verdict};

    #[test]
    fn the_catalogue_is_the_list() {
        let ids: BTreeSet<&str> = Paper::all().iter().map(|paper| paper.id.as_str()).collect();
        let arxiv: BTreeSet<&str> = Paper::all().iter().map(|paper| paper.arxiv.as_str()).collect();
        let n_rows: usize = Paper::all().iter().map(|paper| paper.listed.len()).sum();
        assert_eq!((Paper::all().len(), ids.len(), arxiv.len(), n_rows), (69, 69, 69, 70));
        assert_eq!(Paper::all().iter().filter(|paper| paper.is_disputed()).count(), 31);
        assert_eq!(Paper::all().iter().filter(|paper| !paper.frozen).count(), 4);
    }

    #[test]
    fn every_field_is_well_formed() {
        for paper in Paper::all() {
            let id = &paper.id;
            assert!(
                id.split('-').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())),
                "{id}"
            );
            let (month, number) = paper.arxiv.split_once('.').expect(id);
            assert!(month.len() == 4 && number.len() == 5 && format!("{month}{number}").chars().all(|c| c.is_ascii_digit()), "{id}");
            assert!((1..=12).contains(&month[2..].parse::<u8>().unwrap()), "{id}");
            assert!((2018..=2025).contains(&paper.year) && !paper.title.is_empty() && !paper.venue.is_empty(), "{id}");
            assert!(paper.code.as_ref().is_none_or(|code| code.starts_with("https://github.com/")), "{id}");
            assert!(!paper.modalities.is_empty() && !paper.listed.is_empty(), "{id}");
        }
    }

    #[test]
    fn every_dispute_has_a_reason_and_every_unfrozen_backbone_a_dispute() {
        for paper in Paper::all() {
            let reason = paper.dispute.as_deref().or(paper.note.as_deref());
            assert!(reason.is_none_or(|text| text.len() > 20 && text.ends_with('.')), "{}", paper.id);
            assert!(paper.frozen || paper.is_disputed(), "{}", paper.id);
            assert!(!(paper.is_disputed() && paper.note.is_some()), "{}", paper.id);
            assert!(paper.corrected == Correction::default() || reason.is_some(), "{}", paper.id);
        }
    }

    #[test]
    fn a_correction_changes_something() {
        for paper in Paper::all() {
            let same = paper.coordinates(Reading::Published) == paper.coordinates(Reading::Corrected);
            assert_eq!(same, paper.corrected == Correction::default() && paper.listed.len() == 1, "{}", paper.id);
        }
    }

    #[test]
    fn the_paper_listed_twice_is_two_points_then_one() {
        let coop = Paper::find("coop").unwrap();
        let words = |reading| coop.points(reading).iter().map(Point::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(words(Reading::Published), "learnable/input/additive/identity learnable/embedding/concatenative/linear");
        assert_eq!(words(Reading::Corrected), "learnable/embedding/concatenative/identity");
    }

    #[test]
    fn seventeen_points_have_a_paper_with_one_value_an_axis() {
        let single = |reading| {
            let points = Paper::all().iter().map(|paper| paper.points(reading)).filter(|points| points.len() == 1);
            points.flatten().collect::<BTreeSet<Point>>().len()
        };
        assert_eq!(single(Reading::Corrected), 17);
    }

    /// No paper's corrected points are all out of reach of its own modality, but for one: it moves words by a relaxation
    /// of the discrete choice, or by queries, which [`crate::Incoherent::LearnableDiscrete`] does not allow for.
    #[test]
    fn corrected_points_can_be_written_as_sites() {
        let out_of_reach = |paper: &&Paper| {
            let reachable = |point: &Point| match point.verdict() {
                Verdict::Contradictory { .. } => false,
                Verdict::Legal { needs } => {
                    paper.modalities.iter().any(|&modality| needs.iter().all(|need: &Need| need.is_met_by(modality)))
                }
            };
            paper.frozen && !paper.points(Reading::Corrected).iter().any(reachable)
        };
        let ids: Vec<&str> = Paper::all().iter().filter(out_of_reach).map(|paper| paper.id.as_str()).collect();
        assert_eq!(ids, ["text-reprogramming"]);
    }
}
