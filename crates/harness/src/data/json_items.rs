//! JSON objects, one an item: questions with an answer or a class, with or without options to choose from, which are lettered or
//! answers of their own.

use serde_json::Value;

use super::own_answers::question;
use super::source::{Rows, SourceFile, one_line};
use super::{Content, DataError, Example, Gold, Question};
use crate::registry::{JsonGold, JsonLayout, JsonOptions, OptionsAs};

/// Where things stand in an object. Places are JSON pointers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) layout: JsonLayout,
    pub(super) text: &'a [String],
    pub(super) options: Option<&'a JsonOptions>,
    pub(super) options_as: &'a OptionsAs,
    pub(super) gold: &'a JsonGold,
    /// The data set's classes; none where answers are open.
    pub(super) classes: &'a [String],
}

/// An option and whether it is said to be right; most formats do not say so here.
struct Choice {
    letter: char,
    text: String,
    is_right: bool,
    /// What the format itself calls it.
    label: Option<String>,
}

/// What an object holds.
enum Read {
    Text(String, Gold),
    Question(Question, Gold),
}

pub(super) fn read(file: SourceFile<'_>, places: Places<'_>) -> Result<Rows, DataError> {
    let mut examples = Vec::new();
    for (place, item) in items(file, places.layout)?.into_iter().enumerate() {
        let row = place + 1;
        let item = item.map_err(|problem| file.bad_row(row, problem))?;
        let read = parts(&item, places).map_err(|problem| file.bad_row(row, problem))?;
        examples.push(match read {
            Read::Text(text, gold) => file.text_example(file.row_id(row), row, &text, gold)?,
            Read::Question(question, gold) => Example { id: file.row_id(row), content: Content::Question(question), gold },
        });
    }
    Ok(Rows { examples, left_out: 0 })
}

/// The objects of a file, or what is wrong with each.
fn items(file: SourceFile<'_>, layout: JsonLayout) -> Result<Vec<Result<Value, String>>, DataError> {
    let bytes = file.bytes()?;
    let whole = || serde_json::from_slice::<Value>(&bytes).map_err(|error| file.malformed(error.to_string()));
    let list = |value: Option<&Value>, what: &str| match value {
        Some(Value::Array(items)) => Ok(items.iter().cloned().map(Ok).collect()),
        Some(_) | None => Err(file.malformed(format!("no list {what}"))),
    };
    match layout {
        JsonLayout::Lines => {
            let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes).split(|&byte| byte == b'\n');
            Ok(lines.map(|line| serde_json::from_slice(line).map_err(|error| error.to_string())).collect())
        }
        JsonLayout::List => list(Some(&whole()?), "of objects"),
        JsonLayout::Examples => list(whole()?.get("examples"), "`examples`"),
    }
}

/// What is asked, and what is right.
fn parts(item: &Value, places: Places<'_>) -> Result<Read, String> {
    let texts = places.text.iter().map(|place| spelled(item, place)).collect::<Result<Vec<String>, String>>()?;
    let choices = places.options.map(|options| choices(item, options)).transpose()?.unwrap_or_default();
    let gold = gold(item, places, &choices)?;
    if !places.options_as.are_answers() {
        let listed: Vec<String> = choices.iter().map(|choice| format!("({}) {}", choice.letter, choice.text)).collect();
        let text = if listed.is_empty() { texts.join(" ") } else { format!("{} Answer Choices: {}", texts.join(" "), listed.join(" ")) };
        return Ok(Read::Text(text, gold));
    }
    let options: Vec<String> = choices.into_iter().map(|choice| choice.text).collect();
    let question = question(places.options_as, &texts, &options, |place| spelled(item, place))?;
    let (n_options, n_classes) = (question.options.len(), places.classes.len());
    if n_options > n_classes {
        return Err(format!("{n_options} options, but there are {n_classes} classes"));
    }
    match gold.class().filter(|class| *class < n_options) {
        Some(_) => Ok(Read::Question(question, gold)),
        None => Err(format!("the right option is none of its {n_options}")),
    }
}

/// What is right.
fn gold(item: &Value, places: Places<'_>, choices: &[Choice]) -> Result<Gold, String> {
    Ok(match places.gold {
        JsonGold::BestOption => {
            let mut right = choices.iter().filter(|choice| choice.is_right);
            match (right.next(), right.next()) {
                (Some(choice), None) => class_of(&choice.letter.to_string(), places.classes)?,
                (_, _) => return Err("not exactly one option has the score 1".to_owned()),
            }
        }
        JsonGold::OptionLabel { at } => {
            let label = spelled(item, at)?;
            let choice = choices.iter().find(|choice| choice.label.as_ref() == Some(&label));
            class_of(&choice.ok_or_else(|| format!("no option is labelled `{label}`"))?.letter.to_string(), places.classes)?
        }
        JsonGold::Label { at, labels } => class_of(&spelled(item, at)?, labels)?,
        JsonGold::Answer { at, behind } => {
            let whole = spelled(item, at)?;
            let (rationale, answer) = match behind {
                None => (None, whole.as_str()),
                Some(mark) => {
                    let (rationale, answer) = whole.rsplit_once(mark.as_str()).ok_or_else(|| format!("no `{mark}` in its answer"))?;
                    (Some(one_line(&without_calculations(rationale))), answer)
                }
            };
            Gold::Answer { text: one_line(answer), rationale }
        }
    })
}

