//! The small files of a checkpoint folder.

use std::collections::BTreeMap;

/// Files beside the weights that a model is made of, by their names in the folder.
#[derive(Debug, Clone, Default)]
pub struct HubFiles {
    files: BTreeMap<&'static str, Vec<u8>>,
}

impl HubFiles {
    /// What is read, where it is there.
    pub const KNOWN: &[&str] = &[
        "config.json",
        "open_clip_config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
        "merges.txt",
        "chat_template.jinja",
        "modules.json",
        "1_Pooling/config.json",
    ];

    /// The files that `read` finds among those that are known.
    pub fn collect<E>(mut read: impl FnMut(&'static str) -> Result<Option<Vec<u8>>, E>) -> Result<Self, E> {
        let mut files = BTreeMap::new();
        for name in Self::KNOWN {
            if let Some(content) = read(name)? {
                files.insert(*name, content);
            }
        }
        Ok(Self { files })
    }

    /// A file's content.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// All files, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, content)| (*name, content.as_slice()))
    }
}
