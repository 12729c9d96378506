//! The four axes of neural network reprogrammability, as types and data.
//!
//! A frozen model `f` is put to a new task by changing only what crosses its interfaces,
//! `ŷ = O_ω ∘ f ∘ I_{λ,τ,ℓ}(x, c)`:
//!
//! | axis | type | values |
//! |---|---|---|
//! | λ format | [`Format`] | fixed, learnable |
//! | ℓ location | [`Location`] | input, embedding, hidden |
//! | τ operator | [`Operator`] | additive, concatenative, parametric |
//! | ω alignment | [`Alignment`] | identity, rule-based, statistical, linear |
//!
//! A [`Site`] is one coherent (λ, τ, ℓ); a [`Signature`] is a list of sites and one ω. There are two kinds of *no*:
//! [`Incoherent`] (wrong on every backbone) and [`Misfit`] (right in itself, wrong on this [`Card`] or for this [`TargetSpace`]).
//!
//! The axes span a grid of [`Point`]s, each with a [`Verdict`] and its [`Need`]s. The survey's list of [`Paper`]s lies on
//! it, in two [`Reading`]s: as published, and corrected.
//!
//! This crate knows no tensor, no file and no clock.
//!
//! # Reference
//! Survey of neural network reprogrammability, arXiv 2506.04650.

mod axes;
mod card;
mod grid;
mod misfit;
mod papers;
mod paradigm;
mod signature;
mod site;
mod verdict;

pub use axes::{Alignment, Format, Location, Modality, Operator, Tower, UnknownAxisValue};
pub use card::{Access, Card, Extent, InputSpace, OutputSpace, TargetSpace, TowerCard};
pub use grid::{BadPoint, Coverage, Point, Status};
pub use misfit::Misfit;
pub use papers::{Coordinates, Correction, Paper, Reading};
pub use paradigm::Paradigm;
pub use signature::{Cut, Signature};
pub use site::{At, Incoherent, Layers, Site, SiteSpec};
pub use verdict::{Need, Verdict};
