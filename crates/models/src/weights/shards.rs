//! A checkpoint in several safetensors files.
//!
//! # Reference
//! `model.safetensors.index.json` of the hub: `weight_map` says for each tensor in which file it is; `metadata` is not
//! read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::Weights;

/// Which tensor is in which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardIndex {
    /// By tensor. File names are plain: they name a file beside the index.
    files: BTreeMap<String, String>,
}

/// An index that makes no sense, or shards that do not fit it.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// Not an index.
    #[error("not an index of safetensors files: {0}\n  help: it is `model.safetensors.index.json`, with a `weight_map`")]
    Index(#[from] serde_json::Error),
    /// An index of nothing.
    #[error("the index lists no tensor\n  help: fetch it again")]
    Empty,
    /// A file that is not beside the index.
    #[error(
        "the index says that tensor `{tensor}` is in {file:?}, which is no plain file name\n  \
         help: shards lie beside their index and end in `.safetensors`"
    )]
    FileName {
        /// The tensor.
        tensor: String,
        /// The file's name.
        file: String,
    },
    /// Files that were not given.
    #[error("{} of {n_files} files are missing: {}\n  help: fetch all files that the index lists", .missing.len(), .missing.join(", "))]
    MissingFiles {
        /// Their names.
        missing: Vec<String>,
        /// Files in the index.
        n_files: usize,
    },
    /// A file that was given but is not listed, or twice.
    #[error("`{file}` {reason}\n  help: join exactly the files that the index lists")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The tensors of a file are not those that the index says.
    #[error(
        "`{file}` and the index disagree: {reason} tensor `{tensor}`\n  help: index and files must be of one checkpoint; fetch both again"
    )]
    Tensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// How.
        reason: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIndex {
    #[serde(default, rename = "metadata")]
    _metadata: Option<IgnoredAny>,
    #[serde(deserialize_with = "without_repeats")]
    weight_map: BTreeMap<String, String>,
}

impl ShardIndex {
    /// Reads an index.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShardError> {
        let RawIndex { weight_map: files, _metadata } = serde_json::from_slice(bytes)?;
        if files.is_empty() {
            return Err(ShardError::Empty);
        }
        match files.iter().find(|(_, file)| !is_plain(file)) {
            Some((tensor, file)) => Err(ShardError::FileName { tensor: tensor.clone(), file: file.clone() }),
            None => Ok(Self { files }),
        }
    }

    /// The files, each once, sorted.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.values().map(String::as_str).collect::<BTreeSet<_>>().into_iter()
    }
}

impl Weights<'_> {
    /// The tensors of all shards together: exactly the files of the index, each with exactly the tensors that the index
    /// says.
    pub fn join(shards: impl IntoIterator<Item = (String, Self)>, index: &ShardIndex) -> Result<Self, ShardError> {
        let mut missing: BTreeSet<&str> = index.files().collect();
        let n_files = missing.len();
        let mut joined = Self::default();
        for (file, shard) in shards {
            if !missing.remove(file.as_str()) {
                let listed = index.files.values().any(|listed| *listed == file);
                let reason = if listed { "is given twice" } else { "is not in the index" };
                return Err(ShardError::File { file, reason });
            }
            for (tensor, raw) in shard.tensors {
                match index.files.get(&tensor) {
                    Some(listed) if *listed == file => joined.insert(tensor, raw),
                    Some(_) => return Err(ShardError::Tensor { file, tensor, reason: "the index has in another file the" }),
                    None => return Err(ShardError::Tensor { file, tensor, reason: "the index does not list the" }),
                }
            }
        }
        if !missing.is_empty() {
            return Err(ShardError::MissingFiles { missing: missing.into_iter().map(str::to_owned).collect(), n_files });
        }
        match index.files.iter().find(|(tensor, _)| !joined.tensors.contains_key(*tensor)) {
            Some((tensor, file)) => Err(ShardError::Tensor { file: file.clone(), tensor: tensor.clone(), reason: "the file lacks the" }),
            None => Ok(joined),
        }
    }
}

/// A name that cannot lead out of the folder, on any system.
fn is_plain(file: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '=');
    file.ends_with(".safetensors") && !file.starts_with('.') && !file.contains("..") && file.chars().all(plain)
}

fn without_repeats<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Files;
    impl<'de> Visitor<'de> for Files {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("file names by tensor")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut files = BTreeMap::new();
            while let Some((tensor, file)) = map.next_entry::<String, String>()? {
                if let Some(file) = files.insert(tensor.clone(), file) {
                    return Err(M::Error::custom(format_args!("tensor `{tensor}` is listed twice, the first time in `{file}`")));
                }
            }
            Ok(files)
        }
    }
    deserializer.deserialize_map(Files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Encoding, RawTensor};

    const INDEX: &str =
        r#"{"metadata": {"total_size": 3}, "weight_map": {"a": "x.safetensors", "b": "x.safetensors", "c": "y.safetensors"}}"#;

    fn shard(file: &str, names: &[&str]) -> (String, Weights<'static>) {
        let mut weights = Weights::default();
        for name in names {
            weights.insert((*name).to_owned(), RawTensor::new(Encoding::U8, vec![1], &[7][..]));
        }
        (file.to_owned(), weights)
    }

    #[test]
    fn shards_are_joined() {
        let index = ShardIndex::parse(INDEX.as_bytes()).unwrap();
        assert_eq!(index.files().collect::<Vec<_>>(), ["x.safetensors", "y.safetensors"]);
        let weights = Weights::join([shard("y.safetensors", &["c"]), shard("x.safetensors", &["a", "b"])], &index).unwrap();
        assert_eq!(weights.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_bad_index_says_what_is_wrong() {
        let one = |file: &str| format!(r#"{{"weight_map": {{"a": "{file}"}}}}"#);
        let cases = [
            "{}".to_owned(),
            r#"{"weight_map": {}}"#.to_owned(),
            r#"{"weight_map": {"a": 1}}"#.to_owned(),
            r#"{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}"#.to_owned(),
            r#"{"weight_map": {"a": "x.safetensors"}, "wait": 1}"#.to_owned(),
            one("../x.safetensors"),
            one("/x.safetensors"),
            one("..safetensors"),
            one("a/b.safetensors"),
            one(r"a\\b.safetensors"),
            one("c:x.safetensors"),
            one("model.bin"),
        ];
        let messages: Vec<String> = cases.iter().map(|text| ShardIndex::parse(text.as_bytes()).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn bad_shards_say_what_is_wrong() {
        let index = ShardIndex::parse(INDEX.as_bytes()).unwrap();
        let (x, y) = (|| shard("x.safetensors", &["a", "b"]), || shard("y.safetensors", &["c"]));
        let cases = [
            vec![x()],
            vec![x(), x(), y()],
            vec![x(), y(), shard("z.safetensors", &[])],
            vec![x(), shard("y.safetensors", &[])],
            vec![x(), shard("y.safetensors", &["c", "d"])],
            vec![x(), shard("y.safetensors", &["a", "c"])],
        ];
        let messages: Vec<String> = cases.into_iter().map(|shards| Weights::join(shards, &index).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }
}
