//! `I_{λ,τ,ℓ}`: what crosses the interfaces on the way in.

use burn::tensor::Tensor;
use reprogram_models::{Backbone, Stream};
use reprogram_taxonomy::{Misfit, Site};

use crate::family::family;
use crate::{
    Bottleneck, BottleneckSpec, ClassContext, ClassContextSpec, ClassContexts, ClassContextsSpec, ClassDescriptions, ClassDescriptionsSpec,
    ClassTemplate, ClassTemplateSpec, ClassTexts, ConditionedContext, ConditionedContextSpec, CoupledPrompt, CoupledPromptSpec,
    DecoupledFrame, DecoupledFrameSpec, DeepPrompt, DeepPromptSpec, Delta, DeltaSpec, Demonstrations, DemonstrationsSpec, Dialogue,
    FixedPrompt, FixedPromptSpec, GroupedDemonstrations, GroupedDemonstrationsSpec, Instruction, InstructionSpec, ItemKeys, ItemKeysSpec,
    KeyValuePrefix, KeyValuePrefixSpec, LeastToMost, LeastToMostSpec, LowRank, LowRankSpec, MappedPrompt, MappedPromptSpec,
    PatchPrototypes, PatchPrototypesSpec, PixelDelta, PixelDeltaSpec, PixelFrame, PixelFrameSpec, PixelGenerator, PixelGeneratorSpec,
    PixelMark, PixelMarkSpec, PixelStrip, PixelStripSpec, Prompt, SampleMask, SampleMaskSpec, SeriesPrompt, SeriesPromptSpec, Setup, Shown,
    SoftPrompt, SoftPromptSpec, Steering, SteeringSpec, Step, StepByStep, StepByStepSpec, Template, TokenPatches, TokenPatchesSpec,
    TrainableResize, TrainableResizeSpec, VocabularyMap, VocabularyMapSpec, WaveformDelta, WaveformDeltaSpec, WeightDelta, WeightDeltaSpec,
    Window, Wordings, WordingsSpec, WorkedExamples, WorkedExamplesSpec,
};

/// Versions of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Views<'a> {
    /// How many there are.
    pub n: usize,
    /// The version that each text of the classes is compared with.
    pub of_texts: &'a [usize],
}

/// A manipulation overrides exactly the hook that its location names.
pub trait Manipulate {
    /// Whether it is made of training items, before anything is fitted or trained. Fixed parts: a rule may use the data.
    fn is_made_of_items(&self) -> bool {
        false
    }

    /// Makes it of them, without a gradient. A misfit says what they lack.
    fn make(&mut self, _shown: &Shown<'_>) -> Result<(), Misfit> {
        Ok(())
    }

    /// ℓ = input, texts on a backbone that takes images: `[batch, channel, height, width]`. A part that has it takes texts.
    fn image_of(&self, _texts: &[&str]) -> Option<Tensor<4>> {
        None
    }

    /// ℓ = input, images: `[batch, channel, height, width]`; the shape is kept, unless τ = concatenative.
    fn pixels(&self, images: Tensor<4>) -> Tensor<4> {
        images
    }

    /// The same, where what is done depends on what f makes of the image.
    fn pixels_for(&self, _backbone: &dyn Backbone, images: Tensor<4>) -> Tensor<4> {
        self.pixels(images)
    }

    /// ℓ = input, recordings and series on the canvas of one: `[batch, sample]`, shape kept.
    fn waveforms(&self, waveforms: Tensor<2>) -> Tensor<2> {
        waveforms
    }

    /// ℓ = input, series: what is said of one in words, behind what was said before.
    fn series_text(&self, text: String, _window: &Window) -> String {
        text
    }

    /// ℓ = embedding, series: tokens of normalised windows `[batch, history]`, put behind the words: `[batch, tokens, dim]`.
    fn series_tokens(&self, _windows: &Tensor<2>) -> Option<Tensor<3>> {
        None
    }

