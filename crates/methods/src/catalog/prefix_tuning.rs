//! Learned keys and values in front of every block's own.

use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, KeyValuePrefixSpec, LinearMapSpec, LinearOn, ManipulationSpec, Optimizer, PrefixInit, Recipe, Schedule, VerbalizerSpec,
};
use reprogram_taxonomy::{Layers, Modality};

fn prefix(init: PrefixInit, map: Option<usize>) -> ManipulationSpec {
    let spec = KeyValuePrefixSpec { tokens: 10, layers: Layers::All, init, map, modality: Modality::Text };
    ManipulationSpec::KeyValuePrefix(spec)
}

/// Prefix tuning.
pub(super) const ENTRY: Entry = Entry {
    name: "prefix-tuning",
    title: "keys and values of 10 virtual tokens at every block, made of an embedding by a map; answered in words",
    reference: "Li and Liang, ACL 2021, arXiv 2101.00190, eq. 3, §4.3",
    deviations: "10 tokens and a map of width 512, as the paper's table-to-text runs; Adam instead of AdamW; the loss is over the \
                 classes' answers, not the whole vocabulary",
    size: Size::trained("p·d + (d + 1)·m + (m + 1)·2·L·k; p = 10; m = 512"),
    checked: &[
        Checked::Parity("prefix_tuning.*"),
        Checked::Code("XiangLi1999/PrefixTuning@6519d30"),
        Checked::Code("huggingface/peft@5d602fd"),
        Checked::Sweep("text-prompting"),
    ],
    method: || {
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-3, schedule: Schedule::Cosine };
        let prefix = prefix(PrefixInit::Normal { std: 1.0 }, Some(512));
        compose([prefix], AlignmentSpec::Verbalizer(VerbalizerSpec::default()), recipe)
    },
};

/// P-tuning v2.
pub(super) const P_TUNING_V2: Entry = Entry {
    name: "p-tuning-v2",
    title: "keys and values of 10 virtual tokens at every block, free; linear head on the last token's features",
    reference: "Liu et al., ACL 2022, arXiv 2110.07602, §3",
    deviations: "a decoder instead of RoBERTa; 10 tokens that start as keys and values of drawn tokens (official: N(0, 1)); Adam; no \
                 dropout",
    size: Size::trained("p·2·L·k + C·(f + 1); p = 10"),
    checked: &[Checked::Parity("prefix_tuning.*"), Checked::Code("THUDM/P-tuning-v2@b1520c9"), Checked::Sweep("text-prompting")],
    method: || {
        let recipe = Recipe { optimizer: Optimizer::Adam, learning_rate: 1e-2, schedule: Schedule::Cosine };
        let head = AlignmentSpec::LinearMap(LinearMapSpec { on: LinearOn::Features });
        compose([prefix(PrefixInit::Vocabulary, None)], head, recipe)
    },
};
