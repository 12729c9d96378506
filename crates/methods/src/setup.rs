//! What parts are built from.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::Device;
use reprogram_models::Backbone;

use crate::{Demonstration, Options, Seed, Template, WorkedExample};

/// Where an image lies on the backbone's canvas: centred, the rest zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Height and width of the canvas, in pixels.
    pub canvas: [usize; 2],
    /// Height and width of the image, in pixels.
    pub image: [usize; 2],
}

impl Placement {
    /// Rows above and columns left of the image.
    pub const fn offset(self) -> [usize; 2] {
        [(self.canvas[0] - self.image[0]) / 2, (self.canvas[1] - self.image[1]) / 2]
    }

    /// Whether a pixel of the canvas belongs to the frame around the image.
    pub const fn is_frame(self, row: usize, column: usize) -> bool {
        let [top, left] = self.offset();
        row < top || row >= top + self.image[0] || column < left || column >= left + self.image[1]
    }
}

/// The target side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Names of the classes, as declared: what a draw lacks is still a class. None where answers are open or series are forecast.
    pub classes: Vec<String>,
    /// How items are put into words, where they are text.
    pub template: Option<Template>,
    /// Whether target labels are the source labels, in the same order.
    pub shares_source_labels: bool,
    /// Values of a series that are to be forecast; nothing where items are classified or answered.
    pub horizon: Option<usize>,
}

impl Target {
    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.classes.len()
    }

    /// Whether each item brings answers of its own in place of words for the classes: the template then has none.
    pub fn has_own_answers(&self) -> bool {
        self.n_classes() > 0 && self.template.as_ref().is_some_and(|template| template.labels.is_empty())
    }

    /// Numbers that a program gives an item: scores of classes, or values.
    pub fn n_outputs(&self) -> usize {
        self.horizon.unwrap_or_else(|| self.n_classes())
    }
}

/// A labelled training text, from which demonstrations are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledText {
    /// Its id in the data set.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Its class.
    pub label: usize,
    /// Its own answers, where it brings any.
    pub options: Option<Options>,
}

impl LabelledText {
    /// The text as a worked example.
    pub(crate) fn shown(&self) -> Demonstration {
        Demonstration { text: self.text.clone(), label: self.label, options: self.options.clone() }
    }
}

/// Frozen encoders beside f, by name: what a part of a method names, and nothing else.
pub type Encoders = BTreeMap<String, Arc<dyn Backbone>>;

/// None.
pub const NO_ENCODERS: &Encoders = &Encoders::new();

/// What parts may look at when they are built. No test item is in reach.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// f.
    pub backbone: &'a dyn Backbone,
    /// Encoders that the method names.
    pub encoders: &'a Encoders,
    /// Where parameters live. With autodiff, if anything is to be trained.
    pub device: &'a Device,
    /// The target side.
    pub target: &'a Target,
    /// Where images lie, where items are images.
    pub placement: Option<Placement>,
    /// The training texts, where items are texts.
    pub train_texts: &'a [LabelledText],
    /// The training texts with their answers in words, by id, where they have such.
    pub worked_examples: &'a [(String, WorkedExample)],
    /// The trial's seed.
    pub seed: Seed,
}
