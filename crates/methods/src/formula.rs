//! Formulae for numbers of parameters, as papers write them, that can be computed: the text is the formula.
//!
//! `p·d + C·(f + 1); p = 10` names sizes of a setting and, behind semicolons, numbers of its own, each in terms of those before
//! it. There are `+`, `−`, `·`, parentheses, `a / b` rounded to the nearest whole number, `up(a, b)` for the quotient rounded up,
//! `max(a, b)`, and `pow2(a)` for the next power of two.

use std::collections::BTreeMap;

use reprogram_taxonomy::{InputSpace, Modality, OutputSpace};

use crate::Setup;
use crate::manipulations::{target_tokens, vocabulary};

/// A formula, in words that can be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formula(pub &'static str);

/// A formula without a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormulaError {
    /// It cannot be read.
    #[error("`{formula}` cannot be read at `{rest}`")]
    Malformed {
        /// All of it.
        formula: String,
        /// What is left.
        rest: String,
    },
    /// It names a size that the setting does not have.
    #[error("`{formula}` names `{name}`, which there is none of here")]
    NoSuchSize {
        /// All of it.
        formula: String,
        /// The name.
        name: String,
    },
    /// It comes out below zero, or beyond all bounds.
    #[error("`{formula}` is no number of parameters here")]
    OutOfRange {
        /// All of it.
        formula: String,
    },
}

/// The sizes of a setting that formulae name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes(BTreeMap<&'static str, usize>);

impl Sizes {
    /// What each name stands for.
    pub const NAMES: &'static [(&'static str, &'static str)] = &[
        ("c", "colour channels"),
        ("H", "height of the canvas"),
        ("W", "width of the canvas"),
        ("e", "the canvas's shorter edge"),
        ("h", "height of the image on it"),
        ("w", "width of the image on it, or values of a series"),
        ("N", "samples of a recording"),
        ("d", "width of the tower that items go through"),
        ("L", "its blocks"),
        ("q", "width of a block's queries"),
        ("k", "width of a block's keys"),
        ("t", "width of the text tower"),
        ("L_t", "blocks of the text tower"),
        ("f", "width of the features"),
        ("S", "source classes"),
        ("V", "tokens of the vocabulary"),
        ("C", "target classes"),
        ("F", "values of a forecast"),
        ("P", "weights of f, where a copy with others can be made"),
        ("T", "tokens that the training items are made of"),
        ("D", "words of the training items"),
    ];

    /// The sizes of a setting; what it lacks is left out.
    pub fn of(setup: &Setup<'_>) -> Self {
        let card = setup.backbone.card();
        let mut sizes = BTreeMap::from([("C", setup.target.n_classes()), ("d", card.main.dim), ("L", card.main.depth)]);
        match card.main.input {
            InputSpace::Image { channels, height, width } => {
                sizes.extend([("c", channels), ("H", height), ("W", width), ("e", height.min(width))]);
            }
            InputSpace::Tokens { vocabulary, .. } => drop(sizes.insert("V", vocabulary)),
            InputSpace::Waveform { samples, .. } => drop(sizes.insert("N", samples)),
        }
        sizes.extend(setup.target.horizon.map(|horizon| ("F", horizon)));
        if let Some(placement) = setup.placement {
            sizes.extend([("h", placement.image[0]), ("w", placement.image[1])]);
        }
        if let Some(heads) = setup.backbone.heads() {
            sizes.extend([("q", heads.query * heads.dim), ("k", heads.key_value * heads.dim)]);
        }
        if let Some(text) =
            [Some(&card.main), card.second.as_ref()].into_iter().flatten().find(|tower| tower.tower.modality() == Modality::Text)
        {
            sizes.extend([("t", text.dim), ("L_t", text.depth)]);
        }
        sizes.extend(setup.backbone.weight_sizes().map(|sizes| ("P", sizes.iter().sum())));
        if !setup.train_texts.is_empty() {
            sizes.extend([
                ("T", target_tokens(setup).len()),
                ("D", vocabulary(setup.train_texts.iter().map(|text| text.text.as_str())).len()),
            ]);
        }
        sizes.extend(card.n_source_classes().map(|n| ("S", n)));
        sizes.insert(
            "f",
            match card.output {
                OutputSpace::Joint { dim } | OutputSpace::Features { dim } => dim,
                OutputSpace::Classes { .. } | OutputSpace::Vocabulary { .. } => card.main.dim,
            },
        );
        Self(sizes)
    }

    /// Sizes by their names.
    pub fn from_names(sizes: impl IntoIterator<Item = (&'static str, usize)>) -> Self {
        Self(sizes.into_iter().collect())
    }
}

impl Formula {
    /// Its value in a setting.
    pub fn value(self, sizes: &Sizes) -> Result<usize, FormulaError> {
        let mut names: BTreeMap<&str, i64> = sizes.0.iter().filter_map(|(&name, &size)| Some((name, i64::try_from(size).ok()?))).collect();
        let mut parts = self.0.split(';');
        let whole = parts.next().unwrap_or_default();
        for own in parts {
            let (name, value) = own.split_once('=').ok_or_else(|| self.malformed(own))?;
            let value = self.reader(value, &names).all()?;
            names.insert(name.trim(), value);
        }
        let value = self.reader(whole, &names).all()?;
        usize::try_from(value).map_err(|_| self.out_of_range())
    }

