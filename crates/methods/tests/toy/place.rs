//! A toy backbone of each kind with a task for it, in which every catalogued method can be tried.

use std::convert::Infallible;
use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use reprogram_methods::{
    AnswerForm, Batch, Encoders, Evidence, Extraction, Fitting, LabelledText, ManipulationSpec, Method, Placement, Program, Query, Seed,
    Setup, Sizes, Target, Template, Updates, Wording, WorkedExample,
};
use reprogram_models::{Backbone, cross_entropy, squared_error};
use reprogram_taxonomy::Modality;
use sha2::{Digest as _, Sha256};

use super::{FRAMED, Toy, acoustic, batch, language, target, two_towers, values};

pub(crate) const LABELS: [usize; 4] = [0, 1, 2, 1];

/// The place whose classes are described.
const DESCRIBED: &str = "photographs";

/// A backbone and a task for it.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) backbone: Box<dyn Backbone>,
    target: Target,
    pub(crate) batch: Batch,
    texts: Vec<LabelledText>,
    placement: Option<Placement>,
}

fn exemplars() -> Vec<WorkedExample> {
    let exemplar = |i: usize| WorkedExample { text: format!("GO{i}"), rationale: Some("MM".to_owned()), answer: "A".to_owned() };
    (0..9).map(exemplar).collect()
}

impl Place {
    /// One of each kind.
    pub(crate) fn all() -> [Self; 7] {
        [Self::vision(), Self::text(), Self::two_towers(), Self::texts_as_images(), Self::photographs(), Self::acoustic(), Self::series()]
    }

    /// Images on an image classifier.
    pub(crate) fn vision() -> Self {
        // Enough source classes for mappings that take ten a class.
        let backbone = Box::new(Toy::with_sources(30, 2, &Device::flex()).backbone);
        Self { name: "vision", backbone, target: target(3), batch: batch(4), texts: Vec::new(), placement: Some(FRAMED) }
    }

    /// Series on a classifier of sounds.
    pub(crate) fn acoustic() -> Self {
        let backbone = Box::new(acoustic::classifier(30, &Device::flex()));
        let batch = Batch::Waveforms(acoustic::series(4));
        Self { name: "acoustic", backbone, target: target(3), batch, texts: Vec::new(), placement: Some(acoustic::LAID) }
    }

    /// Series on a language model, to be forecast.
    pub(crate) fn series() -> Self {
        let (backbone, target) = (Box::new(language::model()), language::forecast());
        let batch = Batch::Series(language::windows(4));
        Self { name: "series", backbone, target, batch, texts: Vec::new(), placement: Some(language::WINDOW) }
    }

    /// Texts on an image classifier.
    fn texts_as_images() -> Self {
        let Self { batch, texts, .. } = Self::text();
        Self { name: "texts as images", batch, texts, ..Self::vision() }
    }

    /// Images on a model with a text tower.
    pub(crate) fn two_towers() -> Self {
        let backbone = Box::new(two_towers::clip(&Device::flex()));
        Self { name: "two towers", backbone, target: target(3), batch: batch(4), texts: Vec::new(), placement: Some(FRAMED) }
    }

    /// Classes that catalogued descriptions are about, on the same; it knows their names, and few other words of descriptions.
    pub(crate) fn photographs() -> Self {
        let classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"].map(str::to_owned);
        Self { name: DESCRIBED, target: Target { classes: classes.to_vec(), ..target(10) }, ..Self::two_towers() }
    }

    /// Texts on a language model.
    pub(crate) fn text() -> Self {
        let template = Template {
            instruction: Some("DO".to_owned()),
            variants: vec![Wording { input: "{text}".to_owned(), cue: "=".to_owned(), labels: None }],
            answer: Some(AnswerForm { phrase: "so".to_owned(), extraction: Extraction::Line1, exemplars: exemplars() }),
            ..language::template()
        };
        let words = ["GOOD", "GO", "VERYDULL", "MM"];
        let texts = words.iter().zip(LABELS).cycle().take(24).enumerate();
        let texts = texts.map(|(i, (text, label))| LabelledText { id: i.to_string(), text: (*text).to_owned(), label, options: None });
        Self {
            name: "text",
            backbone: Box::new(language::model()),
            target: language::target_of(template),
            batch: Batch::Texts(words.iter().map(|&text| Query::new(text)).collect()),
            texts: texts.collect(),
            placement: None,
        }
    }

    /// A method's program, if it fits here. Where classes are described, others than those that read it have nothing to do.
    pub(crate) fn build(&self, method: &Method) -> Option<Program> {
        let describes = method.manipulations.iter().any(|part| matches!(part, ManipulationSpec::ClassDescriptions(_)));
        if self.name == DESCRIBED && !describes {
            return None;
        }
        let modality = match self.batch {
            Batch::Images(_) => Modality::Vision,
            Batch::Texts(_) => Modality::Text,
            Batch::Waveforms(_) => Modality::Audio,
            Batch::Series(_) => Modality::TimeSeries,
        };
        let takes = method.takes().unwrap_or(self.backbone.card().modality());
        if takes == modality { self.with_setup(|setup| method.build(setup).ok()) } else { None }
    }

