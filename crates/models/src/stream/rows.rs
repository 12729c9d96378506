//! Rows of a stream on the host: taken apart in front of a block, kept, and put together again, in any company.

use burn::tensor::{Tensor, TensorData};
use reprogram_taxonomy::Tower;

use super::{Layout, Span, Stream};
use crate::{in_f32, lowered, raised};

/// What one row of a stream is in front of a block, without padding: all that is needed to go on from there.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRow {
    /// The encoder that it flows through.
    pub tower: Tower,
    /// Tokens of the backbone's own in front.
    pub special: usize,
    /// Prompt tokens behind them.
    pub prompt: usize,
    /// Tokens of the item.
    pub content: usize,
    /// The content token that it is read at.
    pub end: usize,
    /// Positions taken by learned keys and values.
    pub shift: usize,
    /// `[special + prompt + content, dim]`, row-major, in f32, which holds what 16 bits do.
    pub hidden: Vec<f32>,
}

impl StreamRow {
    /// Special, prompt and content tokens.
    pub const fn n_tokens(&self) -> usize {
        self.special + self.prompt + self.content
    }
}

impl Stream {
    /// Its rows, on the host.
    ///
    /// # Panics
    /// When something is attached that is not a row's own (a cache, a prefix), or positions are still to be added: a bug of
    /// the caller, who asks in front of the second block or later.
    pub fn into_rows(self) -> Vec<StreamRow> {
        let has_none = self.cache.is_none() && self.prefix.is_none() && self.side_maps.is_none() && self.branches.is_none();
        assert!(has_none && self.seats.is_none(), "rows are taken apart between blocks, with nothing attached");
        let [_, seq, dim] = self.tokens.dims();
        let Layout { special, prompt, .. } = self.layout;
        let values: Vec<f32> = raised(self.tokens).try_into_vec_as().expect("hidden states are floats");
        let rows = values.chunks(seq * dim).zip(self.spans.iter().zip(&self.ends));
        let row = |(values, (span, &end)): (&[f32], (&Span, &usize))| {
            let front = (special + prompt) * dim;
            let content = front + span.offset * dim;
            let hidden = [&values[..front], &values[content..content + span.length * dim]].concat();
            StreamRow { tower: self.tower, special, prompt, content: span.length, end, shift: self.shift, hidden }
        };
        rows.map(row).collect()
    }

    /// Rows together, short ones filled up behind, in the floats of this device.
    ///
    /// # Panics
    /// When there are none, or they are rows of different towers or layouts: a bug of the caller.
    pub fn from_rows(rows: &[&StreamRow], device: &burn::tensor::Device) -> Self {
        let first = rows.first().expect("at least one row");
        let alike =
            |row: &&StreamRow| (row.tower, row.special, row.prompt, row.shift) == (first.tower, first.special, first.prompt, first.shift);
        assert!(rows.iter().all(alike), "rows of one layout");
        let dim = first.hidden.len() / first.n_tokens();
        let content = rows.iter().map(|row| row.content).max().unwrap_or(0);
        let seq = first.special + first.prompt + content;
        let mut values = vec![0.0; rows.len() * seq * dim];
        for (seat, row) in values.chunks_mut(seq * dim).zip(rows) {
            seat[..row.hidden.len()].copy_from_slice(&row.hidden);
        }
        let tokens = lowered(Tensor::<3>::from_data(TensorData::new(values, [rows.len(), seq, dim]), in_f32(device)));
        let spans = rows.iter().map(|row| Span { offset: 0, length: row.content }).collect();
        let mut stream =
            Self::new(tokens, first.tower, first.special + first.prompt, spans).read_at(rows.iter().map(|row| row.end).collect());
        stream.layout = Layout { special: first.special, prompt: first.prompt, content };
        stream.shift = first.shift;
        stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn values(stream: &Stream) -> Vec<f32> {
        stream.hidden().try_into_vec_as().unwrap()
    }

    #[test]
    fn rows_keep_what_is_real_whatever_the_company() {
        let device = Device::flex();
        let hidden = Tensor::<1, burn::tensor::Int>::arange(0..2 * 5 * 2, &device).float().reshape([2, 5, 2]);
        let spans = vec![Span { offset: 0, length: 4 }, Span { offset: 2, length: 2 }];
        let stream = Stream::new(hidden, Tower::Text, 1, spans);
        let rows = stream.clone().into_rows();
        assert_eq!(rows[1].hidden, [10.0, 11.0, 16.0, 17.0, 18.0, 19.0]);
        let alone = Stream::from_rows(&[&rows[1]], &device);
        assert_eq!(values(&alone), rows[1].hidden);
        let swapped = Stream::from_rows(&[&rows[1], &rows[0]], &device);
        assert_eq!(swapped.layout(), stream.layout());
        assert_eq!(swapped.clone().into_rows(), [rows[1].clone(), rows[0].clone()]);
        let last = |stream: &Stream| -> Vec<f32> { stream.last_tokens().try_into_vec_as().unwrap() };
        assert_eq!(last(&swapped)[..2], last(&stream)[2..]);
    }
}
