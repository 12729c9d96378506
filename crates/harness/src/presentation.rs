//! Data as a backbone takes it: images on its canvas, texts as they are.

use burn::tensor::{Device, Tensor, TensorData};
use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};
use reprogram_methods::{Batch, Placement, Program, Query};
use reprogram_models::in_f32;
use reprogram_taxonomy::{Card, InputSpace, Misfit, Modality};
use sha2::{Digest as _, Sha256};

use crate::assets::Digest;
use crate::augment::Changes;
use crate::data::{Content, Example, Split};

/// The items of one split, ready to be fed. A clone shares them.
#[derive(Clone)]
pub struct Presented {
    /// Ids, in order.
    pub ids: Vec<String>,
    /// Gold classes.
    pub labels: Vec<usize>,
    items: Items,
    placement: Option<Placement>,
}

#[derive(Clone)]
enum Items {
    /// `[item, channel, height, width]`, and hashes of the images that they were made of.
    Images(Tensor<4>, Vec<Digest>),
    Texts(Vec<String>),
}

/// Where images are put on a backbone's canvas; nothing where it takes tokens.
pub fn placement(card: &Card, image_size: Option<usize>) -> Result<Option<Placement>, Misfit> {
    match card.main.input {
        InputSpace::Tokens { .. } | InputSpace::Waveform { .. } => Ok(None),
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
    /// `takes`: what the method takes items of, where that is not what the backbone takes.
    pub fn new<Purpose>(
        split: &Split<Purpose>,
        card: &Card,
        takes: Option<Modality>,
        placement: Option<Placement>,
        device: &Device,
    ) -> Result<Self, Misfit> {
        let examples = split.examples();
        let ids = examples.iter().map(|example| example.id.clone()).collect();
        let labels = examples.iter().map(|example| example.label).collect();
        let items = match (card.main.input, placement) {
            _ if takes == Some(Modality::Text) => Items::Texts(examples.iter().map(|example| text(example)).collect::<Result<_, _>>()?),
            (InputSpace::Image { channels, .. }, Some(placement)) => {
                let mut pixels = Vec::new();
                for example in examples {
                    pixels.extend(place(example, channels, placement)?);
                }
                let [height, width] = placement.canvas;
                let images = Tensor::from_data(TensorData::new(pixels, [examples.len(), channels, height, width]), in_f32(device));
                Items::Images(images, examples.iter().filter_map(|example| content(example)).collect())
            }
            (InputSpace::Waveform { .. }, _) => {
                let needs = "recordings, which no data set here holds".to_owned();
                return Err(Misfit::PartNeeds { part: card.name.clone(), needs });
            }
            (InputSpace::Tokens { .. } | InputSpace::Image { .. }, _) => {
                Items::Texts(examples.iter().map(|example| text(example)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { ids, labels, items, placement })
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The items at these places.
    pub fn batch(&self, indices: &[usize]) -> Batch {
        match &self.items {
            Items::Images(images, _) => {
                let indices: Vec<i32> = indices.iter().map(|&i| i as i32).collect();
                let indices = Tensor::from_ints(indices.as_slice(), &images.device());
                Batch::Images(images.clone().select(0, indices))
            }
            Items::Texts(texts) => Batch::Texts(indices.iter().map(|&i| Query { text: texts[i].clone() }).collect()),
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

    /// What each item is, as far as a program's constant half depends on it: an image before it is put on the canvas, a
    /// text as the model gets it.
    pub fn contents(&self, program: &Program) -> Vec<Digest> {
        match &self.items {
            Items::Images(_, contents) => contents.clone(),
            Items::Texts(texts) => texts.iter().map(|text| Digest::of(program.context(&Query { text: text.clone() }).as_bytes())).collect(),
        }
    }

    /// Batches for a pass without gradients: images in order, texts longest first, so that little is padded. `n_together`: how
    /// many such batches go through f at once.
    pub fn passes(&self, n_together: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let size = match &self.items {
            Items::Images(..) => 128,
            Items::Texts(texts) => {
                order.sort_by_key(|&i| (std::cmp::Reverse(texts[i].len()), i));
                16
            }
        };
        order.chunks((size / n_together).max(1)).map(<[usize]>::to_vec).collect()
    }
}

fn text(example: &Example) -> Result<String, Misfit> {
    match &example.content {
        Content::Text(text) => Ok(text.clone()),
        Content::Image(_) => Err(Misfit::PartNeeds { part: "a language model".to_owned(), needs: "texts, not images".to_owned() }),
    }
}

/// The hash of an image, its size included.
fn content(example: &Example) -> Option<Digest> {
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
fn place(example: &Example, channels: usize, placement: Placement) -> Result<Vec<f32>, Misfit> {
    let Content::Image(image) = &example.content else {
        return Err(Misfit::PartNeeds { part: "an image backbone".to_owned(), needs: "images, not texts".to_owned() });
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
        let plane = resized(plane, [image.height, image.width], placement.image);
        for row in 0..inner_height {
            let start = channel * height * width + (top + row) * width + left;
            canvas[start..start + inner_width].copy_from_slice(&plane[row * inner_width..(row + 1) * inner_width]);
        }
    }
    Ok(canvas)
}

/// One colour channel, resized by an antialiased triangle filter (Pillow's bilinear).
pub(crate) fn resized(plane: Vec<f32>, from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let buffer: ImageBuffer<Luma<f32>, Vec<f32>> =
        ImageBuffer::from_raw(from[1] as u32, from[0] as u32, plane).expect("an image has as many pixels as it says");
    resize(&buffer, to[1] as u32, to[0] as u32, FilterType::Triangle).into_raw()
}
