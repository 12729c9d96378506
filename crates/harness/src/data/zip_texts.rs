//! A zip file with a folder a class and a file an item. Nothing is unpacked to the disk.

use std::collections::BTreeMap;
use std::io::Read;

use super::source::{Rows, SourceFile, decode, encoding_name};
use super::{DataError, Gold};
use crate::assets::{MemberPath, open_zip};
use crate::registry::{Encoding, TextPart};

pub(super) fn read(file: SourceFile<'_>, folders: &[MemberPath], part: TextPart, encoding: Encoding) -> Result<Rows, DataError> {
    let mut archive = open_zip(file.path).map_err(|reason| file.malformed(reason.to_string()))?;
    // By name, since the order in an archive means nothing.
    let mut members: BTreeMap<String, usize> = BTreeMap::new();
    for name in archive.file_names() {
        let name = name.map_err(|error| file.malformed(error.to_string()))?;
        let label = folders.iter().position(|folder| inside(&name, folder).is_some());
        if let Some(label) = label {
            members.insert(name.into_owned(), label);
        }
    }
    let mut examples = Vec::new();
    for (place, (name, label)) in members.into_iter().enumerate() {
        let mut bytes = Vec::new();
        let mut member = archive.by_name(&name).map_err(|error| file.malformed(format!("{name}: {error}")))?;
        member.read_to_end(&mut bytes).map_err(|error| file.unreadable(error))?;
        let item = match part {
            TextPart::FirstLine => bytes.split(|&byte| byte == b'\n').next().unwrap_or_default(),
            TextPart::Whole => &bytes,
        };
        let text = decode(item, encoding).ok_or_else(|| file.malformed(format!("{name} is not {}", encoding_name(encoding))))?;
        let stem = inside(&name, &folders[label]).unwrap_or(&name);
        let id = format!("{}/{}/{stem}", file.part.as_str(), folders[label].file_name());
        examples.push(file.text_example(id, place + 1, &text, Gold::Class(label))?);
    }
    Ok(Rows { examples, left_out: 0 })
}

/// The name of a file that lies directly in a folder.
fn inside<'a>(name: &'a str, folder: &MemberPath) -> Option<&'a str> {
    let rest = name.strip_prefix(folder.as_str())?.strip_prefix('/')?;
    (!rest.is_empty() && !rest.contains('/')).then_some(rest)
}
