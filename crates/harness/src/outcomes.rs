//! Per-example outcomes as a table of Parquet.
//!
//! ```text
//! scored      id, gold, prediction, log_probabilities
//!             and where answers are in words, a number a class:
//!             answer_log_likelihoods, answer_unconditional, answer_tokens, answer_characters, answer_bytes
//! generated   id, gold, answer, right, votes, generated
//! forecast    id, squared_error, absolute_error, scaled_error, gold, forecast
//! ```
//!
//! Lists of numbers have one a class; of an item that brings its own answers, one an option, so that they may differ in length.
//!
//! Of generated text, `votes` has what was found in each reply (empty where nothing was), and `generated` each reply's texts, turn
//! by turn, as a list of JSON. Errors of forecasts are means over their steps.

use polars::error::{PolarsError, polars_err};
use polars::prelude::{Column, DataFrame, IntoColumn, ListChunked, NamedFrom, ParquetCompression, ParquetWriter, Series};

use crate::forecasts::ItemErrors;
use crate::record::{AnswerScores, ExampleOutcome, GeneratedPath, ItemReading};

/// The outcomes of one trial, which are all of one kind.
pub(crate) fn parquet(examples: &[ExampleOutcome]) -> Vec<u8> {
    let ids: Vec<&str> = examples.iter().map(|example| example.id.as_str()).collect();
    let columns = match examples.first().map(|example| &example.reading) {
        Some(ItemReading::Generated { .. }) => generated_columns(examples),
        Some(ItemReading::Forecast { .. }) => forecast_columns(examples),
        Some(ItemReading::Scored { .. }) | None => scored_columns(examples),
    };
    let columns = [Column::new("id".into(), ids)].into_iter().chain(columns).collect();
    let mut frame = DataFrame::new(examples.len(), columns).expect("columns of one length");
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).with_compression(ParquetCompression::Uncompressed).finish(&mut frame).expect("memory can be written to");
    bytes
}

/// The outcomes that a table holds.
pub(crate) fn read(frame: &DataFrame) -> Result<Vec<ExampleOutcome>, PolarsError> {
    if frame.column("generated").is_ok() {
        read_generated(frame)
    } else if frame.column("forecast").is_ok() {
        read_forecast(frame)
    } else {
        read_scored(frame)
    }
}

fn scored_columns(examples: &[ExampleOutcome]) -> Vec<Column> {
    let (mut golds, mut predictions, mut rows, mut answered) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for example in examples {
        match &example.reading {
            ItemReading::Scored { gold, prediction, log_probabilities, answers } => {
                golds.push(*gold as i64);
                predictions.push(*prediction as i64);
                rows.push(Series::new("".into(), log_probabilities));
                answered.extend(answers);
            }
            ItemReading::Generated { .. } | ItemReading::Forecast { .. } => panic!("outcomes of two kinds in one trial"),
        }
    }
    let log_probabilities: ListChunked = rows.into_iter().collect();
    let mut columns = vec![
        Column::new("gold".into(), golds),
        Column::new("prediction".into(), predictions),
        log_probabilities.with_name("log_probabilities".into()).into_column(),
    ];
    if !examples.is_empty() && answered.len() == examples.len() {
        columns.extend(answer_columns(&answered));
    }
    columns
}

fn answer_columns(answered: &[&AnswerScores]) -> [Column; 5] {
    let floats = |name: &str, of: fn(&AnswerScores) -> &Vec<f32>| {
        let rows: ListChunked = answered.iter().map(|answers| Series::new("".into(), of(answers))).collect();
        rows.with_name(name.into()).into_column()
    };
    let counts = |name: &str, of: fn(&AnswerScores) -> &Vec<u32>| {
        let rows: ListChunked = answered.iter().map(|answers| Series::new("".into(), of(answers))).collect();
        rows.with_name(name.into()).into_column()
    };
    [
        floats("answer_log_likelihoods", |answers| &answers.log_likelihoods),
        floats("answer_unconditional", |answers| &answers.unconditional),
        counts("answer_tokens", |answers| &answers.tokens),
        counts("answer_characters", |answers| &answers.characters),
        counts("answer_bytes", |answers| &answers.bytes),
    ]
}

