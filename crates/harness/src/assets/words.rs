//! Texts of a registry that end up on a command line or inside a path, and are safe there.

use std::fmt;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

/// One word: a package name, a version, a repository. Not empty, no blank, not the beginning of an option.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word(String);

/// A path inside a folder, an archive or a repository: relative, forward slashes, never upwards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberPath(String);

/// A text that is neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWord {
    /// It would be read as something else on a command line.
    #[error("`{0}` is not a word: it must not be empty, hold a blank, or begin with `-`")]
    Word(String),
    /// It would leave its folder.
    #[error("`{0}` is not a path inside a folder: it must be relative, written with `/`, and without `.` and `..`")]
    Path(String),
}

impl Word {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MemberPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

/// Whether a name found in an archive stays inside of the folder that the archive is unpacked to.
pub(super) fn stays_inside(name: &str) -> bool {
    let windows_root = name.contains('\\') || name.as_bytes().get(1) == Some(&b':');
    !name.is_empty()
        && !windows_root
        && !name.contains('\0')
        && Path::new(name).components().all(|part| match part {
            Component::Normal(_) | Component::CurDir => true,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => false,
        })
}

impl TryFrom<String> for Word {
    type Error = BadWord;

    fn try_from(text: String) -> Result<Self, BadWord> {
        let safe = !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_ascii_graphic());
        if safe { Ok(Self(text)) } else { Err(BadWord::Word(text)) }
    }
}

impl TryFrom<String> for MemberPath {
    type Error = BadWord;

    fn try_from(text: String) -> Result<Self, BadWord> {
        let whole = text.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && !part.starts_with('-'));
        if whole && stays_inside(&text) { Ok(Self(text)) } else { Err(BadWord::Path(text)) }
    }
}

impl TryFrom<&str> for Word {
    type Error = BadWord;

    fn try_from(text: &str) -> Result<Self, BadWord> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<&str> for MemberPath {
    type Error = BadWord;

    fn try_from(text: &str) -> Result<Self, BadWord> {
        Self::try_from(text.to_owned())
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.0
    }
}

impl From<MemberPath> for String {
    fn from(path: MemberPath) -> Self {
        path.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_options_or_paths_that_climb_are_refused() {
        for text in ["", "-r", "a b", "a\nb"] {
            assert!(Word::try_from(text).is_err(), "{text:?}");
        }
        for text in ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a\\..\\b", "C:/x", "a/-r"] {
            assert!(MemberPath::try_from(text).is_err(), "{text:?}");
        }
        assert_eq!(MemberPath::try_from("a b/c.txt").unwrap().file_name(), "c.txt");
    }

    #[test]
    fn the_reason_names_the_text() {
        insta::assert_snapshot!(MemberPath::try_from("../weights").unwrap_err());
        insta::assert_snapshot!(Word::try_from("-r file").unwrap_err());
    }
}
