//! The encoders with their real weights, on real data, against the reference implementations.
//!
//! Needs files that are too large for the repository; `scripts/real_encoders.py` says which and makes what is expected of
//! them. `REPROGRAM_ENCODERS` names the folder that it wrote; `REPROGRAM_MINILM` and `REPROGRAM_OPENWAKEWORD` the folders of
//! two models, `REPROGRAM_EFFICIENTNET` the file of the third. Without them a test says that it did not run.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

mod reference;

use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use reference::{Expected, assert_close, furthest};
use reprogram_models::weights::Weights;
use reprogram_models::{Acoustic, Backbone, Bert, BertConfig, EfficientNet, EfficientNetConfig, Input, Reading, TextTokenizer, TokenBatch};

/// The model's path and the folder of what is expected, if both are named.
fn named(variable: &str) -> Option<(PathBuf, PathBuf)> {
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    let both = path(variable).zip(path("REPROGRAM_ENCODERS"));
    if both.is_none() {
        println!("not run: {variable} and REPROGRAM_ENCODERS are not set");
    }
    both
}

fn rows(file: &Expected, name: &str) -> Vec<Vec<u32>> {
    let (ids, mask) = (file.stored(&format!("{name}.input_ids")), file.values(&format!("{name}.attention_mask")));
    let row = |(ids, mask): (&[f32], &[f32])| ids.iter().zip(mask).filter(|(_, real)| **real > 0.5).map(|(id, _)| *id as u32).collect();
    ids.values.chunks(ids.shape[1]).zip(mask.chunks(ids.shape[1])).map(row).collect()
}

/// For each row of unit features, which other row is the most alike, and how much.
fn neighbours(features: &[f32], dim: usize) -> Vec<(usize, f32)> {
    let rows: Vec<&[f32]> = features.chunks(dim).collect();
    let likeness = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let nearest = |i: usize| {
        let others = (0..rows.len()).filter(|&j| j != i).map(|j| (j, likeness(rows[i], rows[j])));
        others.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
    };
    (0..rows.len()).map(nearest).collect()
}

#[test]
fn minilm_sentences() {
    let Some((folder, expected)) = named("REPROGRAM_MINILM") else { return };
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let config = BertConfig::from_hub(&read("config.json")).unwrap();
    let config = config.with_sentence_modules(&read("modules.json"), &read("1_Pooling/config.json")).unwrap();
    let bytes = read("model.safetensors");
    let start = Instant::now();
    let model = Bert::load(&config, "all-minilm-l6-v2", Weights::from_safetensors(&bytes).unwrap(), None, &Device::flex()).unwrap();
    println!("loaded in {:.2} s: {:?}", start.elapsed().as_secs_f32(), model.card());
    let file = Expected(std::fs::read(expected.join("minilm.safetensors")).unwrap());
    let features = |rows: Vec<Vec<u32>>| model.read(&model.blocks(model.embed(Input::Tokens(TokenBatch::new(rows)))), Reading::Features);

    let found = features(rows(&file, "sentences"));
    assert_close("16 sentences", found.clone(), &file.values("sentences.features"), 1e-4);
    let sentences: Vec<String> = serde_json::from_slice(&std::fs::read(expected.join("minilm.json")).unwrap()).unwrap();
    let tokenizer = TextTokenizer::from_tokenizer_json(&read("tokenizer.json"), Some(&read("tokenizer_config.json"))).unwrap();
    let own: Vec<Vec<u32>> = sentences.iter().map(|sentence| tokenizer.encode_with_special_tokens(sentence)).collect();
    assert_eq!(own, rows(&file, "sentences"), "token ids");
    let found: Vec<f32> = found.try_into_vec_as().unwrap();
    let dim = found.len() / sentences.len();
    for (sentence, (other, likeness)) in sentences.iter().zip(neighbours(&found, dim)) {
        println!("{likeness:.2} | {sentence} | {}", sentences[other]);
    }

    let questions = rows(&file, "trec");
    let start = Instant::now();
    let found: Vec<f32> = questions.chunks(50).flat_map(|rows| features(rows.to_vec()).try_into_vec_as::<f32>().unwrap()).collect();
    let seconds = start.elapsed().as_secs_f32();
    let worst = furthest(&found, &file.values("trec.features"));
    let labels = file.values("trec.labels");
    let right = neighbours(&found, dim)
        .into_iter()
        .enumerate()
        .filter(|(i, (other, _))| furthest(&labels[*i..=*i], &labels[*other..=*other]) < 0.5);
    let share = right.count() as f32 / labels.len() as f32;
    println!(
        "{} TREC questions in {seconds:.2} s: max |Δ| = {worst:.2e}; the nearest other one is of the same class for {share:.3}",
        labels.len()
    );
    assert!(worst <= 1e-4 && share > 0.6, "max |Δ| = {worst:.3e}, {share}");
}

