//! A method's coordinates: its sites and its ω.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Access, Alignment, At, Card, Extent, Format, InputSpace, Location, Misfit, Modality, Operator, OutputSpace, Site, TargetSpace, Tower,
};

/// The sites of a method, in the order they are applied, and its alignment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Manipulations, in order. None: `I` is the identity.
    pub sites: Vec<Site>,
    /// ω.
    pub alignment: Alignment,
}

/// The first place of the forward pass that depends on a learnable parameter. Everything before it is constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cut {
    /// The raw input: nothing is constant.
    Input,
    /// The embedding map's output.
    Embedding,
    /// The input of this block.
    Hidden(usize),
    /// f's output: only ω is trained, or counted.
    Output,
}

impl Signature {
    /// Whether λ or ω has parameters that a gradient trains.
    pub fn is_trainable(&self) -> bool {
        self.alignment == Alignment::Linear || self.first_learnable() < Cut::Output
    }

    /// The first cut that depends on a learnable λ; [`Cut::Output`] when no site is learnable.
    pub fn first_learnable(&self) -> Cut {
        Self::first_of(self.sites.iter())
    }

    /// The same for one encoder of a backbone whose own one is `main`: what is learned in the other tower changes nothing
    /// in this one. A context learned in front of class names leaves images alone.
    pub fn first_learnable_in(&self, tower: Tower, main: Tower) -> Cut {
        Self::first_of(self.sites.iter().filter(|site| site.tower().unwrap_or(main) == tower))
    }

