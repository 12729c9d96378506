//! What is learned in both towers of a CLIP against PyTorch: scores, loss and every gradient of CoCoOp and MaPLe on the tiny model of
//! `crates/models/tests/fixtures/clip`. The reference numbers are made by `crates/models/scripts/make_prompted_clip.py`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use reprogram_methods::{
    AlignmentSpec, Batch, ConditionedContextSpec, CoupledPromptSpec, ManipulationSpec, NamedTensor, NearestTextSpec, Program, PromptInit,
    Seed, Setup, Target,
};
use reprogram_models::weights::Weights;
use reprogram_models::{Clip, ClipConfig, cross_entropy};
use safetensors::SafeTensors;
use toy::two_towers::{furthest, template, tokenizer};
use toy::{method, values};

const TOLERANCE: f32 = 1e-4;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/clip").join(name)
}

/// Words `w0`, `w1`, …; 37 starts a text, 38 ends it.
fn model() -> Clip {
    let words: Vec<String> = (0..40).map(|id| format!("w{id}")).collect();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    (words[37], words[38]) = ("<s>", "</s>");
    let config = ClipConfig::from_hub(&std::fs::read(fixture("config.json")).unwrap(), None).unwrap();
    let weights = std::fs::read(fixture("model.safetensors")).unwrap();
    Clip::load(&config, "tiny", Weights::from_safetensors(&weights).unwrap(), Some(tokenizer(&words)), &Device::flex()).unwrap()
}

struct Expected<'a>(SafeTensors<'a>);

impl Expected<'_> {
    fn values(&self, name: &str) -> Vec<f32> {
        let tensor = self.0.tensor(name).unwrap();
        tensor.data().chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    /// A parameter or its gradient, a layer's weight turned from PyTorch's `[out, in]` to `[in, out]`.
    fn of_parameter(&self, name: &str) -> Vec<f32> {
        let values = self.values(name);
        if !name.ends_with("weight") {
            return values;
        }
        let n_in = self.0.tensor(name).unwrap().shape()[1];
        (0..n_in).flat_map(|column| values.iter().skip(column).step_by(n_in).copied()).collect()
    }

    fn labels(&self) -> Vec<usize> {
        let tensor = self.0.tensor("labels").unwrap();
        tensor.data().chunks(4).map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap()) as usize).collect()
    }
}

/// Gradients with the names of their parameters.
struct Reader<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: Vec<(String, Vec<f32>)>,
}

impl ModuleVisitor for Reader<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((self.path.join("."), values(param.val().grad(self.gradients).unwrap())));
    }
}

fn check(name: &str, sentence: &str, part: ManipulationSpec, keys: &[&str]) {
    let (model, device) = (model(), Device::flex().autodiff());
    let classes = ["w3", "w7 w9", "w11", "w4 w6 w8"].map(str::to_owned).to_vec();
    let target = Target { classes, template: None, shares_source_labels: false, horizon: None };
    let setup = Setup {
        encoders: reprogram_methods::NO_ENCODERS,
        backbone: &model,
        device: &device,
        target: &target,
        placement: None,
        train_texts: &[],
        worked_examples: &[],
        seed: Seed::new(1),
    };
    let program = method(&[template(&[sentence]), part], AlignmentSpec::NearestText(NearestTextSpec {})).build(&setup).unwrap();

    let bytes = std::fs::read(fixture("prompted.safetensors")).unwrap();
    let expected = Expected(SafeTensors::deserialize(&bytes).unwrap());
    let key_of = |path: &str| *keys.iter().find(|key| path.ends_with(*key)).unwrap();
    let mut tensors: Vec<NamedTensor> = program.tensors();
    assert_eq!(tensors.len(), keys.len());
    for tensor in &mut tensors {
        tensor.values = expected.of_parameter(&format!("{name}.param.{}", key_of(&tensor.name)));
    }
    let program: Program = program.with_tensors(tensors).unwrap();

    let pixels = TensorData::new(expected.values("pixel_values"), [3, 3, 16, 16]);
    let batch = Batch::Images(Tensor::from_data(pixels, &Device::flex()));
    let logits = program.forward(&model, &batch);
    let loss = cross_entropy(logits.clone(), &expected.labels());
    let mut apart = vec![
        ("logits".to_owned(), furthest(&values(logits), &expected.values(&format!("{name}.logits")))),
        ("loss".to_owned(), furthest(&values(loss.clone()), &expected.values(&format!("{name}.loss")))),
    ];
    let gradients = loss.backward();
    let mut reader = Reader { gradients: &gradients, path: Vec::new(), found: Vec::new() };
    program.visit(&mut reader);
    for (path, found) in reader.found {
        let wanted = expected.of_parameter(&format!("{name}.grad.{}", key_of(&path)));
        let largest = wanted.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 1e-4, "{path} has next to no gradient");
        apart.push((path, furthest(&found, &wanted) / largest));
    }
    println!("{name}: {apart:?}");
    assert!(apart.iter().all(|(_, apart)| *apart < TOLERANCE), "{name}: {apart:?}");
}

#[test]
fn contexts_that_see_the_item_are_as_in_pytorch() {
    let part = ConditionedContextSpec { tokens: 4, init: PromptInit::Normal { std: 0.1 } };
    let keys = ["tokens", "down.weight", "down.bias", "up.weight", "up.bias"];
    check("cocoop", "{} w5", ManipulationSpec::ConditionedContext(part), &keys);
}

#[test]
fn coupled_tokens_are_as_in_pytorch() {
    let part = CoupledPromptSpec { tokens: 2, depth: 9, init: PromptInit::Normal { std: 0.1 } };
    let keys = ["tokens", "maps.0.weight", "maps.0.bias", "maps.1.weight", "maps.1.bias"];
    check("maple", "w2 {} w5", ManipulationSpec::CoupledPrompt(part), &keys);
}
