//! Where the features of two towers meet.

use burn::tensor::{Tensor, activation};

use crate::raised;

/// Similarity of images and texts: the scaled cosine of their features.
///
/// # Reference
/// Radford et al., arXiv 2103.00020, figure 3; with a bias and pairs for themselves: Zhai et al., arXiv 2303.15343.
#[derive(Debug, Clone)]
pub struct JointSpace {
    /// `[1]`, the factor of the cosine.
    pub(crate) scale: Tensor<1>,
    /// `[1]`, added to it, where each pair is judged for itself.
    pub(crate) bias: Option<Tensor<1>>,
}

impl JointSpace {
    /// The factor of the cosine.
    pub fn factor(&self) -> f32 {
        self.scale.clone().into_scalar()
    }

    /// Features `[items, dim]` on the unit sphere.
    pub fn normalise(features: Tensor<2>) -> Tensor<2> {
        let features = raised(features);
        let length = features.clone().square().sum_dim(1).sqrt();
        features / length
    }

    /// Features of images and of texts, as the towers give them, to logits `[images, texts]`.
    pub fn logits(&self, images: Tensor<2>, texts: Tensor<2>) -> Tensor<2> {
        self.scaled(Self::normalise(images).matmul(Self::normalise(texts).transpose()))
    }

    fn scaled(&self, cosine: Tensor<2>) -> Tensor<2> {
        let scaled = cosine * raised(self.scale.clone()).unsqueeze();
        match &self.bias {
            Some(bias) => scaled + raised(bias.clone()).unsqueeze(),
            None => scaled,
        }
    }

    /// The same where each item has texts of its own, `[items, texts, dim]`: logits `[items, texts]`.
    pub fn logits_each(&self, items: Tensor<2>, texts: Tensor<3>) -> Tensor<2> {
        let [n_items, n_texts, dim] = texts.dims();
        let texts = Self::normalise(texts.reshape([n_items * n_texts, dim])).reshape([n_items, n_texts, dim]);
        let cosine = texts.matmul(Self::normalise(items).reshape([n_items, dim, 1])).reshape([n_items, n_texts]);
        self.scaled(cosine)
    }

    /// Whether each pair is judged for itself rather than among all texts.
    pub const fn judges_pairs(&self) -> bool {
        self.bias.is_some()
    }

    /// Logits to probabilities, `[images, texts]`: of each text among all of an image's, or, where there is a bias, of each pair
    /// for itself.
    pub fn probabilities(&self, logits: Tensor<2>) -> Tensor<2> {
        match &self.bias {
            Some(_) => activation::sigmoid(logits),
            None => activation::softmax(logits, 1),
        }
    }
}
