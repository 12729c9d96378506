//! Data as a backbone takes it: images, recordings and series on its canvas, texts as they are.

use std::slice;

use burn::tensor::{Device, Int, Tensor, TensorData};
use reprogram_methods::{Batch, Options, Placement, Program, Query, Window};
use reprogram_models::{Backbone, in_f32};
use reprogram_taxonomy::{Card, InputSpace, Misfit, Modality};
use sha2::{Digest as _, Sha256};

use crate::assets::Digest;
use crate::augment::Changes;
use crate::data::{Content, Example, Question, Recording, Split, resampled};
use crate::golds::Golds;
use crate::resample::{Kernel, resized};

/// The items of one split, ready to be fed. A clone shares them.
#[derive(Clone)]
pub struct Presented {
    /// Ids, in order.
    pub ids: Vec<String>,
    /// What is right for them.
    pub golds: Golds,
    items: Items,
    placement: Option<Placement>,
}

/// How a backbone takes items under a method.
#[derive(Clone, Copy)]
pub struct Intake<'a> {
    /// The backbone.
    pub card: &'a Card,
    /// What the method takes items of, where that is not what the backbone takes.
    pub takes: Option<Modality>,
    /// Where images lie.
    pub placement: Option<Placement>,
    /// By what they are brought to size.
    pub kernel: Kernel,
    /// Where they go.
    pub device: &'a Device,
}

/// Samples of all recordings of a pass together: 32 of a second at 16 kHz.
const SAMPLES_A_PASS: usize = 512_000;

#[derive(Clone)]
enum Items {
    /// `[item, channel, height, width]`, and hashes of the images that they were made of.
    Images(Tensor<4>, Vec<Digest>),
    Texts(Vec<Query>),
    /// `[item, sample]`, and hashes of what they were made of.
    Waveforms(Tensor<2>, Vec<Digest>),
    /// For a language model, and their hashes.
    Series(Vec<Window>, Vec<Digest>),
}

/// Where images and series are put on a backbone's canvas; nothing for texts. Recordings fill a canvas of their kind, series of
/// `series_length` values lie in the middle of it; before a language model, which has no canvas, they are their own.
pub fn placement(card: &Card, image_size: Option<usize>, series_length: Option<usize>) -> Result<Option<Placement>, Misfit> {
    match card.main.input {
        InputSpace::Tokens { .. } => Ok(series_length.map(|length| Placement { canvas: [1, length], image: [1, length] })),
        InputSpace::Waveform { samples, .. } => {
            let length = series_length.unwrap_or(samples);
            if length > samples {
                let needs = format!("series of at most {samples} values, the samples of its recordings, but they have {length}");
                return Err(Misfit::PartNeeds { part: card.name.clone(), needs });
            }
            Ok(Some(Placement { canvas: [1, samples], image: [1, length] }))
        }
        InputSpace::Image { height, width, .. } => {
            let image = image_size.map_or([height, width], |edge| [edge, edge]);
            if image[0] > height || image[1] > width || image[0] == 0 {
                let needs = format!("to fit a canvas of {height} × {width} pixels");
                return Err(Misfit::PartNeeds { part: format!("`image-size = {}`", image[0]), needs });
            }
            Ok(Some(Placement { canvas: [height, width], image }))
        }
    }
}

