//! A forecast that repeats the last values of the window: `ŷ_h = x_{T − p + (h mod p)}`, past f. With a period of 1, the last value.
//!
//! # Reference
//! Hyndman and Koehler, International Journal of Forecasting 22(4), 2006 (naive and seasonal naive forecasts). Chosen without
//! looking at any output, so rule-based; I is null, and f is not asked.

use std::num::NonZeroUsize;

use burn::module::Module;
use burn::tensor::Tensor;
use reprogram_taxonomy::{Alignment, Misfit};
use serde::{Deserialize, Serialize};

use super::own_scale;
use crate::series::{history, horizon};
use crate::{Align, Part, Reads, Setup};

/// `part = "last-value"`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LastValueSpec {
    /// p, in steps.
    pub period: NonZeroUsize,
}

impl Default for LastValueSpec {
    fn default() -> Self {
        Self { period: NonZeroUsize::MIN }
    }
}

/// The rule.
#[derive(Module, Debug)]
pub struct LastValue {
    #[module(skip)]
    period: usize,
    #[module(skip)]
    horizon: usize,
}

impl Part for LastValueSpec {
    type Coordinates = Alignment;
    type Module = LastValue;

    fn coordinates(&self) -> Alignment {
        Alignment::RuleBased
    }

    fn build(&self, setup: &Setup<'_>) -> Result<LastValue, Misfit> {
        let (period, history) = (self.period.get(), history(setup, "last-value")?);
        let horizon = horizon(setup, "last-value")?;
        if period > history {
            return Err(Misfit::PartNeeds { part: "last-value".to_owned(), needs: format!("a `period` of 1 to {history} steps") });
        }
        Ok(LastValue { period, horizon })
    }
}

impl Align for LastValue {
    fn reads(&self) -> Reads {
        Reads::Window
    }

    fn align(&self, scores: Tensor<2>) -> Tensor<2> {
        own_scale(scores, |window| {
            let history = window.dims()[1];
            let season = window.narrow(1, history - self.period, self.period);
            season.repeat_dim(1, self.horizon.div_ceil(self.period)).narrow(1, 0, self.horizon)
        })
    }
}
