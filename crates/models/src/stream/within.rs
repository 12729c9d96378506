//! Tokens put into the middle of texts.

use burn::tensor::{Int, Tensor};

use super::Stream;
use crate::lowered;

impl Stream {
    /// Puts the first `n_front` of these tokens in as a prompt, and the others as [`Stream::insert_within`] does. `tokens`:
    /// `[1 | batch, n, dim]`.
    #[must_use]
    pub fn insert_around(self, tokens: Tensor<3>, n_front: usize, behind: &[usize]) -> Self {
        let n = tokens.dims()[1];
        let stream = if n_front > 0 { self.insert_prompt(tokens.clone().narrow(1, 0, n_front)) } else { self };
        if n_front < n { stream.insert_within(tokens.narrow(1, n_front, n - n_front), behind) } else { stream }
    }

    /// Puts tokens into each row's content, behind this many of its own; they count as content. `tokens`:
    /// `[1 | batch, n, dim]`.
    ///
    /// # Panics
    /// On rows that branch, continue others or are filled up in front, and behind more tokens than a row has.
    #[must_use]
    pub fn insert_within(mut self, tokens: Tensor<3>, behind: &[usize]) -> Self {
        assert!(self.branches.is_none() && !self.is_continued(), "rows of whole texts");
        let [batch, seq, dim] = self.tokens.dims();
        let [rows, n, _] = tokens.dims();
        assert_eq!(batch, behind.len(), "one place a row");
        let tokens = lowered(tokens);
        let tokens = if rows == batch { tokens } else { tokens.expand([batch, n, dim]) };
        let joined = Tensor::cat(vec![self.tokens, tokens], 1).reshape([batch * (seq + n), dim]);
        let mut seats: Vec<i32> = Vec::with_capacity(batch * (seq + n));
        for (row, &behind) in behind.iter().enumerate() {
            let span = &mut self.spans[row];
            assert!(span.offset == 0 && behind <= span.length, "{behind} tokens of {span:?}");
            let (start, at) = (row * (seq + n), self.layout.front() + behind);
            seats.extend((0..at).chain(seq..seq + n).chain(at..seq).map(|seat| (start + seat) as i32));
            span.length += n;
            if self.ends[row] >= behind {
                self.ends[row] += n;
            }
        }
        let seats = Tensor::<1, Int>::from_ints(seats.as_slice(), &joined.device());
        self.tokens = joined.select(0, seats).reshape([batch, seq + n, dim]);
        self.layout.content += n;
        self
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use reprogram_taxonomy::Tower;

    use crate::{Span, Stream};

    #[test]
    fn each_row_gets_them_at_its_own_place() {
        let device = Device::flex();
        let hidden = Tensor::<3>::from_floats([[[0.0], [1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0], [7.0]]], &device);
        let spans = vec![Span { offset: 0, length: 3 }, Span { offset: 0, length: 2 }];
        let stream = Stream::new(hidden, Tower::Text, 1, spans);
        let stream = stream.insert_within(Tensor::full([1, 2, 1], -1.0, &device), &[1, 2]);
        let tokens: Vec<f32> = stream.hidden().try_into_vec_as().unwrap();
        assert_eq!(tokens, [0.0, 1.0, -1.0, -1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -1.0, -1.0, 7.0]);
        let last: Vec<f32> = stream.last_tokens().try_into_vec_as().unwrap();
        assert_eq!(last, [3.0, 6.0], "the second row's end stands in front of what was put in");
        assert_eq!(stream.layout().content, 5);
    }
}
