//! Recordings at another rate, band-limited.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, FixedAsync, Resampler, SincInterpolationParameters};

/// Samples that are taken at once.
const CHUNK: usize = 1024;

/// Samples at `from` a second, as they are at `to` a second: `⌈n · to / from⌉` of them, the first at most a new sample off.
///
/// # Panics
/// When a rate is zero: none is where a recording was read.
pub fn resampled(samples: &[f32], from: usize, to: usize) -> Vec<f32> {
    if from == to || samples.is_empty() {
        return samples.to_vec();
    }
    let input = InterleavedSlice::new(samples, 1, samples.len()).expect("one channel of so many samples");
    let (ratio, rule) = (to as f64 / from as f64, SincInterpolationParameters::default());
    let mut resampler = Async::<f32>::new_sinc(ratio, 1.0, &rule, CHUNK, 1, FixedAsync::Input).expect("rates above zero");
    resampler.process_all(&input, samples.len(), None).expect("buffers are as large as they have to be").take_data()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn tone(hertz: f64, rate: usize, n: usize) -> Vec<f32> {
        (0..n).map(|i| (TAU * hertz * i as f64 / rate as f64).sin() as f32).collect()
    }

    /// The largest difference, ends aside, where a tone is not one.
    fn furthest(found: &[f32], expected: &[f32], margin: usize) -> f32 {
        assert_eq!(found.len(), expected.len());
        let inner = margin..found.len() - margin;
        found[inner.clone()].iter().zip(&expected[inner]).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
    }

    #[test]
    fn a_tone_stays_a_tone_in_time() {
        for (from, to, n, hertz) in [(8_000, 16_000, 4_000, 440.0), (16_000, 8_000, 8_000, 700.0), (44_100, 16_000, 22_050, 1_000.0)] {
            let found = resampled(&tone(hertz, from, n), from, to);
            let expected = tone(hertz, to, (n * to).div_ceil(from));
            let furthest = f64::from(furthest(&found, &expected, 800));
            // As far as a tone goes in a sample.
            assert!(furthest < 1.02 * TAU * hertz / to as f64, "{from} to {to}: {furthest}");
            let loudest = found[800..found.len() - 800].iter().fold(0.0f32, |most, value| most.max(value.abs()));
            assert!((loudest - 1.0).abs() < 0.02, "{from} to {to}: {loudest}");
        }
    }

    #[test]
    fn what_the_new_rate_cannot_hold_is_taken_out() {
        let found = resampled(&tone(12_000.0, 44_100, 22_050), 44_100, 16_000);
        assert!(found[800..found.len() - 800].iter().all(|value| value.abs() < 1e-3));
    }

    #[test]
    fn the_same_rate_changes_nothing() {
        let samples = tone(50.0, 8_000, 77);
        assert_eq!(resampled(&samples, 8_000, 8_000), samples);
        assert!(resampled(&[], 8_000, 16_000).is_empty());
    }
}