fn largest(row: &[f32]) -> usize {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0
}

#[test]
fn efficientnet_photos() {
    let Some((file, expected)) = named("REPROGRAM_EFFICIENTNET") else { return };
    let bytes = std::fs::read(file).unwrap();
    let start = Instant::now();
    let weights = Weights::from_torch(&bytes).unwrap();
    let model = EfficientNet::load(&EfficientNetConfig::lite0(), "efficientnet-lite0", weights, &Device::flex()).unwrap();
    println!("loaded in {:.2} s", start.elapsed().as_secs_f32());
    let file = Expected(std::fs::read(expected.join("efficientnet.safetensors")).unwrap());
    let pixels = file.tensor::<4>("pixels", &Device::flex()).div_scalar(255.0);
    let start = Instant::now();
    let logits = model.read(&model.embed(Input::Image(pixels.clone())), Reading::Logits);
    let seconds = start.elapsed().as_secs_f32();
    println!("{} photos in {seconds:.2} s", pixels.dims()[0]);
    assert_close("logits", logits.clone(), &file.values("logits"), 1e-3);
    let names: serde_json::Value = serde_json::from_slice(&std::fs::read(expected.join("efficientnet.json")).unwrap()).unwrap();
    let shares: Vec<f32> = burn::tensor::activation::softmax(logits, 1).try_into_vec_as().unwrap();
    for (photo, (share, reference)) in shares.chunks(1000).zip(file.values("logits").chunks(1000)).enumerate() {
        let class = largest(share);
        assert_eq!(class, largest(reference), "top class of photo {photo}");
        println!("{} {:.2} {}", names["photos"][photo].as_str().unwrap(), share[class], names["classes"][class].as_str().unwrap());
    }

    let autodiff = Tensor::<4>::from_data(pixels.narrow(0, 0, 1).into_data(), &Device::flex().autodiff()).require_grad();
    let start = Instant::now();
    let logit = model.read(&model.embed(Input::Image(autodiff.clone())), Reading::Logits).narrow(1, 0, 1).sum();
    let gradient: Vec<f32> = autodiff.grad(&logit.backward()).unwrap().try_into_vec_as().unwrap();
    let norm = gradient.iter().map(|value| value * value).sum::<f32>().sqrt();
    println!("gradient of one photo's pixels in {:.2} s: norm {norm:.3}", start.elapsed().as_secs_f32());
    assert!(norm.is_finite() && norm > 0.0);
}

const DIGITS: usize = 10;

/// Features of zero mean and unit deviation over the training rows, and a 1 behind them.
fn standardised(features: &[f32], dim: usize, is_test: &[bool]) -> Vec<Vec<f64>> {
    let rows: Vec<Vec<f64>> = features.chunks(dim).map(|row| row.iter().map(|&value| f64::from(value)).collect()).collect();
    let train: Vec<&Vec<f64>> = rows.iter().zip(is_test).filter(|(_, test)| !**test).map(|(row, _)| row).collect();
    let mean_of = |f: &dyn Fn(&Vec<f64>) -> f64| train.iter().map(|row| f(row)).sum::<f64>() / train.len() as f64;
    let mean: Vec<f64> = (0..dim).map(|i| mean_of(&|row| row[i])).collect();
    let std: Vec<f64> = (0..dim).map(|i| mean_of(&|row| (row[i] - mean[i]).powi(2)).sqrt()).collect();
    rows.iter().map(|row| (0..dim).map(|i| (row[i] - mean[i]) / std[i]).chain([1.0]).collect()).collect()
}

