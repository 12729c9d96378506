//! Embeddings of tokens, by which hidden states can be compared with the vocabulary, too.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData, module::embedding};

use super::Weight;
use crate::weights::Loader;

/// `[vocabulary, dim]`
#[derive(Module, Debug)]
pub struct TokenTable {
    weight: Weight,
}

impl TokenTable {
    /// Reads `name` (`[vocabulary, dim]`).
    pub fn load(loader: &mut Loader<'_>, name: &str, vocabulary: usize, dim: usize) -> Self {
        Self { weight: loader.table(name, [vocabulary, dim]) }
    }

    /// Embeddings of tokens: `[batch, seq]` to `[batch, seq, dim]`.
    pub fn rows(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        match &self.weight {
            Weight::Floats(weight) => embedding(weight.val(), ids),
            Weight::Compact(weight) => {
                let ([batch, seq], [_, dim], device) = (ids.dims(), weight.dims(), ids.device());
                let ids: Vec<i64> = ids.try_into_vec_as().expect("ids are whole numbers");
                let mut values = vec![0.0; ids.len() * dim];
                for (out, id) in values.chunks_exact_mut(dim).zip(ids) {
                    weight.decode(usize::try_from(id).expect("an id is a row of the table"), 0..dim, out);
                }
                Tensor::from_data(TensorData::new(values, [batch, seq, dim]), &device)
            }
        }
    }

    /// Products of hidden states with all embeddings: `[tokens, dim]` to `[tokens, vocabulary]`.
    pub fn scores(&self, hidden: Tensor<2>) -> Tensor<2> {
        match &self.weight {
            Weight::Floats(weight) => hidden.matmul(weight.val().transpose()),
            Weight::Compact(weight) => weight.product_transposed(hidden),
        }
    }

    /// All embeddings as floats, `[vocabulary, dim]`.
    pub fn whole(&self, device: &Device) -> Tensor<2> {
        match &self.weight {
            Weight::Floats(weight) => weight.val(),
            Weight::Compact(weight) => Tensor::from_data(TensorData::new(weight.values(), weight.dims()), device),
        }
    }
}
