//! Names that say what is in a file: its class, and the part of the data set that it belongs to.

use serde::{Deserialize, Serialize};

const CLASS: &str = "{class}";
const PART: &str = "{part}";
const ANY: &str = "{}";

/// A pattern of names: `{class}` stands for a class, `{part}` for a part, `{}` for anything, all else for itself. A place
/// holds at least a letter, and ends where what stands behind it in the pattern is first found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern {
    /// What stands in front of the first place.
    front: String,
    /// The places, each with what stands behind it.
    places: Vec<(Place, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Class,
    Part,
    Any,
}

impl Place {
    const fn word(self) -> &'static str {
        match self {
            Self::Class => CLASS,
            Self::Part => PART,
            Self::Any => ANY,
        }
    }
}

/// A pattern that says too little or too much.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` needs `{{class}}` and `{{part}}` once each, and something between one place and the next\nhelp: as in `{{class}}/{{part}}-{{}}.wav`"
)]
pub struct BadPattern(String);

impl TryFrom<String> for NamePattern {
    type Error = BadPattern;

    fn try_from(text: String) -> Result<Self, BadPattern> {
        let next = |rest: &str| {
            let found = [Place::Class, Place::Part, Place::Any].into_iter().filter_map(|place| Some((rest.find(place.word())?, place)));
            found.min_by_key(|(at, _)| *at)
        };
        let mut rest = text.as_str();
        let mut front = rest;
        let mut places: Vec<(Place, String)> = Vec::new();
        while let Some((at, place)) = next(rest) {
            match places.last_mut() {
                Some((_, behind)) => rest[..at].clone_into(behind),
                None => front = &rest[..at],
            }
            places.push((place, String::new()));
            rest = &rest[at + place.word().len()..];
        }
        if let Some((_, behind)) = places.last_mut() {
            rest.clone_into(behind);
        }
        let once = |wanted| places.iter().filter(|(place, _)| *place == wanted).count() == 1;
        let divided = places.split_last().is_some_and(|(_, before)| before.iter().all(|(_, behind)| !behind.is_empty()));
        if !(once(Place::Class) && once(Place::Part) && divided) {
            return Err(BadPattern(text));
        }
        Ok(Self { front: front.to_owned(), places })
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        let NamePattern { front, places } = pattern;
        places.into_iter().fold(front, |text, (place, behind)| text + place.word() + &behind)
    }
}

impl NamePattern {
    /// What a name says of class and part; nothing where it is made in another way.
    pub fn read<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let mut rest = name.strip_prefix(self.front.as_str())?;
        let (mut class, mut part) = (None, None);
        for (index, (place, behind)) in self.places.iter().enumerate() {
            let is_last = index + 1 == self.places.len();
            let end = if is_last { rest.strip_suffix(behind.as_str())?.len() } else { rest.find(behind.as_str())? };
            if end == 0 {
                return None;
            }
            match place {
                Place::Class => class = Some(&rest[..end]),
                Place::Part => part = Some(&rest[..end]),
                Place::Any => {}
            }
            rest = &rest[end + behind.len()..];
        }
        class.zip(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> NamePattern {
        NamePattern::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_name_says_class_and_part() {
        let digits = pattern("recordings/{class}_{}_{part}.wav");
        assert_eq!(digits.read("recordings/7_theo_12.wav"), Some(("7", "12")));
        assert_eq!(String::from(digits.clone()), "recordings/{class}_{}_{part}.wav");
        for other in ["recordings/7_theo.wav", "7_theo_12.wav", "recordings/_theo_12.wav", "recordings/7_theo_12.ogg"] {
            assert_eq!(digits.read(other), None, "{other}");
        }
        assert_eq!(pattern("{class}/{part}-{}.ogg").read("001 - Dog bark/5-9032-A.ogg"), Some(("001 - Dog bark", "5")));
    }

    #[test]
    fn patterns_that_say_too_little_are_refused() {
        for bad in ["", "{class}.wav", "{class}_{class}_{part}", "{class}{part}.wav"] {
            assert!(NamePattern::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        insta::assert_snapshot!(NamePattern::try_from("{class}{part}.wav".to_owned()).unwrap_err(), @r"
        `{class}{part}.wav` needs `{class}` and `{part}` once each, and something between one place and the next
        help: as in `{class}/{part}-{}.wav`
        ");
    }
}
