//! What the ten classes of CIFAR-10 look like, and the methods that read it.
//!
//! The sentences are short, plain facts written by hand for this repository. They stand in for those that the papers had written by
//! large language models (GPT-3 and later), of which there are more, and longer ones.

use super::nearest_text::template;
use super::{Checked, Entry, Size, compose};
use crate::{
    AlignmentSpec, ClassDescriptionsSpec, CountedTextsSpec, Decoupled, DecoupledFrameSpec, ManipulationSpec, MeanTextSpec, Optimizer,
    PixelFrameSpec, Recipe, Schedule, Squash, TopTextsSpec, WeightedTextsSpec,
};

/// Shape, surface, surroundings, and what tells a class from others.
type Sentences = [[&'static str; 4]; 4];

const CIFAR10: [(&str, Sentences); 10] = [
    (
        "airplane",
        [
            [
                "an airplane has two long wings.",
                "an airplane has a long thin body.",
                "an airplane has a tall tail.",
                "an airplane has a round nose.",
            ],
            [
                "an airplane is white or silver.",
                "an airplane has smooth metal skin.",
                "an airplane has a row of windows.",
                "an airplane is painted with stripes.",
            ],
            [
                "an airplane flies in the blue sky.",
                "an airplane stands on a runway.",
                "an airplane flies above the clouds.",
                "an airplane is in the air.",
            ],
            [
                "an airplane has wings but no feathers.",
                "an airplane is not on a road.",
                "an airplane has jet engines.",
                "an airplane is not on water.",
            ],
        ],
    ),
    (
        "automobile",
        [
            [
                "an automobile has four wheels.",
                "an automobile has a low roof.",
                "an automobile has two or four doors.",
                "an automobile has a short hood.",
            ],
            [
                "an automobile has shiny paint.",
                "an automobile is red or black.",
                "an automobile has glass windows.",
                "an automobile has bright headlights.",
            ],
            [
                "an automobile drives on a road.",
                "an automobile stands in a street.",
                "an automobile is parked by a house.",
                "an automobile is in a garage.",
            ],
            [
                "an automobile is lower than a truck.",
                "an automobile has no cargo box.",
                "an automobile has seats for a family.",
                "an automobile is small and round.",
            ],
        ],
    ),
    (
        "bird",
        [
            ["a bird has two wings.", "a bird has a pointed beak.", "a bird has two thin legs.", "a bird has a small head."],
            ["a bird has soft feathers.", "a bird is brown or grey.", "a bird has bright feathers.", "a bird has small black eyes."],
            ["a bird sits on a branch.", "a bird flies in the sky.", "a bird stands in the grass.", "a bird swims on a lake."],
            ["a bird has feathers and a beak.", "a bird has no fur.", "a bird has wings and two legs.", "a bird is an animal that flies."],
        ],
    ),
    (
        "cat",
        [
            ["a cat has pointed ears.", "a cat has a round face.", "a cat has a long tail.", "a cat has a short nose."],
            ["a cat has soft fur.", "a cat has striped fur.", "a cat is black or orange.", "a cat has green eyes."],
            ["a cat lies on a sofa.", "a cat sits in a house.", "a cat sits at a window.", "a cat sleeps on a bed."],
            [
                "a cat has whiskers and small teeth.",
                "a cat has a flatter face than a dog.",
                "a cat has slit eyes.",
                "a cat is smaller than a dog.",
            ],
        ],
    ),
    (
        "deer",
        [
            ["a deer has long thin legs.", "a deer has antlers.", "a deer has large ears.", "a deer has a slender neck."],
            ["a deer has brown fur.", "a deer has white spots.", "a deer has a white tail.", "a deer has a black nose."],
            ["a deer stands in a forest.", "a deer grazes in a meadow.", "a deer stands among trees.", "a deer walks in the snow."],
            [
                "a deer has antlers and no mane.",
                "a deer is thinner than a horse.",
                "a deer is a wild animal.",
                "a deer has hooves and a short tail.",
            ],
        ],
    ),
    (
        "dog",
        [
            ["a dog has a long snout.", "a dog has hanging ears.", "a dog has four strong legs.", "a dog has a wagging tail."],
            ["a dog has thick fur.", "a dog is brown or white.", "a dog has a wet black nose.", "a dog has a pink tongue."],
            ["a dog runs on the grass.", "a dog walks on a leash.", "a dog sits on the floor.", "a dog plays in a garden."],
            [
                "a dog has a longer snout than a cat.",
                "a dog wears a collar.",
                "a dog hangs its tongue out.",
                "a dog is smaller than a horse.",
            ],
        ],
    ),
    (
        "frog",
        [
            ["a frog has long hind legs.", "a frog has bulging eyes.", "a frog has a wide mouth.", "a frog has a short flat body."],
            ["a frog has wet green skin.", "a frog has smooth skin.", "a frog is brown with spots.", "a frog has a pale belly."],
            ["a frog sits in a pond.", "a frog sits on a leaf.", "a frog sits in the mud.", "a frog sits in a hand."],
            ["a frog has no tail and no fur.", "a frog has webbed feet.", "a frog has bare skin.", "a frog is smaller than a cat."],
        ],
    ),
    (
        "horse",
        [
            ["a horse has four long legs.", "a horse has a long head.", "a horse has a strong neck.", "a horse has a large body."],
            ["a horse has a mane.", "a horse has short brown hair.", "a horse is black or white.", "a horse has a long hairy tail."],
            ["a horse stands in a field.", "a horse runs in a meadow.", "a horse carries a rider.", "a horse stands in a stable."],
            [
                "a horse has a mane and no antlers.",
                "a horse wears a saddle.",
                "a horse is larger than a dog.",
                "a horse has hooves and a long tail.",
            ],
        ],
    ),
    (
        "ship",
        [
            ["a ship has a long hull.", "a ship has a tall mast.", "a ship has a pointed bow.", "a ship has a flat deck."],
            ["a ship is white or grey.", "a ship is made of steel.", "a ship has round windows.", "a ship is painted red and black."],
            ["a ship sails on the sea.", "a ship floats on blue water.", "a ship lies in a harbour.", "a ship leaves the coast."],
            ["a ship has no wheels.", "a ship is on water.", "a ship has sails or funnels.", "a ship is longer than a truck."],
        ],
    ),
    (
        "truck",
        [
            ["a truck has a large cargo box.", "a truck has a high cab.", "a truck has six wheels.", "a truck has a flat front."],
            ["a truck has a metal grille.", "a truck is red or white.", "a truck has large tyres.", "a truck has big mirrors."],
            [
                "a truck drives on a highway.",
                "a truck stands at a building site.",
                "a truck is parked on gravel.",
                "a truck is on a wide road.",
            ],
            [
                "a truck is taller than a car.",
                "a truck carries heavy goods.",
                "a truck has a trailer.",
                "a truck has a bed behind the cab.",
            ],
        ],
    ),
];

const OURS: &str = "CIFAR-10 alone: sentences by hand instead of GPT's, 4 about each of shape, surface and surroundings (the official code has 20 \
                    a class or cause); counts are made anew before every epoch (there, while it is trained); no augmentation; the epoch \
                    is chosen on a validation split (there, the best test epoch)";

/// The groups of sentences that `grouped` makes of a class's.
fn descriptions(grouped: impl Fn(&Sentences) -> Vec<Vec<&'static str>>) -> ManipulationSpec {
    let owned = |group: Vec<&str>| group.into_iter().map(str::to_owned).collect();
    let of = CIFAR10.iter().map(|(class, sentences)| ((*class).to_owned(), grouped(sentences).into_iter().map(owned).collect()));
    ManipulationSpec::ClassDescriptions(ClassDescriptionsSpec { of: of.collect() })
}

/// What a class looks like, in one group.
fn looks([shape, surface, surroundings, _]: &Sentences) -> Vec<&'static str> {
    [shape, surface, surroundings].into_iter().flatten().copied().collect()
}

/// SGD 40 with momentum .9, half a cosine down.
fn recipe() -> Recipe {
    Recipe { optimizer: Optimizer::Sgd { momentum: 0.9 }, learning_rate: 40.0, schedule: Schedule::Cosine }
}

/// CuPL.
pub(super) const CUPL: Entry = Entry {
    name: "cupl",
    title: "the class whose descriptions are nearest to the image on average",
    reference: "Pratt et al., ICCV 2023, arXiv 2209.03320, §3",
    deviations: "CIFAR-10 alone: 12 sentences a class, written by hand instead of by GPT-3",
    size: Size::NONE,
    checked: &[Checked::Code("sarahpratt/CuPL@719619c"), Checked::Sweep("clip-prompting")],
    method: || compose([descriptions(|class| vec![looks(class)])], AlignmentSpec::MeanText(MeanTextSpec {}), Recipe::default()),
};

/// ZPE.
pub(super) const ZPE: Entry = Entry {
    name: "zpe",
    title: "the class whose name is nearest to the image in sentences weighted by scores without labels",
    reference: "Allingham et al., ICML 2023, arXiv 2302.06235, §3",
    deviations: "seven sentences instead of 247; the unlabelled images are the budget's training items, and the mean that is subtracted \
                 is theirs alone (no second data set); no sentence is left out; the weighted mean of unit features is not scaled to unit \
                 length again",
    size: Size::NONE.fitted("P·C·C; P = 7"),
    checked: &[Checked::Code("google/uncertainty-baselines@163351d4"), Checked::Sweep("clip-prompting")],
    method: || compose([template(&super::nearest_text::SEVEN)], AlignmentSpec::WeightedTexts(WeightedTextsSpec {}), Recipe::default()),
};

/// AttrVR.
pub(super) const ATTR_VR: Entry = Entry {
    name: "attrvr",
    title: "pixel frame under a sigmoid; the class whose 3 nearest descriptions and 3 nearest distinctions are nearest",
    reference: "Cai et al., ICLR 2025, arXiv 2501.13982, eq. 4 to 7",
    deviations: "CIFAR-10 alone: 12 descriptions and 4 distinctions a class, written by hand instead of 20 and 20 of GPT-3.5; no \
                 augmentation; the epoch is chosen on a validation split (the official code picks the best test epoch)",
    size: Size::trained("c·(H·W − h·w)").held("c·H·W"),
    checked: &[Checked::Code("tmlr-group/AttrVR@ef63be6"), Checked::Sweep("clip-prompting")],
    method: || {
        let texts = descriptions(|class| vec![looks(class), class[3].to_vec()]);
        let frame = PixelFrameSpec { squash: Squash::Sigmoid, ..PixelFrameSpec::default() };
        let alignment = TopTextsSpec { k: 3, weights: vec![0.5, 0.5] };
        compose([texts, ManipulationSpec::PixelFrame(frame)], AlignmentSpec::TopTexts(alignment), recipe())
    },
};

fn decoupled(by: Decoupled, texts: ManipulationSpec) -> crate::Method {
    let frame = DecoupledFrameSpec { frames: 3, by, squash: Squash::Sigmoid, init_std: 0.0 };
    compose([texts, ManipulationSpec::DecoupledFrame(frame)], AlignmentSpec::CountedTexts(CountedTextsSpec::default()), recipe())
}

/// DVP by causes.
pub(super) const DVP_CAUSES: Entry = Entry {
    name: "dvp-cse",
    title: "3 pixel frames, one for descriptions of each kind (shape, surface, surroundings); descriptions weighted by counts",
    reference: "Cai et al., ICML 2025, arXiv 2506.01000, §4",
    deviations: OURS,
    size: Size::trained("F·c·(H·W − h·w); F = 3").held("F·c·H·W; F = 3").fitted("n·C·C; n = 12"),
    checked: &[Checked::Code("caichengyi/DecoupledVP@4976ad4"), Checked::Sweep("clip-prompting")],
    method: || decoupled(Decoupled::Groups, descriptions(|class| class[..3].iter().map(|kind| kind.to_vec()).collect())),
};

/// DVP by clusters.
pub(super) const DVP_CLUSTERS: Entry = Entry {
    name: "dvp-cls",
    title: "3 pixel frames, one for each cluster of descriptions; descriptions weighted by counts",
    reference: "Cai et al., ICML 2025, arXiv 2506.01000, §4",
    deviations: OURS,
    size: Size::trained("F·c·(H·W − h·w); F = 3").held("F·c·H·W; F = 3").fitted("n·C·C; n = 12"),
    checked: &[Checked::Code("caichengyi/DecoupledVP@4976ad4"), Checked::Sweep("clip-prompting")],
    method: || decoupled(Decoupled::Clusters, descriptions(|class| vec![looks(class)])),
};
