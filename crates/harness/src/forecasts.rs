//! Errors of forecasts, item by item and over all.
//!
//! ```text
//! squared   Σ_h (x_h − x̂_h)² / H
//! absolute  Σ_h |x_h − x̂_h| / H
//! scaled    absolute / mean over the training rows of |x_t − x_{t−m}|, m the season
//! ```
//!
//! # Reference
//! Hyndman and Koehler, Another look at measures of forecast accuracy, International Journal of Forecasting 22(4), 2006.

use crate::record::{ExampleOutcome, ForecastErrors};

/// Errors of one item, means over its steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ItemErrors {
    /// Mean squared error.
    pub squared: f64,
    /// Mean absolute error.
    pub absolute: f64,
    /// The absolute error, as a multiple of what repeating the value of a season ago costs in training.
    pub scaled: f64,
}

impl ItemErrors {
    /// Of a forecast. `unit`: what repeating the value of a season ago costs in training.
    pub fn of(gold: &[f32], forecast: &[f32], unit: f64) -> Self {
        let apart = || gold.iter().zip(forecast).map(|(gold, forecast)| f64::from(*gold) - f64::from(*forecast));
        let steps = gold.len() as f64;
        let absolute = apart().map(f64::abs).sum::<f64>() / steps;
        Self { squared: apart().map(|apart| apart * apart).sum::<f64>() / steps, absolute, scaled: absolute / unit }
    }
}

impl ForecastErrors {
    /// Means over items; nothing where there are none, or one was not forecast.
    pub fn of(outcomes: &[ExampleOutcome]) -> Option<Self> {
        Self::mean(&outcomes.iter().map(ExampleOutcome::errors).collect::<Option<Vec<_>>>()?)
    }

    /// Means over items; nothing where there are none.
    pub fn mean(items: &[ItemErrors]) -> Option<Self> {
        let over = |error: fn(&ItemErrors) -> f64| items.iter().map(error).sum::<f64>() / items.len() as f64;
        (!items.is_empty()).then(|| Self {
            mse: over(|item| item.squared),
            mae: over(|item| item.absolute),
            mase: over(|item| item.scaled),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_computed_by_hand() {
        let one = ItemErrors::of(&[1.0, 2.0, 4.0, 0.0], &[1.5, 1.0, 4.0, -2.0], 0.5);
        assert_eq!(one, ItemErrors { squared: (0.25 + 1.0 + 0.0 + 4.0) / 4.0, absolute: 3.5 / 4.0, scaled: 1.75 });
        let other = ItemErrors::of(&[0.0], &[0.0], 2.0);
        let mean = ForecastErrors::mean(&[one, other]).unwrap();
        assert_eq!(mean, ForecastErrors { mse: 0.656_25, mae: 0.4375, mase: 0.875 });
        assert_eq!(ForecastErrors::mean(&[]), None);
    }
}
