//! Everything that is trained, fitted, saved and counted; and the one forward pass.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use reprogram_models::{Backbone, Input, Reading, Stream, in_f32, raised};
use reprogram_taxonomy::{Misfit, Signature, Tower};

use crate::kept::Kept;
use crate::{Aligner, AnswerForm, Batch, Dialogue, Manipulator, Query, Reads, Setup, Shown, Step, Target, Template};

/// `I_{λ,τ,ℓ}` and `O_ω` around a frozen f.
#[derive(Module, Debug)]
pub struct Program {
    manipulations: Vec<Manipulator>,
    /// Those that each manipulation acts in.
    #[module(skip)]
    towers: Vec<Vec<Tower>>,
    alignment: Aligner,
    #[module(skip)]
    signature: Signature,
    #[module(skip)]
    classes: Vec<String>,
    #[module(skip)]
    templates: Vec<Template>,
}

/// A saved tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Where it stands in the program.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// A saved program that is not this one's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramLoadError {
    /// No such tensor.
    #[error("the saved program has no tensor `{0}`")]
    Missing(String),
    /// Another shape.
    #[error("tensor `{name}` of the saved program has shape {found:?}, but {expected:?} is needed")]
    Shape {
        /// The tensor.
        name: String,
        /// What is needed.
        expected: Vec<usize>,
        /// What is saved.
        found: Vec<usize>,
    },
    /// Too many tensors.
    #[error("the saved program has tensors that this one lacks: {0}")]
    Unused(String),
}

impl Program {
    /// `towers`: those that each manipulation acts in.
    pub(crate) fn new(
        manipulations: Vec<Manipulator>,
        towers: Vec<Vec<Tower>>,
        alignment: Aligner,
        signature: Signature,
        target: &Target,
    ) -> Self {
        let reworded: Vec<Template> = manipulations.iter().flat_map(|part| part.templates()).cloned().collect();
        let templates = if reworded.is_empty() { target.template.iter().cloned().collect() } else { reworded };
        Self { manipulations, towers, alignment, signature, classes: target.classes.clone(), templates }
    }

    /// Tells the parts what is written of each class.
    pub(crate) fn settle(&mut self, setup: &Setup<'_>) -> Result<(), Misfit> {
        let texts = self.class_texts();
        for part in &mut self.manipulations {
            part.settle(&texts, setup)?;
        }
        if self.manipulations.iter().any(|part| part.views().is_some()) && self.alignment.reads() != Reads::EachText {
            let needs = "an alignment that reads each text, like `counted-texts`, where a text has a version of the image of its own";
            return Err(Misfit::PartNeeds { part: "decoupled-frame".to_owned(), needs: needs.to_owned() });
        }
        self.alignment.settle(&texts, setup)
    }

    /// Its manipulations.
    pub(crate) fn manipulations(&self) -> &[Manipulator] {
        &self.manipulations
    }

    /// Names of the target classes.
    pub(crate) fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Its coordinates.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// `O_ω`.
    pub fn alignment(&self) -> &Aligner {
        &self.alignment
    }

    /// `O_ω`, to be fitted.
    pub fn alignment_mut(&mut self) -> &mut Aligner {
        &mut self.alignment
    }

    /// Whether parts of it are made of training items: [`Program::make`] then comes before anything else.
    pub fn is_made_of_items(&self) -> bool {
        self.manipulations.iter().any(|part| part.is_made_of_items())
    }

    /// Makes those parts of labelled training items, as f sees them behind what this program does at the input.
    pub fn make(&mut self, backbone: &dyn Backbone, batches: &[Batch], labels: &[usize]) -> Result<(), Misfit> {
        let program = self.valid();
        if batches.iter().any(|batch| matches!(batch, Batch::Series(_))) {
            let needs = "items that f is fed as they are, not series".to_owned();
            return Err(Misfit::PartNeeds { part: "a part made of training items".to_owned(), needs });
        }
        let inputs: Vec<Input> = batches.iter().map(|batch| program.input(backbone, batch)).collect();
        let shown = Shown { backbone, inputs: &inputs, labels, n_classes: self.classes.len() };
        self.manipulations.iter_mut().filter(|part| part.is_made_of_items()).try_for_each(|part| part.make(&shown))
    }

