//! What each target does with the tensors that it got.

use reprogram_models::weights::Weights;

/// Elements of a file in all tensors together up to which they are decoded.
const MAX_ELEMENTS: usize = 1_000_000;

/// Decodes every tensor, and checks that it fills its shape.
pub fn decode(weights: &Weights<'_>) {
    let n = |name| weights.shape(name).map_or(0, |shape| shape.iter().product::<usize>());
    if weights.names().map(n).fold(0, usize::saturating_add) > MAX_ELEMENTS {
        return;
    }
    for name in weights.names() {
        let tensor = weights.tensor(name).expect("listed");
        assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>(), "{name}");
    }
}
