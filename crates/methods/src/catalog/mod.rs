//! Published methods and the baselines, each a named composition of parts.
//!
//! A file says what the method is, where it was published and where we deviate; registering it is one line of
//! [`CATALOG`]. The recipes are the papers' own, as far as a budget allows; a sweep may override them.

use crate::{AlignmentSpec, ManipulationSpec, Method, Recipe};

pub use crate::entry::{Checked, Entry, Size};

mod adversarial_reprogramming;
mod answer_priors;
mod auto_vp;
mod bayesian_label_mapping;
mod black_box;
mod chain_of_thought;
mod channel_prompting;
mod class_descriptions;
mod conditional_prompts;
mod context_optimization;
mod contextual_calibration;
mod cross_modal;
mod enhanced_visual_prompting;
mod forecasting;
mod full_fine_tuning;
mod full_mapping;
mod ilm_vp;
mod in_context_learning;
mod label_mapping;
mod linear_probe;
mod low_rank_adaptation;
mod multi_modal_prompts;
mod nearest_demonstrations;
mod nearest_text;
mod optimal_transport;
mod p_tuning;
mod prefix_tuning;
mod prompt_tuning;
mod sample_specific_masks;
mod structured_prompting;
mod time_llm;
mod visual_prompt_tuning;
mod visual_prompting;
mod vocabulary_map;
mod voice2series;
mod warp;
mod watermark_bayesian;
mod wording_ensemble;
mod zero_shot;

/// Every catalogued method.
pub const CATALOG: &[&Entry] = &[
    &zero_shot::ENTRY,
    &in_context_learning::ENTRY,
    &contextual_calibration::ENTRY,
    &answer_priors::BATCH,
    &answer_priors::DOMAIN,
    &answer_priors::PMI,
    &channel_prompting::ENTRY,
    &channel_prompting::ZERO_SHOT,
    &nearest_demonstrations::ENTRY,
    &nearest_demonstrations::ENCODER,
    &structured_prompting::ENTRY,
    &wording_ensemble::ENTRY,
    &prompt_tuning::ENTRY,
    &p_tuning::ENTRY,
    &p_tuning::LSTM,
    &warp::ENTRY,
    &prefix_tuning::ENTRY,
    &prefix_tuning::P_TUNING_V2,
    &visual_prompt_tuning::SHALLOW,
    &visual_prompt_tuning::DEEP,
    &low_rank_adaptation::ENTRY,
    &linear_probe::ENTRY,
    &full_fine_tuning::ENTRY,
    &label_mapping::ENTRY,
    &adversarial_reprogramming::ENTRY,
    &adversarial_reprogramming::LINEAR,
    &visual_prompting::PAD,
    &visual_prompting::PATCH,
    &visual_prompting::WATERMARK,
    &watermark_bayesian::ENTRY,
    &enhanced_visual_prompting::ENTRY,
    &ilm_vp::RLM,
    &ilm_vp::FLM,
    &ilm_vp::ILM,
    &bayesian_label_mapping::BLM,
    &bayesian_label_mapping::BLM_PLUS,
    &sample_specific_masks::FIVE,
    &sample_specific_masks::SIX,
    &auto_vp::ENTRY,
    &auto_vp::FULL,
    &auto_vp::FREQUENCY,
    &black_box::BAR,
    &black_box::BLACK_VIP,
    &voice2series::ENTRY,
    &voice2series::FREQUENCY,
    &voice2series::ITERATIVE,
    &voice2series::BAYESIAN,
    &voice2series::LINEAR,
    &time_llm::ENTRY,
    &forecasting::LINEAR,
    &forecasting::LAST_VALUE,
    &forecasting::SEASONAL,
    &full_mapping::ENTRY,
    &full_mapping::HEAD_ONLY,
    &cross_modal::ENTRY,
    &vocabulary_map::ENTRY,
    &nearest_text::ENTRY,
    &nearest_text::ENSEMBLE,
    &context_optimization::ENTRY,
    &context_optimization::CLASS_SPECIFIC,
    &context_optimization::PHOTO,
    &context_optimization::KNOWLEDGE_GUIDED,
    &conditional_prompts::ENTRY,
    &multi_modal_prompts::ENTRY,
    &optimal_transport::ENTRY,
    &class_descriptions::CUPL,
    &class_descriptions::ZPE,
    &class_descriptions::ATTR_VR,
    &class_descriptions::DVP_CAUSES,
    &class_descriptions::DVP_CLUSTERS,
    &visual_prompting::PAD_NEAREST_TEXT,
    &enhanced_visual_prompting::NEAREST_TEXT,
    &chain_of_thought::DIRECT,
    &chain_of_thought::ZERO_SHOT,
    &chain_of_thought::FEW_SHOT_DIRECT,
    &chain_of_thought::FEW_SHOT,
    &chain_of_thought::SELF_CONSISTENCY,
    &chain_of_thought::LEAST_TO_MOST,
];

/// The catalogued method of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    CATALOG.iter().copied().find(|entry| entry.name == name)
}

/// What a search of a catalogued method's settings tries, where its paper searches: keys of its table in a sweep file, each with a list
/// of values, as TOML.
pub fn space(name: &str) -> Option<&'static str> {
    (name == auto_vp::ENTRY.name).then_some(auto_vp::SPACE)
}

fn compose(manipulations: impl IntoIterator<Item = ManipulationSpec>, alignment: AlignmentSpec, recipe: Recipe) -> Method {
    Method { manipulations: manipulations.into_iter().collect(), alignment, recipe }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprogram_taxonomy::Paradigm;

    #[test]
    fn names_are_unique_and_entries_complete() {
        let mut names: Vec<&str> = CATALOG.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CATALOG.len());
        for entry in CATALOG {
            assert!(!entry.title.is_empty() && !entry.reference.is_empty() && !entry.deviations.is_empty(), "{}", entry.name);
        }
    }

    #[test]
    fn coordinates_are_the_papers() {
        let lines: Vec<String> = CATALOG
            .iter()
            .map(|entry| {
                let method = (entry.method)();
                format!("{}: {} [{}]", entry.name, method.signature(), method.paradigm())
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn every_paradigm_is_there() {
        let paradigms: Vec<Paradigm> = CATALOG.iter().map(|entry| (entry.method)().paradigm()).collect();
        for paradigm in Paradigm::ALL {
            assert!(paradigms.contains(paradigm), "{paradigm}");
        }
    }
}