fn class_of(label: &str, labels: &[String]) -> Result<Gold, String> {
    let place = labels.iter().position(|known| known == label);
    place.map(Gold::Class).ok_or_else(|| format!("label `{label}`, expected one of {}", labels.join(", ")))
}

/// The options in the order of their letters. Those that come with scores have none: they are lettered in the order of their
/// spelling, which says nothing of which one is right.
fn choices(item: &Value, options: &JsonOptions) -> Result<Vec<Choice>, String> {
    let at = |place: &str| item.pointer(place).ok_or_else(|| format!("nothing at `{place}`"));
    let lettered = |texts: Vec<(String, bool)>| {
        let choice = |(place, (text, is_right)): (usize, (String, bool))| Choice { letter: letter(place), text, is_right, label: None };
        texts.into_iter().enumerate().map(choice).collect::<Vec<_>>()
    };
    match options {
        JsonOptions::Spelled { at: place } => {
            let list = at(place)?.as_array().ok_or_else(|| format!("no list at `{place}`"))?;
            let bare = |(n, option): (usize, &Value)| {
                let text = option.as_str().and_then(|text| text.strip_prefix(letter(n))?.strip_prefix(')'));
                text.map(|text| (text.trim().to_owned(), false))
                    .ok_or_else(|| format!("option {} does not begin with `{})`", n + 1, letter(n)))
            };
            Ok(lettered(list.iter().enumerate().map(bare).collect::<Result<_, _>>()?))
        }
        JsonOptions::Labelled { at: place } => {
            let list = at(place)?.as_array().ok_or_else(|| format!("no list at `{place}`"))?;
            let bare = |(n, option): (usize, &Value)| {
                let is_next = option["label"].as_str().is_some_and(|label| label == letter(n).to_string());
                let text = option["text"].as_str().filter(|_| is_next);
                text.map(|text| (text.to_owned(), false)).ok_or_else(|| format!("option {} is not `{}` with a text", n + 1, letter(n)))
            };
            Ok(lettered(list.iter().enumerate().map(bare).collect::<Result<_, _>>()?))
        }
        JsonOptions::Plain { at: place } => Ok(lettered(texts(item, place)?.into_iter().map(|text| (text, false)).collect())),
        JsonOptions::Places { at: places } => {
            let texts = places.iter().map(|place| Ok((spelled(item, place)?, false)));
            Ok(lettered(texts.collect::<Result<_, String>>()?))
        }
        JsonOptions::Paired { at: place } => {
            let (labels, spelt) = (texts(item, &format!("{place}/label"))?, texts(item, &format!("{place}/text"))?);
            if labels.len() != spelt.len() {
                return Err(format!("{} labels and {} texts at `{place}`", labels.len(), spelt.len()));
            }
            let mut choices = lettered(spelt.into_iter().map(|text| (text, false)).collect());
            for (choice, label) in choices.iter_mut().zip(labels) {
                choice.label = Some(label);
            }
            Ok(choices)
        }
        JsonOptions::Scored { at: place } => {
            let scores = at(place)?.as_object().ok_or_else(|| format!("no object at `{place}`"))?;
            let mut texts: Vec<(String, bool)> = scores.iter().map(|(text, score)| (text.clone(), score.as_f64() == Some(1.0))).collect();
            texts.sort();
            Ok(lettered(texts))
        }
    }
}

const fn letter(place: usize) -> char {
    (b'A' + place as u8) as char
}

/// A list of strings.
fn texts(item: &Value, place: &str) -> Result<Vec<String>, String> {
    let list = item.pointer(place).and_then(Value::as_array).ok_or_else(|| format!("no list at `{place}`"))?;
    let text = |value: &Value| value.as_str().map(|text| text.trim().to_owned()).ok_or_else(|| format!("{value} at `{place}` is no text"));
    list.iter().map(text).collect()
}

/// A string, or a number as it is written.
fn spelled(item: &Value, place: &str) -> Result<String, String> {
    match item.pointer(place) {
        Some(Value::String(text)) => Ok(text.trim().to_owned()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(format!("neither text nor number at `{place}`")),
        None => Err(format!("nothing at `{place}`")),
    }
}

/// Without what stands between `<<` and `>>`: calculations for a calculator, which a reader does not see.
fn without_calculations(text: &str) -> String {
    let pieces = text
        .split("<<")
        .enumerate()
        .map(|(n, piece)| if n == 0 { piece } else { piece.split_once(">>").map_or(piece, |(_, after)| after) });
    pieces.collect()
}
