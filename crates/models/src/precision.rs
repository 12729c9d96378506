//! Weights and activations have their device's own type of floats; what is trained, or summed over many entries, is f32.
//!
//! A device computes in f32 unless it was set to a shorter type before its first use, and then nothing here costs anything.
//!
//! # Reference
//! Micikevicius et al., arXiv 1710.03740, §3.1 (parameters that are trained stay f32) and §3.3 (sums are f32).

use burn::tensor::{DType, Device, FloatDType, Tensor, TensorCreationOptions};

/// How to make a tensor on a device that is f32, whatever the device's own type is.
pub fn in_f32(device: &Device) -> TensorCreationOptions {
    TensorCreationOptions::new(device.clone()).with_dtype(DType::F32)
}

/// The same numbers in f32, differentiable.
pub fn raised<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.cast(FloatDType::F32)
}

/// The same numbers in the device's own type, differentiable.
pub fn lowered<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let own = x.device().settings().float_dtype;
    x.cast(own)
}
