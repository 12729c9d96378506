//! Functions of many numbers at once, in f32.
//!
//! # Reference
//! exp: range reduction by ln 2 in two parts and the polynomial of the Cephes library (`expf`). Error function: Abramowitz and
//! Stegun, Handbook of Mathematical Functions, 7.1.26, absolute error below 1.5e-7.

use pulp::Simd;

use crate::blocks::Activation;

/// `eˣ`, within 2e-7 of itself; 0 below −87.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let vanishes = simd.less_than_f32s(x, simd.splat_f32s(-87.0));
    let x = simd.min_f32s(simd.max_f32s(x, simd.splat_f32s(-87.0)), simd.splat_f32s(88.3));
    // Adding 1.5 · 2²³ leaves the nearest whole number in the lowest bits.
    let magic = simd.splat_f32s(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), magic);
    let whole = simd.sub_f32s(shifted, magic);
    let rest = simd.mul_add_e_f32s(whole, simd.splat_f32s(-0.693_359_4), x);
    let rest = simd.mul_add_e_f32s(whole, simd.splat_f32s(2.121_944_4e-4), rest);
    let mut sum = simd.splat_f32s(1.987_569_2e-4);
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        sum = simd.mul_add_e_f32s(sum, rest, simd.splat_f32s(coefficient));
    }
    let fraction = simd.add_f32s(simd.mul_add_e_f32s(sum, simd.mul_f32s(rest, rest), rest), simd.splat_f32s(1.0));
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let power = simd.add_u32s(exponent, simd.splat_u32s(127 << 23));
    simd.select_f32s(vanishes, simd.splat_f32s(0.0), simd.mul_f32s(fraction, simd.transmute_f32s_u32s(power)))
}

/// An activation and its derivative.
#[inline(always)]
pub(super) fn activate<S: Simd>(simd: S, activation: Activation, x: S::f32s) -> (S::f32s, S::f32s) {
    match activation {
        Activation::Gelu => {
            let density = simd.mul_f32s(exp(simd, simd.mul_f32s(simd.mul_f32s(x, x), simd.splat_f32s(-0.5))), simd.splat_f32s(0.5));
            let scale = 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2;
            let t =
                simd.div_f32s(simd.splat_f32s(1.0), simd.mul_add_e_f32s(simd.abs_f32s(x), simd.splat_f32s(scale), simd.splat_f32s(1.0)));
            let mut sum = simd.splat_f32s(1.061_405_4);
            for coefficient in [-1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
                sum = simd.mul_add_e_f32s(sum, t, simd.splat_f32s(coefficient));
            }
            // That of −|x|.
            let tail = simd.mul_f32s(simd.mul_f32s(sum, t), density);
            let phi = simd.select_f32s(simd.less_than_f32s(x, simd.splat_f32s(0.0)), tail, simd.sub_f32s(simd.splat_f32s(1.0), tail));
            // 2 / √(2π) times the half above.
            let slope = simd.mul_add_e_f32s(simd.mul_f32s(x, density), simd.splat_f32s(0.797_884_6), phi);
            (simd.mul_f32s(x, phi), slope)
        }
        Activation::QuickGelu => gated(simd, x, simd.mul_f32s(x, simd.splat_f32s(1.702)), simd.splat_f32s(1.702)),
        Activation::Silu => gated(simd, x, x, simd.splat_f32s(1.0)),
        Activation::GeluTanh => {
            let scale = 2.0 * 0.797_884_6_f32;
            let square = simd.mul_f32s(x, x);
            let argument = simd.mul_f32s(x, simd.mul_add_e_f32s(square, simd.splat_f32s(0.044_715 * scale), simd.splat_f32s(scale)));
            gated(simd, x, argument, simd.mul_add_e_f32s(square, simd.splat_f32s(3.0 * 0.044_715 * scale), simd.splat_f32s(scale)))
        }
        Activation::Relu => {
            let positive = simd.greater_than_f32s(x, simd.splat_f32s(0.0));
            (simd.select_f32s(positive, x, simd.splat_f32s(0.0)), simd.select_f32s(positive, simd.splat_f32s(1.0), simd.splat_f32s(0.0)))
        }
    }
}

