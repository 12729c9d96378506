//! Joint counts of (source prediction, target label): what statistical alignments are made of.
//!
//! # Reference
//! Chen et al., CVPR 2023, arXiv 2211.11635 (ILM-VP); Cai et al., NeurIPS 2024 (BLM). Sized by the *declared* class
//! counts, never by the labels seen.

use burn::tensor::Tensor;

/// `counts[source][target]`, in weights rather than whole numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    n_source: usize,
    n_target: usize,
    values: Vec<f64>,
}

impl Counts {
    /// No counts.
    pub fn zeros(n_source: usize, n_target: usize) -> Self {
        Self { n_source, n_target, values: vec![0.0; n_source * n_target] }
    }

    /// One count an item, at its highest source score; ties go to the lower index. `scores`: `[item, source]`.
    pub fn of_predictions(scores: &Tensor<2>, labels: &[usize], n_target: usize) -> Self {
        let n_source = scores.dims()[1];
        let mut counts = Self::zeros(n_source, n_target);
        for (row, &label) in rows(scores).chunks(n_source).zip(labels) {
            counts.add(argmax(row), label, 1.0);
        }
        counts
    }

    /// The `top` highest softmax probabilities of each item. `scores`: logits `[item, source]`.
    pub fn of_probabilities(scores: &Tensor<2>, labels: &[usize], n_target: usize, top: usize) -> Self {
        let n_source = scores.dims()[1];
        let mut counts = Self::zeros(n_source, n_target);
        for (row, &label) in rows(scores).chunks(n_source).zip(labels) {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f64 = row.iter().map(|score| f64::from(score - largest).exp()).sum();
            let mut order: Vec<usize> = (0..n_source).collect();
            order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
            for &source in order.iter().take(top) {
                counts.add(source, label, f64::from(row[source] - largest).exp() / total);
            }
        }
        counts
    }

    /// Adds to one entry.
    pub fn add(&mut self, source: usize, target: usize, weight: f64) {
        self.values[source * self.n_target + target] += weight;
    }

    /// Greedy one-to-one map, target → source: [`Counts::many_to_one`] with one source a target.
    ///
    /// # Panics
    /// With fewer source than target classes: a misfit, found before.
    pub fn one_to_one(&self) -> Vec<usize> {
        self.many_to_one(1).into_iter().flatten().collect()
    }

    /// Greedy map, target → `per_class` sources: take the largest entry left, then drop its row, and its column when it has
    /// enough. Ties go to the lower source, then the lower target. A target never seen takes the lowest sources left.
    ///
    /// # Panics
    /// With fewer than `per_class` source classes for each target class: a misfit, found before.
    pub fn many_to_one(&self, per_class: usize) -> Vec<Vec<usize>> {
        assert!(self.n_source >= per_class * self.n_target, "checked when the part was built");
        let mut taken = vec![false; self.n_source];
        let mut map: Vec<Vec<usize>> = vec![Vec::with_capacity(per_class); self.n_target];
        for _ in 0..per_class * self.n_target {
            let free = (0..self.n_source).filter(|&s| !taken[s]).flat_map(|s| (0..self.n_target).map(move |t| (s, t)));
            let free = free.filter(|&(_, t)| map[t].len() < per_class);
            let best = free.reduce(|best, entry| if self.at(entry) > self.at(best) { entry } else { best });
            let (source, target) = best.expect("a source and a target are left");
            taken[source] = true;
            map[target].push(source);
        }
        map
    }

    /// The `per_class` sources that each target is most often seen at, whatever others take. Ties go to the lower source.
    pub fn most_frequent(&self, per_class: usize) -> Vec<Vec<usize>> {
        let of_target = |target: usize| {
            let mut sources: Vec<usize> = (0..self.n_source).collect();
            sources.sort_by(|&a, &b| self.at((b, target)).total_cmp(&self.at((a, target))).then(a.cmp(&b)));
            sources.truncate(per_class);
            sources
        };
        (0..self.n_target).map(of_target).collect()
    }

