//! `report.html`: one self-contained page. Tables are readable without scripts; a small script sorts them.

mod facets;
mod items;
mod ranks;
mod view;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use self::view::Page;
use super::plot::PlotError;
use super::results::Results;
use super::summary::Summary;

/// Why there is no page. A bug, not a matter of the records.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A drawing failed.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The template failed.
    #[error("the page could not be rendered: {0:#}")]
    Template(#[from] minijinja::Error),
}

/// The page, as text.
pub fn page(results: &Results, summary: &Summary) -> Result<String, PageError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("report.html", include_str!("../../assets/report/page.html.jinja"))?;
    let page = Page::of(results, summary)?;
    Ok(environment.get_template("report.html")?.render(minijinja::value::Value::from(minijinja::value::Serde(&page)))?)
}

#[cfg(test)]
mod tests;
