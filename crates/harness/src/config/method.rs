//! A method as a sweep file writes it: a catalogued one, changed or not, or parts put together.

use std::collections::BTreeSet;
use std::ops::Range;

use reprogram_methods::{AlignmentSpec, ManipulationSpec, Method, Optimizer, Recipe, Schedule, catalog};
use reprogram_taxonomy::{Format, Incoherent, Layers, Location, Modality, Operator, Site, SiteSpec, Tower};
use serde::Deserialize;
use toml::Spanned;

use super::search::{RawSearch, Search};
use crate::suggest;

/// A method with what belongs to it in a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfiguredMethod {
    /// The composition.
    pub method: Method,
    /// Pixels of an image's edge, where the method wants another size than the experiment.
    pub image_size: Option<usize>,
    /// What is tried before, and chosen from.
    pub search: Option<Search>,
}

/// `[method.NAME]`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawMethod {
    /// A catalogued method to start from.
    #[serde(rename = "use")]
    base: Option<String>,
    manipulation: Option<Vec<Spanned<toml::Table>>>,
    alignment: Option<Spanned<toml::Table>>,
    recipe: Option<RawRecipe>,
    image_size: Option<usize>,
    search: Option<RawSearch>,
}

/// What is left out is the catalogued method's, or the default.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawRecipe {
    optimizer: Option<Optimizer>,
    learning_rate: Option<f64>,
    schedule: Option<Schedule>,
}

/// The axes of a manipulation, where they are written out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawAxes {
    modality: Option<Modality>,
    format: Option<Format>,
    operator: Option<Operator>,
    location: Option<Location>,
    layers: Option<Layers>,
    tower: Option<Tower>,
}

/// A method that makes no sense, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MethodFault {
    /// Bytes of the file, where they are known.
    pub(super) span: Option<Range<usize>>,
    /// What is wrong.
    pub(super) reason: String,
}

impl MethodFault {
    fn at(span: Range<usize>, reason: impl ToString) -> Self {
        Self { span: Some(span), reason: reason.to_string() }
    }

    fn anywhere(reason: impl ToString) -> Self {
        Self { span: None, reason: reason.to_string() }
    }
}

impl ConfiguredMethod {
    /// The catalogued method of this name, as it is.
    pub(super) fn catalogued(name: &str) -> Option<Self> {
        catalog::find(name).map(|entry| Self { method: (entry.method)(), image_size: None, search: None })
    }

    /// Encoders that it names, those of all points of its search included.
    pub fn encoders(&self) -> BTreeSet<&str> {
        let points = self.search.iter().flat_map(|search| &search.points).map(|point| &point.method);
        points.chain([&self.method]).flat_map(Method::encoders).collect()
    }
}

impl RawMethod {
    pub(super) fn resolve(self) -> Result<ConfiguredMethod, MethodFault> {
        let base = match &self.base {
            None => None,
            Some(name) => Some(ConfiguredMethod::catalogued(name).ok_or_else(|| MethodFault::anywhere(unknown_catalogued(name)))?.method),
        };
        let manipulations = match self.manipulation {
            Some(tables) => Some(tables.into_iter().map(manipulation).collect::<Result<Vec<_>, _>>()?),
            None => None,
        };
        let alignment = self.alignment.map(alignment).transpose()?;
        let missing = || {
            MethodFault::anywhere(
                "it has neither `use` nor `alignment`\n  help: name a catalogued method (`use = \"vp-ilm\"`), or write `alignment = { part = … }`",
            )
        };
        let (base_manipulations, base_alignment, base_recipe) = match base {
            Some(Method { manipulations, alignment, recipe }) => (manipulations, Some(alignment), recipe),
            None => (Vec::new(), None, Recipe::default()),
        };
        let recipe = match self.recipe {
            None => base_recipe,
            Some(raw) => Recipe {
                optimizer: raw.optimizer.unwrap_or(base_recipe.optimizer),
                learning_rate: raw.learning_rate.unwrap_or(base_recipe.learning_rate),
                schedule: raw.schedule.unwrap_or(base_recipe.schedule),
            },
        };
        if !(recipe.learning_rate.is_finite() && recipe.learning_rate > 0.0) {
            return Err(MethodFault::anywhere(format!("`learning-rate = {}` is not a positive number", recipe.learning_rate)));
        }
        let method = Method {
            manipulations: manipulations.unwrap_or(base_manipulations),
            alignment: alignment.or(base_alignment).ok_or_else(missing)?,
            recipe,
        };
        if let Some(reason) = method.incoherence() {
            return Err(MethodFault::anywhere(reason));
        }
        let configured = ConfiguredMethod { method, image_size: self.image_size, search: None };
        let search = self.search.map(|search| search.resolve(&configured, self.base.as_deref())).transpose()?;
        Ok(ConfiguredMethod { search, ..configured })
    }
}

