//! Update rules.

use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, SgdConfig, SgdState, momentum::MomentumConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::Seed;
use crate::zeroth_order::{Estimate, ZerothOrder};

/// An update rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// Kingma and Ba, arXiv 1412.6980, β = (.9, .999), ε = 1e-8.
    Adam,
    /// The same with decoupled weight decay: Loshchilov and Hutter, arXiv 1711.05101.
    #[serde(rename = "adamw")]
    AdamW {
        /// Its factor.
        weight_decay: f64,
    },
    /// Stochastic gradient descent.
    Sgd {
        /// Heavy-ball momentum; zero is none.
        momentum: f64,
    },
    /// `w ← w − a · g / (‖g‖₂ + 1e-10)`, each tensor's gradient by its own length: EVP, arXiv 2212.10556, §3.2.
    NormalisedSgd,
    /// Losses only, two-sided: BlackVIP, arXiv 2303.14773.
    SpsaGc {
        /// Pairs of queries a step.
        pairs: usize,
        /// c, the size of a perturbation.
        perturbation: f64,
        /// γ: `c_k = c / k^γ`.
        decay: f64,
        /// β of the gradient correction.
        momentum: f64,
    },
    /// Losses only, one-sided along random directions: BAR, arXiv 2007.08714.
    Rgf {
        /// Directions a step.
        directions: usize,
        /// Length of a perturbation.
        radius: f64,
    },
}

/// An update rule at work.
pub enum Updates {
    /// It follows gradients.
    Gradients(ModuleOptimizer),
    /// It only asks for losses.
    Queries(Box<ZerothOrder>),
}

impl Optimizer {
    /// At the start of training.
    pub fn start(&self, seed: Seed) -> Updates {
        let queries = |estimate| Updates::Queries(Box::new(ZerothOrder::new(estimate, seed)));
        match *self {
            Self::Adam => Updates::Gradients(AdamConfig::new().with_epsilon(1e-8).init()),
            Self::AdamW { weight_decay } => {
                Updates::Gradients(AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(weight_decay as f32).init())
            }
            Self::Sgd { momentum } if momentum > 0.0 => {
                let momentum = MomentumConfig::new().with_momentum(momentum).with_dampening(0.0);
                Updates::Gradients(SgdConfig::new().with_momentum(Some(momentum)).init())
            }
            Self::Sgd { .. } => Updates::Gradients(SgdConfig::new().init()),
            Self::NormalisedSgd => Updates::Gradients(NormalisedSgd.into()),
            Self::SpsaGc { pairs, perturbation, decay, momentum } => queries(Estimate::SpsaGc { pairs, perturbation, decay, momentum }),
            Self::Rgf { directions, radius } => queries(Estimate::Rgf { directions, radius }),
        }
    }
}

#[derive(Clone)]
struct NormalisedSgd;

impl burn::optim::Optimizer for NormalisedSgd {
    /// Without momentum: nothing.
    type State<const D: usize> = SgdState<D>;

    fn step<const D: usize>(
        &self,
        rate: f64,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        _: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let length = gradient.clone().square().sum().sqrt().add_scalar(1e-10);
        (tensor - gradient.mul_scalar(rate) / length.unsqueeze(), None)
    }

    fn to_device<const D: usize>(state: Self::State<D>, _: &Device) -> Self::State<D> {
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::{Module, Param};
    use burn::optim::GradientsParams;

    #[derive(Module, Debug)]
    struct Line {
        weight: Param<Tensor<2>>,
    }

    /// After steps on `3 w₀ + 4 w₁` from (1, 1).
    fn stepped(optimizer: &Optimizer, rate: f64, n_steps: usize) -> Vec<f32> {
        let device = Device::flex().autodiff();
        let mut line = Line { weight: Param::from_tensor(Tensor::from_floats([[1.0, 1.0]], &device)) };
        let Updates::Gradients(mut updates) = optimizer.start(Seed::new(1)) else { panic!("{optimizer:?} follows gradients") };
        for _ in 0..n_steps {
            let loss = (line.weight.val() * Tensor::<2>::from_floats([[3.0, 4.0]], &device)).sum();
            let gradients = GradientsParams::from_grads(loss.backward(), &line);
            line = updates.step(rate, line, gradients);
        }
        line.weight.val().try_into_vec_as().unwrap()
    }

    fn close(found: &[f32], expected: [f32; 2]) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} instead of {expected:?}");
    }

    #[test]
    fn a_normalised_step_is_as_long_as_the_rate() {
        close(&stepped(&Optimizer::NormalisedSgd, 0.5, 1), [1.0 - 0.3, 1.0 - 0.4]);
        close(&stepped(&Optimizer::NormalisedSgd, 0.5, 3), [1.0 - 0.9, 1.0 - 1.2]);
    }

    #[test]
    fn momentum_sums_up_and_decay_is_decoupled() {
        close(&stepped(&Optimizer::Sgd { momentum: 0.0 }, 0.1, 2), [1.0 - 0.6, 1.0 - 0.8]);
        close(&stepped(&Optimizer::Sgd { momentum: 0.5 }, 0.1, 2), [1.0 - 0.3 * 2.5, 1.0 - 0.4 * 2.5]);
        // Adam's first step has the length of the rate in each entry; the decay takes rate · .5 · w off besides.
        close(&stepped(&Optimizer::AdamW { weight_decay: 0.5 }, 0.1, 1), [1.0 - 0.1 - 0.05, 1.0 - 0.1 - 0.05]);
    }

    #[test]
    fn rules_are_written_in_kebab_case() {
        let written = |optimizer: &Optimizer| serde_json::to_string(optimizer).unwrap();
        let spsa = Optimizer::SpsaGc { pairs: 5, perturbation: 0.01, decay: 0.1, momentum: 0.9 };
        let all = [Optimizer::Adam, Optimizer::AdamW { weight_decay: 0.01 }, Optimizer::NormalisedSgd, spsa];
        for optimizer in &all {
            assert_eq!(&serde_json::from_str::<Optimizer>(&written(optimizer)).unwrap(), optimizer);
        }
        assert_eq!(
            all.each_ref().map(written).join(" "),
            r#""adam" {"adamw":{"weight-decay":0.01}} "normalised-sgd" {"spsa-gc":{"pairs":5,"perturbation":0.01,"decay":0.1,"momentum":0.9}}"#
        );
    }
}
