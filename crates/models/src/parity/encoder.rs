//! Encoders of texts: hidden states and features, right-padded.

use burn::tensor::Tensor;

use super::ParityError;
use super::session::Session;
use crate::{Input, Padding, Reading, TokenBatch};

pub(super) fn compare(session: &mut Session<'_>) -> Result<(), ParityError> {
    let Some(rows) = session.ids("input_ids")? else { return Ok(()) };
    let batch = session.real("attention_mask", &rows)?;
    if batch.padding == Padding::Left {
        return Err(ParityError::Input { name: "attention_mask".to_owned(), reason: "fills rows up on the left".to_owned() });
    }
    let (seq, depth) = (rows[0].len(), session.backbone.card().main.depth);
    let mut stream = session.backbone.embed(Input::Tokens(TokenBatch::new(batch.rows.clone())));
    for layer in 0..=depth {
        at_real_tokens(session, &format!("hidden.{layer}"), stream.hidden(), &batch, seq);
        if layer < depth {
            stream = session.backbone.block(layer, stream);
        }
    }
    let features = session.backbone.read(&stream, Reading::Features);
    session.value("features", features);
    Ok(())
}

/// Padding has any hidden state.
fn at_real_tokens(session: &mut Session<'_>, name: &str, hidden: Tensor<3>, batch: &TokenBatch, seq: usize) {
    let [n_rows, longest, dim] = hidden.dims();
    let hidden = hidden.pad([(0, 0), (0, seq - longest), (0, 0)], 0.0).reshape([n_rows * seq, dim]);
    let seats: Vec<usize> = batch.rows.iter().enumerate().flat_map(|(row, ids)| (0..ids.len()).map(move |seat| row * seq + seat)).collect();
    let indices: Vec<i32> = seats.iter().map(|&seat| seat as i32).collect();
    let indices = Tensor::<1, burn::tensor::Int>::from_ints(indices.as_slice(), &hidden.device());
    session.rows(name, hidden.select(0, indices), &seats);
}
