//! Statistics of a comparison: intervals over seeds, paired tests over items, ranks over data sets, corrections for many tests.
//!
//! Everything here is a pure function of numbers. What is drawn at random is drawn from a generator whose seed is a
//! fixed name, so the same numbers give the same bytes. Two methods on one data set: [`PairedComparison`], [`Mcnemar`], [`bca_interval`];
//! several methods on several data sets: [`Friedman`], [`Wilcoxon`], [`critical_difference`], [`interquartile_mean`], [`Improvement`], [`Profile`];
//! what could have been shown at all: [`detectable`], [`smallest_p`].

mod bca;
mod correlation;
mod friedman;
mod holm;
mod improvement;
mod interval;
mod iqm;
mod mcnemar;
mod nemenyi;
mod paired;
mod power;
mod profile;
mod proportion;
mod ranks;
mod resample;
mod standard_error;
mod stratified;
mod wilcoxon;

pub use bca::{bca_interval, bca_interval_clustered};
pub use correlation::RankCorrelation;
pub use friedman::Friedman;
pub use holm::{holm, weighted_holm};
pub use improvement::Improvement;
pub use interval::{LEVEL, MeanInterval, mean};
pub use iqm::interquartile_mean;
pub use mcnemar::Mcnemar;
pub use nemenyi::critical_difference;
pub use paired::{PairedComparison, REPLICATES, sign_flip_p};
pub use power::{POWER, detectable, least_discordant};
pub use profile::{Profile, ProfilePoint};
pub use proportion::Proportion;
pub use ranks::ranks;
pub use standard_error::{clustered_standard_error, standard_error};
pub use stratified::{ENOUGH_SEEDS, Scores, stratified_interval};
pub use wilcoxon::{Wilcoxon, smallest_p};
