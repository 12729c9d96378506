//! A series or a recording as a line: for a terminal as blocks, for an image as a tile.

use image::{Rgb, RgbImage};

use crate::data::Content;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const INK: Rgb<u8> = Rgb([31, 78, 121]);

/// The values in so many blocks, the highest for the largest value: means of a series, loudest samples of a recording.
/// Nothing where the content is neither.
pub fn sparkline(content: &Content, n_blocks: usize) -> Option<String> {
    let bins: Vec<f32> = match content {
        Content::Series(series) => binned(series.values(), n_blocks).map(|bin| bin.iter().sum::<f32>() / bin.len() as f32).collect(),
        Content::Recording(recording) => {
            let loudness: Vec<f32> = recording.samples.iter().map(|&sample| f32::from(sample).abs()).collect();
            binned(&loudness, n_blocks).map(|bin| bin.iter().copied().fold(0.0, f32::max)).collect()
        }
        Content::Image(_) | Content::Text(_) | Content::Question(_) => return None,
    };
    let (low, high) = extremes(&bins);
    let block = |value: &f32| BLOCKS[(share(*value, low, high) * (BLOCKS.len() - 1) as f32).round() as usize];
    Some(bins.iter().map(block).collect())
}

/// From the lowest to the highest value of each column of pixels; nothing where the content is no line.
pub(super) fn tile(content: &Content, [width, height]: [u32; 2]) -> Option<RgbImage> {
    let values: Vec<f32> = match content {
        Content::Series(series) => series.values().to_vec(),
        Content::Recording(recording) => recording.samples.iter().map(|&sample| f32::from(sample)).collect(),
        Content::Image(_) | Content::Text(_) | Content::Question(_) => return None,
    };
    let mut tile = RgbImage::from_pixel(width, height, Rgb([245; 3]));
    let (low, high) = match content {
        // Silence is in the middle.
        Content::Recording(_) => {
            let loudest = values.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
            (-loudest, loudest)
        }
        Content::Series(_) | Content::Image(_) | Content::Text(_) | Content::Question(_) => extremes(&values),
    };
    let row = |value: f32| ((1.0 - share(value, low, high)) * (height - 1) as f32).round() as u32;
    let mut before: Option<u32> = None;
    let bins: Vec<&[f32]> = binned(&values, width as usize).collect();
    for (place, bin) in bins.iter().enumerate() {
        let (lowest, highest) = extremes(bin);
        let (mut top, mut bottom) = (row(highest), row(lowest));
        // A line has no gaps.
        if let Some(before) = before {
            (top, bottom) = (top.min(before), bottom.max(before));
        }
        before = bin.last().map(|&last| row(last));
        let columns = (place as u32 * width / bins.len() as u32)..((place as u32 + 1) * width / bins.len() as u32);
        for x in columns {
            (top..=bottom).for_each(|y| tile.put_pixel(x, y, INK));
        }
    }
    Some(tile)
}

/// At most so many runs of nearly equal length, none of them empty.
fn binned(values: &[f32], n: usize) -> impl Iterator<Item = &[f32]> {
    let n = n.min(values.len()).max(1);
    (0..n).map(move |place| &values[place * values.len() / n..(place + 1) * values.len() / n]).filter(|bin| !bin.is_empty())
}

fn extremes(values: &[f32]) -> (f32, f32) {
    values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| (low.min(value), high.max(value)))
}

/// Where between the extremes a value lies; the middle where they are one.
fn share(value: f32, low: f32, high: f32) -> f32 {
    if high > low { (value - low) / (high - low) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Recording, Series};

    fn series(values: &[f32]) -> Content {
        Content::Series(Series::new(values))
    }

    #[test]
    fn a_line_of_blocks_rises_where_values_do() {
        assert_eq!(sparkline(&series(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), 8).unwrap(), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&series(&[0.0, 0.0, 7.0, 7.0]), 2).unwrap(), "▁█", "means of two");
        assert_eq!(sparkline(&series(&[3.0; 4]), 9).unwrap(), "▅▅▅▅", "no more blocks than values");
        let recording = Content::Recording(Recording { rate: 8_000, samples: vec![0, 0, -1_000, 10] });
        assert_eq!(sparkline(&recording, 2).unwrap(), "▁█", "loudness has no sign");
        assert_eq!(sparkline(&Content::Text("a".to_owned()), 8), None);
    }

    #[test]
    fn a_tile_has_high_values_above() {
        let tile = tile(&series(&[0.0, 0.0, 1.0, 1.0]), [4, 8]).unwrap();
        let inked = |x: u32| (0..8).filter(|y| *tile.get_pixel(x, *y) == INK).collect::<Vec<_>>();
        assert_eq!((inked(0), inked(3)), (vec![7], vec![0]));
        assert_eq!(inked(2), (0..8).collect::<Vec<_>>(), "the jump is drawn");
    }

    #[test]
    fn a_few_values_fill_a_tile() {
        let tile = tile(&series(&[0.0, 1.0]), [7, 4]).unwrap();
        assert!((0..7).all(|x| (0..4).any(|y| *tile.get_pixel(x, y) == INK)));
    }
}
