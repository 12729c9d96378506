//! Items compared with texts: the second tower of a program.
//!
//! ```text
//! s[c] = scale · cos(f_image(I(x)), mean over the texts t of class c of f_text(I(t)) / ‖f_text(I(t))‖) + bias
//! ```
//!
//! A class's text is its name until a manipulation of the text tower writes more of it.
//!
//! # Reference
//! Radford et al., ICML 2021, arXiv 2103.00020, §3.1.2 and §3.1.4.

use burn::tensor::{Tensor, TensorData};
use reprogram_models::{Backbone, Input, JointSpace, Reading, Stream, TokenBatch, in_f32};
use reprogram_taxonomy::{InputSpace, Misfit, OutputSpace, Tower};

use crate::kept::Kept;
use crate::{Program, Reads, Setup, Views};

/// What is written of each class, in the order of the classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassTexts {
    texts: Vec<Vec<String>>,
    /// The group of each text, in the order of classes and texts.
    groups: Vec<usize>,
}

impl ClassTexts {
    /// Their names.
    pub fn names(classes: &[String]) -> Self {
        Self::grouped(classes.iter().map(|name| vec![(name.clone(), 0)]).collect())
    }

    /// Texts of each class, each with the group that it is in.
    pub(crate) fn grouped(texts: Vec<Vec<(String, usize)>>) -> Self {
        let groups = texts.iter().flatten().map(|(_, group)| *group).collect();
        Self { texts: texts.into_iter().map(|texts| texts.into_iter().map(|(text, _)| text).collect()).collect(), groups }
    }

    /// What is written instead of each text, in its group.
    #[must_use]
    pub fn rewritten(self, mut write: impl FnMut(&str) -> Vec<String>) -> Self {
        let mut groups = self.groups.into_iter();
        let mut instead = |text: &String| {
            let group = groups.next().expect("one group a text");
            write(text).into_iter().map(move |text| (text, group)).collect::<Vec<_>>()
        };
        Self::grouped(self.texts.iter().map(|texts| texts.iter().flat_map(&mut instead).collect()).collect())
    }

    /// Whether every class has one text.
    pub fn has_one_each(&self) -> bool {
        self.texts.iter().all(|texts| texts.len() == 1)
    }

    /// The class of each text, in their order.
    pub fn owners(&self) -> Vec<usize> {
        self.texts.iter().enumerate().flat_map(|(class, texts)| texts.iter().map(move |_| class)).collect()
    }

    /// The group of each text, in their order.
    pub fn groups(&self) -> &[usize] {
        &self.groups
    }

    /// Groups that there are.
    pub fn n_groups(&self) -> usize {
        self.groups.iter().max().map_or(0, |last| last + 1)
    }

    /// Texts of each class.
    pub fn classes(&self) -> &[Vec<String>] {
        &self.texts
    }
}

/// Whether every class has one text, so that similarities to them are target scores.
pub(crate) fn check_one_each(texts: &ClassTexts, part: &str) -> Result<(), Misfit> {
    match texts.classes().iter().map(Vec::len).find(|&n| n != 1) {
        None => Ok(()),
        Some(n) => {
            let needs = format!("one text a class, but there are {n}: an alignment like `mean-text` brings several together");
            Err(Misfit::PartNeeds { part: part.to_owned(), needs })
        }
    }
}

/// Tokens of all texts, special ones included.
fn tokens_of(backbone: &dyn Backbone, texts: &ClassTexts) -> Vec<Vec<u32>> {
    let tokenizer = backbone.tokenizer().expect("a part's build comes first");
    texts.classes().iter().flatten().map(|text| tokenizer.encode_with_special_tokens(text)).collect()
}

/// What the text tower makes of texts that nothing manipulates, `[text, joint]`. They fit: [`check_texts`] comes first.
pub(crate) fn frozen_features(backbone: &dyn Backbone, texts: &ClassTexts) -> Tensor<2> {
    backbone.text_features(tokens_of(backbone, texts), &|stream| backbone.blocks(stream))
}

/// Whether all texts of a program fit into the text tower.
pub(crate) fn check_texts(setup: &Setup<'_>, texts: &ClassTexts, n_prompt: usize) -> Result<(), Misfit> {
    let needs = |needs: String| Misfit::PartNeeds { part: "class-texts".to_owned(), needs };
    let tower = setup.backbone.card().tower(Tower::Text);
    let (Some(_), Some(tower), Some(tokenizer)) = (setup.backbone.joint(), tower, setup.backbone.tokenizer()) else {
        return Err(needs("a backbone whose items are compared with texts, and its tokenizer".to_owned()));
    };
    let InputSpace::Tokens { context, .. } = tower.input else { return Err(needs("a text tower that is fed tokens".to_owned())) };
    for text in texts.classes().iter().flatten() {
        let n_tokens = tokenizer.encode_with_special_tokens(text).len() + n_prompt;
        if n_tokens > context {
            return Err(needs(format!("texts of at most {context} tokens with any prompt, but `{text}` comes to {n_tokens}")));
        }
    }
    Ok(())
}

impl Program {
    /// What is written of each class.
    pub fn class_texts(&self) -> ClassTexts {
        self.manipulations().iter().fold(ClassTexts::names(self.classes()), |texts, part| part.class_texts(texts))
    }

