//! A recurrent network over the tokens of a prompt, as parts are made of.

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation::sigmoid};
use rand::RngExt;

use crate::affine::Affine;

/// Both directions, layer on layer: `[tokens, in]` to `[tokens, 2 · hidden]`.
#[derive(Module, Debug)]
pub(crate) struct BiLstm {
    /// From the left and from the right.
    layers: Vec<[Direction; 2]>,
}

/// One direction of one layer: `c = σ(f) c + σ(i) tanh(g)`, `h = σ(o) tanh(c)`, with `[i, f, g, o] = x W + b + h U + c`.
#[derive(Module, Debug)]
struct Direction {
    /// `[in, 4 · hidden]`, PyTorch's order of gates.
    input: Affine,
    /// `[hidden, 4 · hidden]`
    state: Affine,
    #[module(skip)]
    hidden: usize,
}

impl BiLstm {
    /// All numbers from U(−1/√hidden, 1/√hidden), as PyTorch starts.
    pub(crate) fn uniform(n_in: usize, hidden: usize, n_layers: usize, rng: &mut impl RngExt, device: &Device) -> Self {
        let bound = 1.0 / (hidden as f32).sqrt();
        let mut direction = |n_in: usize| Direction {
            input: Affine::within(bound, [n_in, 4 * hidden], rng, device),
            state: Affine::within(bound, [hidden, 4 * hidden], rng, device),
            hidden,
        };
        let layers = (0..n_layers).map(|layer| if layer == 0 { n_in } else { 2 * hidden });
        Self { layers: layers.map(|n_in| [direction(n_in), direction(n_in)]).collect() }
    }

    /// Every token sees those on both of its sides.
    pub(crate) fn forward(&self, tokens: Tensor<2>) -> Tensor<2> {
        self.layers.iter().fold(tokens, |tokens, [from_left, from_right]| {
            let n = tokens.dims()[0];
            let right = from_right.forward(&tokens, (0..n).rev());
            Tensor::cat(vec![from_left.forward(&tokens, 0..n), right.flip([0])], 1)
        })
    }
}

impl Direction {
    /// States in the order in which tokens are read, `[tokens, hidden]`.
    fn forward(&self, tokens: &Tensor<2>, order: impl Iterator<Item = usize>) -> Tensor<2> {
        let gates = [0, 1, 2, 3].map(|gate| self.input.columns(tokens.clone(), gate * self.hidden, self.hidden));
        let zeros = || Tensor::zeros([1, self.hidden], &gates[0].device());
        let (mut state, mut memory) = (zeros(), zeros());
        let mut states = Vec::with_capacity(tokens.dims()[0]);
        for token in order {
            let gate =
                |gate: usize| gates[gate].clone().narrow(0, token, 1) + self.state.columns(state.clone(), gate * self.hidden, self.hidden);
            let [input, forget, new, output] = [0, 1, 2, 3].map(gate);
            memory = sigmoid(forget) * memory + sigmoid(input) * new.tanh();
            state = sigmoid(output) * memory.clone().tanh();
            states.push(state.clone());
        }
        Tensor::cat(states, 0)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{ModuleVisitor, Param};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Weights and biases in the order of the fields.
    fn numbers(direction: &Direction) -> Vec<Vec<f32>> {
        struct Collect(Vec<Vec<f32>>);
        impl ModuleVisitor for Collect {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0.push(param.val().try_into_vec_as().unwrap());
            }
        }
        let mut collect = Collect(Vec::new());
        direction.visit(&mut collect);
        collect.0
    }

    /// The equations, number by number.
    fn by_hand(direction: &Direction, tokens: &[[f32; 2]], hidden: usize) -> Vec<Vec<f32>> {
        let [w, b, u, c]: [Vec<f32>; 4] = numbers(direction).try_into().unwrap();
        let logistic = |x: f32| 1.0 / (1.0 + (-x).exp());
        let (mut state, mut memory) = (vec![0.0f32; hidden], vec![0.0f32; hidden]);
        let step = |token: &[f32; 2]| {
            let gate = |column: usize, state: &[f32]| {
                let own: f32 = (0..2).map(|i| token[i] * w[i * 4 * hidden + column]).sum();
                let before: f32 = (0..hidden).map(|i| state[i] * u[i * 4 * hidden + column]).sum();
                own + b[column] + before + c[column]
            };
            let before = state.clone();
            for unit in 0..hidden {
                let [input, forget, new, output] = [0, 1, 2, 3].map(|at| gate(at * hidden + unit, &before));
                memory[unit] = logistic(forget) * memory[unit] + logistic(input) * new.tanh();
                state[unit] = logistic(output) * memory[unit].tanh();
            }
            state.clone()
        };
        tokens.iter().map(step).collect()
    }

    #[test]
    fn both_directions_are_the_equations() {
        let device = Device::flex();
        let lstm = BiLstm::uniform(2, 3, 1, &mut ChaCha8Rng::seed_from_u64(1), &device);
        let tokens = [[0.3, -1.0], [2.0, 0.5], [-0.7, 0.1], [1.1, 1.3]];
        let found: Vec<f32> = lstm.forward(Tensor::from_floats(tokens, &device)).try_into_vec_as().unwrap();
        let [from_left, from_right] = &lstm.layers[0];
        let left = by_hand(from_left, &tokens, 3);
        let mut turned = tokens;
        turned.reverse();
        let mut right = by_hand(from_right, &turned, 3);
        right.reverse();
        let expected: Vec<f32> = left.iter().zip(&right).flat_map(|(left, right)| [left.clone(), right.clone()].concat()).collect();
        let furthest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(found.len() == expected.len() && furthest < 1e-6, "{furthest}");
    }
}
