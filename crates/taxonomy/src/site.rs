//! One manipulation on the first three axes: a coherent (λ, τ, ℓ).
//!
//! A [`Site`] can only be made through [`Site::new`] or by deserialising a [`SiteSpec`], so holding one is proof that
//! the combination makes sense on *some* backbone. Whether it fits a given one is [`crate::Misfit`]'s business.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Format, Location, Modality, Operator, Tower};

/// Which blocks a hidden manipulation acts on. Written `"all"`, or first and last layer as `[0, 5]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawLayers", into = "RawLayers")]
pub enum Layers {
    /// Every block of the tower.
    All,
    /// From `first` to `last`, both included, counted from zero.
    Range {
        /// First block.
        first: usize,
        /// Last block.
        last: usize,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "`layers` is \"all\" or a pair like [0, 5]")]
enum RawLayers {
    Word(String),
    Pair([usize; 2]),
}

impl TryFrom<RawLayers> for Layers {
    type Error = String;

    fn try_from(raw: RawLayers) -> Result<Self, String> {
        match raw {
            RawLayers::Word(word) if word == "all" => Ok(Self::All),
            RawLayers::Word(word) => Err(format!("`layers = \"{word}\"` is not \"all\" or a pair like [0, 5]")),
            RawLayers::Pair([first, last]) if first <= last => Ok(Self::Range { first, last }),
            RawLayers::Pair([first, last]) => Err(format!("`layers = [{first}, {last}]` is empty: the first layer comes after the last")),
        }
    }
}

impl From<Layers> for RawLayers {
    fn from(layers: Layers) -> Self {
        match layers {
            Layers::All => Self::Word("all".to_owned()),
            Layers::Range { first, last } => Self::Pair([first, last]),
        }
    }
}

impl Layers {
    /// Whether the block at `layer` is among them.
    pub const fn contains(self, layer: usize) -> bool {
        match self {
            Self::All => true,
            Self::Range { first, last } => first <= layer && layer <= last,
        }
    }

    /// The first block acted on.
    pub const fn first(self) -> usize {
        match self {
            Self::All => 0,
            Self::Range { first, .. } => first,
        }
    }
}

/// Where a manipulation acts, with what that place needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// ℓ = input.
    Input,
    /// ℓ = embedding.
    Embedding,
    /// ℓ = hidden, at these blocks.
    Hidden(Layers),
}

/// A site as written: parsed, not yet known to be coherent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSpec {
    /// What the tower's raw input is.
    pub modality: Modality,
    /// λ.
    pub format: Format,
    /// τ.
    pub operator: Operator,
    /// ℓ.
    pub location: Location,
    /// Blocks, for ℓ = hidden only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Layers>,
    /// The tower, where a backbone has two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tower: Option<Tower>,
}

/// One coherent (λ, τ, ℓ).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "SiteSpec", into = "SiteSpec")]
pub struct Site {
    modality: Modality,
    format: Format,
    operator: Operator,
    at: At,
    tower: Option<Tower>,
}

/// Wrong on every backbone: refused when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Incoherent {
    /// Raw symbols are discrete.
    #[error(
        "`format = \"learnable\"` at `location = \"input\"` needs a differentiable input, but {0} is discrete: no gradient reaches it\n  help: use `location = \"embedding\"` (a soft prompt), or `format = \"fixed\"`"
    )]
    LearnableDiscrete(Modality),
    /// Symbols have no sum.
    #[error(
        "`operator = \"additive\"` at `location = \"input\"` needs numbers to add to, but {0} is discrete: it has no sum\n  help: use `operator = \"concatenative\"`, or `location = \"embedding\"`"
    )]
    AdditiveDiscrete(Modality),
    /// A trained map that is not trained.
    #[error(
        "`operator = \"parametric\"` is a trained map, so it contradicts `format = \"fixed\"`\n  help: use `format = \"learnable\"`, or `operator = \"additive\"` or \"concatenative\""
    )]
    FixedParametric,
    /// `layers` where there are none.
    #[error(
        "`layers` belongs to `location = \"hidden\"`, not to `location = \"{0}\"`\n  help: remove `layers`, or use `location = \"hidden\"`"
    )]
    LayersOutsideHidden(Location),
    /// Hidden, but where?
    #[error(
        "`location = \"hidden\"` does not say at which blocks\n  help: add `layers = \"all\"`, or first and last layer as `layers = [0, 5]`"
    )]
    HiddenWithoutLayers,
}

