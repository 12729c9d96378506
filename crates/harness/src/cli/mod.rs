//! The command line: one subcommand a file.

mod ahead;
pub mod bench;
pub mod compare;
pub mod completions;
pub mod data;
pub mod devices;
pub mod explain;
pub mod failure;
pub mod fetch;
pub mod methods;
pub mod parity;
pub mod plan;
pub mod pretrain;
pub mod report;
pub mod reproduce;
pub mod rescore;
pub mod score;
pub mod self_test;
pub mod sweep;
pub mod taxonomy;

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::progress::{Console, say};
use failure::Failure;

/// Benchmark harness for neural network reprogrammability: frozen models put to new tasks by changing only what crosses
/// their interfaces.
#[derive(Debug, Parser)]
#[command(name = "reprogram", version, propagate_version = true)]
#[command(
    after_help = "Results go to standard output, progress to standard error.\nExit codes: 0 ok, 1 not equal or a fault of the system, 2 bad input, 3 asset missing, 4 some trials failed, 130 interrupted."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the default sweep: one real method of each paradigm on real models and data
    Bench(bench::BenchArgs),
    /// Run what is missing of a sweep file, and report it
    Sweep(sweep::SweepArgs),
    /// Show the trials of a sweep file without running them
    Plan(plan::PlanArgs),
    /// Make the tables, the plot and the page of a results folder again
    Report(report::ReportArgs),
    /// Say whether a results folder is worse than another, cell by cell
    Compare(compare::CompareArgs),
    /// Score a results folder by other metrics, from its stored outcomes
    Rescore(rescore::RescoreArgs),
    /// Set what papers report beside what was measured, and say what cannot be run here
    Reproduce(reproduce::ReproduceArgs),
    /// Say why a method runs on a backbone and a data set, or why not
    Explain(explain::ExplainArgs),
    /// Browse the catalogue of methods: what they are made of, how large they are, whom to cite
    Methods(methods::MethodsArgs),
    /// Browse the axes, the grid and the catalogue of papers
    Taxonomy(taxonomy::TaxonomyArgs),
    /// Browse the data sets: what there is, what an item looks like, whether files are what the tables say
    Data(data::DataArgs),
    /// Bring the files of data sets and checkpoints to this machine
    Fetch(fetch::FetchArgs),
    /// Train a source model that no package ships
    Pretrain(pretrain::PretrainArgs),
    /// Score the log-likelihood of continuations, line by line
    Score(score::ScoreArgs),
    /// Compare a checkpoint, as it is loaded here, with recorded outputs of the reference implementation
    Parity(parity::ParityArgs),
    /// List the compute devices
    Devices(devices::DevicesArgs),
    #[command(hide = true)]
    SelfTest(self_test::SelfTestArgs),
    /// Print a shell's completion script
    Completions(completions::CompletionsArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let console = Console::default();
    let outcome = match arguments.command {
        Command::Bench(args) => bench::run(&args, &console),
        Command::Sweep(args) => sweep::run(&args, &console),
        Command::Plan(args) => plan::run(&args, &console),
        Command::Report(args) => report::run(&args, &console),
        Command::Compare(args) => compare::run(&args),
        Command::Rescore(args) => rescore::run(&args),
        Command::Reproduce(args) => reproduce::run(&args),
        Command::Explain(args) => explain::run(&args, &console),
        Command::Methods(args) => methods::run(&args, &console),
        Command::Taxonomy(args) => taxonomy::run(&args),
        Command::Data(args) => data::run(&args, &console),
        Command::Fetch(args) => fetch::run_with(&args, &console),
        Command::Pretrain(args) => pretrain::run(&args, &console),
        Command::Score(args) => score::run(&args, &console),
        Command::Parity(args) => parity::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::SelfTest(args) => self_test::run(&args),
        Command::Completions(args) => completions::run(&args),
    };
    match outcome {
        Ok(text) => {
            // A reader that closed the pipe has seen enough.
            let _ = stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if let Failure::Differs { text, .. } = &failure {
                let _ = stdout().write_all(text.as_bytes());
            }
            say(&format!("error: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Options of every command that computes.
#[derive(Debug, Clone, clap::Args)]
pub struct ComputeArgs {
    /// Where to compute: cpu, wgpu, wgpu:N, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: crate::device::DeviceChoice,
    /// Floats of weights and activations on a GPU; on the CPU, what matrices of weights are kept as. What is trained or summed
    /// up stays f32
    #[arg(long, value_enum, default_value_t)]
    precision: crate::device::Precision,
    #[arg(long, help = "Ask nothing outside of this machine: only the cache and the folder REPROGRAM_MIRROR")]
    offline: bool,
}

/// What a command that computes works with.
struct Opened {
    registry: crate::registry::Registry,
    store: crate::assets::AssetStore,
    device: burn::tensor::Device,
    device_name: String,
    numbers: crate::device::Numbers,
    choice: crate::device::DeviceChoice,
}

/// Opens a device that passes its self-test.
fn admitted(choice: crate::device::DeviceChoice, precision: crate::device::Precision) -> Result<burn::tensor::Device, Failure> {
    use crate::assets::{Network, Settings};
    let settings = Settings::from_env(Network::Forbidden).map_err(|error| Failure::AssetMissing(error.to_string()))?;
    choice.admit(precision, &settings.cache, &say).map_err(Failure::bad_input)
}

impl ComputeArgs {
    fn open(&self) -> Result<Opened, Failure> {
        use crate::assets::{AssetStore, Network};
        crate::energy::watch(self.device);
        let network = if self.offline { Network::Forbidden } else { Network::Allowed };
        Ok(Opened {
            registry: crate::registry::Registry::from_env().map_err(Failure::bad_input)?,
            store: AssetStore::from_env(network).map_err(|error| Failure::AssetMissing(error.to_string()))?,
            device: admitted(self.device, self.precision)?,
            device_name: crate::device::DeviceFacts::in_words(self.device),
            numbers: self.precision.on(self.device).map_err(Failure::bad_input)?,
            choice: self.device,
        })
    }

    /// The same for a command that trains a whole model: there is no f32 copy of its weights that a gradient could move.
    fn open_to_train(&self) -> Result<Opened, Failure> {
        use crate::device::Precision;
        match self.precision {
            Precision::F32 => self.open(),
            Precision::Bf16 | Precision::F16 | Precision::Int8 => Err(Failure::BadInput(format!(
                "a whole model is trained in f32, not in {}\n  help: leave out `--precision`",
                self.precision
            ))),
        }
    }
}

impl Opened {
    /// Whether the processor computes.
    fn is_cpu(&self) -> bool {
        self.choice == crate::device::DeviceChoice::Cpu
    }

    /// Where trials run.
    fn site<'a>(&'a self, reuse: Option<&'a crate::reuse::Reuse>) -> crate::plan::Site<'a> {
        let memory = crate::device::DeviceFacts::of(self.choice).memory;
        let cache = &self.store.settings().cache;
        crate::plan::Site { device: &self.device, device_name: &self.device_name, numbers: self.numbers, memory, reuse, cache }
    }

    fn workshop<'a>(&'a self, progress: &'a dyn crate::assets::Progress) -> crate::plan::Workshop<'a> {
        crate::plan::Workshop { registry: &self.registry, store: &self.store, device: &self.device, numbers: self.numbers, progress }
    }
}
