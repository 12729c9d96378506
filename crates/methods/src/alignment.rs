//! `O_ω`: how the source output becomes target scores.

use burn::tensor::Tensor;
use reprogram_models::Decoding;
use reprogram_taxonomy::{Alignment, Misfit};

use crate::family::family;
use crate::{
    AnswerForm, AnswerPrior, AnswerPriorSpec, BayesianMapping, BayesianMappingSpec, Beside, BlockMapping, BlockMappingSpec, Channel,
    ChannelSpec, ClassTexts, ContextualCalibration, ContextualCalibrationSpec, CountedTexts, CountedTextsSpec, ExtractedAnswer,
    ExtractionSpec, FirstClasses, FirstClassesSpec, ForecastHead, ForecastHeadSpec, FrequencyMapping, FrequencyMappingSpec, Identity,
    IdentitySpec, LastValue, LastValueSpec, LinearMap, LinearMapSpec, Majority, MajoritySpec, MeanText, MeanTextSpec, NearestText,
    NearestTextSpec, PriorOf, RandomMapping, RandomMappingSpec, RankMapping, RankMappingSpec, Setup, TopTexts, TopTextsSpec, Transport,
    TransportSpec, Verbalizer, VerbalizerEmbeddings, VerbalizerEmbeddingsSpec, VerbalizerSpec, Verbatim, VerbatimSpec, WeightedTexts,
    WeightedTextsSpec, WindowMap, WindowMapSpec,
};

/// What of f an alignment reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reads {
    /// Logits over the source labels, `[batch, source]`.
    Logits,
    /// The features under them, `[batch, dim]`.
    Features,
    /// The log-likelihood of each class's answer after the prompt, `[batch, target]`, in nats.
    Answers,
    /// The same of an item's own answers, and what they are held against, `[batch, 2 · target]`.
    AnswersBeside(Beside),
    /// The mean log-likelihood of an item's tokens behind each class's answer, `[batch, target]`, in nats.
    ItemBehindAnswers,
    /// How near an item is to each class's text in the joint space, `[batch, target]`.
    ClassTexts,
    /// How near an item is to each text of every class in the joint space, `[batch, text]`, the texts of a class together.
    EachText,
    /// How near each patch of an item is to each text of every class, `[batch, patch · text]`.
    LocalTexts,
    /// The last tokens of a series, `[batch, n · width + 2]`: the first numbers of each, side by side, then the window's mean and
    /// deviation.
    Tokens {
        /// How many.
        n: usize,
        /// Numbers of each.
        width: usize,
    },
    /// A normalised window itself, past f, with its mean and deviation: `[batch, history + 2]`.
    Window,
    /// Text that f goes on with, token by token.
    Generated,
}

/// How text is generated, where an alignment reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Generated {
    /// Replies to an item.
    pub paths: usize,
    /// How their tokens are chosen.
    pub decoding: Decoding,
    /// Tokens of an answer, at most; a chain of thought in front of it has a bound of its own.
    pub max_tokens: usize,
}

impl Reads {
    /// Whether what is read are likelihoods of words, which are computed text by text.
    pub const fn is_in_words(self) -> bool {
        match self {
            Self::Answers | Self::AnswersBeside(_) | Self::ItemBehindAnswers => true,
            Self::Logits
            | Self::Features
            | Self::ClassTexts
            | Self::EachText
            | Self::LocalTexts
            | Self::Tokens { .. }
            | Self::Window
            | Self::Generated => false,
        }
    }
}

/// What an alignment is fitted on, without gradients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing.
    None,
    /// f's outputs on the training items, under the initial program.
    TrainingOnce,
    /// f's outputs on the training items, again before every epoch.
    TrainingEveryEpoch,
    /// f's outputs on these content-free texts.
    ContentFree(Vec<String>),
    /// Answers behind the template's cue alone, one row.
    Cue,
}

impl Evidence {
    /// Whether f's outputs on the training items are asked for in front of this epoch, the first of which is 1.
    pub const fn asks_for_train(&self, epoch: usize) -> bool {
        match self {
            Self::TrainingEveryEpoch => true,
            Self::TrainingOnce => epoch == 1,
            Self::None | Self::ContentFree(_) | Self::Cue => false,
        }
    }
}

/// Evidence, gathered.
#[derive(Debug, Clone, Copy)]
pub struct Fitting<'a> {
    /// What the alignment reads, `[item, source]`.
    pub scores: &'a Tensor<2>,
    /// Gold classes of the items; empty where the evidence is not the training items.
    pub labels: &'a [usize],
}

/// An alignment. Its parameters, where it has any, are trained (ω linear) or fitted (ω statistical).
pub trait Align {
    /// What it reads.
    fn reads(&self) -> Reads {
        Reads::Logits
    }

    /// What it is fitted on.
    fn evidence(&self) -> Evidence {
        Evidence::None
    }

    /// Is told what the program writes of each class, before anything is fitted. A misfit says what the alignment needs of it.
    fn settle(&mut self, _texts: &ClassTexts, _setup: &Setup<'_>) -> Result<(), Misfit> {
        Ok(())
    }