    /// What formulae name.
    pub(crate) fn sizes(&self) -> Sizes {
        self.with_setup(Sizes::of)
    }

    fn with_setup<T>(&self, use_of: impl FnOnce(&Setup<'_>) -> T) -> T {
        let device = Device::flex().autodiff();
        let encoders = Encoders::from([("all-minilm-l6-v2".to_owned(), Arc::new(language::model()) as Arc<dyn Backbone>)]);
        use_of(&Setup {
            encoders: &encoders,
            backbone: self.backbone.as_ref(),
            device: &device,
            target: &self.target,
            placement: self.placement,
            train_texts: &self.texts,
            worked_examples: &[],
            seed: Seed::new(1),
        })
    }

    /// Of the bytes of all weights.
    pub(crate) fn weights_sha256(&self) -> String {
        let mut hash = Sha256::new();
        self.backbone.each_weight(&mut |weight: TensorData| hash.update(weight.as_bytes()));
        format!("{:x?}", hash.finalize())
    }

    /// The loss on its batch.
    pub(crate) fn loss(&self, program: &Program) -> Tensor<1> {
        let outputs = program.forward(self.backbone.as_ref(), &self.batch);
        match self.target.horizon {
            None => cross_entropy(outputs, &LABELS),
            Some(horizon) => {
                let gold: Vec<f32> = (0..self.batch.len() * horizon).map(|i| (i % 5) as f32 - 1.0).collect();
                let gold = Tensor::from_data(TensorData::new(gold, outputs.dims()), &outputs.device());
                squared_error(outputs, gold)
            }
        }
    }

    /// What the alignment reads of its batch.
    pub(crate) fn outputs(&self, program: &Program) -> Vec<f32> {
        values(program.valid().source(self.backbone.as_ref(), &self.batch))
    }

    /// The gradient of the loss, in the order of [`Program::point`]; zero where nothing depends on a number.
    pub(crate) fn gradient(&self, program: &Program) -> Vec<f32> {
        struct Reader(Gradients, Vec<f32>);
        impl ModuleVisitor for Reader {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let tensor = param.val();
                if tensor.is_require_grad() {
                    self.1.extend(tensor.grad(&self.0).map_or_else(|| vec![0.0; tensor.shape().num_elements()], values));
                }
            }
        }
        let mut reader = Reader(self.loss(program).backward(), Vec::new());
        program.visit(&mut reader);
        reader.1
    }

    /// A program, fitted where something is.
    pub(crate) fn fitted(&self, mut program: Program) -> Program {
        if program.is_made_of_items() {
            program.make(self.backbone.as_ref(), std::slice::from_ref(&self.batch), &LABELS).unwrap();
        }
        let scores_of = |batch: &Batch| program.valid().source(self.backbone.as_ref(), batch);
        let (scores, labels) = match program.alignment().evidence() {
            Evidence::None => return program,
            Evidence::TrainingOnce | Evidence::TrainingEveryEpoch => (scores_of(&self.batch), LABELS.to_vec()),
            Evidence::ContentFree(texts) => (scores_of(&Batch::Texts(texts.into_iter().map(Query::new).collect())), Vec::new()),
            Evidence::Cue => (program.valid().cue_scores(self.backbone.as_ref()), Vec::new()),
        };
        program.alignment_mut().fit(Fitting { scores: &scores, labels: &labels });
        program
    }

    /// A fitted program after two steps of its method's own update rule.
    pub(crate) fn stepped(&self, method: &Method, mut program: Program) -> Program {
        if !program.signature().is_trainable() {
            return program;
        }
        let rate = method.recipe.learning_rate;
        match method.recipe.optimizer.start(Seed::new(1)) {
            Updates::Gradients(mut rule) => {
                for _ in 0..2 {
                    let gradients = GradientsParams::from_grads(self.loss(&program).backward(), &program);
                    program = rule.step(rate, program, gradients);
                }
                program
            }
            Updates::Queries(mut rule) => {
                let mut point = program.point();
                for _ in 0..2 {
                    let loss = |at: &[f32]| Ok::<f32, Infallible>(self.loss(&program.at_point(at).valid()).into_scalar());
                    rule.step(rate, &mut point, loss).unwrap();
                }
                program.at_point(&point)
            }
        }
    }
}

/// The same method with nothing left out of training passes, which are then alike.
pub(crate) fn without_dropout(mut method: Method) -> Method {
    for part in &mut method.manipulations {
        if let ManipulationSpec::WaveformDelta(spec) = part {
            spec.dropout = 0.0;
        } else if let ManipulationSpec::PatchPrototypes(spec) = part {
            spec.dropout = 0.0;
        }
    }
    method
}

/// Numbers of each tensor that is learned, in the order of [`Program::point`].
pub(crate) fn point_lengths(program: &Program) -> Vec<usize> {
    struct Reader(Vec<usize>);
    impl ModuleVisitor for Reader {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.val().is_require_grad() {
                self.0.push(param.val().shape().num_elements());
            }
        }
    }
    let mut reader = Reader(Vec::new());
    program.visit(&mut reader);
    reader.0
}
