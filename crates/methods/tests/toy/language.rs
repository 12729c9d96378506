//! Tiny language models of GGUF fixtures, whose tokens are characters; texts and series for them.

use std::path::Path;

use burn::tensor::Device;
use reprogram_methods::{Method, Placement, Program, Seed, Setup, Target, Template, Window};
use reprogram_models::Llama;
use reprogram_models::weights::Gguf;
use reprogram_taxonomy::Misfit;

use super::uniform;

/// Values of a window.
pub(crate) const HISTORY: usize = 24;
/// Steps of a forecast.
pub(crate) const HORIZON: usize = 3;
/// Windows as they are presented.
pub(crate) const WINDOW: Placement = Placement { canvas: [1, HISTORY], image: [1, HISTORY] };

/// The model.
pub(crate) fn model() -> Llama {
    tiny("llama3")
}

/// One of a family.
pub(crate) fn tiny(family: &str) -> Llama {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../models/tests/fixtures/gguf/{family}.gguf"));
    Llama::from_gguf(&Gguf::parse(&std::fs::read(path).unwrap()).unwrap(), family, &Device::flex()).unwrap()
}

/// How texts are put to them: three classes, whose answers have one, three and two tokens, two of which begin alike.
pub(crate) fn template() -> Template {
    Template {
        instruction: None,
        input: "<{text}".to_owned(),
        cue: ">".to_owned(),
        separator: ";".to_owned(),
        labels: ["A", "BCD", "BE"].map(str::to_owned).to_vec(),
        variants: Vec::new(),
        answer: None,
    }
}

/// What a data set of such texts asks for: classes are named by their answers.
pub(crate) fn target_of(template: Template) -> Target {
    Target { classes: template.labels.clone(), template: Some(template), shares_source_labels: false, horizon: None }
}

/// Windows of several scales.
pub(crate) fn windows(n: usize) -> Vec<Window> {
    let values = uniform("windows", n * HISTORY, 1.0);
    values
        .chunks(HISTORY)
        .enumerate()
        .map(|(i, row)| Window { values: row.iter().map(|value| (i as f32 + 1.0) * value + 2.0).collect() })
        .collect()
}

/// A method's program on the model.
pub(crate) fn built(model: &Llama, method: &Method) -> Result<Program, Misfit> {
    built_for(model, method, &forecast())
}

/// What a data set asks for whose series are to be forecast.
pub(crate) fn forecast() -> Target {
    Target { classes: Vec::new(), template: None, shares_source_labels: false, horizon: Some(HORIZON) }
}

/// A method's program on the model, for a target.
pub(crate) fn built_for(model: &Llama, method: &Method, target: &Target) -> Result<Program, Misfit> {
    let device = Device::flex().autodiff();
    method.build(&Setup {
        encoders: reprogram_methods::NO_ENCODERS,
        backbone: model,
        device: &device,
        target,
        placement: Some(WINDOW),
        train_texts: &[],
        worked_examples: &[],
        seed: Seed::new(1),
    })
}
