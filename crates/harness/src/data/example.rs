//! One labelled item.

use crate::assets::Digest;

/// One labelled item of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Its id in its data set; it says the part and the place.
    pub id: String,
    /// What is classified.
    pub content: Content,
    /// Its gold class.
    pub label: usize,
}

/// What is classified.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// An image.
    Image(Image),
    /// A text, without line breaks.
    Text(String),
}

/// An image. Pixels lie in `[0, 1]`, in the order channel, height, width.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Colour channels.
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// The values.
    pub pixels: Vec<f32>,
}

impl Content {
    /// What makes two items the same item, so that one of them cannot be trained on and the other tested.
    ///
    /// Images are the same if all of their pixels are. Texts are the same if they agree in letters and digits, whatever their
    /// case, punctuation, links and mentions: reposted messages differ in nothing else.
    pub fn content_hash(&self) -> Digest {
        match self {
            Self::Image(_) => Digest::of(&self.exact_bytes()),
            Self::Text(text) => Digest::of_parts(&["text", &essence(text)]),
        }
    }

    /// The content, byte by byte.
    pub(super) fn exact_bytes(&self) -> Vec<u8> {
        match self {
            Self::Image(image) => {
                let Image { channels, height, width, pixels } = image;
                let size = [*channels, *height, *width].into_iter().flat_map(|n| (n as u64).to_le_bytes());
                b"image".iter().copied().chain(size).chain(pixels.iter().flat_map(|pixel| pixel.to_le_bytes())).collect()
            }
            Self::Text(text) => b"text".iter().copied().chain(text.bytes()).collect(),
        }
    }
}

impl Example {
    /// See [`Content::content_hash`].
    pub fn content_hash(&self) -> Digest {
        self.content.content_hash()
    }
}

fn essence(text: &str) -> String {
    let says_something = |word: &&str| !(word.contains('@') || word.contains("://") || *word == "RT");
    let bare = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let words: Vec<String> = text.split_whitespace().filter(says_something).map(bare).filter(|word| !word.is_empty()).collect();
    // A text of nothing but mentions, links and signs is itself.
    if words.is_empty() { text.to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> Digest {
        Content::Text(text.to_owned()).content_hash()
    }

    #[test]
    fn reposted_texts_are_the_same() {
        assert_eq!(hash("RT @jo: Late again... thanks! http://t.co/x"), hash("late again thanks"));
        assert_ne!(hash("late again"), hash("late gain"));
        assert_ne!(hash(":)"), hash(":("));
        assert_ne!(hash("@a"), hash("@b"));
    }

    #[test]
    fn images_of_other_shapes_differ() {
        let image = |height, width| Content::Image(Image { channels: 1, height, width, pixels: vec![0.5; 6] });
        assert_eq!(image(2, 3).content_hash(), image(2, 3).content_hash());
        assert_ne!(image(2, 3).content_hash(), image(3, 2).content_hash());
    }
}
