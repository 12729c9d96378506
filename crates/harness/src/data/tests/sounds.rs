//! Recordings and series on small files.

use super::*;
use crate::assets::tar_entry;

const SOUNDS: &str =
    "recording-tar = { names = 'd/{class}_{}_{part}.wav', labels = ['0', '1'], parts = { all = ['0', '1'], test = ['2'] } }";
const SERIES: &str = "series-lines = { labels = [-1, 1], length = 2 }";

/// An archive that is not packed.
fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes: Vec<u8> = members.iter().flat_map(|(name, content)| tar_entry(name, b'0', content)).collect();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// A WAV file of one channel (or more) and 16 bits.
fn wav(rate: u32, n_channels: u16, samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let bytes_a_frame = 2 * n_channels;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend(1u16.to_le_bytes());
    bytes.extend(n_channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(bytes_a_frame)).to_le_bytes());
    bytes.extend(bytes_a_frame.to_le_bytes());
    bytes.extend(16u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn recordings_of_an_archive_whose_names_say_class_and_part() {
    let loud = [0, 1, -1, i16::MAX, i16::MIN, 77];
    let members = [("d/1_a_0.wav", wav(8_000, 1, &loud)), ("d/0_b_1.wav", wav(16_000, 1, &[5; 9])), ("d/0_b_2.wav", vec![1, 2])];
    let dataset = Small::new().load(SOUNDS, "rows = [1, 1]", &[("s.tar", &archive(&members))]).unwrap();
    let items = items(&dataset);
    assert_eq!((items[0].id.as_str(), items[0].gold.class()), ("all/d/0_b_1.wav", Some(0)));
    assert_eq!(items[0].content, Content::Recording(Recording { rate: 16_000, samples: vec![5; 9] }));
    assert_eq!(items[1].content, Content::Recording(Recording { rate: 8_000, samples: loud.to_vec() }), "every bit comes back");
    assert_eq!(dataset.series_length(), None);
    let again = Small::new().load(SOUNDS, "rows = [1, 1]", &[("s.tar.gz", &packed(&archive(&members)))]).unwrap();
    assert_eq!(again.rows_sha256(), dataset.rows_sha256());
}

#[test]
fn recordings_that_do_not_fit_their_table_are_refused() {
    let complaint = |members: &[(&str, Vec<u8>)]| Small::new().complaint(SOUNDS, "rows = [1, 1]", &[("s.tar", &archive(members))]);
    let complaints = [
        complaint(&[("d/1_a.wav", Vec::new())]),
        complaint(&[("d/1_a_7.wav", Vec::new())]),
        complaint(&[("d/3_a_0.wav", Vec::new())]),
        complaint(&[("d/1_a_0.wav", b"RIFF no".to_vec())]),
        complaint(&[("d/1_a_0.wav", wav(8_000, 2, &[1, 2, 3, 4]))]),
        complaint(&[("d/1_a_0.wav", wav(8_000, 1, &[]))]),
    ];
    insta::assert_snapshot!(complaints.join("\n\n"));
}

#[test]
fn series_of_labelled_lines() {
    let file = packed(b"  -1.0000000e+00   5.0e-01  2\n   1.0000000e+00   1 -3.25\n");
    let dataset = Small::new().load(SERIES, "rows = [1, 1]", &[("s.txt.gz", &file)]).unwrap();
    let items = items(&dataset);
    let series = |values: &[f32]| Content::Series(Series::new(values));
    assert_eq!((&items[0].content, items[0].gold.class()), (&series(&[0.5, 2.0]), Some(0)));
    assert_eq!((&items[1].content, items[1].gold.class()), (&series(&[1.0, -3.25]), Some(1)));
    assert_eq!(dataset.series_length(), Some(2));
    let complaint = |file: &str| Small::new().complaint(SERIES, "rows = [1, 1]", &[("s.txt", file.as_bytes())]);
    insta::assert_snapshot!([complaint("1 2 3 4\n"), complaint("0 2 3\n"), complaint("1 2 x\n"), complaint("1 2 NaN\n")].join("\n\n"));
}
