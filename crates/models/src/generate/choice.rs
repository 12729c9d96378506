//! The next token, from the scores of all.
//!
//! # Reference
//! Fan et al., arXiv 1805.04833 (top-k); Holtzman et al., arXiv 1904.09751 (top-p). In the order of transformers: the
//! temperature first, then the `k` best, then of these the fewest that have `p` of the probability together.

use std::num::NonZeroUsize;

/// Sampling that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SamplingError {
    /// Of scores.
    #[error("temperature {0} is not a positive number\n  help: for the most likely token, decode greedily")]
    Temperature(f64),
    /// Of probabilities.
    #[error("top-p {0} is not above 0 and at most 1")]
    TopP(f64),
}

/// Drawing from the probabilities of the next token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    temperature: f64,
    top_k: Option<NonZeroUsize>,
    top_p: Option<f64>,
}

impl Sampling {
    /// Scores are divided by `temperature`; then only the `top_k` best may be drawn, and of these only the fewest that have
    /// `top_p` of the probability together.
    pub fn new(temperature: f64, top_k: Option<NonZeroUsize>, top_p: Option<f64>) -> Result<Self, SamplingError> {
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(SamplingError::Temperature(temperature));
        }
        match top_p.filter(|p| !(*p > 0.0 && *p <= 1.0)) {
            Some(p) => Err(SamplingError::TopP(p)),
            None => Ok(Self { temperature, top_k, top_p }),
        }
    }

    /// The token at `point` (0 to 1) of the cumulated probabilities, the likeliest first. `logits`: `[vocabulary]`.
    pub(super) fn choose(&self, logits: &[f32], point: f64) -> u32 {
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        let logit = |id: &u32| f64::from(logits[*id as usize]) / self.temperature;
        order.sort_by(|a, b| logit(b).total_cmp(&logit(a)).then(a.cmp(b)));
        order.truncate(self.top_k.map_or(usize::MAX, NonZeroUsize::get));
        let highest = order.first().map_or(0.0, logit);
        let mut weights: Vec<f64> = order.iter().map(|id| (logit(id) - highest).exp()).collect();
        if let Some(top_p) = self.top_p {
            let enough = top_p * weights.iter().sum::<f64>();
            let mut sum = 0.0;
            let reached = weights.iter().position(|weight| {
                sum += weight;
                sum >= enough
            });
            weights.truncate(reached.map_or(weights.len(), |last| last + 1));
        }
        let mut left = point * weights.iter().sum::<f64>();
        let drawn = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        order[drawn.unwrap_or(weights.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reachable(sampling: Result<Sampling, SamplingError>) -> Vec<u32> {
        // Probabilities 0.1, 0.4, 0.3, 0.2.
        let logits = [0.1f32, 0.4, 0.3, 0.2].map(f32::ln);
        let mut ids: Vec<u32> = (0..100).map(|i| sampling.unwrap().choose(&logits, f64::from(i) / 100.0)).collect();
        ids.dedup();
        ids
    }

    #[test]
    fn few_likely_tokens_are_kept() {
        assert_eq!(reachable(Sampling::new(1.0, None, None)), [1, 2, 3, 0]);
        assert_eq!(reachable(Sampling::new(1.0, NonZeroUsize::new(2), None)), [1, 2]);
        assert_eq!(reachable(Sampling::new(1.0, None, Some(0.65))), [1, 2]);
        assert_eq!(reachable(Sampling::new(1.0, None, Some(0.75))), [1, 2, 3]);
        // Of the two best, the first alone has 4/7.
        assert_eq!(reachable(Sampling::new(1.0, NonZeroUsize::new(2), Some(0.5))), [1]);
        assert_eq!(Sampling::new(1.0, None, None).unwrap().choose(&[1.0, 1.0], 0.0), 0);
        assert_eq!(Sampling::new(1.0, None, None).unwrap().choose(&[1.0, 1.0], 1.0), 1);
    }

    #[test]
    fn a_low_temperature_sharpens() {
        let share = |temperature: f64| {
            let sampling = Sampling::new(temperature, None, None).unwrap();
            (0..1000).filter(|i| sampling.choose(&[0.0, 1.0], f64::from(*i) / 1000.0) == 1).count()
        };
        // 1 / (1 + e^(-1/T))
        assert_eq!([share(1.0), share(0.5), share(2.0)], [732, 881, 623]);
    }

    #[test]
    fn nonsense_is_refused() {
        let errors = [Sampling::new(0.0, None, None), Sampling::new(f64::NAN, None, None), Sampling::new(1.0, None, Some(1.5))];
        insta::assert_snapshot!(errors.map(|error| error.unwrap_err().to_string()).join("\n"));
    }
}