    /// `ω[s, t] = M[s, t] / Σ_s' M[s', t]` with `M[s, t] = C[s, t] / (Σ_t' C[s, t'] + λ)`, row-major. A class without any
    /// count, whose column would be 0 / 0, is spread evenly over all sources.
    pub fn bayesian(&self, smoothing: f64) -> Vec<f32> {
        let conditional: Vec<f64> = self
            .values
            .chunks(self.n_target)
            .flat_map(|row| {
                let total: f64 = row.iter().sum::<f64>() + smoothing;
                row.iter().map(move |count| if total > 0.0 { count / total } else { 0.0 })
            })
            .collect();
        let column_sum = |target: usize| conditional.iter().skip(target).step_by(self.n_target).sum::<f64>();
        let sums: Vec<f64> = (0..self.n_target).map(column_sum).collect();
        let even = 1.0 / self.n_source as f64;
        let normalise = |(i, value): (usize, &f64)| {
            let sum = sums[i % self.n_target];
            (if sum > 0.0 { value / sum } else { even }) as f32
        };
        conditional.iter().enumerate().map(normalise).collect()
    }

    fn at(&self, (source, target): (usize, usize)) -> f64 {
        self.values[source * self.n_target + target]
    }
}

/// The index of the highest score; ties go to the lower one.
pub(crate) fn argmax(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// A 0/1 matrix `[source, target]` from a map target → source.
pub(crate) fn one_hot(map: &[usize], n_source: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; n_source * map.len()];
    for (target, &source) in map.iter().enumerate() {
        matrix[source * map.len() + target] = 1.0;
    }
    matrix
}

fn rows(scores: &Tensor<2>) -> Vec<f32> {
    scores.try_to_vec_as().expect("scores are floats")
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use proptest::prelude::*;

    fn counts(n_target: usize, values: &[f64]) -> Counts {
        Counts { n_source: values.len() / n_target, n_target, values: values.to_vec() }
    }

    #[test]
    fn greedy_takes_the_largest_first() {
        // The largest entry is (1, 0); class 1 then gets source 0 although it, too, was seen most often at source 1.
        assert_eq!(counts(2, &[1.0, 2.0, 9.0, 8.0, 0.0, 0.0]).one_to_one(), [1, 0]);
    }

    #[test]
    fn many_to_one_shares_no_source_and_the_most_frequent_may() {
        // Sources 0 and 2 are seen as class 0; source 1 more often as class 1 than as class 0; source 3 never.
        let counts = counts(2, &[5.0, 1.0, 6.0, 7.0, 4.0, 0.0, 0.0, 0.0]);
        assert_eq!(counts.many_to_one(2), [vec![0, 2], vec![1, 3]]);
        assert_eq!(counts.most_frequent(2), [vec![1, 0], vec![1, 0]]);
        assert_eq!(counts.most_frequent(1), [vec![1], vec![1]]);
    }

    #[test]
    fn an_absent_class_gets_a_source_of_its_own() {
        assert_eq!(counts(3, &[5.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0]).one_to_one(), [0, 1, 2]);
    }

    #[test]
    fn bayesian_columns_are_distributions_even_without_counts() {
        let omega = counts(2, &[3.0, 0.0, 1.0, 0.0]).bayesian(1.0);
        // M = [3/4, 1/2]; the second class was never seen.
        assert!((omega[0] - 0.6).abs() < 1e-6 && (omega[2] - 0.4).abs() < 1e-6, "{omega:?}");
        assert!((omega[1] - 0.5).abs() < 1e-6 && (omega[3] - 0.5).abs() < 1e-6, "{omega:?}");
    }

    #[test]
    fn probabilities_count_only_the_top() {
        let scores = Tensor::<2>::from_floats([[2.0, 1.0, 0.0]], &Device::flex());
        let counts = Counts::of_probabilities(&scores, &[1], 2, 1);
        let p = 1.0 / (1.0 + (-1f64).exp() + (-2f64).exp());
        assert!((counts.at((0, 1)) - p).abs() < 1e-6);
        assert!(counts.at((1, 1)).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn one_to_one_is_injective(values in proptest::collection::vec(0u8..4, 24)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let mut map = counts(4, &values).one_to_one();
            map.sort_unstable();
            map.dedup();
            prop_assert_eq!(map.len(), 4);
        }

        #[test]
        fn bayesian_columns_sum_to_one(values in proptest::collection::vec(0u8..4, 24), smoothing in 0.0f64..2.0) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let omega = counts(4, &values).bayesian(smoothing);
            for target in 0..4 {
                let sum: f32 = omega.iter().skip(target).step_by(4).sum();
                prop_assert!((sum - 1.0).abs() < 1e-5);
            }
        }
    }
}
