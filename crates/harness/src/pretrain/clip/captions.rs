//! What is said of a photograph: the names of its class, in sentences.

use rand::RngExt;

/// Sentences; `{}` is the name.
pub const TEMPLATES: [&str; 30] = [
    "a photo of a {}.",
    "a picture of a {}.",
    "an image of a {}.",
    "a small photo of a {}.",
    "a blurry photo of a {}.",
    "a low resolution photo of a {}.",
    "a close-up of a {}.",
    "a bright photo of a {}.",
    "a dark photo of a {}.",
    "a good photo of a {}.",
    "a bad photo of a {}.",
    "a cropped picture of a {}.",
    "a colour photo of the {}.",
    "a photo of one {}.",
    "a photo of my {}.",
    "a photo of the {}.",
    "a snapshot of a {}.",
    "a tiny image of the {}.",
    "a {} in the middle of the picture.",
    "a {} seen from the side.",
    "a {} on a plain background.",
    "a {} outdoors.",
    "here is a {}.",
    "this is a {}.",
    "there is a {} in this photo.",
    "look at the {}.",
    "we can see a {}.",
    "the photo shows a {}.",
    "one {}.",
    "{}",
];

/// A sentence with this name.
pub fn caption(template: &str, name: &str) -> String {
    template.replace("{}", name)
}

/// A random sentence: half of the time with the first name, otherwise with any other that there is.
pub fn random_caption(names: &[String], rng: &mut impl RngExt) -> String {
    let template = TEMPLATES[rng.random_range(0..TEMPLATES.len())];
    let other = rng.random_range(0..2 * names.len().max(2) - 2);
    let name = names.get(1 + other).unwrap_or(&names[0]);
    caption(template, name)
}

/// Every sentence with every name.
pub fn all_captions<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names.flat_map(|name| TEMPLATES.iter().map(move |template| caption(template, name))).collect()
}

#[cfg(test)]
mod tests {
    use reprogram_methods::Seed;

    use super::*;

    #[test]
    fn sentences_differ_and_hold_the_name() {
        for (i, template) in TEMPLATES.iter().enumerate() {
            assert_eq!(template.matches("{}").count(), 1, "{template}");
            assert!(!TEMPLATES[..i].contains(template), "{template}");
        }
        assert_eq!(caption(TEMPLATES[0], "cat"), "a photo of a cat.");
    }

    #[test]
    fn the_first_name_is_said_half_of_the_time() {
        let names = ["bee", "wasp", "hornet"].map(str::to_owned);
        let mut rng = Seed::new(3).rng();
        let said: Vec<String> = (0..4_000).map(|_| random_caption(&names, &mut rng)).collect();
        let share = |name: &str| said.iter().filter(|text| text.contains(name)).count() as f64 / said.len() as f64;
        assert!((share("bee") - 0.5).abs() < 0.03 && (share("wasp") - 0.25).abs() < 0.03 && (share("hornet") - 0.25).abs() < 0.03);
        assert!((0..20).all(|_| random_caption(&names[..1], &mut rng).contains("bee")));
    }
}
