//! Recipes that train the source models which no package ships.

pub mod clip;
pub mod glyphs;
pub mod letters;
pub mod speech;
