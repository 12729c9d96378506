//! The grid: every (λ, ℓ, τ, ω), and what of it the catalogue of papers covers.
//!
//! # Reference
//! arXiv 2506.04650. Rows with several values on an axis are read as Cartesian products, so coverage is an upper bound.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Alignment, Format, Location, Operator, Paper, Paradigm, Reading, UnknownAxisValue, Verdict};

/// One (λ, ℓ, τ, ω). Written `learnable/input/additive/statistical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Point {
    /// λ.
    pub format: Format,
    /// ℓ.
    pub location: Location,
    /// τ.
    pub operator: Operator,
    /// ω.
    pub alignment: Alignment,
}

/// Text that is not a point of the grid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPoint {
    /// Not four words.
    #[error(
        "`{0}` is not a point of the grid\n  help: write format/location/operator/alignment, like `learnable/input/additive/statistical`"
    )]
    NotFourWords(String),
    /// A word that its axis does not have.
    #[error(transparent)]
    UnknownWord(#[from] UnknownAxisValue),
}

/// What the catalogue says of a point, in one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Wrong on every backbone.
    Contradictory,
    /// Not contradictory, and no paper of the catalogue is there. This is not to say that none was ever written.
    Unexplored,
    /// At least one paper is there.
    Covered {
        /// How many.
        n_papers: usize,
    },
}

/// How many points have which status, in one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// The reading.
    pub reading: Reading,
    /// Papers that count in it.
    pub n_papers: usize,
    /// Points with at least one paper.
    pub n_covered: usize,
    /// Points without a paper that are not contradictory.
    pub n_unexplored: usize,
    /// Contradictory points.
    pub n_contradictory: usize,
}

impl Point {
    /// Every point, in the order of the axes' values, ω fastest.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::product(Format::ALL, Location::ALL, Operator::ALL, Alignment::ALL)
    }

    /// Every combination of these values.
    pub(crate) fn product(
        formats: &[Format],
        locations: &[Location],
        operators: &[Operator],
        alignments: &[Alignment],
    ) -> impl Iterator<Item = Self> {
        formats.iter().flat_map(move |&format| {
            locations.iter().flat_map(move |&location| {
                operators
                    .iter()
                    .flat_map(move |&operator| alignments.iter().map(move |&alignment| Self { format, location, operator, alignment }))
            })
        })
    }

    /// Whether the point makes sense, and what it needs.
    pub fn verdict(self) -> Verdict {
        Verdict::of(self)
    }

    /// The region of the grid that it lies in.
    pub const fn paradigm(self) -> Paradigm {
        Paradigm::of_point(self.format, self.location, self.operator)
    }

    /// The papers at this point, in the catalogue's order.
    pub fn papers(self, reading: Reading) -> impl Iterator<Item = &'static Paper> {
        Paper::all().iter().filter(move |paper| paper.covers(self, reading))
    }

    /// What the catalogue says of it.
    pub fn status(self, reading: Reading) -> Status {
        match (self.verdict(), self.papers(reading).count()) {
            (Verdict::Contradictory { .. }, 0) => Status::Contradictory,
            (Verdict::Legal { .. }, 0) => Status::Unexplored,
            (Verdict::Contradictory { .. } | Verdict::Legal { .. }, n_papers) => Status::Covered { n_papers },
        }
    }
}

impl Coverage {
    /// Counts the grid in one reading.
    pub fn of(reading: Reading) -> Self {
        let n_papers = Paper::all().iter().filter(|paper| paper.counts_in(reading)).count();
        let mut coverage = Self { reading, n_papers, n_covered: 0, n_unexplored: 0, n_contradictory: 0 };
        for point in Point::all() {
            match point.status(reading) {
                Status::Contradictory => coverage.n_contradictory += 1,
                Status::Unexplored => coverage.n_unexplored += 1,
                Status::Covered { .. } => coverage.n_covered += 1,
            }
        }
        coverage
    }

    /// All points.
    pub const fn n_points(&self) -> usize {
        self.n_covered + self.n_unexplored + self.n_contradictory
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}/{}/{}", self.format, self.location, self.operator, self.alignment))
    }
}

impl FromStr for Point {
    type Err = BadPoint;

    fn from_str(text: &str) -> Result<Self, BadPoint> {
        let words: Vec<&str> = text.split('/').collect();
        let [format, location, operator, alignment] = words[..] else {
            return Err(BadPoint::NotFourWords(text.to_owned()));
        };
        Ok(Self { format: format.parse()?, location: location.parse()?, operator: operator.parse()?, alignment: alignment.parse()? })
    }
}

impl TryFrom<String> for Point {
    type Error = BadPoint;

    fn try_from(text: String) -> Result<Self, BadPoint> {
        text.parse()
    }
}

impl From<Point> for String {
    fn from(point: Point) -> Self {
        point.to_string()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Contradictory => "contradictory",
            Self::Unexplored => "unexplored",
            Self::Covered { .. } => "covered",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_72_points_and_each_is_spelled_once() {
        let points: BTreeSet<Point> = Point::all().collect();
        assert_eq!((points.len(), Point::all().count()), (72, 72));
        assert!(Point::all().is_sorted());
        for point in points {
            assert_eq!(point.to_string().parse(), Ok(point));
        }
    }

    #[test]
    fn coverage_of_the_list_as_published() {
        let expected = Coverage { reading: Reading::Published, n_papers: 69, n_covered: 35, n_unexplored: 25, n_contradictory: 12 };
        assert_eq!(Coverage::of(Reading::Published), expected);
    }

    #[test]
    fn coverage_of_the_corrected_reading() {
        let expected = Coverage { reading: Reading::Corrected, n_papers: 65, n_covered: 30, n_unexplored: 30, n_contradictory: 12 };
        assert_eq!(Coverage::of(Reading::Corrected), expected);
    }

    #[test]
    fn coverage_by_format() {
        let covered = |reading, format| {
            Point::all().filter(|point| point.format == format && matches!(point.status(reading), Status::Covered { .. })).count()
        };
        assert_eq!((covered(Reading::Published, Format::Fixed), covered(Reading::Published, Format::Learnable)), (10, 25));
        assert_eq!((covered(Reading::Corrected, Format::Fixed), covered(Reading::Corrected, Format::Learnable)), (6, 24));
    }

    #[test]
    fn a_bad_point_says_what_to_write() {
        let error = |text: &str| text.parse::<Point>().unwrap_err().to_string();
        insta::assert_snapshot!(error("learnable/input/additive"), @"
        `learnable/input/additive` is not a point of the grid
          help: write format/location/operator/alignment, like `learnable/input/additive/statistical`
        ");
        insta::assert_snapshot!(
            error("learnable/input/add/statistical"),
            @"unknown operator `add`, expected one of additive, concatenative, parametric"
        );
    }
}
