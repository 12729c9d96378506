//! The critical-difference diagram: methods on an axis of mean ranks, joined by a bar where they are not shown to differ.
//!
//! Bars follow the pairwise tests (Wilcoxon with Holm); Nemenyi's critical difference is drawn as a scale. One diagram a pool of
//! settings; where there are no ranks, the drawing says why.
//!
//! # Reference
//! Demšar, JMLR 7, 2006, fig. 1.

use plotters::prelude::DrawingBackend;
use plotters::style::FontStyle;
use plotters::style::text_anchor::HPos;

use super::PlotError;
use super::figure::Figure;
use super::painter::{Painter, Type};
use super::scale::Rect;
use super::style::{INK, MUTED, PAPER};
use crate::report::ranking::{Pool, Ranking};
use crate::report::table::tests_in_words;

const WIDTH: f64 = 800.0;
/// Left and right end of the axis.
const AXIS: (f64, f64) = (230.0, 570.0);
/// Of labels, from one to the next.
const LINE: f64 = 22.0;
/// From the top of a diagram to its axis.
const HEAD: f64 = 88.0;
/// Characters of a line of text below a diagram.
const WRAP: usize = 118;

const TITLE: Type = Type { em: 14.0, weight: FontStyle::Bold, colour: INK };
const LABEL: Type = Type { em: 13.0, weight: FontStyle::Normal, colour: INK };
const SIDE: Type = Type { em: 12.0, weight: FontStyle::Normal, colour: MUTED };

/// The diagrams of all pools, one below the other.
pub(super) struct CriticalDifference<'a>(pub(super) &'a [Pool]);

impl Figure for CriticalDifference<'_> {
    fn size(&self) -> (u32, u32) {
        let height: f64 = self.0.iter().map(height).sum();
        (WIDTH as u32, height.max(80.0) as u32)
    }

    fn description(&self) -> String {
        let pool = |pool: &Pool| match &pool.outcome {
            Ok(ranking) => {
                let methods: Vec<String> =
                    ranking.methods.iter().map(|ranked| format!("{} {:.2}", ranked.method, ranked.mean_rank)).collect();
                format!("Mean ranks over {}: {}.", title(pool), methods.join(", "))
            }
            Err(reason) => format!("No ranks over {}: {reason}.", title(pool)),
        };
        if self.0.is_empty() { "No finished trial to rank.".to_owned() } else { self.0.iter().map(pool).collect::<Vec<_>>().join(" ") }
    }

    fn draw<DB: DrawingBackend>(&self, painter: &Painter<'_, DB>) -> Result<(), PlotError> {
        let (width, height_of_all) = self.size();
        painter.fill(Rect { left: 0.0, top: 0.0, right: f64::from(width), bottom: f64::from(height_of_all) }, PAPER)?;
        if self.0.is_empty() {
            return painter.text("no finished trial to rank", (WIDTH / 2.0, 40.0), SIDE, HPos::Center);
        }
        let mut top = 0.0;
        for pool in self.0 {
            painter.text(&cut(&title(pool)), (24.0, top + 24.0), TITLE, HPos::Left)?;
            match &pool.outcome {
                Ok(ranking) => diagram(painter, ranking, top)?,
                Err(reason) => painter.text(&format!("no ranks: {reason}"), (24.0, top + 48.0), SIDE, HPos::Left)?,
            }
            top += height(pool);
        }
        Ok(())
    }
}

