//! Data, sweeps, trials, records, statistics, reports and the command line of `reprogram`.
//!
//! The only crate that touches disk, clock, network and threads. A sweep goes through `expand → check → run → record →
//! report`: [`config`] reads it, [`plan`] expands and checks it, [`run`] computes what is missing, [`store`] keeps it,
//! [`report`] shows it.

pub mod allocator;
pub mod assets;
pub mod augment;
pub mod backbones;
pub mod calibration;
pub mod cell;
pub mod cli;
pub mod compare;
pub mod config;
pub mod costs;
pub mod data;
pub mod device;
pub mod energy;
pub mod evaluate;
pub mod forecasts;
pub mod frame;
pub mod golds;
pub mod inspect;
pub mod interrupt;
pub mod jobs;
pub mod listing;
pub mod lookahead;
pub mod manifest;
pub mod measure;
pub mod memory;
pub mod metric;
mod outcomes;
pub mod plan;
pub mod predicted;
pub mod presentation;
pub mod pretrain;
pub mod progress;
pub mod provenance;
pub mod record;
pub mod registry;
mod replaced;
pub mod report;
pub mod reproduce;
pub mod resample;
pub mod rescore;
pub mod reuse;
pub mod run;
pub mod search;
pub mod selftest;
pub mod stats;
pub mod store;
mod suggest;
pub mod trial;
pub mod workers;
