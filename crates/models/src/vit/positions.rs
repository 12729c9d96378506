//! Positions learned for one grid of patches, for another one.
//!
//! # Reference
//! Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = −0.75 and the border repeated, as
//! PyTorch's `interpolate(mode="bicubic", align_corners=False)` computes it in f32. The hub's models state the new size;
//! DINOv2's own code states a factor with 0.1 patches added, which samples slightly elsewhere.

/// Four neighbours along one axis, and their shares.
struct Taps {
    at: [usize; 4],
    share: [f32; 4],
}

/// A square grid of rows, `[from · from, dim]` in raster order, as one of `[to · to, dim]`.
pub(super) fn resize(values: &[f32], from: usize, to: usize, dim: usize) -> Vec<f32> {
    assert_eq!(values.len(), from * from * dim, "a square grid");
    let taps = taps(from, to);
    let wide = along(values, from, from * dim, dim, &taps);
    along(&wide, 1, 0, to * dim, &taps)
}

/// Resamples `n` lines that are `stride` apart, each of elements that are `width` values wide.
fn along(values: &[f32], n: usize, stride: usize, width: usize, taps: &[Taps]) -> Vec<f32> {
    let mut out = Vec::with_capacity(n * taps.len() * width);
    for line in 0..n {
        for Taps { at, share } in taps {
            let start = |tap: usize| line * stride + at[tap] * width;
            out.extend((0..width).map(|i| (0..4).map(|tap| share[tap] * values[start(tap) + i]).sum::<f32>()));
        }
    }
    out
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f32 / to as f32;
    let tap = |i: usize| {
        let source = scale * (i as f32 + 0.5) - 0.5;
        let left = source.floor();
        let past = source - left;
        let at = [-1.0, 0.0, 1.0, 2.0].map(|step| (left + step).clamp(0.0, (from - 1) as f32) as usize);
        Taps { at, share: [far(past + 1.0), near(past), near(1.0 - past), far(2.0 - past)] }
    };
    (0..to).map(tap).collect()
}

const A: f32 = -0.75;

/// The kernel at a distance up to 1.
fn near(distance: f32) -> f32 {
    ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0
}

/// The kernel at a distance from 1 to 2.
fn far(distance: f32) -> f32 {
    ((A * distance - 5.0 * A) * distance + 8.0 * A) * distance - 4.0 * A
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_grid_and_a_constant_stay() {
        let values: Vec<f32> = (0u8..18).map(f32::from).collect();
        assert_eq!(resize(&values, 3, 3, 2), values);
        assert!(resize(&[2.5; 9], 3, 5, 1).iter().all(|value| (value - 2.5).abs() < 1e-5));
    }

    /// `interpolate` of PyTorch on the grid `[[0, 1], [4, 9]]`.
    #[test]
    fn two_by_two_becomes_three_by_three() {
        let expected = [-0.403_887, -0.020_833, 0.362_22, 1.739_584, 3.5, 5.260_417, 3.883_054, 7.020_833, 10.158_613];
        let found = resize(&[0.0, 1.0, 4.0, 9.0], 2, 3, 1);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
    }
}