/// Ridge regression onto one-hot labels, λ = 1: scores of every row.
fn ridge(rows: &[Vec<f64>], labels: &[usize], is_test: &[bool]) -> Vec<usize> {
    let n = rows[0].len();
    let mut system = vec![vec![0.0; n + DIGITS]; n];
    for ((row, &label), _) in rows.iter().zip(labels).zip(is_test).filter(|(_, test)| !**test) {
        for (i, equation) in system.iter_mut().enumerate() {
            for (j, value) in row.iter().enumerate() {
                equation[j] += row[i] * value;
            }
            equation[n + label] += row[i];
        }
    }
    for (i, equation) in system.iter_mut().enumerate() {
        equation[i] += 1.0;
    }
    // Gauss and Jordan; the matrix is positive definite.
    for pivot in 0..n {
        let row = system[pivot].clone();
        for (i, equation) in system.iter_mut().enumerate() {
            let factor = if i == pivot { 1.0 - 1.0 / row[pivot] } else { equation[pivot] / row[pivot] };
            equation.iter_mut().zip(&row).for_each(|(value, above)| *value -= factor * above);
        }
    }
    let score = |row: &Vec<f64>, digit: usize| row.iter().zip(&system).map(|(value, weights)| value * weights[n + digit]).sum::<f64>();
    let best = |row: &Vec<f64>| (0..DIGITS).max_by(|&a, &b| score(row, a).total_cmp(&score(row, b))).unwrap();
    rows.iter().map(best).collect()
}

#[test]
fn spoken_digits() {
    let Some((folder, expected)) = named("REPROGRAM_OPENWAKEWORD") else { return };
    let file = Expected(std::fs::read(expected.join("speech.safetensors")).unwrap());
    let waveform = file.stored("waveform");
    let [n, samples] = waveform.shape.as_slice() else { panic!("recordings are rows") };
    let [mel, network] = ["melspectrogram.onnx", "embedding_model.onnx"].map(|name| std::fs::read(folder.join(name)).unwrap());
    let model = Acoustic::from_onnx(&mel, &network, *samples, "speech-embedding", &Device::flex()).unwrap();
    println!("{:?}", model.card());
    let start = Instant::now();
    let features = |rows: &[f32]| -> Vec<f32> {
        let rows = rows.iter().map(|sample| sample / 32_768.0).collect::<Vec<f32>>();
        let batch = Tensor::from_data(TensorData::new(rows.clone(), [rows.len() / samples, *samples]), &Device::flex());
        model.read(&model.embed(Input::Waveform(batch)), Reading::Features).try_into_vec_as().unwrap()
    };
    let found: Vec<f32> = waveform.values.chunks(50 * samples).flat_map(features).collect();
    let worst = furthest(&found, &file.values("features"));
    println!("{n} recordings in {:.1} s: max |Δ| = {worst:.2e}", start.elapsed().as_secs_f32());
    assert!(worst <= 1e-3, "max |Δ| = {worst:.3e}");

    let labels: Vec<usize> = file.values("digits").iter().map(|&digit| digit as usize).collect();
    let is_test: Vec<bool> = file.values("is_test").iter().map(|&test| test > 0.5).collect();
    let guesses = ridge(&standardised(&found, found.len() / n, &is_test), &labels, &is_test);
    let tested: Vec<bool> = guesses.iter().zip(&labels).zip(&is_test).filter(|(_, test)| **test).map(|((a, b), _)| a == b).collect();
    let accuracy = tested.iter().filter(|&&right| right).count() as f32 / tested.len() as f32;
    println!("ridge on the digits: {accuracy:.3} of {} test recordings, chance 0.1", tested.len());
    assert!(accuracy > 0.5, "{accuracy}");
}