/// `x σ(u)` and its derivative, where `slope` is `u`'s.
#[inline(always)]
fn gated<S: Simd>(simd: S, x: S::f32s, u: S::f32s, slope: S::f32s) -> (S::f32s, S::f32s) {
    let one = simd.splat_f32s(1.0);
    let sigmoid = simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(u))));
    let product = simd.mul_f32s(x, sigmoid);
    // σ + x σ (1 − σ) u'
    let rest = simd.mul_f32s(simd.mul_f32s(product, simd.sub_f32s(one, sigmoid)), slope);
    (product, simd.add_f32s(sigmoid, rest))
}

/// Applies an activation in place and writes its derivatives.
#[inline(always)]
pub(super) fn activate_row<S: Simd>(simd: S, activation: Activation, x: &mut [f32], slopes: &mut [f32]) {
    let (vectors, rest) = S::as_mut_simd_f32s(x);
    let (slope_vectors, slope_rest) = S::as_mut_simd_f32s(slopes);
    for (x, slope) in vectors.iter_mut().zip(slope_vectors) {
        (*x, *slope) = activate(simd, activation, *x);
    }
    if !rest.is_empty() {
        let (value, slope) = activate(simd, activation, simd.partial_load_f32s(rest));
        simd.partial_store_f32s(rest, value);
        simd.partial_store_f32s(slope_rest, slope);
    }
}

/// `Σ a b`
#[inline(always)]
pub(super) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    let mut sums = [simd.splat_f32s(0.0); 2];
    let ((pairs, odd), (others, other_odd)) = (a.as_chunks::<2>(), b.as_chunks::<2>());
    for (pair, other) in pairs.iter().zip(others) {
        sums[0] = simd.mul_add_e_f32s(pair[0], other[0], sums[0]);
        sums[1] = simd.mul_add_e_f32s(pair[1], other[1], sums[1]);
    }
    for (&a, &b) in odd.iter().zip(other_odd) {
        sums[0] = simd.mul_add_e_f32s(a, b, sums[0]);
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1])) + rest
}

/// `Σ a`
#[inline(always)]
pub(super) fn sum<S: Simd>(simd: S, a: &[f32]) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(a);
    let mut sums = [simd.splat_f32s(0.0); 2];
    let (pairs, odd) = vectors.as_chunks::<2>();
    for pair in pairs {
        sums[0] = simd.add_f32s(sums[0], pair[0]);
        sums[1] = simd.add_f32s(sums[1], pair[1]);
    }
    for &a in odd {
        sums[0] = simd.add_f32s(sums[0], a);
    }
    simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1])) + rest.iter().sum::<f32>()
}

/// `Σ (a − mean)²`
#[inline(always)]
pub(super) fn squares<S: Simd>(simd: S, a: &[f32], mean: f32) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(a);
    let (mut sums, means) = (simd.splat_f32s(0.0), simd.splat_f32s(mean));
    for &a in vectors {
        let difference = simd.sub_f32s(a, means);
        sums = simd.mul_add_e_f32s(difference, difference, sums);
    }
    simd.reduce_sum_f32s(sums) + rest.iter().map(|a| (a - mean) * (a - mean)).sum::<f32>()
}

/// The largest.
#[inline(always)]
pub(super) fn max<S: Simd>(simd: S, a: &[f32]) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(a);
    let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
    for &a in vectors {
        largest = simd.max_f32s(largest, a);
    }
    rest.iter().copied().fold(simd.reduce_max_f32s(largest), f32::max)
}

