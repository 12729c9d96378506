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
//! [`Incoherent`] (wrong on every backbone) and [`Misfit`] (right in itself, wrong on this [`Card`]).
//!
//! This crate knows no tensor, no file and no clock.
//!
//! # Reference
//! Survey of neural network reprogrammability, arXiv 2506.04650.

mod axes;
mod card;
mod misfit;
mod paradigm;
mod signature;
mod site;

pub use axes::{Alignment, Format, Location, Modality, Operator, Tower, UnknownAxisValue};
pub use card::{Access, Card, InputSpace, OutputSpace, TargetSpace};
pub use misfit::Misfit;
pub use paradigm::Paradigm;
pub use signature::{Cut, Signature};
pub use site::{At, Incoherent, Layers, Site, SiteSpec};
