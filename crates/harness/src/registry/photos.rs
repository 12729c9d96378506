//! The photographs that a two-tower model is trained on, and those that it is measured on.

use serde::Deserialize;

use super::file::{BadFile, RawFile};
use crate::assets::Asset;

/// Two sets of photographs with class names, as files.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawPhotos")]
pub struct Photos {
    licence: String,
    assets: [Asset; 6],
}

/// One thing for each file, in the order of [`Photos::assets`].
#[derive(Debug, Clone)]
pub struct PhotoFiles<T> {
    /// CIFAR-10 to train on: a packed tar archive of `train/CLASS/NUMBER.jpg`.
    pub cifar_train: T,
    /// CIFAR-10 to be measured on: `test/CLASS/NUMBER.jpg`.
    pub cifar_test: T,
    /// Tiny ImageNet to train on: `…/SYNSET/images/FILE`.
    pub tiny_train: T,
    /// Tiny ImageNet to be measured on: `…/FILE`.
    pub tiny_validation: T,
    /// The classes of the latter: lines of file and synset, separated by tabs.
    pub tiny_annotations: T,
    /// The synsets' names: lines of synset and names, separated by a tab; names by commas.
    pub tiny_words: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawPhotos {
    licence: String,
    cifar_train: RawFile,
    cifar_test: RawFile,
    tiny_train: RawFile,
    tiny_validation: RawFile,
    tiny_annotations: RawFile,
    tiny_words: RawFile,
}

impl TryFrom<RawPhotos> for Photos {
    type Error = BadFile;

    fn try_from(raw: RawPhotos) -> Result<Self, BadFile> {
        let asset = |file: RawFile| Ok::<_, BadFile>(file.into_asset()?.of("photos"));
        let assets = [
            asset(raw.cifar_train)?,
            asset(raw.cifar_test)?,
            asset(raw.tiny_train)?,
            asset(raw.tiny_validation)?,
            asset(raw.tiny_annotations)?,
            asset(raw.tiny_words)?,
        ];
        Ok(Self { licence: raw.licence, assets })
    }
}

impl Photos {
    /// The files, in a fixed order.
    pub fn assets(&self) -> Vec<&Asset> {
        self.assets.iter().collect()
    }

    /// What the sets or their sources state.
    pub fn licence(&self) -> &str {
        &self.licence
    }
}

impl<T> PhotoFiles<T> {
    /// Names what stands in the order of [`Photos::assets`]; nothing where there are more or fewer.
    pub fn from_order(files: Vec<T>) -> Option<Self> {
        let [cifar_train, cifar_test, tiny_train, tiny_validation, tiny_annotations, tiny_words] = files.try_into().ok()?;
        Some(Self { cifar_train, cifar_test, tiny_train, tiny_validation, tiny_annotations, tiny_words })
    }
}