/// `e^(a − shift)` in place; their sum.
#[inline(always)]
pub(super) fn exp_row<S: Simd>(simd: S, a: &mut [f32], shift: f32) -> f32 {
    let (vectors, rest) = S::as_mut_simd_f32s(a);
    let (mut sums, shifts) = (simd.splat_f32s(0.0), simd.splat_f32s(shift));
    for a in vectors {
        *a = exp(simd, simd.sub_f32s(*a, shifts));
        sums = simd.add_f32s(sums, *a);
    }
    if !rest.is_empty() {
        let values = exp(simd, simd.sub_f32s(simd.partial_load_f32s(rest), shifts));
        simd.partial_store_f32s(rest, values);
    }
    simd.reduce_sum_f32s(sums) + rest.iter().sum::<f32>()
}

/// A derivative of an activation in 16 bits: from −¼ to 1¼, off by 1.2e-5 at most.
#[inline(always)]
pub(super) fn shorten(slopes: &[f32], into: &mut [u16]) {
    for (short, &slope) in into.iter_mut().zip(slopes) {
        // Adding 2²³ leaves the nearest whole number in the lowest bits.
        *short = ((slope + 0.25) * SHORT + 8_388_608.0).to_bits() as u16;
    }
}

/// Multiplies by derivatives that [`shorten`] wrote.
#[inline(always)]
pub(super) fn times_short(values: &mut [f32], shorts: &[u16]) {
    for (value, &short) in values.iter_mut().zip(shorts) {
        *value *= f32::from(short) * (1.0 / SHORT) - 0.25;
    }
}

const SHORT: f32 = 65_535.0 / 1.5;

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Activate(Activation, Vec<f32>);

    impl WithSimd for Activate {
        type Output = (Vec<f32>, Vec<f32>);

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let Self(activation, mut x) = self;
            let mut slopes = vec![0.0; x.len()];
            activate_row(simd, activation, &mut x, &mut slopes);
            (x, slopes)
        }
    }

    /// Against f64 and differences of f64.
    #[test]
    fn activations_and_their_derivatives() {
        let points: Vec<f32> = (-900..=900).map(|i| i as f32 / 100.0).collect();
        let sigmoid = |u: f64| 1.0 / (1.0 + (-u).exp());
        let tanh_gelu = |x: f64| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh());
        // ∫ of the density by Simpson's rule from −12.
        let phi = |x: f64| {
            let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let (n, step) = (2000, (x + 12.0) / 2000.0);
            let weight = |i: u32| {
                if i == 0 || i == n {
                    1.0
                } else if i % 2 == 1 {
                    4.0
                } else {
                    2.0
                }
            };
            (0..=n).map(|i| weight(i) * density(-12.0 + f64::from(i) * step)).sum::<f64>() * step / 3.0
        };
        let cases: [(Activation, &dyn Fn(f64) -> f64); 5] = [
            (Activation::Gelu, &|x| x * phi(x)),
            (Activation::QuickGelu, &|x| x * sigmoid(1.702 * x)),
            (Activation::GeluTanh, &tanh_gelu),
            (Activation::Silu, &|x| x * sigmoid(x)),
            (Activation::Relu, &|x| x.max(0.0)),
        ];
        for (activation, exact) in cases {
            let (values, slopes) = Arch::new().dispatch(Activate(activation, points.clone()));
            let mut shorts = vec![0; slopes.len()];
            shorten(&slopes, &mut shorts);
            let mut restored = vec![1.0; slopes.len()];
            times_short(&mut restored, &shorts);
            for (i, &x) in points.iter().enumerate() {
                let x = f64::from(x);
                let slope = (exact(x + 1e-4) - exact(x - 1e-4)) / 2e-4;
                assert!((f64::from(values[i]) - exact(x)).abs() < 2e-6, "{activation:?} at {x}: {} for {}", values[i], exact(x));
                if activation != Activation::Relu || x != 0.0 {
                    assert!((f64::from(slopes[i]) - slope).abs() < 3e-6, "{activation:?}' at {x}: {} for {slope}", slopes[i]);
                }
                assert!((slopes[i] - restored[i]).abs() < 1.3e-5, "{activation:?}' at {x} in 16 bits: {}", restored[i]);
            }
        }
    }
}