fn generated_columns(examples: &[ExampleOutcome]) -> Vec<Column> {
    let (mut golds, mut answers, mut votes, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for example in examples {
        match &example.reading {
            ItemReading::Generated { gold, answer, paths } => {
                golds.push(gold.as_str());
                answers.push(answer.as_deref());
                let vote = |path: &GeneratedPath| path.answer.clone().unwrap_or_default();
                votes.push(Series::new("".into(), paths.iter().map(vote).collect::<Vec<String>>()));
                let turns = |path: &GeneratedPath| serde_json::to_string(&path.texts).expect("texts are plain data");
                texts.push(Series::new("".into(), paths.iter().map(turns).collect::<Vec<String>>()));
            }
            ItemReading::Scored { .. } | ItemReading::Forecast { .. } => panic!("outcomes of two kinds in one trial"),
        }
    }
    let (votes, texts): (ListChunked, ListChunked) = (votes.into_iter().collect(), texts.into_iter().collect());
    vec![
        Column::new("gold".into(), golds),
        Column::new("answer".into(), answers),
        Column::new("right".into(), examples.iter().map(ExampleOutcome::is_right).collect::<Vec<Option<bool>>>()),
        votes.with_name("votes".into()).into_column(),
        texts.with_name("generated".into()).into_column(),
    ]
}

fn forecast_columns(examples: &[ExampleOutcome]) -> Vec<Column> {
    let (mut errors, mut golds, mut forecasts) = (Vec::new(), Vec::new(), Vec::new());
    for example in examples {
        match &example.reading {
            ItemReading::Forecast { gold, forecast, errors: own } => {
                errors.push(*own);
                golds.push(Series::new("".into(), gold));
                forecasts.push(Series::new("".into(), forecast));
            }
            ItemReading::Scored { .. } | ItemReading::Generated { .. } => panic!("outcomes of two kinds in one trial"),
        }
    }
    let column = |name: &str, error: fn(&ItemErrors) -> f64| Column::new(name.into(), errors.iter().map(error).collect::<Vec<f64>>());
    let (golds, forecasts): (ListChunked, ListChunked) = (golds.into_iter().collect(), forecasts.into_iter().collect());
    vec![
        column("squared_error", |errors| errors.squared),
        column("absolute_error", |errors| errors.absolute),
        column("scaled_error", |errors| errors.scaled),
        golds.with_name("gold".into()).into_column(),
        forecasts.with_name("forecast".into()).into_column(),
    ]
}

fn read_scored(frame: &DataFrame) -> Result<Vec<ExampleOutcome>, PolarsError> {
    let (ids, golds) = (frame.column("id")?.str()?, frame.column("gold")?.i64()?);
    let (predictions, rows) = (frame.column("prediction")?.i64()?, frame.column("log_probabilities")?.list()?);
    let columns = ids.iter().zip(golds.iter()).zip(predictions.iter()).zip(rows.amortized_iter());
    let mut answered = read_answers(frame)?.into_iter().flatten();
    let mut outcomes = Vec::with_capacity(frame.height());
    for (((id, gold), prediction), row) in columns {
        let answers = answered.next();
        let row = row.map(|row| row.as_ref().f32().map(|values| values.iter().flatten().collect())).transpose()?;
        if let (Some(id), Some(gold), Some(prediction), Some(log_probabilities)) = (id, gold, prediction, row) {
            let reading = ItemReading::Scored { gold: gold as usize, prediction: prediction as usize, log_probabilities, answers };
            outcomes.push(ExampleOutcome { id: id.to_owned(), reading });
        }
    }
    Ok(outcomes)
}

/// What answers are worth before ω, an entry an item; nothing where the file has no such columns.
fn read_answers(frame: &DataFrame) -> Result<Option<Vec<AnswerScores>>, PolarsError> {
    if frame.column("answer_log_likelihoods").is_err() {
        return Ok(None);
    }
    let log_likelihoods = lists(frame, "answer_log_likelihoods", |row| Ok(row.f32()?.iter().flatten().collect()))?;
    let unconditional = lists(frame, "answer_unconditional", |row| Ok(row.f32()?.iter().flatten().collect()))?;
    let counts = |name| lists(frame, name, |row| Ok(row.u32()?.iter().flatten().collect()));
    let lengths = counts("answer_tokens")?.into_iter().zip(counts("answer_characters")?).zip(counts("answer_bytes")?);
    let rows = log_likelihoods.into_iter().zip(unconditional).zip(lengths);
    let answers = |((log_likelihoods, unconditional), ((tokens, characters), bytes))| AnswerScores {
        log_likelihoods,
        unconditional,
        tokens,
        characters,
        bytes,
    };
    Ok(Some(rows.map(answers).collect()))
}

/// A column of lists; an empty one where there is none.
fn lists<N>(frame: &DataFrame, name: &str, values: impl Fn(&Series) -> Result<Vec<N>, PolarsError>) -> Result<Vec<Vec<N>>, PolarsError> {
    let rows = frame.column(name)?.list()?.amortized_iter();
    rows.map(|row| Ok(row.map(|row| values(row.as_ref())).transpose()?.unwrap_or_default())).collect()
}

fn read_generated(frame: &DataFrame) -> Result<Vec<ExampleOutcome>, PolarsError> {
    let (ids, golds) = (frame.column("id")?.str()?, frame.column("gold")?.str()?);
    let (answers, votes) = (frame.column("answer")?.str()?, frame.column("votes")?.list()?);
    let texts = frame.column("generated")?.list()?;
    let columns = ids.iter().zip(golds.iter()).zip(answers.iter()).zip(votes.amortized_iter().zip(texts.amortized_iter()));
    let mut outcomes = Vec::with_capacity(frame.height());
    for (((id, gold), answer), (votes, texts)) in columns {
        let (Some(id), Some(gold), Some(votes), Some(texts)) = (id, gold, votes, texts) else {
            return Err(polars_err!(ComputeError: "an outcome without id, gold answer or text"));
        };
        let path = |(vote, turns): (Option<&str>, Option<&str>)| {
            let texts = serde_json::from_str(turns.unwrap_or_default());
            let texts = texts.map_err(|error| polars_err!(ComputeError: "the texts of {id} are no list: {error}"))?;
            Ok(GeneratedPath { texts, answer: vote.filter(|vote| !vote.is_empty()).map(str::to_owned) })
        };
        let paths = votes.as_ref().str()?.iter().zip(texts.as_ref().str()?.iter()).map(path).collect::<Result<_, PolarsError>>()?;
        let reading = ItemReading::Generated { gold: gold.to_owned(), answer: answer.map(str::to_owned), paths };
        outcomes.push(ExampleOutcome { id: id.to_owned(), reading });
    }
    Ok(outcomes)
}

fn read_forecast(frame: &DataFrame) -> Result<Vec<ExampleOutcome>, PolarsError> {
    let error = |name: &str| frame.column(name)?.f64().map(|column| column.iter().collect::<Vec<Option<f64>>>());
    let (squared, absolute, scaled) = (error("squared_error")?, error("absolute_error")?, error("scaled_error")?);
    let (golds, forecasts) = (frame.column("gold")?.list()?, frame.column("forecast")?.list()?);
    let values = |list: &ListChunked| -> Result<Vec<Vec<f32>>, PolarsError> {
        let rows = list.amortized_iter().map(|row| match row {
            Some(row) => row.as_ref().f32().map(|values| values.iter().flatten().collect()),
            None => Err(polars_err!(ComputeError: "a forecast without values")),
        });
        rows.collect()
    };
    let rows = frame
        .column("id")?
        .str()?
        .iter()
        .zip(squared.into_iter().zip(absolute).zip(scaled))
        .zip(values(golds)?.into_iter().zip(values(forecasts)?));
    let mut outcomes = Vec::with_capacity(frame.height());
    for ((id, ((squared, absolute), scaled)), (gold, forecast)) in rows {
        let (Some(id), Some(squared), Some(absolute), Some(scaled)) = (id, squared, absolute, scaled) else {
            return Err(polars_err!(ComputeError: "a forecast without id or errors"));
        };
        let reading = ItemReading::Forecast { gold, forecast, errors: ItemErrors { squared, absolute, scaled } };
        outcomes.push(ExampleOutcome { id: id.to_owned(), reading });
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{ParquetReader, SerReader as _};

    fn again(outcomes: &[ExampleOutcome]) -> Vec<ExampleOutcome> {
        let frame = ParquetReader::new(std::io::Cursor::new(parquet(outcomes))).finish().unwrap();
        read(&frame).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let scored = |id: &str, gold| ExampleOutcome {
            id: id.to_owned(),
            reading: ItemReading::Scored { gold, prediction: 1, log_probabilities: vec![-0.5, -1.0], answers: None },
        };
        let scored = [scored("a", 0), scored("b", 1)];
        assert_eq!(again(&scored), scored);
        let answered = scored.map(|outcome| {
            let ItemReading::Scored { gold, prediction, log_probabilities, .. } = outcome.reading else { unreachable!("scored above") };
            let answers = AnswerScores {
                log_likelihoods: vec![-3.5, gold as f32],
                unconditional: vec![-9.0, -8.0],
                tokens: vec![1, 2],
                characters: vec![3, 4],
                bytes: vec![4, 5],
            };
            ExampleOutcome { reading: ItemReading::Scored { gold, prediction, log_probabilities, answers: Some(answers) }, ..outcome }
        });
        assert_eq!(again(&answered), answered);
        let more = AnswerScores {
            log_likelihoods: vec![-1.0, -2.0, -3.0],
            unconditional: vec![-4.0; 3],
            tokens: vec![1, 1, 2],
            characters: vec![5, 6, 7],
            bytes: vec![5, 6, 8],
        };
        let reading = ItemReading::Scored { gold: 2, prediction: 0, log_probabilities: vec![-0.4, -1.4, -2.4], answers: Some(more) };
        let uneven = [answered[0].clone(), ExampleOutcome { id: "c".to_owned(), reading }];
        assert_eq!(again(&uneven), uneven, "items may differ in how many options they have");
        let path = |texts: &[&str], answer: Option<&str>| GeneratedPath {
            texts: texts.iter().map(ToString::to_string).collect(),
            answer: answer.map(str::to_owned),
        };
        let generated = |id: &str, answer: Option<&str>, paths| ExampleOutcome {
            id: id.to_owned(),
            reading: ItemReading::Generated { gold: "4".to_owned(), answer: answer.map(str::to_owned), paths },
        };
        let generated = [
            generated("a", Some("4"), vec![path(&["I \"think\"\n", " 4."], Some("4")), path(&["no"], None)]),
            generated("b", None, vec![path(&[""], None)]),
        ];
        assert_eq!(again(&generated), generated);
        let forecast = |id: &str, first: f32| {
            let (gold, forecast) = (vec![first, 2.0], vec![0.5, -1.0]);
            let errors = ItemErrors::of(&gold, &forecast, 0.3);
            ExampleOutcome { id: id.to_owned(), reading: ItemReading::Forecast { gold, forecast, errors } }
        };
        let forecast = [forecast("a", 0.25), forecast("b", -7.0)];
        assert_eq!(again(&forecast), forecast);
    }
}
