//! How many items to choose by: `48`, of all classes together, or `{ shots = 4 }`, of each.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many validation items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many of all classes together.
    Items(usize),
    /// So many of each class.
    Shots(usize),
}

impl Amount {
    /// The number alone.
    pub const fn number(self) -> usize {
        match self {
            Self::Items(n) | Self::Shots(n) => n,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Items(n) => write!(f, "{n}"),
            Self::Shots(k) => write!(f, "{k} a class"),
        }
    }
}

/// A number stays a number, so that keys of trials stay what they are.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Items(n) => n.serialize(serializer),
            Self::Shots(k) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("shots", k)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of items, or `{ shots = N }` for N of each class")
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Amount, E> {
        usize::try_from(n).map(Amount::Items).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Amount, E> {
        usize::try_from(n).map(Amount::Items).map_err(|_| E::custom(format!("{n} is no number of items")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Amount, A::Error> {
        match map.next_key::<String>()?.as_deref() {
            Some("shots") => {
                let shots = map.next_value()?;
                match map.next_key::<String>()? {
                    None => Ok(Amount::Shots(shots)),
                    Some(other) => Err(A::Error::unknown_field(&other, &["shots"])),
                }
            }
            Some(other) => Err(A::Error::unknown_field(other, &["shots"])),
            None => Err(A::Error::missing_field("shots")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Table {
        n: Amount,
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        for (text, n) in [("n = 48\n", Amount::Items(48)), ("[n]\nshots = 4\n", Amount::Shots(4))] {
            let table: Table = toml::from_str(text).unwrap();
            assert_eq!(table, Table { n });
            assert_eq!(toml::to_string(&table).unwrap(), text);
            assert_eq!(serde_json::from_str::<Table>(&serde_json::to_string(&table).unwrap()).unwrap(), table);
        }
        assert_eq!(serde_json::to_string(&Amount::Items(48)).unwrap(), "48");
    }

    #[test]
    fn anything_else_is_refused() {
        let cases = [
            ("n = 'all'", "a number of items, or `{ shots = N }`"),
            ("n = -1", "-1 is no number of items"),
            ("n = {}", "missing field `shots`"),
            ("n = { shot = 4 }", "unknown field `shot`"),
            ("n = { shots = 4, items = 2 }", "unknown field `items`"),
        ];
        for (text, expected) in cases {
            let found = toml::from_str::<Table>(text).unwrap_err().to_string();
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
