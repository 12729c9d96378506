//! One block of a ViT, under the names of its family.

use super::{NormPlacement, VitConfig, VitFamily};
use crate::Masking;
use crate::blocks::{Attention, AttentionRule, Block, FeedForward, Heads, LayerNorm, LayerScale, Linear, Mlp, Norm, Residual};
use crate::weights::Loader;

/// Names inside of a block.
struct Names {
    query_key_value: [&'static str; 3],
    output: &'static str,
    mlp: [&'static str; 2],
    /// The first is attention's.
    norms: [&'static str; 2],
    /// Likewise, where branches are scaled.
    scales: Option<[&'static str; 2]>,
}

const QUERY_KEY_VALUE: [&str; 3] = ["attention.attention.query", "attention.attention.key", "attention.attention.value"];

impl VitFamily {
    const fn names(self) -> Names {
        let vit = Names {
            query_key_value: QUERY_KEY_VALUE,
            output: "attention.output.dense",
            mlp: ["intermediate.dense", "output.dense"],
            norms: ["layernorm_before", "layernorm_after"],
            scales: None,
        };
        match self {
            Self::Vit | Self::Deit => vit,
            Self::Dinov2 => Names {
                mlp: ["mlp.fc1", "mlp.fc2"],
                norms: ["norm1", "norm2"],
                scales: Some(["layer_scale1.lambda1", "layer_scale2.lambda1"]),
                ..vit
            },
        }
    }
}

impl VitConfig {
    /// The block under this prefix.
    pub(super) fn block(&self, loader: &mut Loader<'_>, prefix: &str) -> Block {
        let (names, dim, hidden) = (self.family.names(), self.dim, self.hidden);
        let path = |name: &str| format!("{prefix}.{name}");
        let [query, key, value] = names.query_key_value.map(|name| Linear::load_with(loader, &path(name), dim, dim, self.qkv_bias));
        let mut linear = |name: &str, input, output| Linear::load(loader, &path(name), input, output);
        let attention = [query, key, value, linear(names.output, dim, dim)];
        let mlp = Mlp::new(linear(names.mlp[0], dim, hidden), linear(names.mlp[1], hidden, dim), self.activation);
        let mut residual = |branch: usize| {
            let norm = Norm::Layer(LayerNorm::load(loader, &path(names.norms[branch]), dim, self.eps));
            let residual = match self.norms {
                NormPlacement::Before => Residual::pre(norm),
                NormPlacement::BehindSum => Residual::post(norm),
            };
            match names.scales {
                Some(scales) => residual.scaled(LayerScale::load(loader, &path(scales[branch]), dim)),
                None => residual,
            }
        };
        let rule = AttentionRule::plain(Heads::uniform(self.n_heads, dim), Masking::Full);
        Block::new(residual(0), Attention::new(attention, rule), residual(1), FeedForward::Plain(mlp))
    }
}