    /// What is added to the training loss, `[1]`.
    fn penalty(&self) -> Option<Tensor<1>> {
        None
    }

    /// Fits it.
    fn fit(&mut self, _evidence: Fitting<'_>) {}

    /// How text is generated for it, where it reads such.
    fn generated(&self) -> Option<Generated> {
        None
    }

    /// The answer in a generated text, in its normal form, if there is one.
    fn answer(&self, _text: &str, _form: &AnswerForm) -> Option<String> {
        None
    }

    /// The name and version of the rule that answers are found by.
    fn rule(&self, form: &AnswerForm) -> String {
        form.extraction.as_str().to_owned()
    }

    /// A gold answer in the normal form of [`Align::answer`].
    fn gold(&self, gold: &str, form: &AnswerForm) -> Option<String> {
        form.extraction.normal(gold)
    }

    /// `[batch, source]` to target scores `[batch, target]`, whose log-softmax are log-probabilities.
    fn align(&self, scores: Tensor<2>) -> Tensor<2>;

    /// What was fitted, in words, for the record.
    fn note(&self) -> Option<String> {
        None
    }
}

family! {
    /// An alignment as a sweep file writes it.
    AlignmentSpec(Alignment);
    /// An alignment as the optimizer sees it.
    Aligner: Align;
    "identity" => Identity from IdentitySpec,
    "verbalizer" => Verbalizer from VerbalizerSpec,
    "verbalizer-embeddings" => VerbalizerEmbeddings from VerbalizerEmbeddingsSpec,
    "nearest-text" => NearestText from NearestTextSpec,
    "mean-text" => MeanText from MeanTextSpec,
    "top-texts" => TopTexts from TopTextsSpec,
    "weighted-texts" => WeightedTexts from WeightedTextsSpec,
    "transport" => Transport from TransportSpec,
    "counted-texts" => CountedTexts from CountedTextsSpec,
    "first-classes" => FirstClasses from FirstClassesSpec,
    "block-mapping" => BlockMapping from BlockMappingSpec,
    "rank-mapping" => RankMapping from RankMappingSpec,
    "random-mapping" => RandomMapping from RandomMappingSpec,
    "frequency-mapping" => FrequencyMapping from FrequencyMappingSpec,
    "bayesian-mapping" => BayesianMapping from BayesianMappingSpec,
    "channel" => Channel from ChannelSpec,
    "contextual-calibration" => ContextualCalibration from ContextualCalibrationSpec,
    "last-value" => LastValue from LastValueSpec,
    "window-map" => WindowMap from WindowMapSpec,
    "forecast-head" => ForecastHead from ForecastHeadSpec,
    "answer-prior" => AnswerPrior from AnswerPriorSpec,
    "linear" => LinearMap from LinearMapSpec,
    "extraction" => ExtractedAnswer from ExtractionSpec,
    "majority" => Majority from MajoritySpec,
    "verbatim" => Verbatim from VerbatimSpec,
}

impl AlignmentSpec {
    /// Whether it reads text that is generated.
    pub const fn reads_generated(&self) -> bool {
        matches!(self, Self::ExtractedAnswer(_) | Self::Majority(_) | Self::Verbatim(_))
    }

    /// Whether it knows what to do with answers that each item brings itself: nothing of it belongs to a class.
    pub const fn takes_own_answers(&self) -> bool {
        match self {
            Self::Verbalizer(_) => true,
            Self::AnswerPrior(spec) => match spec.of {
                PriorOf::Cue => true,
                PriorOf::TrainingItems | PriorOf::DomainWords { .. } => false,
            },
            Self::Identity(_)
            | Self::VerbalizerEmbeddings(_)
            | Self::NearestText(_)
            | Self::MeanText(_)
            | Self::TopTexts(_)
            | Self::WeightedTexts(_)
            | Self::Transport(_)
            | Self::CountedTexts(_)
            | Self::FirstClasses(_)
            | Self::BlockMapping(_)
            | Self::RankMapping(_)
            | Self::RandomMapping(_)
            | Self::FrequencyMapping(_)
            | Self::BayesianMapping(_)
            | Self::Channel(_)
            | Self::ContextualCalibration(_)
            | Self::LastValue(_)
            | Self::WindowMap(_)
            | Self::ForecastHead(_)
            | Self::LinearMap(_)
            | Self::ExtractedAnswer(_)
            | Self::Majority(_)
            | Self::Verbatim(_) => false,
        }
    }

    /// Whether it makes forecasts, and not scores of classes.
    pub const fn forecasts(&self) -> bool {
        matches!(self, Self::LastValue(_) | Self::WindowMap(_) | Self::ForecastHead(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_items_are_asked_for_once_or_in_front_of_every_epoch() {
        let epochs = |evidence: Evidence| (1..=3).filter(|&epoch| evidence.asks_for_train(epoch)).collect::<Vec<_>>();
        assert_eq!([Evidence::TrainingOnce, Evidence::TrainingEveryEpoch].map(epochs), [vec![1], vec![1, 2, 3]]);
        assert!([Evidence::None, Evidence::Cue, Evidence::ContentFree(vec![])].into_iter().all(|evidence| epochs(evidence).is_empty()));
    }
}
