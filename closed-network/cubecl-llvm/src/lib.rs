//! The types that cubecl-cuda names of cubecl-llvm, without LLVM.
//!
//! With the feature `cuda-nvrtc` of this program CUDA kernels are C++ that NVRTC compiles, and nothing here is ever called.

use std::fmt;

use cubecl_core::ir::DeviceProperties;
use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_server::compiler::{CompilationError, Compiler};
use cubecl_server::kernel::BufferIOAttr;

use nvptx::ptx_version::PtxVersion;

/// What would be compiled for.
#[derive(Clone, Copy, Debug, Default)]
pub enum LlvmTarget {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU.
    Nvptx,
}

/// The compiler that is not there.
#[derive(Clone, Debug, Default)]
pub struct PlironCompiler {
    /// What would be compiled for.
    pub target: LlvmTarget,
}

/// What it would be told.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// Of an AMD GPU.
    pub arch: Option<()>,
    /// Of an NVIDIA GPU.
    pub sm_arch: Option<SmArch>,
    /// The version of its assembly.
    pub ptx_version: Option<PtxVersion>,
    /// Whether a kernel's arguments may be constants of the grid.
    pub grid_constants: bool,
}

/// A compiled kernel.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// Assembly, ended by a zero.
    pub ptx: Vec<core::ffi::c_char>,
    /// Where it begins.
    pub entrypoint: String,
    /// What it was made of.
    pub ir: String,
    /// Bytes that a block shares.
    pub shared_memory_size: usize,
    /// What is read and written.
    pub io: Vec<BufferIOAttr>,
}

/// What a compiler gives.
#[derive(Clone, Debug)]
pub enum PlironArtifact {
    /// Nothing.
    None,
    /// A kernel for an NVIDIA GPU.
    NvptxCode(NvptxModule),
}

impl fmt::Display for PlironArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("built without LLVM")
    }
}

impl Compiler for PlironCompiler {
    type Representation = PlironArtifact;
    type CompilationOptions = PlironOptions;

    fn compile(&mut self, _: KernelDefinition, _: &PlironOptions) -> Result<PlironArtifact, CompilationError> {
        panic!("this program was built without LLVM and without the feature `cuda-nvrtc`: nothing can compile its CUDA kernels")
    }

    fn extension(&self) -> &'static str {
        "ll"
    }

    fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}

/// NVIDIA's assembly.
pub mod nvptx {
    /// Its versions.
    pub mod ptx_version {
        use std::fmt;

        /// One of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct PtxVersion(u32);

        impl PtxVersion {
            /// The newest that a driver takes: not known here.
            pub fn for_driver(_: i32) -> Option<Self> {
                None
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "ptx{}", self.0)
            }
        }
    }
}

/// What all targets have.
pub mod shared {
    /// Features that LLVM's code generators lack.
    pub mod lowered_features {
        use super::super::DeviceProperties;

        /// A GPU's code generator.
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Nothing is compiled by LLVM here, so nothing is lacking.
        pub fn restrict_features(_: &mut DeviceProperties, _: GpuTarget) {}
    }
}
