//! Keys and values of tokens that attention sees beside a stream's own: those of earlier tokens, and learned ones.

use burn::tensor::{Int, Tensor};

/// Keys and values of one block, as attention uses them (rotated, where the backbone rotates).
#[derive(Debug, Clone)]
pub struct KeyValue {
    /// `[batch, kv_head, past, head_dim]`
    pub key: Tensor<4>,
    /// `[batch, kv_head, past, head_dim]`
    pub value: Tensor<4>,
}

impl KeyValue {
    /// How many.
    pub fn len(&self) -> usize {
        self.key.dims()[2]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether gradients flow to what made them.
    pub(crate) fn is_tracked(&self) -> bool {
        self.key.is_tracked() || self.value.is_tracked()
    }

    /// These, then others: `[batch, kv_head, past + others, head_dim]`. One row stands for all rows of the other side.
    #[must_use]
    pub fn then(self, others: Self) -> Self {
        let rows = self.key.dims()[0].max(others.key.dims()[0]);
        let all = |tensor: Tensor<4>| {
            let [_, n_heads, n, head_dim] = tensor.dims();
            tensor.expand([rows, n_heads, n, head_dim])
        };
        let join = |first: Tensor<4>, second: Tensor<4>| Tensor::cat(vec![all(first), all(second)], 2);
        Self { key: join(self.key, others.key), value: join(self.value, others.value) }
    }
}

/// Keys and values of tokens that went through the blocks before, one entry a block.
#[derive(Debug, Clone, Default)]
pub struct KvCache {
    /// Of the tokens that all rows begin with, one row for all of them.
    pub(super) shared: Vec<KeyValue>,
    /// Of the tokens behind these.
    pub(super) layers: Vec<KeyValue>,
    /// For each row, whether each token in `layers` is a real one; empty before anything went through.
    pub(super) real: Vec<Vec<bool>>,
}

impl KvCache {
    /// Tokens in it, padding included.
    pub fn len(&self) -> usize {
        self.n_shared() + self.real.first().map_or(0, Vec::len)
    }

    fn n_shared(&self) -> usize {
        self.shared.first().map_or(0, KeyValue::len)
    }

    /// Real tokens in front of a row's own.
    pub(super) fn n_real(&self, row: usize) -> usize {
        self.n_shared() + self.real.get(row).map_or(0, |row| row.iter().filter(|&&real| real).count())
    }

    /// Whether nothing went through yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the block at `layer` left, padding included: a prefix made of a text's own keys and values, for example. Without
    /// what rows share.
    pub fn layer(&self, layer: usize) -> Option<&KeyValue> {
        self.layers.get(layer)
    }

    /// The past of these rows alone, in this order. At least one.
    #[must_use]
    pub fn rows(&self, rows: &[usize]) -> Self {
        let indices: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        let select = |tensor: &Tensor<4>| {
            let indices = Tensor::<1, Int>::from_ints(indices.as_slice(), &tensor.device());
            tensor.clone().select(0, indices)
        };
        let layers = self.layers.iter().map(|past| KeyValue { key: select(&past.key), value: select(&past.value) }).collect();
        Self { shared: self.shared.clone(), layers, real: rows.iter().map(|&row| self.real[row].clone()).collect() }
    }

    /// One row's past, repeated for `batch` rows.
    #[must_use]
    pub fn repeat(&self, batch: usize) -> Self {
        let repeat = |tensor: &Tensor<4>| tensor.clone().repeat_dim(0, batch);
        let layers = self.layers.iter().map(|past| KeyValue { key: repeat(&past.key), value: repeat(&past.value) }).collect();
        Self { shared: self.shared.clone(), layers, real: self.real.iter().flat_map(|row| vec![row.clone(); batch]).collect() }
    }

    /// One row's past, for any number of rows to continue; it is kept once, however many they are.
    ///
    /// # Panics
    /// With several rows, or with padding.
    #[must_use]
    pub fn shared(self) -> Self {
        assert!(self.real.len() <= 1 && self.real.iter().flatten().all(|&real| real), "what is shared is one row without padding");
        let own = Self { shared: self.layers, ..Self::default() };
        Self { shared: self.shared, ..Self::default() }.then_shared(&own)
    }

    /// What is shared in this one, then what is shared in the other.
    #[must_use]
    pub(crate) fn then_shared(self, other: &Self) -> Self {
        let shared = match (self.shared.is_empty(), other.shared.is_empty()) {
            (_, true) => self.shared,
            (true, false) => other.shared.clone(),
            (false, false) => self.shared.into_iter().zip(&other.shared).map(|(first, second)| first.then(second.clone())).collect(),
        };
        Self { shared, ..Self::default() }
    }

    /// What this stream's tokens left behind those that were shared, as shared itself.
    pub(crate) fn own_as_shared(self) -> Self {
        Self { shared: Vec::new(), ..self }.shared()
    }

    /// Whether gradients flow to what made it.
    pub(crate) fn is_tracked(&self) -> bool {
        self.shared.iter().chain(&self.layers).any(KeyValue::is_tracked)
    }
}
