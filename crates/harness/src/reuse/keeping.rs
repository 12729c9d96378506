//! What the constant half of a pass depends on, beside the item: the scope that its rows are kept in.

use std::fs;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use reprogram_methods::{Program, Reads};
use reprogram_taxonomy::{Cut, Format, Site};

use super::{Reuse, Scope};
use crate::assets::Digest;
use crate::cell::NUMERICS;
use crate::config::Refit;
use crate::trial::Trial;

/// Where halves are kept, and whose they are.
#[derive(Debug, Clone, Copy)]
pub struct Keeping<'a> {
    /// Where.
    pub reuse: &'a Reuse,
    /// Of f: its name, weights, precision and device.
    pub f: Digest,
}

impl<'a> Keeping<'a> {
    /// The rows of a trial whose halves meet at `cut`; nothing where there is nothing worth keeping in front of it. `refit`: what the
    /// program is fitted on when all has been chosen, if it has.
    pub(crate) fn scope(self, trial: &Trial<'_>, program: &Program, cut: Cut, refit: Option<Refit>) -> Option<Scope<'a>> {
        let cut = match cut {
            Cut::Input | Cut::Embedding => return None,
            Cut::Hidden(layer) => format!("in front of block {layer}"),
            Cut::Output => match program.alignment().reads() {
                // What is compared with texts are features.
                Reads::Features | Reads::ClassTexts | Reads::EachText => "Features".to_owned(),
                reads @ (Reads::Logits
                | Reads::Answers
                | Reads::AnswersBeside(_)
                | Reads::ItemBehindAnswers
                | Reads::LocalTexts
                | Reads::Tokens { .. }
                | Reads::Window) => format!("{reads:?}"),
                Reads::Generated => return None,
            },
        };
        // What acts on the texts that items are compared with leaves the items alone.
        let main = trial.backbone.card().main.tower;
        let is_fixed = |site: &Site| site.format() != Format::Learnable && site.tower().is_none_or(|tower| tower == main);
        let fixed: Vec<_> = trial.method.manipulations.iter().filter(|part| is_fixed(&part.coordinates())).collect();
        // Only a fixed part can depend on the seed and yet stand in front of the cut.
        let seed = if fixed.is_empty() { String::new() } else { trial.seed.to_string() };
        // What is made of training items depends on which were drawn.
        let drawn = if program.is_made_of_items() {
            let budget = serde_json::to_string(trial.budget).expect("plain data");
            format!("{budget} {}", trial.dataset.rows_sha256())
        } else {
            String::new()
        };
        // Fixed parts may have been made of, or drawn from, other items then.
        let drawn = refit.filter(|_| !fixed.is_empty()).map_or(drawn.clone(), |refit| format!("{drawn} then {refit}"));
        let fixed = serde_json::to_string(&fixed).expect("plain data");
        let (placement, target) = (format!("{:?} {:?}", trial.placement, trial.kernel), format!("{:?}", trial.target));
        let (numerics, f) = (NUMERICS.to_string(), self.f.to_string());
        Some(self.reuse.scope(Digest::of_parts(&[build(), &numerics, &f, &cut, &fixed, &seed, &drawn, &placement, &target])))
    }
}

/// This build of the program: another one may compute other numbers.
fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| {
        let file = std::env::current_exe().and_then(fs::metadata);
        let modified = file.as_ref().ok().and_then(|file| file.modified().ok()?.duration_since(UNIX_EPOCH).ok());
        format!("{} {:?} {:?}", env!("CARGO_PKG_VERSION"), file.map(|file| file.len()).ok(), modified)
    })
}
