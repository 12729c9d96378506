//! The numbers of an `EfficientNet-Lite`.
//!
//! # Reference
//! Tan and Le, arXiv 1905.11946, table 1; the Lite variants: TensorFlow's `tpu` repository, `efficientnet/lite`, which also
//! says how pixels are normalised (mean 127, standard deviation 128, of 255).

/// A run of blocks of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MbStage {
    /// Blocks.
    pub n_blocks: usize,
    /// Edge of the depthwise kernel.
    pub kernel: usize,
    /// Of the first block; 1 in the others.
    pub stride: usize,
    /// How many times wider the block is inside than at its input.
    pub expansion: usize,
    /// Channels behind it.
    pub channels: usize,
}

/// Everything that changes the function.
#[derive(Debug, Clone, PartialEq)]
pub struct EfficientNetConfig {
    /// Pixels; images are square.
    pub image_size: usize,
    /// Colour channels.
    pub n_channels: usize,
    /// Channels behind the first convolution.
    pub stem: usize,
    /// The blocks.
    pub stages: Vec<MbStage>,
    /// Channels behind the last convolution: the features.
    pub features: usize,
    /// Source classes.
    pub n_classes: usize,
    /// Of every batch normalisation.
    pub eps: f64,
    /// Mean that pixels are normalised with, one value a channel.
    pub mean: Vec<f32>,
    /// Standard deviation that pixels are normalised with, one value a channel.
    pub std: Vec<f32>,
}

/// A configuration that describes no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unusable EfficientNet configuration: {0}")]
pub struct EfficientNetConfigError(String);

impl EfficientNetConfig {
    /// `EfficientNet-Lite0`: 16 blocks, 1000 classes of `ImageNet`.
    pub fn lite0() -> Self {
        let stage = |(n_blocks, kernel, stride, expansion, channels)| MbStage { n_blocks, kernel, stride, expansion, channels };
        let stages = [
            (1, 3, 1, 1, 16),
            (2, 3, 2, 6, 24),
            (2, 5, 2, 6, 40),
            (3, 3, 2, 6, 80),
            (3, 5, 1, 6, 112),
            (4, 5, 2, 6, 192),
            (1, 3, 1, 6, 320),
        ];
        Self {
            image_size: 224,
            n_channels: 3,
            stem: 32,
            stages: stages.map(stage).to_vec(),
            features: 1280,
            n_classes: 1000,
            eps: 1e-3,
            mean: vec![127.0 / 255.0; 3],
            std: vec![128.0 / 255.0; 3],
        }
    }

    /// Checks what the weights cannot tell.
    pub(super) fn validate(&self) -> Result<(), EfficientNetConfigError> {
        let fail = |reason: String| Err(EfficientNetConfigError(reason));
        if self.mean.len() != self.n_channels || self.std.len() != self.n_channels {
            let (mean, std, n) = (self.mean.len(), self.std.len(), self.n_channels);
            return fail(format!("{mean} means and {std} standard deviations for {n} channels; give one of each a channel"));
        }
        for (i, stage) in self.stages.iter().enumerate() {
            if [stage.n_blocks, stage.kernel, stage.stride, stage.expansion, stage.channels].contains(&0) {
                return fail(format!("stage {i} has a 0: {stage:?}"));
            }
        }
        if self.image_size == 0 {
            return fail("images of 0 pixels".to_owned());
        }
        Ok(())
    }
}