    /// `ŷ = O_ω ∘ f ∘ I_{λ,τ,ℓ}(x)`: target scores, `[batch, target]`.
    pub fn forward(&self, backbone: &dyn Backbone, batch: &Batch) -> Tensor<2> {
        self.alignment.align(self.source(backbone, batch))
    }

    /// `f ∘ I_{λ,τ,ℓ}(x)` as the alignment reads it: `[batch, source]`. Where nothing before ω is learnable it is
    /// constant, and need not be computed twice: see [`Program::prepare`].
    pub fn source(&self, backbone: &dyn Backbone, batch: &Batch) -> Tensor<2> {
        self.source_after(backbone, batch, &mut Kept::nothing())
    }

    /// As [`Program::source`], with the keys and values of what earlier texts of this very program began with.
    pub(crate) fn source_after(&self, backbone: &dyn Backbone, batch: &Batch, kept: &mut Kept) -> Tensor<2> {
        self.finish_after(backbone, self.prepare_after(backbone, batch, kept), kept)
    }

    /// The words that items are put into: one, or an ensemble; none where items are no texts.
    pub(crate) fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// How text items are put into words.
    pub(crate) fn template(&self) -> &Template {
        self.templates.first().expect("a text set has a template")
    }

    /// How an answer is asked for and found in generated text.
    pub(crate) fn answer_form(&self) -> &AnswerForm {
        self.template().answer.as_ref().expect("a part that reads generated text is built with one")
    }

    /// A gold answer in the form that generated ones are found in.
    ///
    /// # Panics
    /// When the program does not read generated text.
    pub fn gold(&self, gold: &str) -> Option<String> {
        self.alignment.gold(gold, self.answer_form())
    }

    /// By which rule answers are found in generated text, where it reads such.
    pub fn answer_rule(&self) -> Option<String> {
        self.alignment.generated().map(|_| format!("answers are found by {}", self.alignment.rule(self.answer_form())))
    }

    /// What comes next in a dialogue: what the last part that has a say in it says.
    pub(crate) fn step(&self, dialogue: &Dialogue<'_>) -> Step {
        self.manipulations.iter().rev().find_map(|part| part.next_step(dialogue)).unwrap_or_else(|| dialogue.direct())
    }

    /// What its parts add to the training loss, `[1]`; nothing where none does.
    pub fn penalty(&self, backbone: &dyn Backbone) -> Option<Tensor<1>> {
        let class_features = || self.class_features(backbone);
        let of_parts = self.manipulations.iter().filter_map(|part| part.penalty(&class_features));
        of_parts.chain(self.alignment.penalty()).reduce(|sum, term| sum + term)
    }

    /// Numbers that a gradient moves: stored trainable ones, less what a mask hides.
    pub fn n_trainable(&self) -> usize {
        let of = |part: &Manipulator| part.n_effective().unwrap_or_else(|| count(part, Counted::Trainable));
        self.manipulations.iter().map(of).sum::<usize>() + count(&self.alignment, Counted::Trainable)
    }

    /// Numbers that the optimizer holds, those that a mask hides included.
    pub fn n_held(&self) -> usize {
        count(self, Counted::Trainable)
    }

    /// Passes through f that one item costs.
    pub fn n_passes(&self) -> usize {
        1 + self.manipulations.iter().map(|part| part.n_own_passes()).sum::<usize>()
    }

    /// Numbers that are saved, fitted ones included.
    pub fn n_stored(&self) -> usize {
        count(self, Counted::All)
    }

    /// All parameters, in a fixed order.
    pub fn tensors(&self) -> Vec<NamedTensor> {
        let mut collector = Collector { path: Vec::new(), tensors: Vec::new() };
        self.visit(&mut collector);
        collector.tensors
    }

    /// The same program with other parameters.
    pub fn with_tensors(self, tensors: Vec<NamedTensor>) -> Result<Self, ProgramLoadError> {
        let tensors = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        let mut replacer = Replacer { path: Vec::new(), tensors, error: None };
        let program = self.map(&mut replacer);
        if let Some(error) = replacer.error {
            return Err(error);
        }
        if replacer.tensors.is_empty() {
            return Ok(program);
        }
        Err(ProgramLoadError::Unused(replacer.tensors.into_keys().collect::<Vec<_>>().join(", ")))
    }

    /// Texts as images, where a part makes them that.
    pub(crate) fn image_of(&self, queries: &[Query]) -> Option<Tensor<4>> {
        let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
        self.manipulations.iter().find_map(|part| part.image_of(&texts))
    }

