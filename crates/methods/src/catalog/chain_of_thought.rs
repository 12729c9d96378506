//! Reasons in generated text before the answer, and the controls that give the answer at once.

use super::{Checked, Entry, Size, compose};
use crate::{
    ANSWER_CUE, AlignmentSpec, ExtractionSpec, LeastToMostSpec, MajoritySpec, ManipulationSpec, Pick, Recipe, StepByStepSpec, Way,
    WorkedExamplesSpec,
};

/// The control of [`ZERO_SHOT`].
pub(super) const DIRECT: Entry = Entry {
    name: "direct-generation",
    title: "the answer is generated at once, and found by the data set's rule",
    reference: "Kojima et al., NeurIPS 2022, arXiv 2205.11916, Zero-shot in table 1",
    deviations: "replies stop where another item begins; numbers are compared by value; a choice is a letter that stands alone; no chat template",
    size: Size::NONE,
    checked: &[Checked::Code("kojima-takeshi188/zero_shot_cot@5ef330f"), Checked::Sweep("cot")],
    method: || compose([], AlignmentSpec::ExtractedAnswer(ExtractionSpec::default()), Recipe::default()),
};

/// Two turns.
pub(super) const ZERO_SHOT: Entry = Entry {
    name: "cot-zero-shot",
    title: "\"Let's think step by step.\", 128 tokens of thought, then the answer is asked for",
    reference: "Kojima et al., NeurIPS 2022, arXiv 2205.11916, §3",
    deviations: "replies stop where another item begins; numbers are compared by value; a choice is a letter that stands alone; no chat template",
    size: Size::NONE,
    checked: &[Checked::Code("kojima-takeshi188/zero_shot_cot@5ef330f"), Checked::Sweep("cot")],
    method: || {
        let thought = ManipulationSpec::StepByStep(StepByStepSpec::default());
        compose([thought], AlignmentSpec::ExtractedAnswer(ExtractionSpec::default()), Recipe::default())
    },
};

/// The control of [`FEW_SHOT`].
pub(super) const FEW_SHOT_DIRECT: Entry = Entry {
    name: "direct-few-shot",
    title: "8 worked examples without the way to the answer, in a drawn order; the answer is generated",
    reference: "Wei et al., NeurIPS 2022, arXiv 2201.11903, standard prompting in §3.1",
    deviations: "examples are drawn from training items where these tell the way, and are otherwise our own; no chat template",
    size: Size::NONE,
    checked: &[Checked::Sweep("cot")],
    method: || compose([worked(Way::Left)], AlignmentSpec::ExtractedAnswer(behind_the_cue()), Recipe::default()),
};

/// A chain of thought by example.
pub(super) const FEW_SHOT: Entry = Entry {
    name: "cot-few-shot",
    title: "8 worked examples with the way to the answer, in a drawn order; way and answer are generated",
    reference: "Wei et al., NeurIPS 2022, arXiv 2201.11903, §2",
    deviations: "examples are drawn from training items where these tell the way, and are otherwise our own; no chat template",
    size: Size::NONE,
    checked: &[Checked::Sweep("cot")],
    method: || compose([worked(Way::Shown)], AlignmentSpec::ExtractedAnswer(behind_the_cue()), Recipe::default()),
};

/// Many chains of thought, one vote each.
pub(super) const SELF_CONSISTENCY: Entry = Entry {
    name: "self-consistency",
    title: "40 chains of thought are drawn behind 8 worked examples; most votes win",
    reference: "Wang et al., ICLR 2023, arXiv 2203.11171, §2",
    deviations: "from the paper's words, there is no official code; the unweighted vote; examples as in cot-few-shot",
    size: Size::NONE,
    checked: &[],
    method: || {
        let ExtractionSpec { pick, max_tokens } = behind_the_cue();
        let votes = MajoritySpec { pick, max_tokens, ..MajoritySpec::default() };
        compose([worked(Way::Shown)], AlignmentSpec::Majority(votes), Recipe::default())
    },
};

/// Simpler questions first.
pub(super) const LEAST_TO_MOST: Entry = Entry {
    name: "least-to-most",
    title: "the model takes the question apart, answers up to 3 simpler ones in order, then the question",
    reference: "Zhou et al., ICLR 2023, arXiv 2205.10625, §2",
    deviations: "from the paper's words, there is no official code; no examples in either stage; the words that ask for simpler questions are ours",
    size: Size::NONE,
    checked: &[Checked::Sweep("cot")],
    method: || {
        let apart = ManipulationSpec::LeastToMost(LeastToMostSpec::default());
        compose([apart], AlignmentSpec::ExtractedAnswer(ExtractionSpec::default()), Recipe::default())
    },
};

fn worked(way: Way) -> ManipulationSpec {
    ManipulationSpec::WorkedExamples(WorkedExamplesSpec { shots: 8, way, max_tokens: 128 })
}

fn behind_the_cue() -> ExtractionSpec {
    ExtractionSpec { pick: Pick::After(ANSWER_CUE.to_owned()), ..ExtractionSpec::default() }
}
