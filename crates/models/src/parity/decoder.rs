//! Language models: hidden states, next-token logits, padding on either side, greedy decoding.

use burn::tensor::Tensor;

use super::session::Session;
use super::{ParityError, gradient, hidden_states, learned};
use crate::{Decoding, Generated, Input, Padding, Reading, Stops, Stream, TokenAt, TokenBatch, cross_entropy, generate};

pub(super) fn compare(session: &mut Session<'_>) -> Result<(), ParityError> {
    if let Some(rows) = session.ids("input_ids")? {
        let labels = labels(session, &rows)?;
        let loss = plain(session, &rows, &labels);
        masked(session, &rows, &labels, loss)?;
        learned::compare(session, &rows, &labels)?;
    }
    left_padded(session)?;
    greedy(session)
}

/// Labels aligned with the ids (each is scored one position earlier); below zero where none counts.
fn labels(session: &mut Session<'_>, rows: &[Vec<u32>]) -> Result<Vec<Vec<i64>>, ParityError> {
    let Some(labels) = session.integers("labels")? else {
        return Ok(rows.iter().map(|row| row.iter().map(|&id| i64::from(id)).collect()).collect());
    };
    let n = session.backbone.card().n_source_classes().unwrap_or(0);
    let reason = if labels.len() != rows.len() || labels.iter().zip(rows).any(|(labels, row)| labels.len() != row.len()) {
        "has another shape than `input_ids`".to_owned()
    } else if let Some(label) = labels.iter().flatten().find(|&&label| label >= n as i64) {
        format!("has the label {label}, but the checkpoint knows {n} tokens")
    } else {
        return Ok(labels);
    };
    Err(ParityError::Input { name: "labels".to_owned(), reason })
}

/// Every real token.
pub(super) fn every_token(batch: &TokenBatch) -> Vec<TokenAt> {
    batch.rows.iter().enumerate().flat_map(|(row, ids)| (0..ids.len()).map(move |index| TokenAt { row, index })).collect()
}

/// The mean over those tokens whose label counts. Rows may be shorter than their labels, never longer.
pub(super) fn shifted_loss(session: &Session<'_>, stream: &Stream, batch: &TokenBatch, labels: &[Vec<i64>]) -> Option<Tensor<1>> {
    let label = |at: &TokenAt| labels[at.row].get(at.index + 1).and_then(|&label| usize::try_from(label).ok());
    let counted = every_token(batch).into_iter().filter(|at| at.index + 1 < batch.rows[at.row].len());
    let (scored, labels): (Vec<TokenAt>, Vec<usize>) = counted.filter_map(|at| label(&at).map(|label| (at, label))).unzip();
    (!scored.is_empty()).then(|| cross_entropy(session.backbone.read(stream, Reading::LogitsAt(&scored)), &labels))
}

/// Where each token's row lies in a tensor `[row, seq, …]`, its first two axes flattened.
pub(super) fn seats(batch: &TokenBatch, seq: usize, front: usize) -> Vec<usize> {
    every_token(batch).into_iter().map(|at| at.row * seq + front + at.index).collect()
}

fn plain(session: &mut Session<'_>, rows: &[Vec<u32>], labels: &[Vec<i64>]) -> Option<(Tensor<1>, Tensor<3>)> {
    let batch = TokenBatch::new(rows.to_vec());
    let (stream, embedded) = embed_as_leaf(session, &batch);
    let stream = hidden_states(session, stream, "", true);
    let depth = session.backbone.card().main.depth;
    normed(session, &format!("hidden.{depth}"), &stream, rows[0].len());
    let logits = session.backbone.read(&stream, Reading::LogitsAt(&every_token(&batch)));
    session.rows("logits", logits, &seats(&batch, rows[0].len(), 0));
    let loss = shifted_loss(session, &stream, &batch, labels)?;
    session.value("loss", loss.clone());
    Some((loss, embedded))
}

/// The stream's embeddings as something that gradients are asked for.
fn embed_as_leaf(session: &Session<'_>, batch: &TokenBatch) -> (Stream, Tensor<3>) {
    let stream = session.backbone.embed(Input::Tokens(batch.clone()));
    let embedded = session.tracked(stream.hidden());
    (stream.with_hidden(embedded.clone()), embedded)
}

