//! Where the features of two towers meet.

use burn::tensor::Tensor;

/// Similarity of images and texts: the scaled cosine of their features.
///
/// # Reference
/// Radford et al., arXiv 2103.00020, figure 3.
#[derive(Debug, Clone)]
pub struct JointSpace {
    /// `[1]`, the factor of the cosine.
    pub(crate) scale: Tensor<1>,
}

impl JointSpace {
    /// Features `[items, dim]` on the unit sphere.
    pub fn normalise(features: Tensor<2>) -> Tensor<2> {
        let length = features.clone().square().sum_dim(1).sqrt();
        features / length
    }

    /// Features of images and of texts, as the towers give them, to logits `[images, texts]`.
    pub fn logits(&self, images: Tensor<2>, texts: Tensor<2>) -> Tensor<2> {
        let cosine = Self::normalise(images).matmul(Self::normalise(texts).transpose());
        cosine * self.scale.clone().unsqueeze()
    }
}
