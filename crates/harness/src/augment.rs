//! Random changes of training images: in every epoch an image is a little different.
//!
//! ```text
//! horizontal-flip                                   mirrored, one time in two
//! { random-crop = { padding = 4 } }                 shifted by up to 4 pixels each way, black where nothing was
//! { random-resized-crop = { area = [0.5, 1.0] } }   a part of that share of the area, 3 : 4 to 4 : 3, stretched to the whole
//! ```
//!
//! They act in the order of the file, on the image at the size that it has on the backbone's canvas. What is drawn depends on the
//! trial's seed, the epoch and the item's id alone: not on order, batches or threads. Items that are scored, and those that an
//! alignment counts, stay as they are.
//!
//! # Reference
//! Shifts and flips: He et al., arXiv 1512.03385, §4.2; areas and shapes: Szegedy et al., arXiv 1409.4842, §6, with the ten
//! attempts of torchvision's `RandomResizedCrop`, whose last resort is the whole image here.

use rand::{Rng, RngExt as _};
use reprogram_methods::Seed;
use serde::{Deserialize, Serialize};

use crate::resample::{Kernel, resized};

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Augmentation {
    /// Left for right, one time in two.
    HorizontalFlip,
    /// A shift.
    RandomCrop {
        /// Pixels, at most.
        padding: usize,
    },
    /// A part for the whole.
    RandomResizedCrop {
        /// Least and greatest share of the area.
        area: [f64; 2],
    },
}

/// Changes in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Augment(Vec<Augmentation>);

/// The changes of one epoch.
#[derive(Debug, Clone, Copy)]
pub struct Changes<'a> {
    /// Which.
    pub augment: &'a Augment,
    /// The epoch's seed.
    pub seed: Seed,
}

/// Pixels of an image, `[channel, height, width]`.
#[derive(Debug)]
struct Pixels<'a> {
    values: &'a mut [f32],
    size: [usize; 2],
}

impl Augment {
    /// The first number that makes no sense, in words.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.0.is_empty() {
            return Some("`augment` is empty\n  help: leave it out".to_owned());
        }
        self.0.iter().find_map(|change| match *change {
            Augmentation::RandomCrop { padding: 0 } => Some("`padding = 0` shifts nothing\n  help: give at least 1 pixel".to_owned()),
            Augmentation::RandomResizedCrop { area: [from, to] } if !(from > 0.0 && from <= to && to <= 1.0) => {
                Some(format!("`area = [{from}, {to}]` is no share of an image\n  help: give two numbers with 0 < first ≤ second ≤ 1"))
            }
            Augmentation::HorizontalFlip | Augmentation::RandomCrop { .. } | Augmentation::RandomResizedCrop { .. } => None,
        })
    }
}

impl Changes<'_> {
    /// Changes the image of this item; `size`: its height and width.
    pub(crate) fn apply(&self, id: &str, values: &mut [f32], size: [usize; 2]) {
        let mut rng = self.seed.fork(id).rng();
        let mut pixels = Pixels { values, size };
        for change in &self.augment.0 {
            pixels.change(*change, &mut rng);
        }
    }
}

