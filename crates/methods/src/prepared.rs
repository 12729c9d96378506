//! A pass in two halves: what no learnable parameter changes, and the rest.
//!
//! `f ∘ I(x) = finish(prepare(x))`. What is prepared depends on the item, the frozen weights and what is fixed alone, so that
//! it can be kept: between epochs, between trials, between runs. The halves meet at [`Program::cut`].

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_models::{Backbone, Input, Stream, StreamRow, TokenBatch, in_f32, lowered};
use reprogram_taxonomy::Cut;

use crate::kept::Kept;
use crate::{Batch, Program, Reads};

/// The constant half of a pass.
#[derive(Debug, Clone)]
pub enum Prepared {
    /// f's outputs as the alignment reads them, `[batch, source]`, or `[batch, joint]` where they are yet to be compared with texts:
    /// nothing that items go through in front of ω is learned.
    Outputs(Tensor<2>),
    /// The stream in front of this block, which is the first that something learned acts on.
    Hidden {
        /// The block.
        layer: usize,
        /// What flows into it.
        stream: Stream,
    },
    /// The batch as it was: what is learned acts on the input or the embedding.
    Batch(Batch),
}

/// The constant half of one item, on the host.
#[derive(Debug, Clone, PartialEq)]
pub enum PreparedRow {
    /// `[source]`
    Outputs(Vec<f32>),
    /// What flows into the block where the halves meet.
    Hidden(StreamRow),
}

impl PreparedRow {
    /// Numbers in it.
    pub const fn n_numbers(&self) -> usize {
        match self {
            Self::Outputs(outputs) => outputs.len(),
            Self::Hidden(row) => row.hidden.len(),
        }
    }
}

impl Prepared {
    /// Item by item; nothing where nothing was computed.
    pub fn into_rows(self) -> Option<Vec<PreparedRow>> {
        match self {
            Self::Outputs(outputs) => {
                let [_, width] = outputs.dims();
                let values: Vec<f32> = outputs.try_into_vec_as().expect("outputs are floats");
                Some(values.chunks(width).map(|row| PreparedRow::Outputs(row.to_vec())).collect())
            }
            Self::Hidden { stream, .. } => Some(stream.into_rows().into_iter().map(PreparedRow::Hidden).collect()),
            Self::Batch(_) => None,
        }
    }

    /// Items together, whose halves meet at this cut.
    ///
    /// # Panics
    /// When there are none, or they were prepared for another cut: a bug of the caller.
    pub fn from_rows(cut: Cut, rows: &[&PreparedRow], device: &Device) -> Self {
        match cut {
            Cut::Output => {
                let output = |row: &&PreparedRow| match row {
                    PreparedRow::Outputs(outputs) => outputs.clone(),
                    PreparedRow::Hidden(_) => panic!("hidden states where outputs belong"),
                };
                let values: Vec<f32> = rows.iter().flat_map(output).collect();
                let shape = [rows.len(), values.len() / rows.len()];
                Self::Outputs(Tensor::from_data(TensorData::new(values, shape), in_f32(device)))
            }
            Cut::Hidden(layer) => {
                let mut hidden: Vec<&StreamRow> = Vec::with_capacity(rows.len());
                for row in rows {
                    match row {
                        PreparedRow::Hidden(row) => hidden.push(row),
                        PreparedRow::Outputs(_) => panic!("outputs where hidden states belong"),
                    }
                }
                Self::Hidden { layer, stream: Stream::from_rows(&hidden, device) }
            }
            Cut::Input | Cut::Embedding => panic!("nothing is prepared in front of the embedding"),
        }
    }
}

impl Program {
    /// Where the two halves of a pass meet: the first place of the encoder that items go through which something learned acts
    /// on. [`Cut::Embedding`] and [`Cut::Input`] leave nothing worth keeping in front of them; so does the first block, and so
    /// does any where answers are in words, whose tokens go through the blocks as trees, and where series are forecast from several
    /// tokens.
    pub fn cut(&self, backbone: &dyn Backbone) -> Cut {
        let main = backbone.card().main.tower;
        match self.signature().first_learnable_in(main, main) {
            Cut::Hidden(0) => Cut::Embedding,
            Cut::Hidden(_) if self.alignment().reads().is_in_words() || matches!(self.alignment().reads(), Reads::Tokens { .. }) => {
                Cut::Embedding
            }
            cut @ (Cut::Input | Cut::Embedding | Cut::Hidden(_) | Cut::Output) => cut,
        }
    }