    /// The names of sizes in it that are not its own.
    pub fn names(self) -> Vec<&'static str> {
        let of_a_name = |character: char| character.is_alphanumeric() || character == '_';
        let words = || self.0.split(|character| !of_a_name(character));
        let is_named = |name: &str| words().any(|word| word == name);
        let is_own = |name: &str| self.0.split(';').skip(1).any(|own| own.split('=').next().is_some_and(|own| own.trim() == name));
        Sizes::NAMES.iter().map(|(name, _)| *name).filter(|name| is_named(name) && !is_own(name)).collect()
    }

    fn reader<'a>(self, text: &'a str, names: &'a BTreeMap<&'a str, i64>) -> Reader<'a> {
        Reader { formula: self, rest: text.trim_start(), names }
    }

    fn malformed(self, rest: &str) -> FormulaError {
        FormulaError::Malformed { formula: self.0.to_owned(), rest: rest.trim().to_owned() }
    }

    fn out_of_range(self) -> FormulaError {
        FormulaError::OutOfRange { formula: self.0.to_owned() }
    }
}

/// Reads and computes, from left to right.
struct Reader<'a> {
    formula: Formula,
    rest: &'a str,
    names: &'a BTreeMap<&'a str, i64>,
}

impl Reader<'_> {
    fn all(mut self) -> Result<i64, FormulaError> {
        let value = self.sum()?;
        if self.rest.is_empty() { Ok(value) } else { Err(self.formula.malformed(self.rest)) }
    }

    fn sum(&mut self) -> Result<i64, FormulaError> {
        let mut value = self.product()?;
        loop {
            let next = if self.eat("+") {
                value.checked_add(self.product()?)
            } else if self.eat("−") {
                value.checked_sub(self.product()?)
            } else {
                return Ok(value);
            };
            value = next.ok_or_else(|| self.formula.out_of_range())?;
        }
    }

    fn product(&mut self) -> Result<i64, FormulaError> {
        let mut value = self.factor()?;
        loop {
            let next = if self.eat("·") {
                value.checked_mul(self.factor()?)
            } else if self.eat("/") {
                let by = self.factor()?;
                (value + by / 2).checked_div(by)
            } else {
                return Ok(value);
            };
            value = next.ok_or_else(|| self.formula.out_of_range())?;
        }
    }

    fn factor(&mut self) -> Result<i64, FormulaError> {
        if self.eat("(") {
            let value = self.sum()?;
            return self.expect(")").map(|()| value);
        }
        let end = self.rest.find(|character: char| !(character.is_alphanumeric() || character == '_')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        if let Ok(number) = word.parse() {
            return Ok(number);
        }
        if self.eat("(") {
            return self.function(word);
        }
        match self.names.get(word) {
            Some(&value) => Ok(value),
            None if word.is_empty() => Err(self.formula.malformed(self.rest)),
            None => Err(FormulaError::NoSuchSize { formula: self.formula.0.to_owned(), name: word.to_owned() }),
        }
    }

    fn function(&mut self, name: &str) -> Result<i64, FormulaError> {
        let first = self.sum()?;
        let second = if self.eat(",") { Some(self.sum()?) } else { None };
        self.expect(")")?;
        match (name, second) {
            ("max", Some(second)) => Ok(first.max(second)),
            ("up", Some(second)) if second > 0 => Ok((first + second - 1) / second),
            ("pow2", None) if first > 0 => Ok(first.unsigned_abs().next_power_of_two().try_into().unwrap_or(i64::MAX)),
            _ => Err(self.formula.malformed(name)),
        }
    }

    fn eat(&mut self, sign: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(sign) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn expect(&mut self, sign: &str) -> Result<(), FormulaError> {
        if self.eat(sign) { Ok(()) } else { Err(self.formula.malformed(self.rest)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(formula: &'static str) -> Result<usize, String> {
        let sizes = Sizes::from_names([("c", 3), ("H", 224), ("W", 224), ("h", 128), ("w", 128), ("d", 768), ("C", 10)]);
        Formula(formula).value(&sizes).map_err(|error| error.to_string())
    }

    #[test]
    fn a_formula_is_computed_as_it_is_written() {
        assert_eq!(value("c·(H·W − h·w)"), Ok(101_376));
        assert_eq!(value("p·d + C·(d + 1); p = 2·C"), Ok(20 * 768 + 7_690));
        assert_eq!(value("a + b; a = 7 / 2; b = up(d, 1000) + pow2(33) + max(1, C)"), Ok(4 + 1 + 64 + 10));
        assert_eq!(value("H − w − 90"), Ok(6));
    }

    #[test]
    fn what_has_no_value_is_said() {
        let mistakes = ["c·", "c)", "(c", "p·d", "c − H", "H / (c − 3)", "p; p", "least(c)", ""];
        let texts: Vec<String> = mistakes.iter().map(|formula| value(formula).unwrap_err()).collect();
        insta::assert_snapshot!(texts.join("\n"), @r"
        `c·` cannot be read at ``
        `c)` cannot be read at `)`
        `(c` cannot be read at ``
        `p·d` names `p`, which there is none of here
        `c − H` is no number of parameters here
        `H / (c − 3)` is no number of parameters here
        `p; p` cannot be read at `p`
        `least(c)` cannot be read at `least`
        `` cannot be read at ``
        ");
    }

    #[test]
    fn sizes_are_told_from_numbers_of_its_own() {
        assert_eq!(Formula("p·d + C·(d + 1); p = 10").names(), ["d", "C"]);
        assert_eq!(Formula("h·m; h = 2; m = L_t").names(), ["L_t"]);
    }
}
