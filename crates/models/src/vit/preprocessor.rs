//! What the hub's `preprocessor_config.json` does to pixels before a model sees them.

use serde::Deserialize;

use super::{VitConfig, VitFamily};
use crate::hub::bad;
use crate::{ConfigError, HubConfig};

/// The part of it that a model needs to know. How an image is resized is the caller's concern.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Preprocessor {
    mean: Vec<f32>,
    std: Vec<f32>,
    /// Pixels of the square that is left, where one size is said.
    image_size: Option<usize>,
}

/// A size, in any of the ways that files say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sides {
    height: Option<usize>,
    width: Option<usize>,
    /// The other edge follows, so it is no size of a square.
    shortest_edge: Option<usize>,
}

impl Preprocessor {
    /// Reads a `preprocessor_config.json` that rescales pixels to 0..=1 and normalises them.
    pub(super) fn from_hub(json: &[u8]) -> Result<Self, ConfigError> {
        let mut hub = HubConfig::parse(json)?;
        hub.only("do_normalize", true)?;
        hub.only("do_rescale", true)?;
        if let Some(factor) = hub.optional::<f64>("rescale_factor")?.filter(|factor| (factor * 255.0 - 1.0).abs() > 1e-6) {
            let (found, supported) = (factor.to_string(), "1/255".to_owned());
            return Err(ConfigError::Unsupported { key: "rescale_factor".to_owned(), found, supported });
        }
        let is_cropped = hub.optional("do_center_crop")?.unwrap_or(false);
        let (size, crop) = (square(&mut hub, "size")?, square(&mut hub, "crop_size")?);
        let (mean, std) = (hub.take("image_mean")?, hub.take("image_std")?);
        hub.pass(&["do_convert_rgb", "do_resize", "resample", "feature_extractor_type", "image_processor_type", "processor_class"]);
        hub.pass(&["data_format", "default_to_square", "device", "disable_grouping", "input_data_format", "return_tensors"]);
        hub.pass(&["_processor_class", "_valid_processor_keys"]);
        hub.finish()?;
        Ok(Self { mean, std, image_size: if is_cropped { crop } else { size } })
    }

    /// The configuration of a model that is fed raw pixels in 0..=1.
    ///
    /// A DINOv2 is made for any size, and its `config.json` says the one that its positions are stored for. The other
    /// models interpolate nothing unless they are asked to, so two sizes are an error.
    pub(super) fn apply(self, config: VitConfig) -> Result<VitConfig, ConfigError> {
        let image_size = self.image_size.unwrap_or(config.image_size);
        match config.family {
            VitFamily::Vit | VitFamily::Deit if image_size != config.image_size => Err(bad(
                "size",
                format!(
                    "the preprocessor makes images of {image_size} pixels, but the model is one for {}\n  \
                     help: leave the preprocessor's size out and ask for another one with `VitConfig::at_resolution`",
                    config.image_size
                ),
            )),
            VitFamily::Vit | VitFamily::Deit | VitFamily::Dinov2 => {
                VitConfig { image_mean: self.mean, image_std: self.std, ..config }.at_resolution(image_size)
            }
        }
    }
}

/// The edge of a square: `N`, or `{"height": N, "width": N}`.
fn square(hub: &mut HubConfig, key: &str) -> Result<Option<usize>, ConfigError> {
    if hub.is_number(key) {
        return hub.optional(key);
    }
    match hub.optional::<Sides>(key)? {
        None | Some(Sides { height: None, width: None, .. }) => Ok(None),
        Some(Sides { height: Some(height), width: Some(width), shortest_edge: None }) if height == width => Ok(Some(height)),
        Some(sides) => Err(bad(key, format!("{sides:?} is no square\n  help: only square images are computed"))),
    }
}
