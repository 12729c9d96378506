//! A share of items and its interval.
//!
//! # Reference
//! Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22(158), 1927:
//! `(p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)`.

/// The normal quantile of [`LEVEL`](super::LEVEL).
const Z: f64 = 1.959_963_984_540_054;

/// `right` of `n` items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    /// Items counted.
    pub right: usize,
    /// All items.
    pub n: usize,
}

impl Proportion {
    /// The share; zero of nothing.
    pub fn share(self) -> f64 {
        self.right as f64 / self.n.max(1) as f64
    }

    /// Lower and upper end of Wilson's interval at [`LEVEL`](super::LEVEL).
    pub fn ends(self) -> (f64, f64) {
        if self.n == 0 {
            return (0.0, 1.0);
        }
        let (n, p) = (self.n as f64, self.share());
        let centre = p + Z * Z / (2.0 * n);
        let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        (((centre - reach) / scale).max(0.0), ((centre + reach) / scale).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
    #[test]
    fn the_interval_is_wilsons() {
        let close = |right, n, low: f64, high: f64| {
            let ends = Proportion { right, n }.ends();
            assert!((ends.0 - low).abs() < 6e-5 && (ends.1 - high).abs() < 6e-5, "{right} of {n}: {ends:?}");
        };
        close(81, 263, 0.2553, 0.3662);
        close(15, 148, 0.0624, 0.1605);
        close(0, 20, 0.0, 0.1611);
        close(1, 29, 0.0061, 0.1718);
        assert_eq!(Proportion { right: 0, n: 0 }.ends(), (0.0, 1.0));
    }
}
