//! Recipes that train the source models which no package ships.

pub mod glyphs;
pub mod letters;