/// A method as a sweep file would write it, without `use`.
pub(super) fn written(configured: &ConfiguredMethod) -> toml::Table {
    let ConfiguredMethod { method: Method { manipulations, alignment, recipe }, image_size, search: _ } = configured;
    let value = |value: Result<toml::Value, toml::ser::Error>| value.expect("a method is plain data");
    let mut table = toml::Table::from_iter([
        ("manipulation".to_owned(), value(toml::Value::try_from(manipulations))),
        ("alignment".to_owned(), value(toml::Value::try_from(alignment))),
        ("recipe".to_owned(), value(toml::Value::try_from(recipe))),
    ]);
    table.extend(image_size.map(|size| ("image-size".to_owned(), toml::Value::Integer(size as i64))));
    table
}

fn alignment(table: Spanned<toml::Table>) -> Result<AlignmentSpec, MethodFault> {
    let span = table.span();
    part(table.into_inner(), span, "alignment", AlignmentSpec::NAMES)
}

/// A manipulation names its part; it may also write out its axes, which are checked and must be the part's own.
fn manipulation(table: Spanned<toml::Table>) -> Result<ManipulationSpec, MethodFault> {
    let span = table.span();
    let mut table = table.into_inner();
    let Some(part_name) = table.get("part").and_then(toml::Value::as_str).map(str::to_owned) else {
        let names = ManipulationSpec::NAMES.join(", ");
        return Err(MethodFault::at(span, format!("a manipulation needs its `part`\n  help: one of {names}")));
    };
    let (mut axes, own_keys) = (toml::Table::new(), ManipulationSpec::keys(&part_name));
    for key in ["modality", "format", "operator", "location", "layers", "tower"] {
        // A part may have a `modality` or `layers` of its own.
        let value = if own_keys.contains(&key) { table.get(key).cloned() } else { table.remove(key) };
        axes.extend(value.map(|value| (key.to_owned(), value)));
    }
    let axes: RawAxes = axes.try_into().map_err(|error: toml::de::Error| MethodFault::at(span.clone(), error.message()))?;
    check_stated(&axes).map_err(|incoherent| MethodFault::at(span.clone(), incoherent))?;
    let spec: ManipulationSpec = part(table, span.clone(), "manipulation", ManipulationSpec::NAMES)?;
    let own = SiteSpec::from(spec.coordinates());
    let differs = |key: &str, stated: Option<&str>, own: &str| {
        stated
            .filter(|stated| *stated != own)
            .map(|stated| format!("`{key} = \"{stated}\"` is not what `part = \"{part_name}\"` is: `{key} = \"{own}\"`"))
    };
    let contradiction = differs("format", axes.format.map(Format::as_str), own.format.as_str())
        .or_else(|| differs("operator", axes.operator.map(Operator::as_str), own.operator.as_str()))
        .or_else(|| differs("location", axes.location.map(Location::as_str), own.location.as_str()))
        .or_else(|| differs("modality", axes.modality.map(Modality::as_str), own.modality.as_str()))
        .or_else(|| axes.layers.filter(|_| axes.layers != own.layers).map(|_| format!("`part = \"{part_name}\"` is not at these `layers`")))
        .or_else(|| axes.tower.filter(|_| axes.tower != own.tower).map(|_| format!("`part = \"{part_name}\"` is not in this `tower`")));
    if let Some(reason) = contradiction {
        return Err(MethodFault::at(span, format!("{reason}\n  help: leave the axes out; a part has them by itself")));
    }
    Ok(spec)
}

/// Refuses written axes that no site has, when there are enough of them to tell.
fn check_stated(axes: &RawAxes) -> Result<(), Incoherent> {
    let (Some(modality), Some(format), Some(operator), Some(location)) = (axes.modality, axes.format, axes.operator, axes.location) else {
        return Ok(());
    };
    Site::new(SiteSpec { modality, format, operator, location, layers: axes.layers, tower: axes.tower }).map(|_| ())
}

fn part<T: serde::de::DeserializeOwned>(table: toml::Table, span: Range<usize>, family: &str, names: &[&str]) -> Result<T, MethodFault> {
    let Some(name) = table.get("part").and_then(toml::Value::as_str).map(str::to_owned) else {
        return Err(MethodFault::at(span, format!("`{family}` needs its `part`\n  help: one of {}", names.join(", "))));
    };
    if !names.contains(&name.as_str()) {
        return Err(MethodFault::at(span, format!("there is no {family} `{name}`\n  help: one of {}", names.join(", "))));
    }
    table.try_into().map_err(|error: toml::de::Error| MethodFault::at(span, format!("`part = \"{name}\"`: {}", error.message())))
}

/// What to say of a name that is not in the catalogue.
pub(super) fn unknown_catalogued(name: &str) -> String {
    let help = suggest::instead_of(name, catalog::CATALOG.iter().map(|entry| entry.name), "reprogram methods list");
    format!("there is no catalogued method `{name}`\n  help: {help}")
}
