//! The numbers of a ViT, and their reading from the hub's `config.json`.
//!
//! # Reference
//! ViT: Dosovitskiy et al., arXiv 2010.11929; DeiT: Touvron et al., arXiv 2012.12877; DINOv2: Oquab et al., arXiv
//! 2304.07193; key names of the hub.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Preprocessor;
use crate::blocks::{Activation, Bias};
use crate::hub::bad;
use crate::{ConfigError, HubConfig};

/// Which of the published layouts: it decides the special tokens, the names of the tensors, and what scales a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VitFamily {
    /// A class token.
    Vit,
    /// A class token and a distillation token.
    Deit,
    /// A class token; each branch has a factor for each channel.
    Dinov2,
}

/// What is computed from the tokens behind the last norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VitHead {
    /// Nothing: the class token is the feature.
    Features,
    /// Logits of the class token.
    Class {
        /// Source classes.
        n: usize,
    },
    /// The mean of the class token's logits and the distillation token's, each with a map of its own.
    ClassAndDistillation {
        /// Source classes.
        n: usize,
    },
    /// Logits of the class token beside the mean of the patch tokens.
    ClassAndPatches {
        /// Source classes.
        n: usize,
    },
}

/// Where a block's norms stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormPlacement {
    /// In front of each branch.
    Before,
    /// Behind each sum.
    BehindSum,
}

/// Everything that changes the function.
#[derive(Debug, Clone, PartialEq)]
pub struct VitConfig {
    /// Layout.
    pub family: VitFamily,
    /// Output.
    pub head: VitHead,
    /// Width of the residual stream.
    pub dim: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads; divides the width.
    pub n_heads: usize,
    /// Width of the feed-forward network.
    pub hidden: usize,
    /// Its activation.
    pub activation: Activation,
    /// Of every layer normalisation.
    pub eps: f64,
    /// Where the blocks' norms stand.
    pub norms: NormPlacement,
    /// Of the maps of query, key and value.
    pub qkv_bias: Bias,
    /// Pixels of the images that are fed; they are square.
    pub image_size: usize,
    /// Pixels; divides the image size.
    pub patch_size: usize,
    /// Colour channels.
    pub n_channels: usize,
    /// Edge, in patches, of the grid that the stored positions are of. They are interpolated to the image's when loaded.
    pub position_grid: usize,
    /// Mean that pixels are normalised with, one value a channel.
    pub image_mean: Vec<f32>,
    /// Standard deviation that pixels are normalised with, one value a channel.
    pub image_std: Vec<f32>,
}

impl VitFamily {
    /// Tokens of the model's own.
    pub const fn n_special(self) -> usize {
        match self {
            Self::Vit | Self::Dinov2 => 1,
            Self::Deit => 2,
        }
    }

    /// What the hub calls it, which is also what the names of a model with a head begin with.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Vit => "vit",
            Self::Deit => "deit",
            Self::Dinov2 => "dinov2",
        }
    }
}

/// The architectures that are read, each with its layout and the kind of its head (for a number of classes to be).
const ARCHITECTURES: &[(&str, VitFamily, VitHead)] = &[
    ("ViTForImageClassification", VitFamily::Vit, VitHead::Class { n: 0 }),
    ("ViTModel", VitFamily::Vit, VitHead::Features),
    ("DeiTForImageClassification", VitFamily::Deit, VitHead::Class { n: 0 }),
    ("DeiTForImageClassificationWithTeacher", VitFamily::Deit, VitHead::ClassAndDistillation { n: 0 }),
    ("DeiTModel", VitFamily::Deit, VitHead::Features),
    ("Dinov2ForImageClassification", VitFamily::Dinov2, VitHead::ClassAndPatches { n: 0 }),
    ("Dinov2Model", VitFamily::Dinov2, VitHead::Features),
];

