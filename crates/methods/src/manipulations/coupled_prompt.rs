//! Learned tokens in both towers, those of images made from those of texts.
//!
//! In front of the texts' blocks `l < J` stand `P_l` `[tokens, text dim]`, in front of the images' `W_l P_l + b_l`. At the embedding they
//! are put in behind the special tokens; at each later block what has become of them is dropped and that block's own stand
//! in their place. Behind block J they flow on. J is the depth, or that of the shallower tower.
//!
//! # Reference
//! Khattak et al., CVPR 2023, arXiv 2210.03117 (MaPLe), eq. 4 to 9; starts as in the official code (`P_0` the embeddings of a text's
//! first words, the others N(0, .02²)). Numbers: `J n d_t + J (d_t d_v + d_v)`; 3,555,072 for ViT-B/16, J = 9 and n = 2.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_models::{Stream, in_f32};
use reprogram_taxonomy::{Format, Layers, Location, Misfit, Modality, Operator, Site, SiteSpec, Tower};
use serde::{Deserialize, Serialize};

use crate::affine::Affine;
use crate::class_texts::check_texts;
use crate::{ClassTexts, Manipulate, Part, PromptInit, Setup};

/// `part = "coupled-prompt"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CoupledPromptSpec {
    /// Number of tokens at each block.
    pub tokens: usize,
    /// J: the number of blocks with tokens of their own, the embedding's among them.
    pub depth: usize,
    /// Where the texts' tokens at the embedding start.
    #[serde(default = "photo")]
    pub init: PromptInit,
}

fn photo() -> PromptInit {
    PromptInit::Text("a photo".to_owned())
}

/// The prompts.
#[derive(Module, Debug)]
pub struct CoupledPrompt {
    /// `[blocks, tokens, text dim]`
    tokens: Param<Tensor<3>>,
    /// One a block.
    maps: Vec<Affine>,
}

fn site(modality: Modality, layers: Option<Layers>, operator: Operator) -> Site {
    let location = if layers.is_some() { Location::Hidden } else { Location::Embedding };
    let tower = (modality == Modality::Text).then_some(Tower::Text);
    Site::new(SiteSpec { modality, format: Format::Learnable, location, operator, layers, tower }).expect("a part's own site is coherent")
}

impl Part for CoupledPromptSpec {
    type Coordinates = Site;
    type Module = CoupledPrompt;

    fn coordinates(&self) -> Site {
        site(Modality::Text, None, Operator::Concatenative)
    }

    fn further_coordinates(&self) -> Vec<Site> {
        let deep = (self.depth > 1).then(|| Layers::Range { first: 1, last: self.depth - 1 });
        let mut sites = vec![site(Modality::Vision, None, Operator::Concatenative), site(Modality::Vision, None, Operator::Parametric)];
        if deep.is_some() {
            sites.push(site(Modality::Text, deep, Operator::Concatenative));
            sites.push(site(Modality::Vision, deep, Operator::Concatenative));
            sites.push(site(Modality::Vision, deep, Operator::Parametric));
        }
        sites
    }

    fn build(&self, setup: &Setup<'_>) -> Result<CoupledPrompt, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), self.tokens)?;
        let needs = |needs: &str| Misfit::PartNeeds { part: "coupled-prompt".to_owned(), needs: needs.to_owned() };
        let card = setup.backbone.card();
        let [Some(text), Some(vision)] = [Tower::Text, Tower::Vision].map(|tower| card.tower(tower)) else {
            return Err(needs("a tower for texts and one for images"));
        };
        let depth = self.depth.min(text.depth).min(vision.depth);
        if depth == 0 {
            return Err(needs("a depth of at least one block"));
        }
        let first = self.init.draw_in(Tower::Text, self.tokens, setup, "coupled-prompt")?;
        let mut tokens = Tensor::<2>::from_data(first, in_f32(setup.device));
        if depth > 1 {
            let init = PromptInit::Normal { std: 0.02 };
            let later = init.draw_in(Tower::Text, (depth - 1) * self.tokens, setup, "coupled-prompt/deep")?;
            tokens = Tensor::cat(vec![tokens, Tensor::from_data(later, in_f32(setup.device))], 0);
        }
        let mut rng = setup.seed.fork("coupled-prompt/maps").rng();
        Ok(CoupledPrompt {
            tokens: Param::from_tensor(tokens.reshape([depth, self.tokens, text.dim])),
            maps: (0..depth).map(|_| Affine::uniform(text.dim, vision.dim, &mut rng, setup.device)).collect(),
        })
    }
}

impl CoupledPrompt {
    /// What stands in front of a block of this tower, `[1, tokens, dim]`.
    fn at(&self, layer: usize, tower: Tower) -> Tensor<3> {
        let tokens = self.tokens.val().narrow(0, layer, 1);
        let [_, n, dim] = tokens.dims();
        match tower {
            Tower::Text => tokens,
            Tower::Vision | Tower::Acoustic => self.maps[layer].forward(tokens.reshape([n, dim])).unsqueeze(),
        }
    }
}

impl Manipulate for CoupledPrompt {
    fn settle(&mut self, texts: &ClassTexts, setup: &Setup<'_>) -> Result<(), Misfit> {
        check_texts(setup, texts, self.tokens.dims()[1])
    }

    fn embedding(&self, stream: Stream) -> Stream {
        let tokens = self.at(0, stream.tower());
        stream.insert_prompt(tokens)
    }

    fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        if layer == 0 || layer >= self.maps.len() {
            return stream;
        }
        let tokens = self.at(layer, stream.tower());
        stream.replace_prompt(tokens)
    }
}
