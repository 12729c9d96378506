//! Rows of several programs in one stream: taken apart where each program acts, and put together where f does.

use burn::tensor::Tensor;

use super::{KeyValue, SideMap, Stream};

impl Stream {
    /// Groups of rows as streams of their own, in order.
    ///
    /// # Panics
    /// When the groups are not all rows, or something learned is already attached: a bug of the caller.
    pub fn split(self, groups: &[usize]) -> Vec<Self> {
        assert_eq!(groups.iter().sum::<usize>(), self.spans.len(), "every row belongs to a group");
        let has_none = self.cache.is_none() && self.prefix.is_none() && self.side_maps.is_none() && self.branches.is_none();
        assert!(has_none, "what is attached belongs to a group");
        let mut start = 0;
        let group = |&n: &usize| {
            let rows = start..start + n;
            start += n;
            Self {
                tokens: self.tokens.clone().narrow(0, rows.start, n),
                spans: self.spans[rows.clone()].to_vec(),
                ids: self.ids.as_ref().map(|ids| ids[rows.clone()].to_vec()),
                ends: self.ends[rows].to_vec(),
                masks: Vec::new(),
                ..self.clone()
            }
        };
        groups.iter().map(group).collect()
    }

    /// The rows of all streams, in order. What is attached to each goes with its rows.
    ///
    /// # Panics
    /// When there are none, or they differ in more than their rows: programs of one method treat their streams alike.
    pub fn join(streams: Vec<Self>) -> Self {
        let rows: Vec<usize> = streams.iter().map(|stream| stream.spans.len()).collect();
        let first = streams.first().expect("at least one stream").clone();
        assert!(
            streams.iter().all(|stream| (stream.layout, stream.shift, stream.tower) == (first.layout, first.shift, first.tower)),
            "streams of one layout"
        );
        let attached = |taken: Vec<Option<KeyValue>>| joined(taken, &rows, |KeyValue { key, value }, n| [over(key, n), over(value, n)]);
        let prefix = attached(streams.iter().map(|stream| stream.prefix.clone()).collect()).map(|[key, value]| KeyValue { key, value });
        let side_maps = (0..2).map(|which| {
            let taken = streams.iter().map(|stream| stream.side_maps.clone().map(|maps| maps[which].clone())).collect();
            joined(taken, &rows, |SideMap { down, up }, n| [over(down, n), over(up, n)]).map(|[down, up]| SideMap { down, up })
        });
        let side_maps = side_maps.collect::<Option<Vec<SideMap>>>().and_then(|pair| <[SideMap; 2]>::try_from(pair).ok());
        Self {
            ids: streams.iter().map(|stream| stream.ids.clone()).collect::<Option<Vec<_>>>().map(|ids| ids.concat()),
            spans: streams.iter().flat_map(|stream| stream.spans.clone()).collect(),
            ends: streams.iter().flat_map(|stream| stream.ends.clone()).collect(),
            tokens: Tensor::cat(streams.into_iter().map(|stream| stream.tokens).collect(), 0),
            masks: Vec::new(),
            prefix,
            side_maps,
            ..first
        }
    }
}

/// One row for all, repeated for each of `n`; as it is where each row has its own.
fn over<const D: usize>(tensor: Tensor<D>, n: usize) -> Tensor<D> {
    let mut shape = tensor.dims();
    if shape[0] == n {
        return tensor;
    }
    shape[0] = n;
    tensor.expand(shape)
}

/// What all streams have, or none has, row by row.
fn joined<T, const D: usize>(
    taken: Vec<Option<T>>,
    rows: &[usize],
    over_rows: impl Fn(T, usize) -> [Tensor<D>; 2],
) -> Option<[Tensor<D>; 2]> {
    let n = taken.len();
    let pairs: Vec<[Tensor<D>; 2]> = taken.into_iter().zip(rows).filter_map(|(one, &n)| one.map(|one| over_rows(one, n))).collect();
    assert!(pairs.is_empty() || pairs.len() == n, "all streams have it, or none");
    let (first, second): (Vec<_>, Vec<_>) = pairs.into_iter().map(|[first, second]| (first, second)).unzip();
    (!first.is_empty()).then(|| [Tensor::cat(first, 0), Tensor::cat(second, 0)])
}
