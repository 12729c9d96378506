//! Training items as f sees them: what fixed parts are made of, once, without a gradient and without the task loss.

use std::ops::Range;

use burn::tensor::Tensor;
use reprogram_models::{Backbone, Input, raised};

/// Labelled training items in front of f.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// f.
    pub backbone: &'a dyn Backbone,
    /// The items as f is fed them, in batches.
    pub inputs: &'a [Input],
    /// Their classes, over all batches.
    pub labels: &'a [usize],
    /// Classes, as declared.
    pub n_classes: usize,
}

impl Shown<'_> {
    /// The mean content token of each class at the embedding, or in front of each of these blocks, row-major
    /// `[place, class, dim]`: first over an item's tokens, then over items. A class that the draw lacks gets the mean of all.
    pub(crate) fn class_means(&self, blocks: Option<Range<usize>>) -> Vec<Vec<Vec<f32>>> {
        let places = blocks.clone().map_or(1, |blocks| blocks.len());
        let mut means = vec![Means::new(self.n_classes); places];
        let mut labels = self.labels.iter().copied();
        for input in self.inputs {
            let mut stream = self.backbone.embed(input.clone());
            let own: Vec<usize> = labels.by_ref().take(stream.spans().len()).collect();
            let Some(blocks) = blocks.clone() else {
                means[0].add(&own, stream.mean_tokens(false));
                continue;
            };
            for layer in 0..blocks.end {
                if let Some(place) = layer.checked_sub(blocks.start) {
                    means[place].add(&own, stream.mean_tokens(false));
                }
                if layer + 1 < blocks.end {
                    stream = self.backbone.block(layer, stream);
                }
            }
        }
        means.iter().map(Means::of_classes).collect()
    }

    /// Items by the order in which classes take turns, each class in the order of its items: the first of every class, then
    /// the second.
    pub(crate) fn in_turns(&self) -> Vec<usize> {
        let mut seen = vec![0usize; self.n_classes];
        let mut ranked: Vec<(usize, usize, usize)> = Vec::with_capacity(self.labels.len());
        for (item, &label) in self.labels.iter().enumerate() {
            ranked.push((seen[label], label, item));
            seen[label] += 1;
        }
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, _, item)| item).collect()
    }
}

/// Sums of vectors by class.
#[derive(Debug, Clone)]
struct Means {
    /// Sum and number of vectors of each class.
    classes: Vec<(Vec<f64>, usize)>,
}

impl Means {
    fn new(n_classes: usize) -> Self {
        Self { classes: vec![(Vec::new(), 0); n_classes] }
    }

    /// `vectors`: `[item, dim]`.
    fn add(&mut self, labels: &[usize], vectors: Tensor<2>) {
        let [_, dim] = vectors.dims();
        let values: Vec<f32> = raised(vectors).try_into_vec_as().expect("hidden states are floats");
        for (vector, &label) in values.chunks(dim).zip(labels) {
            let (sum, n) = &mut self.classes[label];
            sum.resize(dim, 0.0);
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
            *n += 1;
        }
    }

    fn of_classes(&self) -> Vec<Vec<f32>> {
        let dim = self.classes.iter().map(|(sum, _)| sum.len()).max().unwrap_or(0);
        let n_all: usize = self.classes.iter().map(|(_, n)| n).sum();
        let mut all = vec![0.0; dim];
        for (sum, _) in &self.classes {
            all.iter_mut().zip(sum).for_each(|(all, sum)| *all += sum / n_all as f64);
        }
        let mean = |(sum, n): &(Vec<f64>, usize)| {
            let values = if *n == 0 { all.clone() } else { sum.iter().map(|sum| sum / *n as f64).collect() };
            values.into_iter().map(|value| value as f32).collect()
        };
        self.classes.iter().map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_class_that_is_not_there_gets_the_mean_of_all() {
        let mut means = Means::new(3);
        means.add(&[0, 2], Tensor::from_floats([[1.0, 0.0], [3.0, 2.0]], &Device::flex()));
        means.add(&[0], Tensor::from_floats([[2.0, 4.0]], &Device::flex()));
        assert_eq!(means.of_classes(), [[1.5, 2.0], [2.0, 2.0], [3.0, 2.0]]);
    }
}
