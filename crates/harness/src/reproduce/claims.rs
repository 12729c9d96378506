//! Published numbers, and what they claim: `assets/reported.toml`, compiled in.

use serde::Deserialize;

/// All of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Numbers that a sweep is set beside.
    #[serde(rename = "claim")]
    pub claims: Vec<Claim>,
    /// What is not run here.
    pub unrun: Vec<Unrun>,
}

/// Numbers that a paper reports side by side, and the order that they claim.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// A short name.
    pub name: String,
    /// The claim, in a sentence.
    pub says: String,
    /// Where it was published.
    pub paper: String,
    /// Where the numbers were read.
    pub source: String,
    /// The paper's backbone.
    pub backbone: String,
    /// The paper's data.
    pub dataset: String,
    /// How the paper chose what it reports.
    pub selection: String,
    /// Seeds that a reported deviation is over.
    pub seeds: Option<usize>,
    /// What is not the same on our side.
    pub differences: Vec<String>,
    /// The sweep whose results are set beside them.
    pub sweep: String,
    /// Backbones and data sets of that sweep.
    pub settings: Vec<(String, String)>,
    /// The reported numbers.
    pub rows: Vec<ReportedRow>,
}

/// One reported number.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedRow {
    /// The paper's name of the method.
    pub reported: String,
    /// Accuracy in percent.
    pub value: f64,
    /// Standard deviation over seeds, in points.
    pub std: Option<f64>,
    /// Our name of the method.
    pub method: String,
}

/// A table that is not run here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unrun {
    /// What would be measured.
    pub table: String,
    /// Whose.
    pub paper: String,
    /// What is missing.
    pub needs: Vec<String>,
    /// What runs it where nothing is missing but weights, data and a device.
    pub command: Option<String>,
    /// What it takes.
    pub hardware: String,
}

/// The file cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadClaims {
    /// Not the right fields.
    #[error("reported.toml: {0}")]
    Toml(String),
    /// A claim that orders nothing.
    #[error(
        "reported.toml: claim `{0}` has {1} rows and {2} settings\n  help: two rows and one setting are the least that can be compared"
    )]
    TooFew(String, usize, usize),
    /// A number that is no percentage.
    #[error("reported.toml: claim `{claim}`: {value} is no accuracy in percent")]
    NoPercentage {
        /// Which.
        claim: String,
        /// The number.
        value: String,
    },
    /// A deviation whose number of seeds is not said.
    #[error("reported.toml: claim `{0}` has deviations, but not `seeds`\n  help: write over how many seeds they are")]
    NoSeeds(String),
}

impl Claims {
    /// Those that are compiled in.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn built_in() -> Self {
        Self::parse(include_str!("../../assets/reported.toml")).expect("reported.toml is part of this crate and is read by its tests")
    }

    /// Reads and checks a file of them.
    pub fn parse(text: &str) -> Result<Self, BadClaims> {
        let claims: Self = toml::from_str(text).map_err(|error| BadClaims::Toml(error.to_string()))?;
        for claim in &claims.claims {
            if claim.rows.len() < 2 || claim.settings.is_empty() {
                return Err(BadClaims::TooFew(claim.name.clone(), claim.rows.len(), claim.settings.len()));
            }
            if let Some(row) = claim.rows.iter().find(|row| !(0.0..=100.0).contains(&row.value)) {
                return Err(BadClaims::NoPercentage { claim: claim.name.clone(), value: row.value.to_string() });
            }
            if claim.seeds.is_none() && claim.rows.iter().any(|row| row.std.is_some()) {
                return Err(BadClaims::NoSeeds(claim.name.clone()));
            }
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sweep;

    #[test]
    fn the_built_in_claims_are_read() {
        let claims = Claims::built_in();
        let n_rows: usize = claims.claims.iter().map(|claim| claim.rows.len() * claim.settings.len()).sum();
        assert!(n_rows >= 10, "{n_rows}");
        assert!(claims.claims.iter().all(|claim| !claim.differences.is_empty() && !claim.source.is_empty()));
    }

    #[test]
    fn claims_that_order_nothing_are_refused() {
        let claim = |rows: &str, more: &str| {
            format!(
                "unrun = []\n[[claim]]\nname = \"a\"\nsays = \"\"\npaper = \"\"\nsource = \"\"\nbackbone = \"\"\ndataset = \"\"\nselection = \"\"\n\
                 differences = []\nsweep = \"s\"\nsettings = [[\"b\", \"d\"]]\nrows = [{rows}]\n{more}"
            )
        };
        let row = |value: &str, more: &str| format!("{{ reported = \"x\", value = {value}, method = \"m\"{more} }}");
        let said = [
            claim(&row("1.0", ""), ""),
            claim(&[row("0.5", ""), row("101.0", "")].join(", "), ""),
            claim(&[row("0.5", ", std = 0.1"), row("1.0", "")].join(", "), ""),
            claim("", "typo = 1"),
        ]
        .map(|text| Claims::parse(&text).unwrap_err().to_string());
        insta::assert_snapshot!(said.join("\n"));
    }

    /// What is said to run it is a sweep that can be read, of methods that exist.
    #[test]
    fn every_command_of_what_is_not_run_names_a_sweep_that_can_be_read() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut n_commands = 0;
        for unrun in Claims::built_in().unrun {
            let Some(command) = unrun.command else { continue };
            let file = command.strip_prefix("reprogram sweep ").and_then(|rest| rest.split(' ').next()).expect("a sweep");
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            Sweep::parse(file, &text, &[]).unwrap_or_else(|error| panic!("{error}"));
            n_commands += 1;
        }
        assert!(n_commands > 0);
    }
}
