//! Several programs of one method through f at once: trials that differ in seed, start or learning rate.
//!
//! Their batches are put one behind the other; each program acts on its own rows, and f sees them all. What a row becomes does
//! not depend on the others, so that scores and gradients are those of separate passes, up to rounding.

use burn::tensor::Tensor;
use reprogram_models::{Backbone, Input, Stream, TokenBatch, lowered};
use reprogram_taxonomy::At;

use crate::{Batch, Prepared, Program, Reads};

/// Programs of one method on one backbone and target.
#[derive(Debug, Clone, Copy)]
pub struct Fused<'a> {
    programs: &'a [&'a Program],
}

impl<'a> Fused<'a> {
    /// These programs; nothing where they are none, differ in their coordinates, generate text, or answer in words or are
    /// compared with them, which share what texts begin with in a way of their own.
    pub fn new(programs: &'a [&'a Program]) -> Option<Self> {
        let first = programs.first()?;
        let alike = programs.iter().all(|program| program.signature() == first.signature());
        let sharing = match first.alignment().reads() {
            Reads::Answers
            | Reads::AnswersBeside(_)
            | Reads::ItemBehindAnswers
            | Reads::ClassTexts
            | Reads::EachText
            | Reads::LocalTexts
            | Reads::Tokens { .. }
            | Reads::Window
            | Reads::Generated => true,
            Reads::Logits | Reads::Features => false,
        };
        // One whose network is its own has none to share.
        let tunes = first.manipulations().iter().any(|part| part.tunes_backbone());
        (alike && !sharing && !tunes).then_some(Self { programs })
    }

    /// Target scores of each program on its own batch, `[batch, target]` each. The batches are of one modality.
    pub fn forward(&self, backbone: &dyn Backbone, batches: &[Batch]) -> Vec<Tensor<2>> {
        let sources = self.sources(backbone, batches);
        self.programs.iter().zip(sources).map(|(program, source)| program.alignment().align(source)).collect()
    }

    /// `f ∘ I(x)` of each program on its own batch, `[batch, source]` each.
    pub fn sources(&self, backbone: &dyn Backbone, batches: &[Batch]) -> Vec<Tensor<2>> {
        assert_eq!(self.programs.len(), batches.len(), "one batch a program");
        let groups: Vec<usize> = batches.iter().map(Batch::len).collect();
        let stream = self.each(backbone.embed(self.input(backbone, batches)), &groups, Program::embedding);
        self.through(backbone, 0, stream, &groups)
    }

    /// The other half of passes whose first one is there: the rows of all programs one behind the other, `groups` of them each.
    ///
    /// # Panics
    /// When there is no first half: a batch is its program's own.
    pub fn finish(&self, backbone: &dyn Backbone, prepared: Prepared, groups: &[usize]) -> Vec<Tensor<2>> {
        assert_eq!(self.programs.len(), groups.len(), "one group a program");
        match prepared {
            Prepared::Outputs(outputs) => parted(&outputs, groups),
            Prepared::Hidden { layer, stream } => self.through(backbone, layer, stream, groups),
            Prepared::Batch(_) => panic!("a batch has no first half"),
        }
    }

    /// From the block at `first` to what the alignments read.
    fn through(&self, backbone: &dyn Backbone, first: usize, mut stream: Stream, groups: &[usize]) -> Vec<Tensor<2>> {
        for layer in first..backbone.card().main.depth {
            if self.acts_at(layer) {
                stream = self.each(stream, groups, |program, stream| program.hidden(layer, stream));
            }
            stream = backbone.block(layer, stream);
        }
        parted(&self.programs[0].read(backbone, &stream), groups)
    }

    fn input(&self, backbone: &dyn Backbone, batches: &[Batch]) -> Input {
        let (mut images, mut rows, mut waveforms) = (Vec::new(), Vec::new(), Vec::new());
        for (program, batch) in self.programs.iter().zip(batches) {
            match batch {
                Batch::Images(pixels) => images.push(program.pixels(backbone, pixels.clone())),
                Batch::Texts(queries) if let Some(pixels) = program.image_of(queries) => images.push(program.pixels(backbone, pixels)),
                Batch::Texts(queries) => rows.extend(program.token_rows(backbone, queries)),
                Batch::Series(_) => panic!("series go through alone"),
                Batch::Waveforms(samples) => waveforms.push(program.waveforms(samples.clone())),
            }
        }
        if !images.is_empty() {
            Input::Image(lowered(Tensor::cat(images, 0)))
        } else if !waveforms.is_empty() {
            Input::Waveform(lowered(Tensor::cat(waveforms, 0)))
        } else {
            Input::Tokens(TokenBatch::new(rows))
        }
    }

    fn each(&self, stream: Stream, groups: &[usize], act: impl Fn(&Program, Stream) -> Stream) -> Stream {
        Stream::join(self.programs.iter().zip(stream.split(groups)).map(|(program, stream)| act(program, stream)).collect())
    }

    /// Whether a manipulation acts in front of this block.
    fn acts_at(&self, layer: usize) -> bool {
        self.programs[0].signature().sites.iter().any(|site| match site.at() {
            At::Hidden(layers) => layers.contains(layer),
            At::Input | At::Embedding => false,
        })
    }
}

/// Rows, group after group.
fn parted(rows: &Tensor<2>, groups: &[usize]) -> Vec<Tensor<2>> {
    let mut start = 0;
    let part = |&n: &usize| {
        start += n;
        rows.clone().narrow(0, start - n, n)
    };
    groups.iter().map(part).collect()
}
