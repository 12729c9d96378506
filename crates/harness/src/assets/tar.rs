//! As much of the tar format as the packages of public indices use: plain files, GNU and POSIX long names.

use std::io::{self, Read, Take};

use super::words::stays_inside;
use super::{MemberPath, Reason};

const BLOCK: usize = 512;
/// Names and extended headers are short; anything longer is a broken or hostile archive.
const LONGEST_HEADER: u64 = 1 << 20;

/// The content of `member`, which the stream is read up to. Every name on the way is checked.
pub(super) fn find<R: Read>(mut archive: R, member: &MemberPath) -> Result<Take<R>, Reason> {
    while let Some(entry) = next_entry(&mut archive)? {
        if entry.name == member.as_str() {
            return match entry.kind {
                b'0' | 0 | b'7' => Ok(archive.take(entry.size)),
                other => Err(Reason::archive(format!("`{member}` is no plain file but of tar type `{}`", other as char))),
            };
        }
        skip(&mut archive, padded(entry.size))?;
    }
    Err(Reason::NoMember { member: member.to_string() })
}

/// Hands every plain file to `take`, in the archive's order: its name and its content.
pub(super) fn for_each<R: Read>(mut archive: R, mut take: impl FnMut(&str, &[u8])) -> Result<(), Reason> {
    let mut content = Vec::new();
    while let Some(entry) = next_entry(&mut archive)? {
        if !matches!(entry.kind, b'0' | 0 | b'7') {
            skip(&mut archive, padded(entry.size))?;
            continue;
        }
        content.clear();
        (&mut archive).take(padded(entry.size)).read_to_end(&mut content).map_err(Reason::archive)?;
        if (content.len() as u64) < padded(entry.size) {
            return Err(Reason::archive("it ends in the middle of a member"));
        }
        content.truncate(entry.size as usize);
        take(&entry.name, &content);
    }
    Ok(())
}

/// What stands in front of a member's content.
struct Entry {
    /// Without `./`; it stays inside of the folder.
    name: String,
    kind: u8,
    size: u64,
}

/// The next member, its long name and size resolved; nothing at the archive's end mark.
fn next_entry<R: Read>(archive: &mut R) -> Result<Option<Entry>, Reason> {
    let mut long_name: Option<String> = None;
    let mut long_size: Option<u64> = None;
    while let Some(header) = next_header(archive)? {
        let stated = number(&header[124..136])?;
        match header[156] {
            b'L' => long_name = Some(text_until_nul(&read_body(archive, stated)?)),
            b'x' => {
                let body = read_body(archive, stated)?;
                long_name = extended(&body, "path").or(long_name);
                long_size = extended(&body, "size").and_then(|size| size.parse().ok()).or(long_size);
            }
            kind => {
                let name = long_name.take().unwrap_or_else(|| short_name(&header));
                let bare = name.strip_prefix("./").unwrap_or(&name);
                if !bare.is_empty() && !stays_inside(bare) {
                    return Err(Reason::Escapes { member: name });
                }
                return Ok(Some(Entry { name: bare.to_owned(), kind, size: long_size.take().unwrap_or(stated) }));
            }
        }
    }
    Ok(None)
}

fn next_header<R: Read>(archive: &mut R) -> Result<Option<[u8; BLOCK]>, Reason> {
    let mut header = [0; BLOCK];
    match archive.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(Reason::archive("it ends before its end mark")),
        Err(error) => return Err(Reason::archive(error)),
    }
    if header.iter().all(|&byte| byte == 0) {
        return Ok(None);
    }
    let found: u64 = header.iter().enumerate().map(|(place, &byte)| if (148..156).contains(&place) { 32 } else { u64::from(byte) }).sum();
    if number(&header[148..156])? != found {
        return Err(Reason::archive("a header has a wrong checksum"));
    }
    Ok(Some(header))
}

/// Octal digits, or big-endian binary where the first bit says so.
fn number(field: &[u8]) -> Result<u64, Reason> {
    if field[0] & 0x80 != 0 {
        return Ok(field[1..].iter().fold(0_u64, |number, &byte| (number << 8) | u64::from(byte)));
    }
    let text = text_until_nul(field);
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return Ok(0);
    }
    u64::from_str_radix(text, 8).map_err(|_| Reason::archive(format!("`{text}` is no octal number")))
}