fn diagram<DB: DrawingBackend>(painter: &Painter<'_, DB>, ranking: &Ranking, top: f64) -> Result<(), PlotError> {
    let (k, y) = (ranking.methods.len(), top + HEAD);
    let place = |rank: f64| AXIS.0 + (rank - 1.0) / (k as f64 - 1.0) * (AXIS.1 - AXIS.0);
    painter.line(&[(AXIS.0, y), (AXIS.1, y)], INK, 1.25)?;
    for rank in 1..=k {
        let x = place(rank as f64);
        painter.line(&[(x, y), (x, y - 6.0)], INK, 1.0)?;
        painter.text(&rank.to_string(), (x, y - 16.0), SIDE, HPos::Center)?;
    }
    painter.text("mean rank, 1 is best", (24.0, y), SIDE, HPos::Left)?;
    scale(painter, ranking, top + 46.0, &place)?;
    let ties = ranking.ties();
    for (index, &(first, last)) in ties.iter().enumerate() {
        let y = y + 12.0 + 9.0 * index as f64;
        let ends = (place(ranking.methods[first].mean_rank) - 5.0, place(ranking.methods[last].mean_rank) + 5.0);
        painter.line(&[(ends.0, y), (ends.1, y)], INK, 4.0)?;
    }
    let left = k.div_ceil(2);
    for (index, ranked) in ranking.methods.iter().enumerate() {
        let x = place(ranked.mean_rank);
        let is_left = index < left;
        let line = if is_left { index } else { k - 1 - index };
        let at = y + 12.0 + 9.0 * ties.len() as f64 + 14.0 + LINE * line as f64;
        let (side, end, anchor) =
            if is_left { (AXIS.0 - 20.0, AXIS.0 - 26.0, HPos::Right) } else { (AXIS.1 + 20.0, AXIS.1 + 26.0, HPos::Left) };
        painter.line(&[(x, y), (x, at), (side, at)], MUTED, 1.0)?;
        let name = cut_label(&ranked.method);
        let text = if is_left { format!("{name}  {:.2}", ranked.mean_rank) } else { format!("{:.2}  {name}", ranked.mean_rank) };
        painter.text(&text, (end, at), LABEL, anchor)?;
    }
    let mut at = y + 12.0 + 9.0 * ties.len() as f64 + 14.0 + LINE * left as f64 + 10.0;
    for line in notes(ranking) {
        painter.text(&line, (24.0, at), SIDE, HPos::Left)?;
        at += 18.0;
    }
    Ok(())
}

/// The critical difference as a length, where it fits on the axis.
fn scale<DB: DrawingBackend>(painter: &Painter<'_, DB>, ranking: &Ranking, y: f64, place: &impl Fn(f64) -> f64) -> Result<(), PlotError> {
    let text = format!("Nemenyi CD {:.2}", ranking.critical_difference);
    if ranking.critical_difference > ranking.methods.len() as f64 - 1.0 {
        return painter.text(&format!("{text}: wider than the axis"), (AXIS.0, y), SIDE, HPos::Left);
    }
    let (from, to) = (place(1.0), place(1.0 + ranking.critical_difference));
    painter.line(&[(from, y), (to, y)], MUTED, 1.5)?;
    for x in [from, to] {
        painter.line(&[(x, y - 4.0), (x, y + 4.0)], MUTED, 1.5)?;
    }
    painter.text(&text, (to + 8.0, y), SIDE, HPos::Left)
}

fn height(pool: &Pool) -> f64 {
    match &pool.outcome {
        Ok(ranking) => {
            let lines = ranking.methods.len().div_ceil(2) as f64;
            HEAD + 12.0 + 9.0 * ranking.ties().len() as f64 + 14.0 + LINE * lines + 10.0 + 18.0 * notes(ranking).len() as f64 + 12.0
        }
        Err(_) => 72.0,
    }
}

/// The terms, and how to read the bars, as lines.
fn notes(ranking: &Ranking) -> Vec<String> {
    let bars = if ranking.differs() {
        "Bars join methods of which no pair is shown to differ (Wilcoxon signed-rank, Holm over all pairs)."
    } else {
        "One bar joins all: they are not shown to differ at all, so no pair is looked at."
    };
    std::iter::once(bars.to_owned()).chain(tests_in_words(ranking)).flat_map(|text| wrapped(&text)).collect()
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WRAP {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn title(pool: &Pool) -> String {
    pool.settings.iter().map(|(backbone, dataset)| format!("{backbone} / {dataset}")).collect::<Vec<_>>().join("; ")
}

/// A title that is too long says how much it leaves out.
fn cut(title: &str) -> String {
    const LONGEST: usize = 92;
    if title.chars().count() <= LONGEST {
        return title.to_owned();
    }
    let n = title.split("; ").count();
    format!("{n} settings: {}…", title.chars().take(LONGEST - 16).collect::<String>())
}

fn cut_label(name: &str) -> String {
    const LONGEST: usize = 20;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    format!("{}…", name.chars().take(LONGEST - 1).collect::<String>())
}