impl Pixels<'_> {
    fn change(&mut self, change: Augmentation, rng: &mut impl Rng) {
        let [height, width] = self.size;
        match change {
            Augmentation::HorizontalFlip => {
                if rng.random_bool(0.5) {
                    self.values.chunks_exact_mut(width).for_each(<[f32]>::reverse);
                }
            }
            Augmentation::RandomCrop { padding } => {
                let mut by = || rng.random_range(0..=2 * padding).cast_signed() - padding.cast_signed();
                self.shift([by(), by()]);
            }
            Augmentation::RandomResizedCrop { area: [from, to] } => {
                let part = (0..10).find_map(|_| {
                    let area = rng.random_range(from..=to) * (height * width) as f64;
                    let ratio = rng.random_range((3.0_f64 / 4.0).ln()..=(4.0_f64 / 3.0).ln()).exp();
                    let part = [(area / ratio).sqrt(), (area * ratio).sqrt()].map(|edge| edge.round() as usize);
                    let fits = (1..=height).contains(&part[0]) && (1..=width).contains(&part[1]);
                    fits.then(|| ([rng.random_range(0..=height - part[0]), rng.random_range(0..=width - part[1])], part))
                });
                if let Some((corner, part)) = part {
                    self.stretch(corner, part);
                }
            }
        }
    }

    /// What stood at `(row, column)` comes to stand at `(row, column) + by`.
    fn shift(&mut self, by: [isize; 2]) {
        let [height, width] = self.size;
        for plane in self.values.chunks_exact_mut(height * width) {
            let old = plane.to_vec();
            for (at, value) in plane.iter_mut().enumerate() {
                let row = (at / width).checked_add_signed(-by[0]).filter(|row| *row < height);
                let column = (at % width).checked_add_signed(-by[1]).filter(|column| *column < width);
                *value = row.zip(column).map_or(0.0, |(row, column)| old[row * width + column]);
            }
        }
    }

    fn stretch(&mut self, [top, left]: [usize; 2], part: [usize; 2]) {
        let [height, width] = self.size;
        for plane in self.values.chunks_exact_mut(height * width) {
            let rows = plane.chunks_exact(width).skip(top).take(part[0]);
            let cut: Vec<f32> = rows.flat_map(|row| row[left..left + part[1]].to_vec()).collect();
            plane.copy_from_slice(&resized(cut, part, self.size, Kernel::Bilinear));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(size: [usize; 2]) -> Vec<f32> {
        (0..2 * size[0] * size[1]).map(|i| i as f32 + 1.0).collect()
    }

    fn all() -> Augment {
        let changes = r#"["horizontal-flip", { "random-crop": { "padding": 2 } }, { "random-resized-crop": { "area": [0.4, 0.9] } }]"#;
        serde_json::from_str(changes).unwrap()
    }

    fn changed(augment: &Augment, seed: u64, epoch: usize, id: &str, size: [usize; 2]) -> Vec<f32> {
        let mut values = image(size);
        Changes { augment, seed: Seed::new(seed).fork(&format!("augment {epoch}")) }.apply(id, &mut values, size);
        values
    }

    #[test]
    fn an_image_changes_with_seed_epoch_and_id_and_with_nothing_else() {
        let augment = all();
        let base = changed(&augment, 1, 1, "a", [6, 5]);
        assert_eq!(base, changed(&augment, 1, 1, "a", [6, 5]));
        for other in [(2, 1, "a"), (1, 2, "a"), (1, 1, "b")] {
            assert_ne!(base, changed(&augment, other.0, other.1, other.2, [6, 5]), "{other:?}");
        }
        assert_eq!(base.len(), image([6, 5]).len());
    }

    #[test]
    fn each_is_what_it_says() {
        let mut values = image([2, 3]);
        Pixels { values: &mut values, size: [2, 3] }.shift([1, -1]);
        assert_eq!(values, [0.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 8.0, 9.0, 0.0]);
        let flip = Augment(vec![Augmentation::HorizontalFlip]);
        let flips = (0..64).filter(|epoch| changed(&flip, 1, *epoch, "a", [1, 3]) == [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]).count();
        let kept = (0..64).filter(|epoch| changed(&flip, 1, *epoch, "a", [1, 3]) == image([1, 3])).count();
        assert!(flips + kept == 64 && (16..=48).contains(&flips), "{flips} of 64");
        let mut values = vec![0.5; 32];
        Pixels { values: &mut values, size: [4, 4] }.stretch([1, 0], [2, 3]);
        assert!(values.iter().all(|value| (value - 0.5).abs() < 1e-6), "an even image stays one");
        let whole = Augment(vec![Augmentation::RandomResizedCrop { area: [1.0, 1.0] }]);
        assert!(changed(&whole, 1, 1, "a", [8, 8]).iter().all(|value| (1.0..=128.0).contains(value)), "nothing comes from outside");
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let faults = [
            Augment(Vec::new()),
            Augment(vec![Augmentation::RandomCrop { padding: 0 }]),
            Augment(vec![Augmentation::HorizontalFlip, Augmentation::RandomResizedCrop { area: [0.9, 0.4] }]),
        ];
        insta::assert_snapshot!(faults.iter().filter_map(Augment::fault).collect::<Vec<_>>().join("\n"));
        assert_eq!(all().fault(), None);
    }
}
