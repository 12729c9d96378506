//! A file of kept halves: safetensors, named by the hash of its bytes, so that what a name says is what lies there.
//!
//! ```text
//! digests   [item, 32] u8       content of each item
//! lengths   [item]     u64      its numbers
//! layouts   [item, 6]  u64      tower, special, prompt, content, end, shift; absent where the rows are outputs
//! values    [number]   f32      one item behind the other
//! ```

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use reprogram_methods::PreparedRow;
use reprogram_models::StreamRow;
use reprogram_taxonomy::Tower;
use safetensors::tensor::{Dtype, Metadata, TensorView};
use sha2::{Digest as _, Sha256};

use crate::assets::Digest;

const LAYOUT: usize = 6;

/// A shard that is there.
#[derive(Debug)]
pub(super) struct Shard {
    file: Mutex<File>,
    rows: Vec<Seat>,
}

/// Where a row lies in the file, and how it is laid out.
#[derive(Debug, Clone, Copy)]
struct Seat {
    digest: Digest,
    start: u64,
    length: usize,
    layout: Option<[u64; LAYOUT]>,
}

/// Writes rows into a folder, whole or not at all, and returns the file's path and size.
pub(super) fn write(folder: &Path, rows: &[(Digest, Arc<PreparedRow>)]) -> io::Result<(PathBuf, u64)> {
    let digests: Vec<u8> = rows.iter().flat_map(|(digest, _)| *digest.as_bytes()).collect();
    let numbers = |row: &PreparedRow| match row {
        PreparedRow::Outputs(outputs) => bytes_of(outputs),
        PreparedRow::Hidden(row) => bytes_of(&row.hidden),
    };
    let values: Vec<u8> = rows.iter().flat_map(|(_, row)| numbers(row)).collect();
    let lengths: Vec<u8> = rows.iter().flat_map(|(_, row)| (row.n_numbers() as u64).to_le_bytes()).collect();
    let layouts: Vec<u8> = rows.iter().filter_map(|(_, row)| layout(row)).flatten().flat_map(u64::to_le_bytes).collect();
    let view = |dtype, shape: Vec<usize>, bytes| TensorView::new(dtype, shape, bytes).map_err(io::Error::other);
    let mut views = vec![
        ("digests", view(Dtype::U8, vec![rows.len(), 32], &digests)?),
        ("lengths", view(Dtype::U64, vec![rows.len()], &lengths)?),
        ("values", view(Dtype::F32, vec![values.len() / 4], &values)?),
    ];
    if !layouts.is_empty() {
        views.push(("layouts", view(Dtype::U64, vec![rows.len(), LAYOUT], &layouts)?));
    }
    let bytes = safetensors::serialize(views, None).map_err(io::Error::other)?;
    let path = folder.join(format!("{}.safetensors", Digest::of(&bytes)));
    let mut temporary = tempfile::Builder::new().prefix(".incoming").tempfile_in(folder)?;
    temporary.write_all(&bytes)?;
    temporary.persist(&path).map_err(|error| error.error)?;
    Ok((path, bytes.len() as u64))
}

