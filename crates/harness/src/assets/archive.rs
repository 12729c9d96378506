//! One member of a package's archive, read without unpacking anything.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use zip::ZipArchive;
use zip::result::ZipError;

use super::asset::ArchiveKind;
use super::words::stays_inside;
use super::{MemberPath, Reason, apt, tar};

/// Opens a zip file and refuses it if any of its members would leave the folder that it is unpacked to.
pub fn open_zip(path: &Path) -> Result<ZipArchive<File>, Reason> {
    let file = File::open(path).map_err(|error| Reason::read(&error))?;
    let archive = ZipArchive::new(file).map_err(Reason::archive)?;
    for name in archive.file_names() {
        let name = name.map_err(Reason::archive)?;
        if !stays_inside(&name) {
            return Err(Reason::Escapes { member: name.into_owned() });
        }
    }
    Ok(archive)
}

/// Hands every plain file of a packed tar archive to `take`, in the archive's order: its name and its content.
pub fn for_each_in_tarball(path: &Path, take: impl FnMut(&str, &[u8])) -> Result<(), Reason> {
    let file = BufReader::new(File::open(path).map_err(|error| Reason::read(&error))?);
    if path.extension().is_some_and(|extension| extension == "tar") {
        tar::for_each(file, take)
    } else {
        tar::for_each(GzDecoder::new(file), take)
    }
}

/// Hands the content of `member` to `take`.
pub(super) fn with_member<T>(
    kind: ArchiveKind,
    path: &Path,
    member: &MemberPath,
    take: impl FnOnce(&mut dyn Read) -> Result<T, super::cache::Trouble>,
) -> Result<T, super::cache::Trouble> {
    match kind {
        ArchiveKind::Wheel => {
            let mut archive = open_zip(path)?;
            let mut content = archive.by_name(member.as_str()).map_err(|error| match error {
                ZipError::FileNotFound => Reason::NoMember { member: member.to_string() },
                other => Reason::archive(other),
            })?;
            take(&mut content)
        }
        ArchiveKind::Tarball => {
            let file = File::open(path).map_err(|error| Reason::read(&error))?;
            let mut content = tar::find(GzDecoder::new(file), member)?;
            take(&mut content)
        }
        ArchiveKind::Deb => apt::with_deb_member(path, member, take),
    }
}
