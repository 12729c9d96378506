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
use reprogram_taxonomy::{InputSpace, Misfit, Tower};

use crate::kept::Kept;
use crate::{Program, Setup};

/// What is written of each class, in the order of the classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassTexts {
    texts: Vec<Vec<String>>,
}

impl ClassTexts {
    /// Their names.
    pub fn names(classes: &[String]) -> Self {
        Self { texts: classes.iter().map(|name| vec![name.clone()]).collect() }
    }

    /// What is written instead of each text.
    #[must_use]
    pub fn rewritten(self, mut write: impl FnMut(&str) -> Vec<String>) -> Self {
        Self { texts: self.texts.into_iter().map(|texts| texts.iter().flat_map(|text| write(text)).collect()).collect() }
    }

    /// Texts of each class.
    pub fn classes(&self) -> &[Vec<String>] {
        &self.texts
    }
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
        self.manipulations().fold(ClassTexts::names(self.classes()), |texts, (part, _)| part.class_texts(texts))
    }

    /// Features of items against those of the classes' texts, `[batch, joint]` to `[batch, class]`.
    pub(crate) fn compared(&self, backbone: &dyn Backbone, features: Tensor<2>, kept: &mut Kept) -> Tensor<2> {
        let texts = kept.texts(|| self.text_features(backbone));
        backbone.joint().expect("a part's build comes first").logits(features, texts)
    }

    /// `[class, joint]`
    fn text_features(&self, backbone: &dyn Backbone) -> Tensor<2> {
        let tokenizer = backbone.tokenizer().expect("a part's build comes first");
        let texts = self.class_texts();
        let rows: Vec<Vec<u32>> = texts.classes().iter().flatten().map(|text| tokenizer.encode_with_special_tokens(text)).collect();
        let depth = backbone.card().tower(Tower::Text).map_or(0, |tower| tower.depth);
        let run = |stream: Stream| self.through(backbone, 0..depth, self.embedding(stream));
        let in_text_tower = |(_, tower): &(_, Tower)| *tower == Tower::Text;
        let features = if self.manipulations().filter(in_text_tower).all(|(part, _)| part.is_uniform()) {
            backbone.text_features(rows, &run)
        } else {
            let stream = run(backbone.embed(Input::Tokens(TokenBatch::new(rows))));
            backbone.read(&stream, Reading::Features)
        };
        if texts.classes().iter().all(|texts| texts.len() == 1) {
            return features;
        }
        means(&texts, &features.device()).matmul(JointSpace::normalise(features))
    }
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