impl Shard {
    /// Opens a file, whose bytes must hash to its name.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut chunk = vec![0; 1 << 18];
        loop {
            let n = file.read(&mut chunk)?;
            if n == 0 {
                break;
            }
            hasher.update(&chunk[..n]);
        }
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let found = Digest::from_hasher(hasher).to_string();
        if found != name {
            return Err(damaged(format!("its bytes hash to {found}")));
        }
        // What was written whole is well-formed.
        file.seek(SeekFrom::Start(0))?;
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| damaged(error.to_string()))?;
        let data = 8 + length;
        let mut read = |name: &str| -> io::Result<Option<Vec<u8>>> {
            let Some(info) = metadata.info(name) else { return Ok(None) };
            let (from, to) = info.data_offsets;
            let mut bytes = vec![0; to - from];
            file.seek(SeekFrom::Start(data + from as u64))?;
            file.read_exact(&mut bytes)?;
            Ok(Some(bytes))
        };
        let (digests, lengths, layouts) = (read("digests")?.unwrap_or_default(), read("lengths")?.unwrap_or_default(), read("layouts")?);
        let values = metadata.info("values").ok_or_else(|| damaged("it has no values".to_owned()))?.data_offsets.0;
        let layouts: Option<Vec<u64>> = layouts.map(|bytes| u64s(&bytes));
        let mut start = data + values as u64;
        let seat = |(i, (digest, length)): (usize, (&[u8; 32], u64))| {
            let layout = layouts.as_ref().and_then(|layouts| layouts.as_chunks::<LAYOUT>().0.get(i).copied());
            let seat = Seat { digest: Digest::from_bytes(*digest), start, length: length as usize, layout };
            start += 4 * length;
            seat
        };
        let rows = digests.as_chunks::<32>().0.iter().zip(u64s(&lengths)).enumerate().map(seat).collect();
        Ok(Self { file: Mutex::new(file), rows })
    }

    /// Contents of its rows, in order.
    pub(super) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.rows.iter().map(|seat| seat.digest)
    }

    /// One row.
    pub(super) fn row(&self, index: usize) -> io::Result<PreparedRow> {
        let Seat { start, length, layout, .. } = self.rows[index];
        let mut bytes = vec![0; 4 * length];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        drop(file);
        let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok(match layout {
            None => PreparedRow::Outputs(values),
            Some([tower, special, prompt, content, end, shift]) => {
                let [special, prompt, content, end, shift] = [special, prompt, content, end, shift].map(|number| number as usize);
                let tower = TOWERS[tower as usize % TOWERS.len()];
                PreparedRow::Hidden(StreamRow { tower, special, prompt, content, end, shift, hidden: values })
            }
        })
    }
}

/// Marks a file as used now, so that others are dropped first.
pub(super) fn touch(path: &Path) {
    // A folder that cannot be written is read all the same.
    let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(std::time::SystemTime::now()));
}

/// All shards below a folder: path, size, when they were last used.
pub(super) fn all(root: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let scopes = fs::read_dir(root).into_iter().flatten().flatten();
    let files = scopes.flat_map(|scope| fs::read_dir(scope.path()).into_iter().flatten().flatten());
    let known = files.filter_map(|file| {
        let metadata = file.metadata().ok()?;
        Some((file.path(), metadata.len(), metadata.modified().ok()?))
    });
    known.filter(|(path, _, _)| path.extension().is_some_and(|extension| extension == "safetensors")).collect()
}

const TOWERS: [Tower; 3] = [Tower::Vision, Tower::Text, Tower::Acoustic];

fn layout(row: &PreparedRow) -> Option<[u64; LAYOUT]> {
    match row {
        PreparedRow::Outputs(_) => None,
        PreparedRow::Hidden(row) => {
            let tower = TOWERS.iter().position(|tower| *tower == row.tower).unwrap_or_default();
            Some([tower, row.special, row.prompt, row.content, row.end, row.shift].map(|number| number as u64))
        }
    }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn u64s(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<(Digest, Arc<PreparedRow>)> {
        let hidden = |content: usize| StreamRow {
            tower: Tower::Text,
            special: 1,
            prompt: 2,
            content,
            end: content - 1,
            shift: 3,
            hidden: (0..2 * (3 + content)).map(|i| i as f32).collect(),
        };
        [2, 5].map(|content| (Digest::of(&[content as u8]), Arc::new(PreparedRow::Hidden(hidden(content))))).to_vec()
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = (Digest::of(b"x"), Arc::new(PreparedRow::Outputs(vec![1.0, -0.0, f32::MIN_POSITIVE])));
        for rows in [rows(), vec![outputs]] {
            let (path, bytes) = write(folder.path(), &rows).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().len(), bytes);
            let shard = Shard::open(&path).unwrap();
            assert!(shard.digests().eq(rows.iter().map(|(digest, _)| *digest)));
            for (i, (_, row)) in rows.iter().enumerate() {
                assert_eq!(shard.row(i).unwrap(), **row);
            }
        }
    }

    #[test]
    fn a_changed_or_cut_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = write(folder.path(), &rows()).unwrap();
        let bytes = fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        *changed.last_mut().unwrap() ^= 1;
        for damaged in [&changed[..], &bytes[..bytes.len() - 1], b""] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(Shard::open(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
