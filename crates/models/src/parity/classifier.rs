//! Encoders of images: hidden states, logits, and what is put around pixels and between tokens.

use burn::tensor::Tensor;
use reprogram_taxonomy::InputSpace;

use super::session::{Session, tracked};
use super::{ParityError, gradient, hidden_states};
use crate::{Input, Reading, Stream, cross_entropy};

pub(super) fn compare(session: &mut Session<'_>) -> Result<(), ParityError> {
    plain(session)?;
    frame(session)?;
    for (name, is_deep) in [("vpt_shallow", false), ("vpt_deep", true)] {
        prompted(session, name, is_deep)?;
    }
    Ok(())
}

fn plain(session: &mut Session<'_>) -> Result<(), ParityError> {
    let Some(pixels) = session.pixels("pixel_values")? else { return Ok(()) };
    let stream = session.backbone.embed(Input::Image(pixels.clone()));
    let stream = hidden_states(session, stream, "", false);
    if session.backbone.card().n_source_classes().is_none() {
        let features = session.backbone.read(&stream, Reading::Features);
        session.value("features", features);
        return Ok(());
    }
    let loss = logits_and_loss(session, &stream, "", pixels.dims()[0])?;
    if let Some(loss) = loss.filter(|_| session.has("grad_pixel_values")) {
        session.gradient("grad_pixel_values", gradient(loss, &pixels));
    }
    Ok(())
}

/// Logits and, where there are labels, the loss; both by `prefix`.
fn logits_and_loss(session: &mut Session<'_>, stream: &Stream, prefix: &str, n_items: usize) -> Result<Option<Tensor<1>>, ParityError> {
    let logits = session.backbone.read(stream, Reading::Logits);
    session.value(&format!("{prefix}logits"), logits.clone());
    let Some(labels) = session.labels("labels", n_items, logits.dims()[1])? else { return Ok(None) };
    let loss = cross_entropy(logits, &labels);
    session.value(&format!("{prefix}loss"), loss.clone());
    Ok(Some(loss))
}

/// Visual prompting: the image in the middle of a canvas of zeros, plus a masked delta.
fn frame(session: &mut Session<'_>) -> Result<(), ParityError> {
    let (Some(image), Some(delta), Some(mask)) =
        (session.leaf::<4>("vp.image")?, session.leaf::<4>("vp.delta")?, session.leaf::<4>("vp.mask")?)
    else {
        return Ok(());
    };
    let InputSpace::Image { height, width, .. } = session.backbone.card().main.input else { return Ok(()) };
    let [n_items, _, inner_height, inner_width] = image.dims();
    let canvas_fits = delta.dims()[2..] == [height, width] && mask.dims()[2..] == [height, width];
    if !canvas_fits || inner_height > height || inner_width > width {
        let reason = format!("does not fit `vp.image` and a canvas of {height}×{width}");
        return Err(ParityError::Input { name: "vp.delta".to_owned(), reason });
    }
    let (above, left) = ((height - inner_height) / 2, (width - inner_width) / 2);
    let canvas = image.pad((left, width - inner_width - left, above, height - inner_height - above), 0.0);
    let stream = session.backbone.embed(Input::Image(canvas + delta.clone() * mask));
    let stream = session.backbone.blocks(stream);
    if let Some(loss) = logits_and_loss(session, &stream, "vp.", n_items)? {
        session.gradient("vp.grad_delta", gradient(loss, &delta));
    }
    Ok(())
}

/// Visual prompt tuning (Jia et al., arXiv 2203.12119): prompts behind the special tokens, in front of the first block or
/// of every one.
fn prompted(session: &mut Session<'_>, name: &str, is_deep: bool) -> Result<(), ParityError> {
    let own = format!("{name}.prompts");
    let prompts = if session.has(&own) {
        let prompts = session.leaf::<2>(&own)?;
        prompts.map(|prompts| tracked(prompts.unsqueeze::<3>()))
    } else if session.has(&format!("{name}.logits")) {
        session.leaf::<3>("vpt.prompts")?
    } else {
        None
    };
    let (Some(prompts), Some(pixels)) = (prompts, session.pixels("pixel_values")?) else { return Ok(()) };
    let [n_layers, _, dim] = prompts.dims();
    let main = &session.backbone.card().main;
    if dim != main.dim || n_layers == 0 || (is_deep && n_layers != main.depth) {
        let reason = format!("has prompts for {n_layers} layers of width {dim}, the checkpoint has {} of {}", main.depth, main.dim);
        return Err(ParityError::Input { name: own, reason });
    }
    let depth = main.depth;
    let at = |layer: usize| prompts.clone().narrow(0, layer, 1);
    let mut stream = session.backbone.embed(Input::Image(pixels.clone())).insert_prompt(at(0));
    for layer in 0..depth {
        if is_deep && layer > 0 {
            stream = stream.replace_prompt(at(layer));
        }
        stream = session.backbone.block(layer, stream);
    }
    if let Some(loss) = logits_and_loss(session, &stream, &format!("{name}."), pixels.dims()[0])? {
        let found = gradient(loss, &prompts);
        session.gradient(&format!("{name}.grad"), if is_deep { found } else { found.narrow(0, 0, 1) });
    }
    Ok(())
}
