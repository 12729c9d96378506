//! Encoders of images and of texts that meet in one space.

use burn::tensor::{Tensor, TensorData, activation};

use super::session::Session;
use super::{ParityError, gradient, hidden_states};
use crate::{Input, JointSpace, Reading, TokenBatch, cross_entropy};

pub(super) fn compare(session: &mut Session<'_>) -> Result<(), ParityError> {
    let (Some(pixels), Some(rows)) = (session.pixels("pixel_values")?, session.ids("input_ids")?) else { return Ok(()) };
    let Some(joint) = session.backbone.joint().cloned() else { return Ok(()) };
    let (n_images, n_texts) = (pixels.dims()[0], rows.len());
    let stream = session.backbone.embed(Input::Image(pixels.clone()));
    let stream = hidden_states(session, stream, "vision.", false);
    let image = session.backbone.read(&stream, Reading::Features);
    session.value("image_embeds", JointSpace::normalise(image.clone()));
    let stream = session.backbone.embed(Input::Tokens(TokenBatch::new(rows)));
    let stream = hidden_states(session, stream, "text.", false);
    let text = session.backbone.read(&stream, Reading::Features);
    session.value("text_embeds", JointSpace::normalise(text.clone()));
    let logits = joint.logits(image.clone(), text);
    session.value("logits_per_image", logits.clone());
    session.value("logits_per_text", logits.clone().transpose());
    // Tokens behind the end do not reach it: with a mask over them the reference gives the same.
    session.value("logits_per_image_masked", logits.clone());
    session.value("probabilities", joint.probabilities(logits.clone()));
    // Where a text ends within a row that is filled up; what stands behind is among the ids.
    session.given("lengths");
    let labels = session.labels("labels", n_images, n_texts)?;
    if let Some(labels) = &labels {
        let loss = if joint.judges_pairs() { pairwise_loss(logits, labels) } else { cross_entropy(logits, labels) };
        session.value("loss", loss.clone());
        if session.has("grad_pixel_values") {
            session.gradient("grad_pixel_values", gradient(loss, &pixels));
        }
    }
    learned_context(session, image.detach(), &joint, labels.as_deref())
}

/// Each pair judged for itself, summed over texts, averaged over images (Zhai et al., arXiv 2303.15343, algorithm 1).
fn pairwise_loss(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let [n_images, n_texts] = logits.dims();
    let signs = labels.iter().flat_map(|&label| (0..n_texts).map(move |text| if text == label { 1.0f32 } else { -1.0 }));
    let signs = Tensor::from_data(TensorData::new(signs.collect::<Vec<_>>(), [n_images, n_texts]), &logits.device());
    activation::log_sigmoid(logits * signs).sum().div_scalar(-(n_images as f64))
}

/// `CoOp` (Zhou et al., arXiv 2109.01134): a learned context behind the start token, in the place of as many placeholders.
fn learned_context(session: &mut Session<'_>, image: Tensor<2>, joint: &JointSpace, labels: Option<&[usize]>) -> Result<(), ParityError> {
    let (Some(context), Some(mut rows)) = (session.leaf::<2>("coop.ctx")?, session.ids("coop.input_ids")?) else { return Ok(()) };
    let n_context = context.dims()[0];
    if rows.iter().any(|row| row.len() <= n_context) {
        let reason = format!("has rows without room for a start token and a context of {n_context}");
        return Err(ParityError::Input { name: "coop.input_ids".to_owned(), reason });
    }
    for row in &mut rows {
        row.drain(1..=n_context);
    }
    // Where each text is read follows from its ids; were it wrong, the embeddings would be.
    session.given("coop.eot");
    let stream = session.backbone.embed(Input::Tokens(TokenBatch::new(rows))).insert_prompt(context.clone().unsqueeze());
    let text = session.backbone.read(&session.backbone.blocks(stream), Reading::Features);
    session.value("coop.text_embeds", JointSpace::normalise(text.clone()));
    let logits = joint.logits(image, text);
    session.value("coop.logits", logits.clone());
    if let Some(labels) = labels {
        let loss = cross_entropy(logits, labels);
        session.value("coop.loss", loss.clone());
        session.gradient("coop.grad_ctx", gradient(loss, &context));
    }
    Ok(())
}
