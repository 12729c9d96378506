//! Every catalogued method, for two steps on a toy backbone: it fits one, it can be trained where it says so, its parameters
//! move, and the backbone's weights do not.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod toy;

use std::convert::Infallible;
use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use reprogram_methods::{
    Batch, Evidence, Fitting, LabelledText, Method, NamedTensor, Program, Query, Seed, Setup, Target, Template, Updates, catalog::CATALOG,
};
use reprogram_models::weights::Gguf;
use reprogram_models::{Backbone, Input, Llama, Reading, TokenBatch, cross_entropy};
use sha2::{Digest as _, Sha256};
use toy::{FRAMED, Toy, batch, target};

const LABELS: [usize; 4] = [0, 1, 2, 1];

/// A backbone, and what shows that it is what it was.
struct Place {
    backbone: Box<dyn Backbone>,
    target: Target,
    batch: Batch,
    texts: Vec<LabelledText>,
    probe: Input,
}

impl Place {
    fn vision() -> Self {
        // Enough source classes for mappings that take ten a class.
        let toy = Toy::with_sources(30, 2, &Device::flex());
        let probe = Input::Image(toy::images(2));
        Self { backbone: Box::new(toy.backbone), target: target(3), batch: batch(4), texts: Vec::new(), probe }
    }

    fn two_towers() -> Self {
        let probe = Input::Image(toy::images(2));
        let backbone = Box::new(toy::two_towers::clip(&Device::flex()));
        Self { backbone, target: target(3), batch: batch(4), texts: Vec::new(), probe }
    }

    fn text() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/gguf/llama3.gguf");
        let model = Llama::from_gguf(&Gguf::parse(&std::fs::read(path).unwrap()).unwrap(), "tiny", &Device::flex()).unwrap();
        let labels: Vec<String> = ["A", "BCD", "BE"].map(str::to_owned).to_vec();
        let template = Template {
            instruction: Some("DO".to_owned()),
            input: "<{text}".to_owned(),
            cue: ">".to_owned(),
            separator: ";".to_owned(),
            labels: labels.clone(),
        };
        let words = ["GOOD", "GO", "VERYDULL", "MM"];
        let texts = words.iter().zip(LABELS).cycle().take(24).enumerate();
        let texts = texts.map(|(i, (text, label))| LabelledText { id: i.to_string(), text: (*text).to_owned(), label });
        Self {
            backbone: Box::new(model),
            target: Target { classes: labels, template: Some(template), shares_source_labels: false },
            batch: Batch::Texts(words.iter().map(|&text| Query { text: text.to_owned() }).collect()),
            texts: texts.collect(),
            probe: Input::Tokens(TokenBatch::new(vec![vec![1, 5, 9, 2], vec![3, 4]])),
        }
    }

    fn build(&self, method: &Method) -> Option<Program> {
        let device = Device::flex().autodiff();
        let setup = Setup {
            backbone: self.backbone.as_ref(),
            device: &device,
            target: &self.target,
            placement: matches!(self.batch, Batch::Images(_)).then_some(FRAMED),
            train_texts: &self.texts,
            seed: Seed::new(1),
        };
        method.build(&setup).ok()
    }

    /// Of everything that the weights change: features of a probe after every block.
    fn fingerprint(&self) -> String {
        let mut stream = self.backbone.embed(self.probe.clone());
        let mut hash = Sha256::new();
        for layer in 0..self.backbone.card().main.depth {
            stream = self.backbone.block(layer, stream);
            let features: Vec<f32> = self.backbone.read(&stream, Reading::Features).try_into_vec_as().unwrap();
            for value in features {
                hash.update(value.to_le_bytes());
            }
        }
        let rest: Vec<f32> = match self.backbone.tokenizer().filter(|_| self.backbone.joint().is_some()) {
            None => self.backbone.read(&stream, Reading::Logits).try_into_vec_as().unwrap(),
            Some(tokenizer) => {
                let rows = vec![tokenizer.encode_with_special_tokens("a photo of a class")];
                let texts = self.backbone.text_features(rows, &|stream| self.backbone.blocks(stream));
                texts.try_into_vec_as().unwrap()
            }
        };
        for value in rest {
            hash.update(value.to_le_bytes());
        }
        format!("{:x?}", hash.finalize())
    }

    /// Fits what is fitted, then makes two steps.
    fn trained(&self, method: &Method, mut program: Program) -> Program {
        let backbone = self.backbone.as_ref();
        let evidence = match program.alignment().evidence() {
            Evidence::None => None,
            Evidence::TrainingOnce | Evidence::TrainingEveryEpoch => Some((self.batch.clone(), LABELS.to_vec())),
            Evidence::ContentFree(texts) => {
                Some((Batch::Texts(texts.iter().map(|&text| Query { text: text.to_owned() }).collect()), Vec::new()))
            }
        };
        if let Some((batch, labels)) = evidence {
            let scores = program.valid().source(backbone, &batch);
            program.alignment_mut().fit(Fitting { scores: &scores, labels: &labels });
        }
        if !program.signature().is_trainable() {
            return program;
        }
        let rate = method.recipe.learning_rate;
        match method.recipe.optimizer.start(Seed::new(1)) {
            Updates::Gradients(mut rule) => {
                for _ in 0..2 {
                    let loss = cross_entropy(program.forward(backbone, &self.batch), &LABELS);
                    let gradients = GradientsParams::from_grads(loss.backward(), &program);
                    program = rule.step(rate, program, gradients);
                }
                program
            }
            Updates::Queries(mut rule) => {
                let mut point = program.point();
                for _ in 0..2 {
                    let loss = |at: &[f32]| -> Result<f32, Infallible> {
                        let program = program.at_point(at).valid();
                        Ok(cross_entropy(program.forward(backbone, &self.batch), &LABELS).into_scalar())
                    };
                    rule.step(rate, &mut point, loss).unwrap();
                }
                program.at_point(&point)
            }
        }
    }
}

fn numbers(program: &Program) -> Vec<f32> {
    program.tensors().into_iter().flat_map(|NamedTensor { values, .. }| values).collect()
}

#[test]
fn every_entry_trains_and_leaves_the_weights() {
    let places = [Place::vision(), Place::text(), Place::two_towers()];
    let before: Vec<String> = places.iter().map(Place::fingerprint).collect();
    for entry in CATALOG {
        let method = (entry.method)();
        let fits: Vec<(&Place, Program)> = places.iter().filter_map(|place| Some((place, place.build(&method)?))).collect();
        assert!(!fits.is_empty(), "{} fits no toy", entry.name);
        for (place, program) in fits {
            let start = numbers(&program);
            let end = numbers(&place.trained(&method, program));
            assert!(end.iter().all(|number| number.is_finite()), "{}: not finite", entry.name);
            assert_eq!(start != end, !end.is_empty(), "{}: parameters move, or there are none", entry.name);
        }
        for (place, before) in places.iter().zip(&before) {
            assert_eq!(&place.fingerprint(), before, "{}: the backbone's weights moved", entry.name);
        }
    }
    println!("{} entries", CATALOG.len());
}
