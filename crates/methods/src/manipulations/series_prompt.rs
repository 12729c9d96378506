//! What is known of a series in words, in front of it: the data set, the task, and the window's own statistics.
//!
//! # Reference
//! Jin et al., ICLR 2024, arXiv 2310.01728, §3 ("Prompt-as-Prefix"). Numbers have two digits behind the point, theirs all.

use burn::module::Module;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::series::{history, horizon, in_words};
use crate::{Manipulate, Part, Setup, Window};

/// `part = "series-prompt"`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SeriesPromptSpec {
    /// What is known of the data set.
    pub about: String,
}

/// The words.
#[derive(Module, Debug)]
pub struct SeriesPrompt {
    /// What is the same for all windows.
    #[module(skip)]
    front: String,
}

impl Part for SeriesPromptSpec {
    type Coordinates = Site;
    type Module = SeriesPrompt;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Fixed, Location::Input, Operator::Concatenative)
    }

    fn build(&self, setup: &Setup<'_>) -> Result<SeriesPrompt, Misfit> {
        let (history, horizon) = (history(setup, "series-prompt")?, horizon(setup, "series-prompt")?);
        let task = format!("Task description: forecast the next {horizon} steps given the previous {history} steps information;");
        Ok(SeriesPrompt { front: format!("Dataset description: {} {task}", self.about) })
    }
}

impl Manipulate for SeriesPrompt {
    fn series_text(&self, text: String, window: &Window) -> String {
        format!("{text}{} {}", self.front, in_words(window))
    }
}