    /// The images as f gets them.
    pub(crate) fn pixels(&self, backbone: &dyn Backbone, images: Tensor<4>) -> Tensor<4> {
        self.manipulations.iter().fold(images, |images, part| part.pixels_for(backbone, images))
    }

    /// The recordings as f gets them.
    pub(crate) fn waveforms(&self, waveforms: Tensor<2>) -> Tensor<2> {
        self.manipulations.iter().fold(waveforms, |waveforms, part| part.waveforms(waveforms))
    }

    /// Behind the embedding of the stream's tower.
    pub(crate) fn embedding(&self, stream: Stream) -> Stream {
        self.acting_in(stream.tower()).fold(stream, |stream, part| part.embedding(stream))
    }

    /// In front of the block at `layer`.
    pub(crate) fn hidden(&self, layer: usize, stream: Stream) -> Stream {
        self.acting_in(stream.tower()).fold(stream, |stream, part| part.hidden(layer, stream))
    }

    /// The manipulations that act in this tower.
    pub(crate) fn acting_in(&self, tower: Tower) -> impl Iterator<Item = &Manipulator> {
        self.manipulations.iter().zip(&self.towers).filter(move |(_, own)| own.contains(&tower)).map(|(part, _)| part)
    }

    pub(crate) fn blocks(&self, backbone: &dyn Backbone, stream: Stream) -> Stream {
        self.through(backbone, 0..backbone.card().main.depth, self.embedding(stream))
    }

    /// Through these blocks, manipulations in front of each.
    pub(crate) fn through(&self, backbone: &dyn Backbone, layers: std::ops::Range<usize>, stream: Stream) -> Stream {
        layers.fold(stream, |stream, layer| backbone.block(layer, self.hidden(layer, stream)))
    }

    pub(crate) fn read(&self, backbone: &dyn Backbone, stream: &Stream) -> Tensor<2> {
        match self.alignment.reads() {
            Reads::Logits => raised(backbone.read(stream, Reading::Logits)),
            Reads::Features | Reads::ClassTexts | Reads::EachText => raised(backbone.read(stream, Reading::Features)),
            Reads::LocalTexts => {
                let local = raised(backbone.local_features(stream).expect("a part's build comes first"));
                let [batch, patches, joint] = local.dims();
                local.reshape([batch, patches * joint])
            }
            Reads::Answers | Reads::AnswersBeside(_) | Reads::ItemBehindAnswers => {
                panic!("likelihoods of words are read text by text: the part's build comes first")
            }
            Reads::Tokens { .. } | Reads::Window => panic!("only series are read so: the part's build comes first"),
            Reads::Generated => panic!("text is generated by `Generation`"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    All,
    Trainable,
}

fn count(module: &impl Module, counted: Counted) -> usize {
    struct Total {
        numbers: usize,
        of: Counted,
    }
    impl ModuleVisitor for Total {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self.of == Counted::All || param.val().is_require_grad() {
                self.numbers += param.val().shape().num_elements();
            }
        }
    }
    let mut total = Total { numbers: 0, of: counted };
    module.visit(&mut total);
    total.numbers
}

struct Collector {
    path: Vec<String>,
    tensors: Vec<NamedTensor>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let values = tensor.try_to_vec_as().expect("parameters are floats");
        self.tensors.push(NamedTensor { name: self.path.join("."), shape: tensor.dims().to_vec(), values });
    }
}

struct Replacer {
    path: Vec<String>,
    tensors: BTreeMap<String, NamedTensor>,
    error: Option<ProgramLoadError>,
}

impl ModuleMapper for Replacer {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let expected = param.val().dims().to_vec();
        match self.tensors.remove(&name) {
            None => {
                self.error.get_or_insert(ProgramLoadError::Missing(name));
                param
            }
            Some(tensor) if tensor.shape != expected => {
                self.error.get_or_insert(ProgramLoadError::Shape { name, expected, found: tensor.shape });
                param
            }
            Some(tensor) => {
                let data = TensorData::new(tensor.values, tensor.shape);
                param.map(|old| {
                    let requires_grad = old.is_require_grad();
                    Tensor::from_data(data, in_f32(&old.device())).set_require_grad(requires_grad)
                })
            }
        }
    }
}
