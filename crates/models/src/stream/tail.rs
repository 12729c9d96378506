//! Tokens behind a stream's content, and rows that are read in front of their end.

use burn::tensor::Tensor;

use super::Stream;
use crate::lowered;

impl Stream {
    /// Puts tokens behind every row's content: `[batch, tokens, dim]`. They count as content.
    ///
    /// # Panics
    /// When rows do not end together (they are filled up in front), or went through a block already.
    #[must_use]
    pub fn append(mut self, tokens: Tensor<3>) -> Self {
        let content = self.layout.content;
        assert!(self.spans.iter().all(|span| span.offset + span.length == content), "rows end together: they are filled up in front");
        assert!(self.masks.is_empty() && self.branches.is_none(), "tokens come in front of the first block, behind no tree");
        let n = tokens.dims()[1];
        self.tokens = Tensor::cat(vec![self.tokens, lowered(tokens)], 1);
        self.layout.content += n;
        for (span, end) in self.spans.iter_mut().zip(&mut self.ends) {
            span.length += n;
            *end = span.length - 1;
        }
        self
    }

    /// Lets every row be read so many tokens in front of its last, or at its first where it is shorter.
    #[must_use]
    pub fn read_before_end(mut self, back: usize) -> Self {
        for (span, end) in self.spans.iter().zip(&mut self.ends) {
            *end = span.length.saturating_sub(1 + back);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use reprogram_taxonomy::Tower;

    use super::super::Span;
    use super::*;

    fn left_padded() -> Stream {
        let hidden = Tensor::<1, burn::tensor::Int>::arange(0..2 * 3, &Device::flex()).float().reshape([2, 3, 1]);
        Stream::new(hidden, Tower::Text, 0, vec![Span { offset: 0, length: 3 }, Span { offset: 2, length: 1 }])
    }

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.try_into_vec_as().unwrap()
    }

    #[test]
    fn what_is_appended_is_read_last_and_stands_behind_each_row() {
        let more = Tensor::<3>::from_floats([[[10.0], [11.0]], [[20.0], [21.0]]], &Device::flex());
        let stream = left_padded().append(more);
        assert_eq!(values(stream.last_tokens()), [11.0, 21.0]);
        assert_eq!(values(stream.clone().read_before_end(1).last_tokens()), [10.0, 20.0]);
        assert_eq!(values(stream.clone().read_before_end(2).last_tokens()), [2.0, 5.0]);
        assert_eq!(stream.spans(), [Span { offset: 0, length: 5 }, Span { offset: 2, length: 3 }]);
    }
}