impl Presented {
    /// Puts a split's items in shape.
    pub fn new<Purpose>(split: &Split<Purpose>, intake: Intake<'_>) -> Result<Self, Misfit> {
        let Intake { card, takes, placement, kernel, device } = intake;
        let examples = split.examples();
        let ids = examples.iter().map(|example| example.id.clone()).collect();
        let golds = Golds::of(examples.iter().map(AsRef::as_ref))?;
        let items = match (card.main.input, placement) {
            _ if takes == Some(Modality::Text) => Items::Texts(examples.iter().map(|example| query(example)).collect::<Result<_, _>>()?),
            (InputSpace::Image { channels, .. }, Some(placement)) => {
                let mut pixels = Vec::new();
                for example in examples {
                    pixels.extend(place(example, channels, placement, kernel)?);
                }
                let [height, width] = placement.canvas;
                let images = Tensor::from_data(TensorData::new(pixels, [examples.len(), channels, height, width]), in_f32(device));
                Items::Images(images, examples.iter().filter_map(|example| image_content(example)).collect())
            }
            (InputSpace::Waveform { samples, rate }, _) => {
                let mut waves = Vec::with_capacity(examples.len() * samples);
                for example in examples {
                    waves.extend(laid(example, samples, rate)?);
                }
                let waves = Tensor::from_data(TensorData::new(waves, [examples.len(), samples]), in_f32(device));
                Items::Waveforms(waves, examples.iter().map(|example| content_of(example)).collect())
            }
            (InputSpace::Tokens { .. }, Some(_)) if takes == Some(Modality::TimeSeries) => {
                let windows = examples.iter().map(|example| window(example)).collect::<Result<_, _>>()?;
                Items::Series(windows, examples.iter().map(|example| content_of(example)).collect())
            }
            (InputSpace::Tokens { .. } | InputSpace::Image { .. }, _) => {
                Items::Texts(examples.iter().map(|example| query(example)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { ids, golds, items, placement })
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.golds.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.golds.is_empty()
    }

    /// The items at these places.
    pub fn batch(&self, indices: &[usize]) -> Batch {
        match &self.items {
            Items::Images(images, _) => Batch::Images(images.clone().select(0, places(indices, &images.device()))),
            Items::Waveforms(waves, _) => Batch::Waveforms(waves.clone().select(0, places(indices, &waves.device()))),
            Items::Series(windows, _) => Batch::Series(indices.iter().map(|&i| windows[i].clone()).collect()),
            Items::Texts(texts) => Batch::Texts(indices.iter().map(|&i| texts[i].clone()).collect()),
        }
    }

    /// The same, changed as an epoch of training has them.
    ///
    /// # Panics
    /// When they are no images: a trial's check comes first.
    pub fn augmented(&self, indices: &[usize], changes: Changes<'_>) -> Batch {
        let (Batch::Images(images), Some(placement)) = (self.batch(indices), self.placement) else { panic!("only images are augmented") };
        let ([_, channels, height, width], device) = (images.dims(), images.device());
        let ([top, left], [inner_height, inner_width]) = (placement.offset(), placement.image);
        let shape = images.dims();
        let mut values: Vec<f32> = images.try_into_vec_as().expect("images are floats");
        for (canvas, &item) in values.chunks_exact_mut(channels * height * width).zip(indices) {
            let seats: Vec<usize> =
                (0..channels * inner_height).map(|row| ((row / inner_height) * height + top + row % inner_height) * width + left).collect();
            let mut image: Vec<f32> = seats.iter().flat_map(|&at| canvas[at..at + inner_width].to_vec()).collect();
            changes.apply(&self.ids[item], &mut image, placement.image);
            for (&at, row) in seats.iter().zip(image.chunks_exact(inner_width)) {
                canvas[at..at + inner_width].copy_from_slice(row);
            }
        }
        Batch::Images(Tensor::from_data(TensorData::new(values, shape), in_f32(&device)))
    }

    /// What each item is, as far as a program's constant half depends on it: an image, recording or series before it is put
    /// on the canvas, a text as the model gets it.
    pub fn contents(&self, program: &Program, backbone: &dyn Backbone) -> Vec<Digest> {
        match &self.items {
            Items::Images(_, contents) | Items::Waveforms(_, contents) | Items::Series(_, contents) => contents.clone(),
            Items::Texts(texts) => program.given(backbone, texts).iter().map(|given| Digest::of(given.as_bytes())).collect(),
        }
    }

    /// Bytes of the items as they lie in memory, put in shape.
    pub fn n_bytes(&self) -> usize {
        let numbers = match &self.items {
            Items::Images(images, _) => images.shape().num_elements(),
            Items::Waveforms(waves, _) => waves.shape().num_elements(),
            Items::Series(..) | Items::Texts(_) => 0,
        };
        4 * numbers
    }

    /// Whether all items are of one size, so that each costs the same.
    pub const fn are_alike(&self) -> bool {
        match &self.items {
            Items::Images(..) | Items::Waveforms(..) | Items::Series(..) => true,
            Items::Texts(_) => false,
        }
    }

    /// Items of a pass without gradients.
    pub fn pass_size(&self) -> usize {
        match &self.items {
            Items::Images(..) => 128,
            Items::Waveforms(waves, _) => (SAMPLES_A_PASS / waves.dims()[1]).max(1),
            Items::Series(..) | Items::Texts(_) => 16,
        }
    }

    /// Batches for a pass without gradients: images, recordings and series in order, texts longest first, so that little is padded. `n_together`: how
    /// many such batches go through f at once.
    pub fn passes(&self, n_together: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        if let Items::Texts(texts) = &self.items {
            order.sort_by_key(|&i| (std::cmp::Reverse(length(&texts[i])), i));
        }
        order.chunks((self.pass_size() / n_together).max(1)).map(<[usize]>::to_vec).collect()
    }
}

fn window(example: &Example) -> Result<Window, Misfit> {
    match &example.content {
        Content::Series(series) => Ok(Window { values: series.values().to_vec() }),
        Content::Image(_) | Content::Text(_) | Content::Question(_) | Content::Recording(_) => {
            Err(Misfit::PartNeeds { part: "a language model".to_owned(), needs: "texts or series".to_owned() })
        }
    }
}

fn places(indices: &[usize], device: &Device) -> Tensor<1, Int> {
    let indices: Vec<i32> = indices.iter().map(|&i| i as i32).collect();
    Tensor::from_ints(indices.as_slice(), device)
}

fn query(example: &Example) -> Result<Query, Misfit> {
    match &example.content {
        Content::Text(text) => Ok(Query::new(text)),
        Content::Question(Question { text, options }) => Ok(Query { text: text.clone(), options: Some(options.clone()) }),
        Content::Image(_) | Content::Recording(_) | Content::Series(_) => {
            Err(Misfit::PartNeeds { part: "a language model".to_owned(), needs: "texts".to_owned() })
        }
    }
}

/// An item of which a program says what f is given; nothing where items are fed as they are.
/// `takes`: what the method takes items of, where that is not what the backbone takes.
pub fn query_of(example: &Example, card: &Card, takes: Option<Modality>) -> Option<Query> {
    if takes == Some(Modality::Text) || card.modality() == Modality::Text { query(example).ok() } else { None }
}

/// As [`Presented::contents`] has it of one text.
pub fn given_of(query: &Query, program: &Program, backbone: &dyn Backbone) -> Digest {
    Digest::of(program.given(backbone, slice::from_ref(query)).concat().as_bytes())
}

/// As [`Presented::contents`] has it of one item that is fed as it is, and need not be put in shape for it.
pub fn content_of(example: &Example) -> Digest {
    image_content(example).unwrap_or_else(|| Digest::of(&example.content.exact_bytes()))
}

/// Bytes of an item as it is put to a model, with its longest option.
fn length(query: &Query) -> usize {
    let options = query.options.iter().flat_map(Options::wordings);
    query.text.len() + options.map(String::len).max().unwrap_or(0)
}

/// The hash of an image, its size included.
fn image_content(example: &Example) -> Option<Digest> {
    let Content::Image(image) = &example.content else { return None };
    let mut hasher = Sha256::new();
    for size in [image.channels, image.height, image.width] {
        hasher.update((size as u64).to_le_bytes());
    }
    let bytes: Vec<u8> = image.pixels.iter().flat_map(|value| value.to_le_bytes()).collect();
    hasher.update(&bytes);
    Some(Digest::from_hasher(hasher))
}

/// Resizes an image and puts it into the middle of a black canvas.
fn place(example: &Example, channels: usize, placement: Placement, kernel: Kernel) -> Result<Vec<f32>, Misfit> {
    let Content::Image(image) = &example.content else {
        return Err(Misfit::PartNeeds { part: "an image backbone".to_owned(), needs: "images".to_owned() });
    };
    if image.channels != channels && image.channels != 1 {
        let needs = format!("images of {channels} colour channels, or grey ones, but they have {}", image.channels);
        return Err(Misfit::PartNeeds { part: "the backbone".to_owned(), needs });
    }
    let ([height, width], [top, left], [inner_height, inner_width]) = (placement.canvas, placement.offset(), placement.image);
    let mut canvas = vec![0.0; channels * height * width];
    for channel in 0..channels {
        let size = image.height * image.width;
        let plane = image.pixels[channel.min(image.channels - 1) * size..][..size].to_vec();
        let plane = resized(plane, [image.height, image.width], placement.image, kernel);
        for row in 0..inner_height {
            let start = channel * height * width + (top + row) * width + left;
            canvas[start..start + inner_width].copy_from_slice(&plane[row * inner_width..(row + 1) * inner_width]);
        }
    }
    Ok(canvas)
}

/// A recording at the backbone's rate, or a series as it is, in the middle of silence; of what is longer, the middle.
fn laid(example: &Example, samples: usize, rate: usize) -> Result<Vec<f32>, Misfit> {
    let values = match &example.content {
        Content::Recording(Recording { rate: own, samples }) => {
            let samples: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
            resampled(&samples, *own as usize, rate)
        }
        Content::Series(series) => series.values().to_vec(),
        Content::Image(_) | Content::Text(_) | Content::Question(_) => {
            return Err(Misfit::PartNeeds { part: "an acoustic backbone".to_owned(), needs: "recordings or series".to_owned() });
        }
    };
    let n = values.len().min(samples);
    let (cut, silence) = ((values.len() - n) / 2, (samples - n) / 2);
    let mut canvas = vec![0.0; samples];
    canvas[silence..silence + n].copy_from_slice(&values[cut..cut + n]);
    Ok(canvas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Image, Series};
    use crate::resample::tests::{Reference, reference};

    fn example(content: Content) -> Example {
        Example { id: "one".to_owned(), content, gold: crate::data::Gold::Class(0) }
    }

    #[test]
    fn images_are_brought_to_size_by_the_kernel_that_is_declared() {
        let Reference { source, resized, .. } = reference();
        let pixels = source.bytes.iter().map(|&level| f32::from(level) / 255.0).collect();
        let photo = example(Content::Image(Image { channels: 1, height: source.height, width: source.width, pixels }));
        let mut seen = 0;
        for case in resized.iter().filter(|case| [case.height, case.width] == [8, 8] || case.height == 32) {
            let placement = Placement { canvas: [case.height, case.width], image: [case.height, case.width] };
            let off = |kernel: Kernel| {
                let found = place(&photo, 1, placement, kernel).unwrap();
                found.iter().zip(&case.floats).fold(0.0f32, |most, (a, b)| most.max((a - b.clamp(0.0, 1.0)).abs()))
            };
            let [right, wrong] =
                if case.filter == "bicubic" { [Kernel::Bicubic, Kernel::Bilinear] } else { [Kernel::Bilinear, Kernel::Bicubic] };
            assert!(off(right) < 1e-5 && off(wrong) > 0.03, "{} to {:?}: {} and {}", case.filter, placement.image, off(right), off(wrong));
            seen += 1;
        }
        assert_eq!(seen, 4, "larger and smaller, by both");
    }

    #[test]
    fn a_series_lies_where_its_placement_says() {
        let series = example(Content::Series(Series::new(&[1.0, 2.0, 3.0])));
        assert_eq!(laid(&series, 8, 16_000).unwrap(), [0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0]);
        assert_eq!(Placement { canvas: [1, 8], image: [1, 3] }.offset()[1], 2);
    }

    #[test]
    fn a_recording_is_brought_to_the_rate_and_cut_in_the_middle() {
        let recording = |rate| example(Content::Recording(Recording { rate, samples: vec![-16_384; 9] }));
        assert_eq!(laid(&recording(100), 4, 100).unwrap(), [-0.5; 4]);
        let slower = laid(&recording(50), 30, 100).unwrap();
        assert!(slower[..6].iter().chain(&slower[24..]).all(|value| *value == 0.0), "18 samples in the middle of 30: {slower:?}");
        let text = laid(&example(Content::Text("a".to_owned())), 4, 100).unwrap_err();
        insta::assert_snapshot!(text, @"an acoustic backbone needs recordings or series");
    }
}