fn text_until_nul(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn short_name(header: &[u8; BLOCK]) -> String {
    let name = text_until_nul(&header[..100]);
    let prefix = if &header[257..263] == b"ustar\0" { text_until_nul(&header[345..500]) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// A value of a POSIX extended header, whose records read `LENGTH KEY=VALUE\n`.
fn extended(mut body: &[u8], key: &str) -> Option<String> {
    let mut value = None;
    while let Some(blank) = body.iter().position(|&byte| byte == b' ') {
        let length: usize = std::str::from_utf8(&body[..blank]).ok()?.parse().ok()?;
        let record = body.get(blank + 1..length.checked_sub(1)?)?;
        if let Some(found) = record.strip_prefix(key.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) {
            value = Some(String::from_utf8_lossy(found).into_owned());
        }
        body = &body[length..];
    }
    value
}

const fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64) * BLOCK as u64
}

fn read_body<R: Read>(archive: &mut R, size: u64) -> Result<Vec<u8>, Reason> {
    if size > LONGEST_HEADER {
        return Err(Reason::archive(format!("a header of {size} bytes")));
    }
    let mut body = vec![0; padded(size) as usize];
    archive.read_exact(&mut body).map_err(Reason::archive)?;
    body.truncate(size as usize);
    Ok(body)
}

fn skip<R: Read>(archive: &mut R, bytes: u64) -> Result<(), Reason> {
    let skipped = io::copy(&mut archive.take(bytes), &mut io::sink()).map_err(Reason::archive)?;
    if skipped == bytes { Ok(()) } else { Err(Reason::archive("it ends in the middle of a member")) }
}

/// One entry of a tar file, for tests.
#[cfg(test)]
pub(crate) fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; BLOCK];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut entry = header.to_vec();
    entry.extend_from_slice(content);
    entry.resize(padded(entry.len() as u64) as usize, 0);
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = entries.concat();
        bytes.resize(bytes.len() + 2 * BLOCK, 0);
        bytes
    }

    fn read(bytes: &[u8], member: &str) -> Result<String, Reason> {
        let mut text = String::new();
        find(bytes, &MemberPath::try_from(member).unwrap())?.read_to_string(&mut text).map_err(Reason::archive)?;
        Ok(text)
    }

    #[test]
    fn a_member_is_found_among_others() {
        let bytes = archive(&[entry("./", b'5', b""), entry("package/a", b'0', &[b'x'; 700]), entry("./usr/b c", b'0', b"yes")]);
        assert_eq!(read(&bytes, "usr/b c").unwrap(), "yes");
        assert_eq!(read(&bytes, "package/a").unwrap().len(), 700);
        assert_eq!(read(&bytes, "b c").unwrap_err(), Reason::NoMember { member: "b c".into() });
    }

    #[test]
    fn all_plain_files_are_handed_over_in_order() {
        let bytes = archive(&[entry("./", b'5', b""), entry("b", b'0', &[b'x'; 600]), entry("link", b'2', b""), entry("a", b'0', b"")]);
        let mut seen = Vec::new();
        for_each(bytes.as_slice(), |name, content| seen.push((name.to_owned(), content.len()))).unwrap();
        assert_eq!(seen, [("b".to_owned(), 600), ("a".to_owned(), 0)]);
        assert!(for_each(&bytes[..1100], |_, _| {}).is_err());
    }

    #[test]
    fn long_names_of_both_kinds_are_understood() {
        let long = "folder/".repeat(30) + "file";
        let gnu = archive(&[entry("././@LongLink", b'L', format!("{long}\0").as_bytes()), entry("short", b'0', b"gnu")]);
        assert_eq!(read(&gnu, &long).unwrap(), "gnu");
        let record = format!(" path={long}\n");
        let record = format!("{}{record}", record.len() + 3);
        let posix = archive(&[entry("PaxHeader", b'x', record.as_bytes()), entry("short", b'0', b"posix")]);
        assert_eq!(read(&posix, &long).unwrap(), "posix");
    }

    #[test]
    fn broken_and_hostile_archives_are_refused() {
        let hostile = archive(&[entry("../../.bashrc", b'0', b"x"), entry("a", b'0', b"y")]);
        assert_eq!(read(&hostile, "a").unwrap_err(), Reason::Escapes { member: "../../.bashrc".into() });
        let whole = archive(&[entry("a", b'0', b"y"), entry("b", b'0', b"z")]);
        assert!(matches!(read(&whole[..1000], "b").unwrap_err(), Reason::Archive { .. }));
        let link = archive(&[entry("a", b'2', b"")]);
        assert!(matches!(read(&link, "a").unwrap_err(), Reason::Archive { .. }));
        let mut wrong = whole;
        wrong[0] ^= 1;
        assert!(matches!(read(&wrong, "b").unwrap_err(), Reason::Archive { .. }));
    }
}