    fn first_of<'a>(sites: impl Iterator<Item = &'a Site>) -> Cut {
        let learnable = sites.filter(|site| site.format() == Format::Learnable);
        let cut = |site: &Site| match site.at() {
            At::Input => Cut::Input,
            At::Embedding => Cut::Embedding,
            At::Hidden(layers) => Cut::Hidden(layers.first()),
        };
        learnable.map(cut).min().unwrap_or(Cut::Output)
    }

    /// Whether the method can run on this backbone and target. The first rule it breaks is returned.
    pub fn check(&self, card: &Card, target: &TargetSpace) -> Result<(), Misfit> {
        let backbone = || card.name.clone();
        if !card.accepts(target.modality) {
            return Err(Misfit::WrongData { backbone: backbone(), accepts: card.modality(), data: target.modality });
        }
        for site in &self.sites {
            let tower = match site.tower() {
                Some(tower) => card.tower(tower).ok_or_else(|| Misfit::NoSuchTower { backbone: backbone(), tower })?,
                None => &card.main,
            };
            if site.modality() != tower.tower.modality() {
                return Err(Misfit::WrongModality { backbone: backbone(), accepts: tower.tower.modality(), site: site.modality() });
            }
            if card.access == Access::InputOnly && site.location() != Location::Input {
                return Err(Misfit::InputOnly { backbone: backbone(), location: site.location() });
            }
            if let At::Hidden(layers) = site.at()
                && !(0..tower.depth).any(|layer| layers.contains(layer))
            {
                return Err(Misfit::TooDeep { backbone: backbone(), depth: tower.depth, layer: layers.first() });
            }
            let grows_at_input = site.operator() == Operator::Concatenative && site.location() == Location::Input;
            let has_one_size = match tower.input {
                InputSpace::Tokens { .. } => false,
                InputSpace::Image { .. } | InputSpace::Waveform { .. } => card.extent == Extent::Fixed,
            };
            if grows_at_input && has_one_size {
                return Err(Misfit::FixedCanvas { backbone: backbone() });
            }
        }
        self.check_alignment(card, target)
    }

    fn check_alignment(&self, card: &Card, target: &TargetSpace) -> Result<(), Misfit> {
        match (self.alignment, &card.output) {
            (Alignment::Identity, OutputSpace::Classes { n }) if *n == target.n_classes && target.shares_source_labels => Ok(()),
            (Alignment::Identity, OutputSpace::Vocabulary { .. }) if target.shares_source_labels => Ok(()),
            (
                Alignment::Identity,
                output @ (OutputSpace::Classes { .. } | OutputSpace::Vocabulary { .. } | OutputSpace::Features { .. }),
            ) => Err(Misfit::LabelSpaces { source_space: output.to_string(), target_classes: target.n_classes }),
            (Alignment::RuleBased | Alignment::Statistical, OutputSpace::Features { .. }) => {
                Err(Misfit::NoSourceLabels { backbone: card.name.clone(), alignment: self.alignment })
            }
            // In a joint space, items are compared with texts: with identity, with the target classes' own.
            (Alignment::Identity | Alignment::RuleBased | Alignment::Statistical, OutputSpace::Joint { .. })
            | (Alignment::RuleBased | Alignment::Statistical, OutputSpace::Classes { .. } | OutputSpace::Vocabulary { .. })
            | (Alignment::Linear, _) => Ok(()),
        }
    }

    /// The modality its sites act on, if it has any.
    pub fn modality(&self) -> Option<Modality> {
        self.sites.first().map(Site::modality)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sites.as_slice() {
            [] => write!(f, "–")?,
            [first, rest @ ..] => {
                write!(f, "{first}")?;
                for site in rest {
                    write!(f, " + {site}")?;
                }
            }
        }
        write!(f, " → {}", self.alignment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extent, Layers, SiteSpec, TowerCard};

    fn site(modality: Modality, format: Format, operator: Operator, location: Location) -> Site {
        let layers = (location == Location::Hidden).then_some(Layers::Range { first: 3, last: 7 });
        Site::new(SiteSpec { modality, format, operator, location, layers, tower: None }).unwrap()
    }

    fn vision_card() -> Card {
        Card {
            name: "toy".to_owned(),
            access: Access::WhiteBox,
            extent: Extent::Fixed,
            main: TowerCard { tower: Tower::Vision, depth: 2, dim: 8, input: InputSpace::Image { channels: 3, height: 28, width: 28 } },
            second: None,
            output: OutputSpace::Classes { n: 52 },
        }
    }

    const DIGITS: TargetSpace = TargetSpace { modality: Modality::Vision, n_classes: 10, shares_source_labels: false };

    #[test]
    fn the_cut_is_the_earliest_learnable_site() {
        let fixed = site(Modality::Text, Format::Fixed, Operator::Concatenative, Location::Input);
        let deep = site(Modality::Text, Format::Learnable, Operator::Concatenative, Location::Hidden);
        let soft = site(Modality::Text, Format::Learnable, Operator::Concatenative, Location::Embedding);
        let cut = |sites: &[Site]| Signature { sites: sites.to_vec(), alignment: Alignment::RuleBased }.first_learnable();
        assert_eq!(cut(&[fixed]), Cut::Output);
        assert_eq!(cut(&[fixed, deep]), Cut::Hidden(3));
        assert_eq!(cut(&[deep, soft]), Cut::Embedding);
    }

    #[test]
    fn what_one_tower_learns_leaves_the_other_alone() {
        let (modality, format, operator) = (Modality::Text, Format::Learnable, Operator::Concatenative);
        let of = |tower| Site::new(SiteSpec { modality, format, operator, location: Location::Embedding, layers: None, tower }).unwrap();
        let context = Signature { sites: vec![of(Some(Tower::Text))], alignment: Alignment::RuleBased };
        assert_eq!(context.first_learnable_in(Tower::Vision, Tower::Vision), Cut::Output);
        assert_eq!(context.first_learnable_in(Tower::Text, Tower::Vision), Cut::Embedding);
        let own = Signature { sites: vec![of(None)], alignment: Alignment::RuleBased };
        assert_eq!(own.first_learnable_in(Tower::Text, Tower::Text), Cut::Embedding);
    }

    #[test]
    fn only_a_learnable_site_or_a_linear_alignment_is_trained() {
        let null = |alignment| Signature { sites: vec![], alignment };
        assert!(null(Alignment::Linear).is_trainable());
        assert!(!null(Alignment::Statistical).is_trainable());
    }

    #[test]
    fn misfits_say_why() {
        let soft = site(Modality::Text, Format::Learnable, Operator::Concatenative, Location::Embedding);
        let deep = site(Modality::Vision, Format::Learnable, Operator::Concatenative, Location::Hidden);
        let grown = site(Modality::Vision, Format::Fixed, Operator::Concatenative, Location::Input);
        let check = |sites: &[Site], alignment| {
            let signature = Signature { sites: sites.to_vec(), alignment };
            signature.check(&vision_card(), &DIGITS).map_err(|misfit| misfit.to_string()).unwrap_err()
        };
        insta::assert_snapshot!(
            [
                check(&[], Alignment::Identity),
                check(&[soft], Alignment::Linear),
                check(&[deep], Alignment::Linear),
                check(&[grown], Alignment::Linear)
            ]
            .join("\n")
        );
    }

    #[test]
    fn notation_reads_like_the_survey() {
        let soft = site(Modality::Text, Format::Learnable, Operator::Concatenative, Location::Embedding);
        let signature = Signature { sites: vec![soft], alignment: Alignment::RuleBased };
        assert_eq!(signature.to_string(), "learnable · embedding · concatenative → rule-based");
    }
}
