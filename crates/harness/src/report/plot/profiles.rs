//! Performance profiles: the share of a method's runs above each accuracy, one panel a method, all others behind it.
//!
//! Drawn only where there are enough settings and seeds for the band to mean something.
//!
//! # Reference
//! Agarwal et al., NeurIPS 2021, arXiv 2108.13264, sec. 4.2.

use plotters::prelude::DrawingBackend;
use plotters::style::FontStyle;
use plotters::style::text_anchor::HPos;

use super::PlotError;
use super::figure::Figure;
use super::painter::{Painter, Type};
use super::scale::Rect;
use super::style::{GRID, INK, MUTED, PAPER};
use crate::report::ranking::{Pool, Ranking};
use crate::stats::{ENOUGH_SEEDS, Profile, ProfilePoint};

/// Fewer settings than these say nothing about a share of settings.
const ENOUGH_SETTINGS: usize = 5;
const COLUMNS: usize = 3;
const PANEL: (f64, f64) = (266.0, 190.0);
const HEAD: f64 = 64.0;

const TITLE: Type = Type { em: 14.0, weight: FontStyle::Bold, colour: INK };
const LABEL: Type = Type { em: 13.0, weight: FontStyle::Normal, colour: INK };
const SIDE: Type = Type { em: 12.0, weight: FontStyle::Normal, colour: MUTED };

/// The profiles of every pool that allows them.
pub(super) struct Profiles {
    pools: Vec<(String, Vec<(String, Profile)>)>,
}

impl Profiles {
    /// Nothing where no pool has settings and seeds enough.
    pub(super) fn of(pools: &[Pool]) -> Option<Self> {
        let allowed = |pool: &Pool| {
            let ranking = pool.outcome.as_ref().ok()?;
            let seeds = ranking.methods.iter().map(|ranked| ranked.seeds).min()?;
            (ranking.n() >= ENOUGH_SETTINGS && seeds >= ENOUGH_SEEDS).then(|| (format!("{} settings", ranking.n()), profiles(ranking)))
        };
        let pools: Vec<_> = pools.iter().filter_map(allowed).collect();
        (!pools.is_empty()).then_some(Self { pools })
    }
}

fn profiles(ranking: &Ranking) -> Vec<(String, Profile)> {
    let at: Vec<f64> = (0..=50).map(|step| f64::from(step) / 50.0).collect();
    ranking.methods.iter().filter_map(|ranked| Some((ranked.method.clone(), Profile::of(&ranked.scores, &at)?))).collect()
}

impl Figure for Profiles {
    fn size(&self) -> (u32, u32) {
        let height: f64 = self.pools.iter().map(|(_, methods)| height(methods.len())).sum();
        ((PANEL.0 * COLUMNS as f64) as u32, height as u32)
    }

    fn description(&self) -> String {
        let pool = |(title, methods): &(String, Vec<(String, Profile)>)| {
            let names: Vec<&str> = methods.iter().map(|(name, _)| name.as_str()).collect();
            format!("Share of runs above each accuracy over {title}, for {}.", names.join(", "))
        };
        self.pools.iter().map(pool).collect::<Vec<_>>().join(" ")
    }

    fn draw<DB: DrawingBackend>(&self, painter: &Painter<'_, DB>) -> Result<(), PlotError> {
        let (width, all) = self.size();
        painter.fill(Rect { left: 0.0, top: 0.0, right: f64::from(width), bottom: f64::from(all) }, PAPER)?;
        let mut top = 0.0;
        for (title, methods) in &self.pools {
            painter.text(&format!("Share of runs above an accuracy, over {title}"), (24.0, top + 22.0), TITLE, HPos::Left)?;
            let terms = "bold: the panel's method, thin: its 95 % band over seeds; behind it all others";
            painter.text(terms, (24.0, top + 44.0), SIDE, HPos::Left)?;
            for index in 0..methods.len() {
                let left = PANEL.0 * (index % COLUMNS) as f64;
                panel(painter, methods, index, (left, top + HEAD + PANEL.1 * (index / COLUMNS) as f64))?;
            }
            top += height(methods.len());
        }
        Ok(())
    }
}

fn height(n_methods: usize) -> f64 {
    HEAD + PANEL.1 * n_methods.div_ceil(COLUMNS) as f64
}

fn panel<DB: DrawingBackend>(
    painter: &Painter<'_, DB>,
    methods: &[(String, Profile)],
    own: usize,
    (left, top): (f64, f64),
) -> Result<(), PlotError> {
    let frame = Rect { left: left + 44.0, top: top + 24.0, right: left + PANEL.0 - 14.0, bottom: top + PANEL.1 - 32.0 };
    let place = |tau: f64, share: f64| (frame.left + tau * (frame.right - frame.left), frame.bottom - share * (frame.bottom - frame.top));
    painter.text(&methods[own].0, (frame.left, frame.top - 12.0), LABEL, HPos::Left)?;
    for (value, text) in [(0.0, "0"), (0.5, "50"), (1.0, "100")] {
        let y = place(0.0, value).1;
        painter.line(&[(frame.left, y), (frame.right, y)], GRID, 1.0)?;
        painter.text(text, (frame.left - 6.0, y), SIDE, HPos::Right)?;
        painter.text(text, (place(value, 0.0).0, frame.bottom + 13.0), SIDE, HPos::Center)?;
    }
    let curve = |value: fn(&ProfilePoint) -> f64, profile: &Profile| -> Vec<(f64, f64)> {
        profile.points.iter().map(|point| place(point.tau, value(point))).collect()
    };
    for (_, profile) in methods.iter().enumerate().filter(|(index, _)| *index != own).map(|(_, method)| method) {
        painter.line(&curve(|point| point.share, profile), MUTED, 0.5)?;
    }
    let (_, profile) = &methods[own];
    painter.line(&curve(|point| point.interval.0, profile), INK, 0.75)?;
    painter.line(&curve(|point| point.interval.1, profile), INK, 0.75)?;
    painter.line(&curve(|point| point.share, profile), INK, 2.5)
}
