//! Holm's step-down correction of p-values that are read together.
//!
//! # Reference
//! Holm, Scandinavian Journal of Statistics 6, 1979: `p̃_(i) = max_{j ≤ i} min(1, (m − j + 1) p_(j))`, and with weights (there, sec. 4), in the
//! order of `p / w`: `p̃_(i) = max_{j ≤ i} min(1, (w_(j) + … + w_(m)) p_(j) / w_(j))`.

/// The adjusted p-values, in the order given. Each is compared with the level as if it stood alone.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    weighted_holm(p_values, &vec![1.0; p_values.len()])
}

/// The same where questions have shares of the level, larger ones for those that matter more; only their ratios count.
///
/// # Panics
/// If there is not one positive weight a p-value.
pub fn weighted_holm(p_values: &[f64], weights: &[f64]) -> Vec<f64> {
    assert!(p_values.len() == weights.len() && weights.iter().all(|weight| *weight > 0.0), "one positive weight a p-value");
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| (p_values[a] / weights[a]).total_cmp(&(p_values[b] / weights[b])));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut running = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        let remaining: f64 = order[rank..].iter().map(|&other| weights[other]).sum();
        running = running.max((remaining / weights[index] * p_values[index]).min(1.0));
        adjusted[index] = running;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::interval::tests::{close, fixture};

    #[test]
    fn agrees_with_the_reference() {
        for case in fixture("holm") {
            let p: Vec<f64> = serde_json::from_value(case["p"].clone()).unwrap();
            let expected: Vec<f64> = serde_json::from_value(case["adjusted"].clone()).unwrap();
            for (adjusted, expected) in holm(&p).into_iter().zip(expected) {
                close(adjusted, expected, 1e-12);
            }
        }
    }

    #[test]
    fn half_of_the_level_for_one_question_leaves_half_for_the_others() {
        let weights = [3.0, 1.0, 1.0, 1.0];
        // The heavy one passes first, after which the others are corrected for three.
        for (adjusted, expected) in weighted_holm(&[0.02, 0.015, 0.4, 0.9], &weights).into_iter().zip([0.04, 0.045, 0.8, 0.9]) {
            close(adjusted, expected, 1e-12);
        }
        // It does not: the least of the others is corrected for all six shares.
        close(weighted_holm(&[0.5, 0.004, 0.4, 0.9], &weights)[1], 0.024, 1e-12);
    }

    proptest! {
        #[test]
        fn lies_between_the_raw_value_and_bonferroni(p in prop::collection::vec(0.0..=1.0_f64, 0..12)) {
            let bonferroni = p.len() as f64;
            for (raw, adjusted) in p.iter().zip(holm(&p)) {
                prop_assert!(*raw <= adjusted && adjusted <= (raw * bonferroni).min(1.0));
            }
        }

        #[test]
        fn keeps_the_order(p in prop::collection::vec(0.0..=1.0_f64, 2..12)) {
            let adjusted = holm(&p);
            for i in 0..p.len() {
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                }
            }
        }
    }
}