    /// The half that nothing learned changes.
    pub fn prepare(&self, backbone: &dyn Backbone, batch: &Batch) -> Prepared {
        self.prepare_after(backbone, batch, &mut Kept::nothing())
    }

    /// The other half: `[batch, source]`.
    pub fn finish(&self, backbone: &dyn Backbone, prepared: Prepared) -> Tensor<2> {
        self.finish_after(backbone, prepared, &mut Kept::nothing())
    }

    /// As [`Program::prepare`], with the keys and values of what earlier texts of this very program began with.
    pub(crate) fn prepare_after(&self, backbone: &dyn Backbone, batch: &Batch, kept: &mut Kept) -> Prepared {
        match self.cut(backbone) {
            Cut::Output => Prepared::Outputs(self.outputs(backbone, Prepared::Batch(batch.clone()), kept)),
            Cut::Hidden(layer) => {
                let stream = self.embedding(self.entered(backbone, batch));
                Prepared::Hidden { layer, stream: self.through(backbone, 0..layer, stream) }
            }
            Cut::Input | Cut::Embedding => Prepared::Batch(batch.clone()),
        }
    }

    /// As [`Program::finish`], with the same.
    pub(crate) fn finish_after(&self, backbone: &dyn Backbone, prepared: Prepared, kept: &mut Kept) -> Tensor<2> {
        let outputs = self.outputs(backbone, prepared, kept);
        match self.alignment().reads() {
            Reads::Logits
            | Reads::Features
            | Reads::Answers
            | Reads::AnswersBeside(_)
            | Reads::ItemBehindAnswers
            | Reads::Tokens { .. }
            | Reads::Window
            | Reads::Generated => outputs,
            Reads::ClassTexts | Reads::EachText | Reads::LocalTexts => self.compared(backbone, outputs, kept),
        }
    }

    /// What of an item's own pass the alignment reads, not yet compared with anything.
    fn outputs(&self, backbone: &dyn Backbone, prepared: Prepared, kept: &mut Kept) -> Tensor<2> {
        let tuned = self.tuned(backbone);
        let backbone = tuned.as_deref().unwrap_or(backbone);
        let depth = backbone.card().main.depth;
        match prepared {
            Prepared::Outputs(outputs) => outputs,
            Prepared::Hidden { layer, stream } => self.read(backbone, &self.through(backbone, layer..depth, stream)),
            Prepared::Batch(Batch::Texts(queries)) if self.alignment().reads().is_in_words() => {
                self.word_scores(backbone, &queries, &mut kept.prefixes)
            }
            Prepared::Batch(Batch::Series(windows)) if matches!(self.alignment().reads(), Reads::Tokens { .. } | Reads::Window) => {
                self.forecast_source(backbone, &windows)
            }
            Prepared::Batch(batch) => {
                let stream = self.embedding(self.entered(backbone, &batch));
                self.read(backbone, &self.through(backbone, 0..depth, stream))
            }
        }
    }

    /// What items go through where f itself is tuned.
    fn tuned(&self, backbone: &dyn Backbone) -> Option<Box<dyn Backbone>> {
        self.manipulations().iter().find_map(|part| part.backbone(backbone))
    }

    /// Behind the embedding map.
    fn entered(&self, backbone: &dyn Backbone, batch: &Batch) -> Stream {
        match batch {
            Batch::Series(windows) => self.series_stream(backbone, windows),
            Batch::Images(_) | Batch::Texts(_) | Batch::Waveforms(_) => backbone.embed(self.input(backbone, batch)),
        }
    }

    pub(crate) fn input(&self, backbone: &dyn Backbone, batch: &Batch) -> Input {
        match batch {
            Batch::Images(images) => Input::Image(lowered(self.pixels(backbone, images.clone()))),
            Batch::Texts(queries) if let Some(images) = self.image_of(queries) => Input::Image(lowered(self.pixels(backbone, images))),
            Batch::Texts(queries) => Input::Tokens(TokenBatch::new(self.token_rows(backbone, queries))),
            Batch::Waveforms(waveforms) => Input::Waveform(lowered(self.waveforms(waveforms.clone()))),
            Batch::Series(_) => panic!("a series has tokens of its own behind the embedding map"),
        }
    }
}