    /// Features of items against those of the classes' texts, `[batch, joint]` to `[batch, class]`, or to `[batch, text]` where the
    /// alignment brings a class's texts together.
    pub(crate) fn compared(&self, backbone: &dyn Backbone, features: Tensor<2>, kept: &mut Kept) -> Tensor<2> {
        if self.acting_in(Tower::Text).any(|part| part.is_conditioned()) {
            return self.compared_each(backbone, features);
        }
        let batch = features.dims()[0];
        let features = if self.alignment().reads() == Reads::LocalTexts { by_patch(backbone, features) } else { features };
        let of_texts = || if self.reads_each_text() { self.text_features(backbone) } else { self.class_features(backbone) };
        let scores = backbone.joint().expect("a part's build comes first").logits(features, kept.texts(of_texts));
        let scores = scores.reshape([batch as i32, -1]);
        match self.manipulations().iter().find_map(|part| part.views()) {
            None => scores,
            Some(views) => of_own_views(scores, views),
        }
    }

    fn reads_each_text(&self) -> bool {
        matches!(self.alignment().reads(), Reads::EachText | Reads::LocalTexts)
    }

    /// The same where each item has texts of its own.
    fn compared_each(&self, backbone: &dyn Backbone, features: Tensor<2>) -> Tensor<2> {
        let (texts, rows) = (self.class_texts(), self.text_rows(backbone));
        let ([n_items, dim], n_texts) = (features.dims(), rows.len());
        let items = JointSpace::normalise(features.clone());
        let run = |stream: Stream| {
            let stream = self.acting_in(Tower::Text).fold(stream, |stream, part| part.embedding_for(stream, &items));
            self.through_texts(backbone, stream)
        };
        let mut of_each = JointSpace::normalise(backbone.text_features_times(n_items, rows, &run)).reshape([n_items, n_texts, dim]);
        if !texts.has_one_each() && !self.reads_each_text() {
            of_each = means(&texts, &of_each.device()).unsqueeze().matmul(of_each);
        }
        backbone.joint().expect("a part's build comes first").logits_each(features, of_each)
    }

    /// Tokens of the classes' texts.
    fn text_rows(&self, backbone: &dyn Backbone) -> Vec<Vec<u32>> {
        tokens_of(backbone, &self.class_texts())
    }

    /// Through the text tower's blocks.
    fn through_texts(&self, backbone: &dyn Backbone, stream: Stream) -> Stream {
        let depth = backbone.card().tower(Tower::Text).map_or(0, |tower| tower.depth);
        self.through(backbone, 0..depth, stream)
    }

    /// What the text tower makes of the classes, each the mean of its texts, `[class, joint]`.
    pub fn class_features(&self, backbone: &dyn Backbone) -> Tensor<2> {
        let (texts, features) = (self.class_texts(), self.text_features(backbone));
        if texts.has_one_each() {
            return features;
        }
        means(&texts, &features.device()).matmul(JointSpace::normalise(features))
    }

    /// What it makes of each text, `[text, joint]`.
    fn text_features(&self, backbone: &dyn Backbone) -> Tensor<2> {
        let rows = self.text_rows(backbone);
        let run = |stream: Stream| self.through_texts(backbone, self.embedding(stream));
        if self.acting_in(Tower::Text).all(|part| part.is_uniform()) {
            return backbone.text_features(rows, &run);
        }
        let stream = run(backbone.embed(Input::Tokens(TokenBatch::new(rows))));
        backbone.read(&stream, Reading::Features)
    }
}

/// Features of patches in rows of their own, `[batch, patch · joint]` to `[batch · patch, joint]`.
fn by_patch(backbone: &dyn Backbone, features: Tensor<2>) -> Tensor<2> {
    let OutputSpace::Joint { dim } = backbone.card().output else { panic!("a joint space: a part's build comes first") };
    let [batch, width] = features.dims();
    features.reshape([batch * width / dim, dim])
}

/// Of scores of all versions, one behind the other, those of each text's own: `[version · batch, text]` to `[batch, text]`.
fn of_own_views(scores: Tensor<2>, Views { n: n_views, of_texts }: Views<'_>) -> Tensor<2> {
    let [rows, n_texts] = scores.dims();
    let own = (0..n_views).flat_map(|view| of_texts.iter().map(move |own| f32::from(u8::from(*own == view))));
    let own = TensorData::new(own.collect::<Vec<f32>>(), [n_views, 1, n_texts]);
    let own = Tensor::<3>::from_data(own, in_f32(&scores.device()));
    (scores.reshape([n_views, rows / n_views, n_texts]) * own).sum_dim(0).reshape([rows / n_views, n_texts])
}

/// `[class, text]`: the mean of each class's texts.
fn means(texts: &ClassTexts, device: &burn::tensor::Device) -> Tensor<2> {
    let n_texts: usize = texts.classes().iter().map(Vec::len).sum();
    let mut weights = vec![0.0f32; texts.classes().len() * n_texts];
    let mut start = 0;
    for (class, texts) in texts.classes().iter().enumerate() {
        weights[class * n_texts + start..][..texts.len()].fill(1.0 / texts.len() as f32);
        start += texts.len();
    }
    Tensor::from_data(TensorData::new(weights, [texts.classes().len(), n_texts]), in_f32(device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_becomes_several() {
        let names = ["cat", "dog"].map(str::to_owned);
        let texts = ClassTexts::names(&names).rewritten(|name| vec![format!("a {name}"), format!("the {name}")]);
        assert_eq!(texts.classes(), [["a cat", "the cat"], ["a dog", "the dog"]]);
        let weights: Vec<f32> = means(&texts, &burn::tensor::Device::flex()).try_into_vec_as().unwrap();
        assert_eq!(weights, [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5]);
    }
}
