//! Learned tokens beside the names of classes.
//!
//! The text of class c is `[start] V₁ … V_M [name of c] . [end]`; V `[tokens, dim]` for all classes, or `[class, tokens, dim]`, one
//! context a class. The name may also stand in front of the tokens, or in their middle. With `near` the loss gets
//! `λ · mean over c of (1 − cos(w_c, w_c⁰))`, where w⁰ are the features of hand-written texts; texts then go through their tower twice a
//! step.
//!
//! # Reference
//! Zhou et al., IJCV 2022, arXiv 2109.01134, eq. 2 to 4 ("unified" and "class-specific" contexts; the name at the end, in the middle or,
//! in the official code, in front); Yao et al., CVPR 2023, arXiv 2303.13283, eq. 3 to 5 (KgCoOp: `near`).

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use reprogram_models::{JointSpace, Stream, in_f32};
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site, SiteSpec, Tower};
use serde::{Deserialize, Serialize};

use crate::class_texts::{check_texts, frozen_features};
use crate::family::is_default;
use crate::{ClassTexts, Manipulate, Part, PromptInit, Setup};

/// `part = "class-context"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClassContextSpec {
    /// Number of tokens.
    pub tokens: usize,
    /// Where they start.
    #[serde(default = "narrow")]
    pub init: PromptInit,
    /// Whose they are.
    #[serde(default)]
    pub of: ContextOf,
    /// Where the name stands.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: NamePlace,
    /// What the classes' features are kept near to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<NearText>,
}

/// Whose context it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContextOf {
    /// One for all classes.
    #[default]
    All,
    /// One for each class.
    Each,
}

/// Where the name of a class stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamePlace {
    /// Behind the tokens.
    #[default]
    End,
    /// Behind half of them, which is rounded down.
    Middle,
    /// In front of them.
    Front,
}

/// A hand-written text of each class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NearText {
    /// The sentence, with `{}` where the name goes.
    pub template: String,
    /// λ.
    pub weight: f32,
}

const fn narrow() -> PromptInit {
    PromptInit::Normal { std: 0.02 }
}

/// The context.
#[derive(Module, Debug)]
pub struct ClassContext {
    /// `[1 | class, tokens, dim]`
    tokens: Param<Tensor<3>>,
    #[module(skip)]
    name: NamePlace,
    /// Tokens of each text's name.
    #[module(skip)]
    name_tokens: Vec<usize>,
    #[module(skip)]
    near: Option<Near>,
}

/// λ, and unit features of hand-written texts, `[class, joint]`.
#[derive(Debug, Clone)]
struct Near {
    weight: f32,
    features: Tensor<2>,
}

impl Near {
    fn new(near: &NearText, setup: &Setup<'_>) -> Result<Self, Misfit> {
        if near.template.matches("{}").count() != 1 {
            return Err(needs("a sentence with one `{}`, where the name of a class goes".to_owned()));
        }
        let texts = ClassTexts::names(&setup.target.classes).rewritten(|name| vec![near.template.replace("{}", name)]);
        check_texts(setup, &texts, 0)?;
        let features = JointSpace::normalise(frozen_features(setup.backbone, &texts));
        Ok(Self { weight: near.weight, features })
    }

    /// `λ · mean over c of (1 − cos)`
    fn penalty(&self, class_features: Tensor<2>) -> Tensor<1> {
        let cosine = (JointSpace::normalise(class_features) * self.features.clone()).sum_dim(1);
        (cosine.neg() + 1.0).mean() * self.weight
    }
}

fn needs(needs: String) -> Misfit {
    Misfit::PartNeeds { part: "class-context".to_owned(), needs }
}

impl Part for ClassContextSpec {
    type Coordinates = Site;
    type Module = ClassContext;

    fn coordinates(&self) -> Site {
        let (modality, operator, tower) = (Modality::Text, Operator::Concatenative, Some(Tower::Text));
        let site = SiteSpec { modality, format: Format::Learnable, location: Location::Embedding, operator, layers: None, tower };
        Site::new(site).expect("a part's own site is coherent")
    }

    fn build(&self, setup: &Setup<'_>) -> Result<ClassContext, Misfit> {
        check_texts(setup, &ClassTexts::names(&setup.target.classes), self.tokens)?;
        let n_contexts = match self.of {
            ContextOf::All => 1,
            ContextOf::Each => setup.target.n_classes(),
        };
        let data = self.init.draw_in(Tower::Text, n_contexts * self.tokens, setup, "class-context")?;
        let [rows, dim] = [n_contexts * self.tokens, data.shape()[1]];
        let flat: Tensor<2> = Tensor::from_data(data, in_f32(setup.device));
        Ok(ClassContext {
            tokens: Param::from_tensor(flat.reshape([n_contexts, rows / n_contexts, dim])),
            name: self.name,
            name_tokens: Vec::new(),
            near: self.near.as_ref().map(|near| Near::new(near, setup)).transpose()?,
        })
    }
}

impl ClassContext {
    fn is_of_each_class(&self) -> bool {
        self.tokens.dims()[0] > 1
    }
}

impl Manipulate for ClassContext {
    fn settle(&mut self, texts: &ClassTexts, setup: &Setup<'_>) -> Result<(), Misfit> {
        check_texts(setup, texts, self.tokens.dims()[1])?;
        if self.is_of_each_class() && texts.classes().iter().any(|texts| texts.len() != 1) {
            return Err(needs("one text a class, where each class has a context of its own".to_owned()));
        }
        self.name_tokens = match self.name {
            NamePlace::End => Vec::new(),
            NamePlace::Middle | NamePlace::Front => count_names(texts, setup)?,
        };
        Ok(())
    }

    fn embedding(&self, stream: Stream) -> Stream {
        let tokens = self.tokens.val();
        match self.name {
            NamePlace::End => stream.insert_prompt(tokens),
            NamePlace::Front => stream.insert_within(tokens, &self.name_tokens),
            NamePlace::Middle => {
                let half = tokens.dims()[1] / 2;
                stream.insert_around(tokens, half, &self.name_tokens)
            }
        }
    }

    fn is_uniform(&self) -> bool {
        !self.is_of_each_class() && self.name == NamePlace::End
    }

    fn penalty(&self, class_features: &dyn Fn() -> Tensor<2>) -> Option<Tensor<1>> {
        self.near.as_ref().map(|near| near.penalty(class_features()))
    }
}

/// Tokens of the names, which the texts must begin with.
fn count_names(texts: &ClassTexts, setup: &Setup<'_>) -> Result<Vec<usize>, Misfit> {
    let tokenizer = setup.backbone.tokenizer().expect("a part's build comes first");
    let of_text = |(class, text): (&String, &String)| {
        let (name, text_tokens) = (tokenizer.encode(class), tokenizer.encode(text));
        let begins = text_tokens.starts_with(&name);
        begins.then_some(name.len()).ok_or_else(|| needs(format!("texts that begin with the name of the class, unlike `{text}`")))
    };
    let classes = setup.target.classes.iter().zip(texts.classes());
    classes.flat_map(|(class, texts)| texts.iter().map(move |text| (class, text))).map(of_text).collect()
}
