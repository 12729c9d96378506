//! What the catalogue says of a method: what it is, whose, how large, and where it was checked.

use std::fmt;

use crate::{Formula, Method};

/// A catalogued method.
#[derive(Debug)]
pub struct Entry {
    /// Its name in sweeps.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub title: &'static str,
    /// Where it was published.
    pub reference: &'static str,
    /// Where we deviate, or `none`.
    pub deviations: &'static str,
    /// How many parameters it has. Tests hold every entry to it.
    pub size: Size,
    /// Where it was checked, besides the tests that every entry goes through.
    pub checked: &'static [Checked],
    /// The composition with its default recipe.
    pub method: fn() -> Method,
}

impl Entry {
    /// BibTeX of the papers that it refers to, in the order in which it does.
    pub fn citations(&self) -> Vec<&'static str> {
        crate::citation::cited(self.reference)
    }
}

/// Numbers of parameters, as formulae.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Those that a gradient moves.
    pub trained: Formula,
    /// Those that the optimizer holds: the same, and what a mask hides of them.
    pub held: Formula,
    /// Those that are counted or computed from data without a gradient, and saved.
    pub fitted: Formula,
}

impl Size {
    /// No parameters.
    pub const NONE: Self = Self::trained("0");

    /// All that is held is trained, and nothing is fitted.
    pub const fn trained(formula: &'static str) -> Self {
        Self { trained: Formula(formula), held: Formula(formula), fitted: Formula("0") }
    }

    /// The same, where a mask hides some of what is held.
    pub const fn held(self, formula: &'static str) -> Self {
        Self { held: Formula(formula), ..self }
    }

    /// The same, with numbers that are fitted.
    pub const fn fitted(self, formula: &'static str) -> Self {
        Self { fitted: Formula(formula), ..self }
    }
}

/// Where a method was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// Logits, loss and gradients against PyTorch's, recorded under names that begin so: `reprogram parity` compares them.
    Parity(&'static str),
    /// Steps and numbers are those of the authors' code, `owner/name@commit`, which was read.
    Code(&'static str),
    /// A committed sweep, by its name, runs it on real data.
    Sweep(&'static str),
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parity(names) => write!(f, "parity with PyTorch, {names}"),
            Self::Code(repository) => write!(f, "code read, {repository}"),
            Self::Sweep(name) => write!(f, "sweep, benchmarks/{name}.toml"),
        }
    }
}
