//! Learned tokens in front of the names of classes, moved by what the item looks like.
//!
//! `V_m(x) = V_m + h(u(x))`, u the unit feature of the item, `h(u) = W₂ max(0, W₁ u + b₁) + b₂` with a hidden layer of a sixteenth
//! of the joint space's width. Each item has texts of its own: a batch of B items sends all texts through the text tower B
//! times, and nothing of them is kept. Items' own features stay constant.
//!
//! # Reference
//! Zhou et al., CVPR 2022, arXiv 2203.05557 (CoCoOp), §3.2; unit features and the layers' start as in the official code.
//! Numbers: `M d + (D D/16 + D/16) + (D/16 d + d)`, D and d the widths of the joint space and of the text tower; 35,360 for ViT-B/16.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, OutputSpace, Site, SiteSpec, Tower};
use serde::{Deserialize, Serialize};

use crate::affine::Affine;
use crate::class_texts::check_texts;
use crate::{ClassTexts, Manipulate, Part, PromptInit, Setup};

/// `part = "conditioned-context"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ConditionedContextSpec {
    /// Number of tokens.
    pub tokens: usize,
    /// Where they start.
    #[serde(default = "photo")]
    pub init: PromptInit,
}

fn photo() -> PromptInit {
    PromptInit::Text("a photo of a".to_owned())
}

/// By how much h's hidden layer is narrower than the joint space.
const NARROWER: usize = 16;

/// The context and h.
#[derive(Module, Debug)]
pub struct ConditionedContext {
    /// `[tokens, dim]`
    tokens: Param<Tensor<2>>,
    down: Affine,
    up: Affine,
}

fn site(operator: Operator) -> Site {
    let (modality, format, tower) = (Modality::Text, Format::Learnable, Some(Tower::Text));
    let site = SiteSpec { modality, format, location: Location::Embedding, operator, layers: None, tower };
    Site::new(site).expect("a part's own site is coherent")
}

impl Part for ConditionedContextSpec {
    type Coordinates = Site;
    type Module = ConditionedContext;

    fn coordinates(&self) -> Site {
        site(Operator::Concatenative)
    }

    fn further_coordinates(&self) -> Vec<Site> {
        vec![site(Operator::Parametric)]
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ConditionedContext, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), self.tokens)?;
        let OutputSpace::Joint { dim: joint } = setup.backbone.card().output else {
            let needs = "a backbone whose items are compared with texts".to_owned();
            return Err(Misfit::PartNeeds { part: "conditioned-context".to_owned(), needs });
        };
        let data = self.init.draw_in(Tower::Text, self.tokens, setup, "conditioned-context")?;
        let (dim, hidden) = (data.shape()[1], (joint / NARROWER).max(1));
        let mut rng = setup.seed.fork("conditioned-context/network").rng();
        Ok(ConditionedContext {
            tokens: Param::from_tensor(Tensor::from_data(data, in_f32(setup.device))),
            down: Affine::uniform(joint, hidden, &mut rng, setup.device),
            up: Affine::uniform(hidden, dim, &mut rng, setup.device),
        })
    }
}

impl Manipulate for ConditionedContext {
    fn settle(&mut self, texts: &ClassTexts, setup: &Setup<'_>) -> Result<(), Misfit> {
        check_texts(setup, texts, self.tokens.dims()[0])
    }

    fn is_conditioned(&self) -> bool {
        true
    }

    fn embedding_for(&self, stream: Stream, items: &Tensor<2>) -> Stream {
        let ([n_items, _], [n, dim], rows) = (items.dims(), self.tokens.dims(), stream.spans().len());
        let moved = self.up.forward(activation::relu(self.down.forward(items.clone())));
        let context = self.tokens.val().reshape([1, n, dim]) + moved.reshape([n_items, 1, dim]);
        // The rows of an item stand together.
        let of_each = rows / n_items;
        stream.insert_prompt(context.reshape([n_items, 1, n, dim]).expand([n_items, of_each, n, dim]).reshape([rows, n, dim]))
    }
}
