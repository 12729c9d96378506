//! A sentence that says what is asked, in front of everything.
//!
//! # Reference
//! Brown et al., arXiv 2005.14165, §2.1 ("task description").

use burn::module::Module;
use reprogram_taxonomy::{Format, Location, Misfit, Modality, Operator, Site};
use serde::{Deserialize, Serialize};

use super::site;
use crate::{Manipulate, Part, Prompt, Setup};

/// `part = "instruction"`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct InstructionSpec {
    /// The sentence; the data set's own when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The instruction.
#[derive(Module, Debug)]
pub struct Instruction {
    #[module(skip)]
    text: String,
}

impl Part for InstructionSpec {
    type Coordinates = Site;
    type Module = Instruction;

    fn coordinates(&self) -> Site {
        site(Modality::Text, Format::Fixed, Location::Input, Operator::Concatenative)
    }

    fn is_drawn(&self) -> bool {
        false
    }

    fn build(&self, setup: &Setup<'_>) -> Result<Instruction, Misfit> {
        let own = setup.target.template.as_ref().and_then(|template| template.instruction.clone());
        let text = self.text.clone().or(own).ok_or_else(|| Misfit::PartNeeds {
            part: "instruction".to_owned(),
            needs: "a `text`, or an `instruction` in the data set's template".to_owned(),
        })?;
        Ok(Instruction { text })
    }
}

impl Manipulate for Instruction {
    fn prompt(&self, prompt: Prompt) -> Prompt {
        Prompt { instruction: Some(self.text.clone()), ..prompt }
    }
}
