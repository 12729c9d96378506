//! The fonts that source images of letters are drawn with: members of one package.

use serde::Deserialize;

use super::file::BadFile;
use crate::assets::{Asset, Digest, MemberPath, PipMember, Source, Wheel, Word};

/// Fonts with the Latin letters in both cases.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawFonts")]
pub struct Fonts {
    licence: String,
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawFonts {
    licence: String,
    package: Word,
    version: Word,
    wheel: Wheel,
    folder: MemberPath,
    files: Vec<RawFont>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawFont {
    file: String,
    bytes: u64,
    sha256: Digest,
}

impl TryFrom<RawFonts> for Fonts {
    type Error = BadFile;

    fn try_from(raw: RawFonts) -> Result<Self, BadFile> {
        let asset = |font: &RawFont| {
            let member = MemberPath::try_from(format!("{}/{}", raw.folder, font.file))?;
            let (package, version, wheel) = (raw.package.clone(), raw.version.clone(), Some(raw.wheel.clone()));
            let source = PipMember { package, version, wheel, member: Some(member) };
            Ok(Asset::new(&font.file, &font.file, font.bytes, font.sha256, vec![Source::Pip(source)])?.of("fonts"))
        };
        Ok(Self { assets: raw.files.iter().map(asset).collect::<Result<_, BadFile>>()?, licence: raw.licence })
    }
}

impl Fonts {
    /// The fonts, in a fixed order.
    pub fn assets(&self) -> Vec<&Asset> {
        self.assets.iter().collect()
    }

    /// As the fonts or their package state it.
    pub fn licence(&self) -> &str {
        &self.licence
    }
}