    /// Where it makes several versions of every image, one behind the other.
    fn views(&self) -> Option<Views<'_>> {
        None
    }

    /// Passes through f that this makes for an item, besides the one that is read.
    fn n_own_passes(&self) -> usize {
        0
    }

    /// ℓ = input, text.
    fn prompt(&self, prompt: Prompt) -> Prompt {
        prompt
    }

    /// The same for several items, where what is done depends on what f makes of them.
    fn prompts(&self, _backbone: &dyn Backbone, prompts: Vec<Prompt>) -> Vec<Prompt> {
        prompts.into_iter().map(|prompt| self.prompt(prompt)).collect()
    }

    /// ℓ = input, text: templates in place of the data set's own.
    fn templates(&self) -> &[Template] {
        &[]
    }

    /// Positions of the context that it takes in front of every text.
    fn n_positions(&self) -> usize {
        0
    }

    /// ℓ = input, where text is generated: what comes next in an item's dialogue. Nothing leaves it to the other parts.
    fn next_step(&self, _dialogue: &Dialogue<'_>) -> Option<Step> {
        None
    }

    /// Whether it means something only where text is generated.
    fn generates(&self) -> bool {
        false
    }

    /// ℓ = input, the texts of classes where items are compared with texts.
    fn class_texts(&self, texts: ClassTexts) -> ClassTexts {
        texts
    }

    /// Whether all rows of a stream are treated alike, so that texts may be laid out as trees.
    fn is_uniform(&self) -> bool {
        true
    }

    /// Whether items go through a backbone of its own.
    fn tunes_backbone(&self) -> bool {
        false
    }

    /// The backbone that items go through instead: a copy with other weights. Baselines that tune f.
    fn backbone(&self, _backbone: &dyn Backbone) -> Option<Box<dyn Backbone>> {
        None
    }

    /// ℓ = embedding.
    fn embedding(&self, stream: Stream) -> Stream {
        stream
    }

    /// Whether what it does at the embedding of the classes' texts depends on the item that they are compared with.
    fn is_conditioned(&self) -> bool {
        false
    }

    /// ℓ = embedding, for texts that items are compared with: the stream holds all texts once for each item, one item behind
    /// the other. `items`: their unit features, `[item, joint]`.
    fn embedding_for(&self, stream: Stream, _items: &Tensor<2>) -> Stream {
        self.embedding(stream)
    }

    /// ℓ = hidden: before the block at `layer`.
    fn hidden(&self, _layer: usize, stream: Stream) -> Stream {
        stream
    }

    /// Is told what the program writes of each class, once all parts are built. A misfit says what the part needs of it.
    fn settle(&mut self, _texts: &ClassTexts, _setup: &Setup<'_>) -> Result<(), Misfit> {
        Ok(())
    }

    /// What is added to the training loss, `[1]`. `class_features` computes what the text tower makes of the classes' texts
    /// under the program as it is, `[class, joint]`.
    fn penalty(&self, _class_features: &dyn Fn() -> Tensor<2>) -> Option<Tensor<1>> {
        None
    }

    /// Numbers that a gradient really moves, where some of the stored ones are masked.
    fn n_effective(&self) -> Option<usize> {
        None
    }
}

family! {
    /// A manipulation as a sweep file writes it.
    ManipulationSpec(Site);
    /// A manipulation as the optimizer sees it.
    Manipulator: Manipulate;
    "pixel-frame" => PixelFrame from PixelFrameSpec,
    "pixel-delta" => PixelDelta from PixelDeltaSpec,
    "pixel-generator" => PixelGenerator from PixelGeneratorSpec,
    "decoupled-frame" => DecoupledFrame from DecoupledFrameSpec,
    "sample-mask" => SampleMask from SampleMaskSpec,
    "trainable-resize" => TrainableResize from TrainableResizeSpec,
    "series-prompt" => SeriesPrompt from SeriesPromptSpec,
    "patch-prototypes" => PatchPrototypes from PatchPrototypesSpec,
    "waveform-delta" => WaveformDelta from WaveformDeltaSpec,
    "instruction" => Instruction from InstructionSpec,
    "demonstrations" => Demonstrations from DemonstrationsSpec,
    "grouped-demonstrations" => GroupedDemonstrations from GroupedDemonstrationsSpec,
    "wordings" => Wordings from WordingsSpec,
    "soft-prompt" => SoftPrompt from SoftPromptSpec,
    "mapped-prompt" => MappedPrompt from MappedPromptSpec,
    "deep-prompt" => DeepPrompt from DeepPromptSpec,
    "key-value-prefix" => KeyValuePrefix from KeyValuePrefixSpec,
    "delta" => Delta from DeltaSpec,
    "class-template" => ClassTemplate from ClassTemplateSpec,
    "class-descriptions" => ClassDescriptions from ClassDescriptionsSpec,
    "class-context" => ClassContext from ClassContextSpec,
    "class-contexts" => ClassContexts from ClassContextsSpec,
    "conditioned-context" => ConditionedContext from ConditionedContextSpec,
    "coupled-prompt" => CoupledPrompt from CoupledPromptSpec,
    "low-rank" => LowRank from LowRankSpec,
    "weight-delta" => WeightDelta from WeightDeltaSpec,
    "token-patches" => TokenPatches from TokenPatchesSpec,
    "vocabulary-map" => VocabularyMap from VocabularyMapSpec,
    "pixel-strip" => PixelStrip from PixelStripSpec,
    "pixel-mark" => PixelMark from PixelMarkSpec,
    "steering" => Steering from SteeringSpec,
    "fixed-prompt" => FixedPrompt from FixedPromptSpec,
    "item-keys" => ItemKeys from ItemKeysSpec,
    "bottleneck" => Bottleneck from BottleneckSpec,
    "step-by-step" => StepByStep from StepByStepSpec,
    "worked-examples" => WorkedExamples from WorkedExamplesSpec,
    "least-to-most" => LeastToMost from LeastToMostSpec,
}

impl ManipulationSpec {
    /// Everywhere it acts.
    pub fn sites(&self) -> Vec<Site> {
        [self.coordinates()].into_iter().chain(self.further_coordinates()).collect()
    }
}