/// Features of all tokens, which a backbone gives for one token a row at a time.
fn normed(session: &mut Session<'_>, name: &str, stream: &Stream, seq: usize) {
    if session.has(name) {
        let n_rows = stream.spans().len();
        let at =
            |index: usize| session.backbone.read(&stream.clone().read_at(vec![index; n_rows]), Reading::Features).unsqueeze_dim::<3>(1);
        let features = Tensor::cat((0..seq).map(at).collect(), 1);
        session.value(name, features);
    }
}

/// Right padding. The gradient of the embeddings is that of this loss where the file has one.
fn masked(
    session: &mut Session<'_>,
    rows: &[Vec<u32>],
    labels: &[Vec<i64>],
    unmasked: Option<(Tensor<1>, Tensor<3>)>,
) -> Result<(), ParityError> {
    let name = if session.has("masked.attention_mask") { "masked.attention_mask" } else { "attention_mask" };
    let batch = session.real(name, rows)?;
    if batch.padding == Padding::Left {
        return Err(ParityError::Input { name: name.to_owned(), reason: "fills rows up on the left; `leftpad.` is for that".to_owned() });
    }
    let (stream, embedded) = embed_as_leaf(session, &batch);
    let stream = session.backbone.blocks(stream);
    let logits = session.backbone.read(&stream, Reading::LogitsAt(&every_token(&batch)));
    session.rows("masked.logits", logits, &seats(&batch, rows[0].len(), 0));
    let loss = shifted_loss(session, &stream, &batch, labels);
    if let Some(loss) = &loss {
        session.value("masked.loss", loss.clone());
    }
    if session.has("grad_inputs_embeds") {
        let own = loss.filter(|_| session.has("masked.loss")).map(|loss| (loss, embedded));
        if let Some((loss, embedded)) = own.or(unmasked) {
            let [_, seq, _] = embedded.dims();
            // Rows may all be shorter than those of the file; the rest of its gradient is that of padding, zero.
            let found = gradient(loss, &embedded).pad([(0, 0), (0, rows[0].len() - seq), (0, 0)], 0.0);
            session.gradient("grad_inputs_embeds", found);
        }
    }
    Ok(())
}

fn left_padded(session: &mut Session<'_>) -> Result<(), ParityError> {
    let Some(rows) = session.ids("leftpad.input_ids")? else { return Ok(()) };
    let batch = session.real("leftpad.attention_mask", &rows)?;
    let stream = session.backbone.embed(Input::Tokens(batch));
    // The file may have more padding than the longest row needs. Padding has any position; the reference writes zeros.
    let (n_seats, seq) = (stream.layout().total(), rows[0].len());
    let mut positions = stream.positions().to_rows(stream.spans().len(), n_seats);
    for (row, span) in positions.iter_mut().zip(stream.spans()) {
        row[..span.offset].fill(0);
        row.splice(0..0, std::iter::repeat_n(0, seq - n_seats));
    }
    session.integers_are("leftpad.position_ids", &positions);
    let stream = session.backbone.blocks(stream);
    let logits = session.backbone.read(&stream, Reading::Logits);
    session.value("leftpad.last_logits", logits);
    Ok(())
}

/// Token by token; an end of text is a token like any other.
fn greedy(session: &mut Session<'_>) -> Result<(), ParityError> {
    let (Some(prompts), Some(outputs)) = (session.ids("greedy.prompt")?, session.ids("greedy.output")?) else { return Ok(()) };
    let n_tokens = outputs[0].len().saturating_sub(prompts[0].len());
    let generated = generate(session.backbone, &prompts, Decoding::Greedy, &Stops::after(n_tokens), |_| 0.0);
    let generated = generated.map_err(|error| ParityError::Input { name: "greedy.prompt".to_owned(), reason: error.to_string() })?;
    let whole = |(prompt, generated): (Vec<u32>, Generated)| prompt.into_iter().chain(generated.tokens).map(i64::from).collect();
    let found: Vec<Vec<i64>> = prompts.into_iter().zip(generated).map(whole).collect();
    session.integers_are("greedy.output", &found);
    Ok(())
}
