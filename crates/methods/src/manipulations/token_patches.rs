//! Texts as images: each word is a learned patch, and a text fills the canvas with the patches of its words.
//!
//! `x' = ½ (1 + tanh Θ[w₁]) ‖ … ‖ ½ (1 + tanh Θ[w_n])` in raster order, Θ `[vocabulary, channel · size · size]`; slots behind
//! the last word hold the patch of the end, words beyond the last slot are left out. An image classifier then sees texts.
//!
//! # Reference
//! Neekhara et al., WACV 2022, arXiv 2102.07325, §3.1 and official code (tanh, raster order, the last patch repeated). Deviations:
//! words are those of the training items, split at what is neither letter nor digit, in lower case, not BERT's pieces; what was
//! not seen in training is one word; pixels are tanh's range over 0..=1; no penalty on the patches' size.

use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData, activation::tanh};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Format, InputSpace, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::pixel_frame::standard_normal;
use super::site;
use crate::masked_delta::canvas;
use crate::{Manipulate, Part, Setup};

/// `part = "token-patches"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TokenPatchesSpec {
    /// Pixels of a patch's edge, which divides the canvas.
    pub size: usize,
    /// Standard deviation of the initial Θ.
    #[serde(default = "one")]
    pub init_std: f32,
}

const fn one() -> f32 {
    1.0
}

/// Rows of Θ in front of the words: the end of a text, and a word that no training item has.
const END: usize = 0;
const UNKNOWN: usize = 1;
const N_SPECIAL: usize = 2;

/// Θ.
#[derive(Module, Debug)]
pub struct TokenPatches {
    /// `[vocabulary, channel · size · size]`
    patches: Param<Tensor<2>>,
    /// Row of each word.
    #[module(skip)]
    words: BTreeMap<String, usize>,
    #[module(skip)]
    slots: Slots,
}

/// How patches lie on the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slots {
    rows: usize,
    columns: usize,
    channels: usize,
    size: usize,
}

impl Part for TokenPatchesSpec {
    type Coordinates = Site;
    type Module = TokenPatches;

    fn coordinates(&self) -> Site {
        site(Modality::Vision, Format::Learnable, Location::Input, Operator::Parametric)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<TokenPatches, Misfit> {
        let needs = |needs: String| Misfit::PartNeeds { part: "token-patches".to_owned(), needs };
        let (channels, _) = canvas(setup, "token-patches")?;
        let InputSpace::Image { height, width, .. } = setup.backbone.card().main.input else {
            return Err(needs("image input".to_owned()));
        };
        if self.size == 0 || height % self.size > 0 || width % self.size > 0 {
            return Err(needs(format!("patches whose edge divides a canvas of {height} × {width} pixels, which {} does not", self.size)));
        }
        let words = vocabulary(setup.train_texts.iter().map(|text| text.text.as_str()));
        if words.is_empty() {
            return Err(needs("training texts with at least one word".to_owned()));
        }
        let slots = Slots { rows: height / self.size, columns: width / self.size, channels, size: self.size };
        let shape = [words.len() + N_SPECIAL, channels * self.size * self.size];
        let mut rng = setup.seed.fork("token-patches").rng();
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| self.init_std * standard_normal(&mut rng)).collect();
        let patches = Tensor::from_data(TensorData::new(values, shape), in_f32(setup.device));
        Ok(TokenPatches { patches: Param::from_tensor(patches), words, slots })
    }
}

/// Words in lower case, in order.
fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Every word that occurs, with its row.
pub(crate) fn vocabulary<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let words: std::collections::BTreeSet<String> = texts.flat_map(split).collect();
    words.into_iter().enumerate().map(|(i, word)| (word, N_SPECIAL + i)).collect()
}

impl Slots {
    const fn len(self) -> usize {
        self.rows * self.columns
    }

    /// Patches `[batch · slot, channel · size · size]` in raster order to images `[batch, channel, height, width]`.
    fn lay_out(self, patches: Tensor<2>) -> Tensor<4> {
        let Self { rows, columns, channels, size } = self;
        let batch = patches.dims()[0] / self.len();
        let tiles = patches.reshape([batch, rows, columns, channels, size, size]);
        tiles.permute([0, 3, 1, 4, 2, 5]).reshape([batch, channels, rows * size, columns * size])
    }
}

impl TokenPatches {
    /// The rows of a text's words, one a slot.
    fn rows(&self, text: &str) -> Vec<usize> {
        let known = split(text).map(|word| self.words.get(&word).copied().unwrap_or(UNKNOWN));
        known.chain(std::iter::repeat(END)).take(self.slots.len()).collect()
    }
}

impl Manipulate for TokenPatches {
    fn image_of(&self, texts: &[&str]) -> Option<Tensor<4>> {
        let rows: Vec<i32> = texts.iter().flat_map(|text| self.rows(text)).map(|row| row as i32).collect();
        let patches = tanh(self.patches.val()).add_scalar(1.0).mul_scalar(0.5);
        let rows = Tensor::<1, Int>::from_ints(rows.as_slice(), &patches.device());
        Some(self.slots.lay_out(patches.select(0, rows)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn patches_lie_in_raster_order() {
        let slots = Slots { rows: 2, columns: 2, channels: 1, size: 2 };
        let patches = Tensor::<2>::from_floats([[0.0, 1.0, 2.0, 3.0], [4.0; 4], [5.0; 4], [6.0; 4]], &Device::flex());
        let image: Vec<f32> = slots.lay_out(patches).try_into_vec_as().unwrap();
        assert_eq!(image, [0.0, 1.0, 4.0, 4.0, 2.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 6.0, 5.0, 5.0, 6.0, 6.0]);
    }

    #[test]
    fn the_last_patch_is_repeated_and_words_beyond_the_last_slot_are_left_out() {
        let words = vocabulary(["So, so GOOD!", "bad"].into_iter());
        assert_eq!(words.keys().collect::<Vec<_>>(), ["bad", "good", "so"]);
        let patches = Param::from_tensor(Tensor::zeros([5, 1], &Device::flex()));
        let part = TokenPatches { patches, words, slots: Slots { rows: 2, columns: 2, channels: 1, size: 1 } };
        assert_eq!(part.rows("Good, not bad"), [3, UNKNOWN, 2, END]);
        assert_eq!(part.rows("so so so so bad"), [4, 4, 4, 4]);
        assert_eq!(part.rows("…"), [END; 4]);
    }
}
