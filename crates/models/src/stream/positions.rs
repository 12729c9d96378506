//! Where a stream's tokens stand, counted over real tokens alone.

use burn::tensor::{Int, Tensor};

/// Positions of a stream's tokens.
#[derive(Debug, Clone)]
pub(crate) enum Positions {
    /// The same for every row, from here on.
    From(usize),
    /// `[batch, seq]`; padding has any.
    Each(Tensor<2, Int>),
}

impl Positions {
    /// On the host, one row an item.
    pub(crate) fn to_rows(&self, batch: usize, seq: usize) -> Vec<Vec<i64>> {
        match self {
            Self::From(start) => vec![(*start..start + seq).map(|position| position as i64).collect(); batch],
            Self::Each(positions) => {
                let values: Vec<i64> = positions.clone().try_into_vec_as().expect("positions are whole numbers");
                values.chunks(seq).map(<[i64]>::to_vec).collect()
            }
        }
    }

    /// Rows of a table `[position, width]` for `seq` tokens of each item: `[1 | batch, seq, width]`.
    pub(crate) fn rows(&self, table: &Tensor<2>, seq: usize) -> Tensor<3> {
        match self {
            Self::From(start) => table.clone().narrow(0, *start, seq).unsqueeze(),
            Self::Each(positions) => {
                let [batch, seq] = positions.dims();
                let width = table.dims()[1];
                table.clone().select(0, positions.clone().reshape([batch * seq])).reshape([batch, seq, width])
            }
        }
    }
}
