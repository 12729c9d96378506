//! Which tokens a stream's content is made of, for what treats each token by what it is.

use burn::tensor::Tensor;

use super::{Layout, Stream};
use crate::lowered;

impl Stream {
    /// Says which tokens the content is made of, row by row, padding left out.
    ///
    /// # Panics
    /// With other numbers of tokens: a bug of the backbone.
    #[must_use]
    pub(crate) fn of_tokens(mut self, rows: Vec<Vec<u32>>) -> Self {
        assert!(rows.iter().map(Vec::len).eq(self.spans.iter().map(|span| span.length)), "one id a token");
        self.ids = Some(rows);
        self
    }

    /// The content's tokens, `[batch][content]`, nothing where padding is; nothing at all where the backbone does not say.
    pub fn content_ids(&self) -> Option<Vec<Vec<Option<u32>>>> {
        let padded = |(row, span): (&Vec<u32>, &super::Span)| {
            let mut seats = vec![None; self.layout.content];
            seats[span.offset..span.offset + span.length].iter_mut().zip(row).for_each(|(seat, &id)| *seat = Some(id));
            seats
        };
        Some(self.ids.as_ref()?.iter().zip(&self.spans).map(padded).collect())
    }

    /// Adds to the content's tokens alone. `delta`: `[batch, content, dim]`.
    #[must_use]
    pub fn plus_content(mut self, delta: Tensor<3>) -> Self {
        let [batch, _, dim] = delta.dims();
        let Layout { special, prompt, .. } = self.layout;
        let delta = match special + prompt {
            0 => delta,
            front => Tensor::cat(vec![Tensor::zeros([batch, front, dim], &delta.device()), delta], 1),
        };
        self.tokens = self.tokens + lowered(delta);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::Span;
    use super::*;
    use burn::tensor::Device;
    use reprogram_taxonomy::Tower;

    #[test]
    fn what_is_added_to_the_content_leaves_prompt_and_padding_where_they_are() {
        let device = Device::flex();
        let spans = vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }];
        let stream = Stream::new(Tensor::zeros([2, 2, 1], &device), Tower::Text, 0, spans).of_tokens(vec![vec![7, 8], vec![9]]);
        let stream = stream.insert_prompt(Tensor::zeros([1, 1, 1], &device));
        assert_eq!(stream.content_ids().unwrap(), [[Some(7), Some(8)], [None, Some(9)]]);
        let delta = Tensor::from_floats([[[1.0], [2.0]], [[0.0], [4.0]]], &device);
        let values: Vec<f32> = stream.plus_content(delta).hidden().try_into_vec_as().unwrap();
        assert_eq!(values, [0.0, 1.0, 2.0, 0.0, 0.0, 4.0]);
    }
}