impl VitConfig {
    /// Reads a `config.json` whose `architectures` names a ViT, DeiT or DINOv2, and the `preprocessor_config.json` beside
    /// it. Whatever is not computed here is refused by name.
    ///
    /// The preprocessor gives mean and standard deviation of the pixels and, to a DINOv2, the size of the images. Without
    /// one, pixels are fed as they are (mean 0, standard deviation 1), at the configuration's size: that is for pixels
    /// which are normalised already, as in parity fixtures.
    pub fn from_hub(config_json: &[u8], preprocessor_json: Option<&[u8]>) -> Result<Self, ConfigError> {
        let mut hub = HubConfig::parse(config_json)?;
        let (family, kind) = architecture(&mut hub)?;
        let dim: usize = hub.take("hidden_size")?;
        let hidden = match family {
            VitFamily::Vit | VitFamily::Deit => hub.take("intermediate_size")?,
            VitFamily::Dinov2 => {
                hub.only("use_swiglu_ffn", false)?;
                // An initial value, a token for pre-training, and what only feature pyramids are made with.
                hub.pass(&["layerscale_value", "use_mask_token", "apply_layernorm", "reshape_hidden_states"]);
                hub.pass(&["out_features", "out_indices", "stage_names"]);
                (dim as f64 * hub.take::<f64>("mlp_ratio")?) as usize
            }
        };
        let n_channels = hub.take("num_channels")?;
        let (image_size, patch_size): (usize, usize) = (hub.take("image_size")?, hub.take("patch_size")?);
        let config = Self {
            family,
            head: head(kind, &mut hub)?,
            dim,
            depth: hub.take("num_hidden_layers")?,
            n_heads: hub.take("num_attention_heads")?,
            hidden,
            activation: hub.take("hidden_act")?,
            eps: hub.take("layer_norm_eps")?,
            norms: NormPlacement::Before,
            // Files older than the key have biases.
            qkv_bias: hub.optional("qkv_bias")?.unwrap_or(true).into(),
            image_size,
            patch_size,
            n_channels,
            position_grid: image_size.checked_div(patch_size).unwrap_or(0),
            image_mean: vec![0.0; n_channels],
            image_std: vec![1.0; n_channels],
        };
        hub.finish()?;
        config.validate()?;
        match preprocessor_json {
            None => Ok(config),
            Some(json) => Preprocessor::from_hub(json)?.apply(config),
        }
    }

    /// The same model for images of another size, with interpolated positions.
    pub fn at_resolution(self, image_size: usize) -> Result<Self, ConfigError> {
        let config = Self { image_size, ..self };
        config.validate().map(|()| config)
    }

    /// Checks what the weights cannot tell.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |key: &str, reason: String| Err(bad(key, reason));
        if self.n_heads == 0 || !self.dim.is_multiple_of(self.n_heads) {
            return fail("num_attention_heads", format!("{} heads do not divide a width of {}", self.n_heads, self.dim));
        }
        if self.patch_size == 0 || self.image_size == 0 || !self.image_size.is_multiple_of(self.patch_size) {
            return fail("patch_size", format!("patches of {} pixels do not tile an image of {}", self.patch_size, self.image_size));
        }
        for (key, values) in [("image_mean", &self.image_mean), ("image_std", &self.image_std)] {
            if values.len() != self.n_channels {
                return fail(key, format!("{} values for {} channels", values.len(), self.n_channels));
            }
        }
        if self.image_std.contains(&0.0) {
            return fail("image_std", format!("{:?} has a zero, which pixels cannot be divided by", self.image_std));
        }
        match self.head {
            VitHead::Class { n: 0 } | VitHead::ClassAndDistillation { n: 0 } | VitHead::ClassAndPatches { n: 0 } => {
                fail("num_labels", "a classifier has at least one class".to_owned())
            }
            VitHead::ClassAndDistillation { .. } if self.family.n_special() < 2 => {
                fail("architectures", "only DeiT has a distillation token".to_owned())
            }
            VitHead::Features | VitHead::Class { .. } | VitHead::ClassAndDistillation { .. } | VitHead::ClassAndPatches { .. } => Ok(()),
        }
    }

    /// Patches along an image's edge.
    pub const fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }
}

fn architecture(hub: &mut HubConfig) -> Result<(VitFamily, VitHead), ConfigError> {
    let found: Vec<String> = hub.take("architectures")?;
    let known = ARCHITECTURES.iter().find(|(name, ..)| found == [*name]);
    let &(_, family, head) = known.ok_or_else(|| ConfigError::Unsupported {
        key: "architectures".to_owned(),
        found: format!("{found:?}"),
        supported: format!("one of {}", ARCHITECTURES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")),
    })?;
    hub.only("model_type", family.name().to_owned())?;
    Ok((family, head))
}

/// A head of this kind, with as many classes as the configuration has labels.
fn head(kind: VitHead, hub: &mut HubConfig) -> Result<VitHead, ConfigError> {
    let stated: Option<usize> = hub.optional("num_labels")?;
    let labels = hub.optional::<BTreeMap<String, Value>>("id2label")?.map(|labels| labels.len());
    let n = match (stated, labels) {
        (Some(stated), Some(labels)) if stated != labels => {
            return Err(bad("num_labels", format!("it is {stated}, but `id2label` has {labels} labels")));
        }
        (stated, labels) => stated.or(labels).ok_or_else(|| ConfigError::Missing("id2label".to_owned())),
    };
    Ok(match kind {
        VitHead::Features => VitHead::Features,
        VitHead::Class { .. } => VitHead::Class { n: n? },
        VitHead::ClassAndDistillation { .. } => VitHead::ClassAndDistillation { n: n? },
        VitHead::ClassAndPatches { .. } => VitHead::ClassAndPatches { n: n? },
    })
}
