//! A tar archive of recordings, whose names say class and part.

use std::collections::BTreeMap;
use std::io::Cursor;

use hound::{SampleFormat, WavReader};
use lewton::inside_ogg::OggStreamReader;
use rayon::prelude::*;

use super::source::{Rows, SourceFile};
use super::{Content, DataError, Example, Gold, Recording};
use crate::assets::for_each_in_tarball;
use crate::registry::{NamePattern, PartName};

/// What is read of an archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    /// How names are made.
    pub(super) names: &'a NamePattern,
    /// What stands for the classes.
    pub(super) labels: &'a [String],
    /// What stands for the parts.
    pub(super) parts: &'a BTreeMap<PartName, Vec<String>>,
    /// What stands for the part that is read.
    pub(super) wanted: &'a [String],
}

pub(super) fn read(file: SourceFile<'_>, named: Named<'_>) -> Result<Rows, DataError> {
    let mut members: BTreeMap<String, (usize, Vec<u8>)> = BTreeMap::new();
    let mut fault = None;
    let taken = for_each_in_tarball(file.path, |member, bytes| match named.label(member) {
        Ok(Some(label)) => drop(members.insert(member.to_owned(), (label, bytes.to_vec()))),
        Ok(None) => {}
        Err(problem) => drop(fault.get_or_insert(problem)),
    });
    taken.map_err(|reason| file.malformed(reason.to_string()))?;
    if let Some(problem) = fault {
        return Err(file.malformed(problem));
    }
    let members: Vec<(String, (usize, Vec<u8>))> = members.into_iter().collect();
    let examples = members.into_par_iter().map(|(member, (label, bytes))| {
        let recording = decoded(&bytes).map_err(|problem| file.malformed(format!("`{member}`: {problem}")))?;
        Ok(Example { id: format!("{}/{member}", file.part.as_str()), content: Content::Recording(recording), gold: Gold::Class(label) })
    });
    Ok(Rows { examples: examples.collect::<Result<_, DataError>>()?, left_out: 0 })
}

impl Named<'_> {
    /// The class of a file of the part that is read; nothing where it is of another part.
    fn label(&self, member: &str) -> Result<Option<usize>, String> {
        let Some((class, part)) = self.names.read(member) else {
            return Err(format!("`{member}` is not named as `{}`", String::from(self.names.clone())));
        };
        if !self.parts.values().flatten().any(|word| word == part) {
            return Err(format!("`{member}`: no part has `{part}`"));
        }
        let label = self.labels.iter().position(|label| label == class);
        let label = label.ok_or_else(|| format!("`{member}`: class `{class}`, expected one of {}", self.labels.join(", ")))?;
        Ok(self.wanted.iter().any(|word| word == part).then_some(label))
    }
}

/// All samples of the only channel.
fn decoded(bytes: &[u8]) -> Result<Recording, String> {
    let recording = match bytes {
        [b'R', b'I', b'F', b'F', ..] => wav(bytes).map_err(|error| error.to_string())?,
        [b'O', b'g', b'g', b'S', ..] => vorbis(bytes).map_err(|error| error.to_string())?,
        _ => return Err("it is neither a WAV nor an Ogg file".to_owned()),
    };
    match recording {
        Some(recording) if recording.samples.is_empty() => Err("it holds no samples".to_owned()),
        Some(Recording { rate: 0, .. }) => Err("its rate is zero".to_owned()),
        Some(recording) => Ok(recording),
        None => Err("it has another form than one channel of 16 bits".to_owned()),
    }
}

/// Nothing where it is not of one channel and 16 bits.
fn wav(bytes: &[u8]) -> Result<Option<Recording>, hound::Error> {
    let reader = WavReader::new(Cursor::new(bytes))?;
    let spec = reader.spec();
    if (spec.channels, spec.bits_per_sample, spec.sample_format) != (1, 16, SampleFormat::Int) {
        return Ok(None);
    }
    let samples = reader.into_samples::<i16>().collect::<Result<_, _>>()?;
    Ok(Some(Recording { rate: spec.sample_rate, samples }))
}

/// Nothing where it is not of one channel.
fn vorbis(bytes: &[u8]) -> Result<Option<Recording>, lewton::VorbisError> {
    let mut reader = OggStreamReader::new(Cursor::new(bytes))?;
    let (rate, n_channels) = (reader.ident_hdr.audio_sample_rate, reader.ident_hdr.audio_channels);
    let mut samples = Vec::new();
    while let Some(channels) = reader.read_dec_packet()? {
        samples.extend(channels.into_iter().flatten());
    }
    Ok((n_channels == 1).then_some(Recording { rate, samples }))
}
