//! Classification by names alone.
//!
//! # Reference
//! Radford et al., arXiv 2103.00020, section 3.1.4: a class is the mean of the unit features of its name in all sentences,
//! brought to unit length; an item belongs to the class with the largest cosine.

use burn::tensor::{Int, Tensor};
use reprogram_models::{Backbone, Input, JointSpace, Reading, TokenBatch};

use super::captions::{TEMPLATES, caption};
use super::photos::{Class, PhotoSet};
use super::vocabulary::Vocabulary;
use crate::stats::Proportion;

/// Photographs a pass.
const AT_A_TIME: usize = 250;

/// Features of all classes, `[class, joint]`, of unit length. Only the first name of a class counts.
pub fn classifier(model: &dyn Backbone, classes: &[Class], vocabulary: &Vocabulary) -> Tensor<2> {
    let feature = |class: &Class| {
        let rows = TEMPLATES.iter().map(|template| vocabulary.encode(&caption(template, &class.names[0]))).collect();
        let texts = JointSpace::normalise(encode(model, Input::Tokens(TokenBatch::new(rows))));
        JointSpace::normalise(texts.mean_dim(0))
    };
    Tensor::cat(classes.iter().map(feature).collect(), 0)
}

/// How many photographs, whose labels count the classifier's rows, are told rightly. Ties go to the lower class.
pub fn accuracy(model: &dyn Backbone, classifier: &Tensor<2>, photos: &PhotoSet) -> Proportion {
    let mut right = 0;
    for start in (0..photos.len()).step_by(AT_A_TIME) {
        let places = start..(start + AT_A_TIME).min(photos.len());
        let images = encode(model, Input::Image(photos.batch(places.clone(), &model.device())));
        let told: Tensor<2, Int> = images.matmul(classifier.clone().transpose()).argmax(1);
        let told: Vec<i64> = told.try_into_vec_as().expect("integers");
        right += told.iter().zip(&photos.labels[places]).filter(|&(&told, &label)| told == label as i64).count();
    }
    Proportion { right, n: photos.len() }
}

fn encode(model: &dyn Backbone, input: Input) -> Tensor<2> {
    let stream = model.blocks(model.embed(input));
    model.read(&stream, Reading::Features)
}
