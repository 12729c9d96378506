//! `[method.NAME.search]`: values to be tried for keys of a method, all of them or a random draw of so many.

use std::collections::BTreeMap;

use reprogram_methods::{Method, catalog};
use serde::Deserialize;
use toml::{Table, Value};

use super::method::{MethodFault, RawMethod};
use super::overrides::place;
use super::{ConfiguredMethod, method};
use crate::assets::Digest;

/// More points than this are a mistake.
const MOST: usize = 4096;

/// What is tried before a method's trials are run.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The seed of all points; none of the sweep's.
    pub seed: u64,
    /// In the order in which they are tried.
    pub points: Vec<SearchPoint>,
}

/// A point of the space.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPoint {
    /// The values that were put in, as TOML, by their keys.
    pub settings: BTreeMap<String, String>,
    /// The method with them.
    pub method: Method,
    /// Pixels of an image's edge, where that is among them, or the method's own.
    pub image_size: Option<usize>,
}

/// As a sweep file writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawSearch {
    /// So many points, drawn without repetition; all of them when left out.
    draw: Option<usize>,
    #[serde(default)]
    seed: u64,
    /// Keys as in `--set`, within the method's table, and the values to try; the catalogue's space when left out.
    space: Option<BTreeMap<String, Vec<Value>>>,
}

impl RawSearch {
    /// The points around a method; `base` is the catalogued one that it starts from.
    pub(super) fn resolve(self, around: &ConfiguredMethod, base: Option<&str>) -> Result<Search, MethodFault> {
        let space = match (self.space, base.and_then(catalog::space)) {
            (Some(space), _) => space,
            (None, Some(text)) => toml::from_str(text).expect("a test reads every space of the catalogue"),
            (None, None) => {
                return Err(fault(
                    "there is no `space`\n  help: write `space = { \"recipe.learning-rate\" = [0.01, 0.1] }`, or start by `use` from a catalogued method that has one",
                ));
            }
        };
        if let Some((key, _)) = space.iter().find(|(_, values)| values.is_empty()) {
            return Err(fault(format!("`space.\"{key}\"` lists no value")));
        }
        let n_points = space.values().map(Vec::len).try_fold(1_usize, usize::checked_mul).filter(|n| *n <= MOST);
        let Some(n_points) = n_points else {
            return Err(fault(format!("`space` has more than {MOST} points\n  help: list fewer values")));
        };
        if self.draw == Some(0) || self.draw.is_some_and(|draw| draw > n_points) {
            return Err(fault(format!("`draw` must lie in 1..={n_points}, the number of points of `space`")));
        }
        let mut grid: Vec<BTreeMap<&str, &Value>> = vec![BTreeMap::new()];
        for (key, values) in &space {
            grid = grid.iter().flat_map(|point| values.iter().map(move |value| with(point, key, value))).collect();
        }
        if let Some(draw) = self.draw {
            grid.sort_by_cached_key(|point| Digest::of_parts(&["search", &self.seed.to_string(), &format!("{point:?}")]));
            grid.truncate(draw);
        }
        let table = method::written(around);
        let points = grid.iter().map(|point| resolved(&table, point)).collect::<Result<_, _>>()?;
        Ok(Search { seed: self.seed, points })
    }
}

fn fault(reason: impl ToString) -> MethodFault {
    MethodFault { span: None, reason: format!("search: {}", reason.to_string()) }
}

fn with<'a>(point: &BTreeMap<&'a str, &'a Value>, key: &'a str, value: &'a Value) -> BTreeMap<&'a str, &'a Value> {
    let mut point = point.clone();
    point.insert(key, value);
    point
}

fn resolved(around: &Table, point: &BTreeMap<&str, &Value>) -> Result<SearchPoint, MethodFault> {
    let mut table = around.clone();
    for (key, value) in point {
        place(&mut table, key, (*value).clone()).map_err(|step| fault(format!("`{key}`: there is no `{step}` to set in")))?;
    }
    let text = toml::to_string(&table).map_err(fault)?;
    let raw: RawMethod = toml::from_str(&text).map_err(|error: toml::de::Error| fault(error.message()))?;
    let ConfiguredMethod { method, image_size, .. } = raw.resolve().map_err(|MethodFault { reason, .. }| fault(reason))?;
    let settings = point.iter().map(|(key, value)| ((*key).to_owned(), value.to_string())).collect();
    Ok(SearchPoint { settings, method, image_size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(text: &str) -> Result<Search, String> {
        let raw: RawMethod = toml::from_str(text).map_err(|error| error.to_string())?;
        raw.resolve().map(|method| method.search.unwrap()).map_err(|fault| fault.reason)
    }

    const GRID: &str = "use = 'vp-ilm'\n[search]\nspace = { \"recipe.learning-rate\" = [0.1, 0.01], image-size = [16, 20], \"manipulation.0.squash\" = ['tanh'] }\n";

    #[test]
    fn a_grid_is_all_points_and_a_draw_some_of_them() {
        let grid = searched(GRID).unwrap();
        let points: Vec<(f64, Option<usize>)> =
            grid.points.iter().map(|point| (point.method.recipe.learning_rate, point.image_size)).collect();
        assert_eq!(points, [(0.1, Some(16)), (0.01, Some(16)), (0.1, Some(20)), (0.01, Some(20))]);
        assert_eq!(grid.points[0].settings["manipulation.0.squash"], "\"tanh\"");
        let drawn = searched(&GRID.replace("space", "draw = 3\nspace")).unwrap();
        assert!(drawn.points.len() == 3 && drawn.points.iter().all(|point| grid.points.contains(point)));
        assert_eq!(drawn, searched(&GRID.replace("space", "draw = 3\nspace")).unwrap());
    }

    #[test]
    fn what_is_left_as_it_is_stays_what_it_is() {
        for entry in catalog::CATALOG {
            let search = searched(&format!("use = '{}'\n[search]\nspace = {{ image-size = [20] }}\n", entry.name)).unwrap();
            assert_eq!(search.points[0].method, (entry.method)(), "{}", entry.name);
        }
    }

    #[test]
    fn spaces_of_the_catalogue_can_be_read() {
        let spaced = catalog::CATALOG.iter().filter(|entry| catalog::space(entry.name).is_some());
        let counts: Vec<String> = spaced
            .map(|entry| format!("{}: {}", entry.name, searched(&format!("use = '{}'\n[search]\n", entry.name)).unwrap().points.len()))
            .collect();
        assert_eq!(counts, ["auto-vp: 72"]);
    }

    #[test]
    fn nonsense_is_refused() {
        let cases = [
            GRID.replace("squash", "sqash"),
            GRID.replace("manipulation.0", "manipulation.7"),
            GRID.replace("[16, 20]", "[]"),
            GRID.replace("0.01]", "-1]"),
            GRID.replace("space", "draw = 9\nspace"),
            "use = 'vp-ilm'\n[search]\n".to_owned(),
        ];
        let messages: Vec<String> = cases.iter().map(|text| searched(text).unwrap_err()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }
}