impl Site {
    /// Checks a written site. The first rule that it breaks is returned.
    pub fn new(spec: SiteSpec) -> Result<Self, Incoherent> {
        let SiteSpec { modality, format, operator, location, layers, tower } = spec;
        if format == Format::Fixed && operator == Operator::Parametric {
            return Err(Incoherent::FixedParametric);
        }
        if location == Location::Input && modality.is_discrete() {
            if operator == Operator::Additive {
                return Err(Incoherent::AdditiveDiscrete(modality));
            }
            if format == Format::Learnable {
                return Err(Incoherent::LearnableDiscrete(modality));
            }
        }
        let at = match (location, layers) {
            (Location::Input, None) => At::Input,
            (Location::Embedding, None) => At::Embedding,
            (Location::Hidden, Some(layers)) => At::Hidden(layers),
            (Location::Hidden, None) => return Err(Incoherent::HiddenWithoutLayers),
            (Location::Input | Location::Embedding, Some(_)) => return Err(Incoherent::LayersOutsideHidden(location)),
        };
        Ok(Self { modality, format, operator, at, tower })
    }

    /// The modality of the tower it acts on.
    pub const fn modality(&self) -> Modality {
        self.modality
    }

    /// λ.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// τ.
    pub const fn operator(&self) -> Operator {
        self.operator
    }

    /// ℓ with its blocks.
    pub const fn at(&self) -> At {
        self.at
    }

    /// ℓ.
    pub const fn location(&self) -> Location {
        match self.at {
            At::Input => Location::Input,
            At::Embedding => Location::Embedding,
            At::Hidden(_) => Location::Hidden,
        }
    }

    /// The tower, where it matters.
    pub const fn tower(&self) -> Option<Tower> {
        self.tower
    }
}

impl TryFrom<SiteSpec> for Site {
    type Error = Incoherent;

    fn try_from(spec: SiteSpec) -> Result<Self, Incoherent> {
        Self::new(spec)
    }
}

impl From<Site> for SiteSpec {
    fn from(site: Site) -> Self {
        let layers = match site.at {
            At::Hidden(layers) => Some(layers),
            At::Input | At::Embedding => None,
        };
        Self { modality: site.modality, format: site.format, operator: site.operator, location: site.location(), layers, tower: site.tower }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} · {} · {}", self.format, self.location(), self.operator)?;
        match self.at {
            At::Hidden(Layers::Range { first, last }) => write!(f, " [{first}..={last}]"),
            At::Hidden(Layers::All) | At::Input | At::Embedding => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(modality: Modality, format: Format, operator: Operator, location: Location) -> SiteSpec {
        let layers = (location == Location::Hidden).then_some(Layers::All);
        SiteSpec { modality, format, operator, location, layers, tower: None }
    }

    #[test]
    fn each_rule_refuses_what_it_names() {
        use {Format::*, Location::*, Operator::*};
        let cases = [
            (spec(Modality::Text, Learnable, Concatenative, Input), Incoherent::LearnableDiscrete(Modality::Text)),
            (spec(Modality::Text, Fixed, Additive, Input), Incoherent::AdditiveDiscrete(Modality::Text)),
            (spec(Modality::Vision, Fixed, Parametric, Input), Incoherent::FixedParametric),
            (
                SiteSpec { layers: Some(Layers::All), ..spec(Modality::Vision, Learnable, Additive, Input) },
                Incoherent::LayersOutsideHidden(Input),
            ),
            (SiteSpec { layers: None, ..spec(Modality::Text, Learnable, Concatenative, Hidden) }, Incoherent::HiddenWithoutLayers),
        ];
        for (spec, expected) in cases {
            assert_eq!(Site::new(spec), Err(expected));
        }
    }

    #[test]
    fn toml_reports_the_reason_and_the_line() {
        #[derive(Debug, Deserialize)]
        struct Method {
            #[expect(dead_code, reason = "never made: the text is refused")]
            manipulation: Vec<Site>,
        }
        let text = "[[manipulation]]\nmodality = \"text\"\nformat = \"learnable\"\noperator = \"concatenative\"\nlocation = \"input\"\n";
        insta::assert_snapshot!(toml::from_str::<Method>(text).unwrap_err().to_string());
    }

    #[test]
    fn an_unknown_key_is_named() {
        let text = "modality = \"text\"\nformat = \"fixed\"\noperator = \"concatenative\"\nlocaton = \"input\"\n";
        insta::assert_snapshot!(toml::from_str::<Site>(text).unwrap_err().to_string());
    }

    #[test]
    fn a_site_survives_serialisation() {
        let site = Site::new(spec(Modality::Text, Format::Learnable, Operator::Concatenative, Location::Hidden)).unwrap();
        let text = toml::to_string(&site).unwrap();
        assert_eq!(toml::from_str::<Site>(&text).unwrap(), site);
    }
}
