//! Byte pairs that are merged by score, with bytes to fall back on: the tokenizer of Llama 2, Mistral and Gemma.
//!
//! # Reference
//! Kudo and Richardson, arXiv 1808.06226 (BPE mode): of all neighbouring pieces whose union is a piece, the one of the
//! highest score is made first, the leftmost of equals; a character without a piece becomes its UTF-8 bytes. Tokens that are
//! matched whole, and the space that may stand in front of a text and behind such a token, as in llama.cpp.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap, HashMap};

/// What a token is for, by GGUF's number of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Made by merging characters.
    Normal,
    /// Stands for what has no token.
    Unknown,
    /// Marks a place; matched whole.
    Control,
    /// Matched whole.
    UserDefined,
    /// Never made.
    Unused,
    /// A single byte.
    Byte,
}

impl TokenKind {
    /// Of a GGUF token type.
    pub(super) const fn from_gguf(kind: i64) -> Option<Self> {
        Some(match kind {
            1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => return None,
        })
    }
}

/// One entry of a vocabulary.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub text: String,
    pub score: f32,
    pub kind: TokenKind,
}

/// The vocabulary, ready for use.
#[derive(Debug)]
pub(super) struct SentencePiece {
    tokens: Vec<Token>,
    /// What merging may make: id and score.
    pieces: HashMap<String, (u32, f32)>,
    bytes: [u32; 256],
    whole: Whole,
    space_in_front: bool,
}

/// A space within pieces.
const SPACE: char = '▁';

impl SentencePiece {
    /// From the vocabulary, in the order of ids; the error is the first byte that has no token.
    pub(super) fn new(tokens: Vec<Token>, space_in_front: bool) -> Result<Self, u8> {
        let of_kind = |wanted: &'static [TokenKind]| {
            tokens.iter().zip(0u32..).filter(move |(token, _)| wanted.contains(&token.kind) && !token.text.is_empty())
        };
        let byte_ids: HashMap<&str, u32> = of_kind(&[TokenKind::Byte]).map(|(token, id)| (token.text.as_str(), id)).collect();
        let mut bytes = [0; 256];
        for (byte, seat) in (0u8..).zip(&mut bytes) {
            *seat = *byte_ids.get(format!("<0x{byte:02X}>").as_str()).ok_or(byte)?;
        }
        let made = of_kind(&[TokenKind::Normal, TokenKind::UserDefined]);
        let pieces = made.map(|(token, id)| (token.text.clone(), (id, token.score))).collect();
        let whole = Whole::new(of_kind(&[TokenKind::Control, TokenKind::UserDefined]).map(|(token, id)| (token.text.clone(), id)));
        Ok(Self { tokens, pieces, bytes, whole, space_in_front })
    }

    pub(super) fn n_tokens(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn id(&self, text: &str) -> Option<u32> {
        let whole = || self.whole.ids.get(text).copied();
        self.pieces.get(text).map(|&(id, _)| id).or_else(whole)
    }

    pub(super) fn token(&self, id: u32) -> Option<&str> {
        self.tokens.get(id as usize).map(|token| token.text.as_str())
    }

    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut after_whole = true;
        let mut raw_from = 0;
        let mut at = 0;
        while at < text.len() {
            let Some((id, length)) = self.whole.longest_at(&text[at..]) else {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
                continue;
            };
            self.encode_raw(&text[raw_from..at], after_whole, &mut ids);
            ids.push(id);
            (at, raw_from, after_whole) = (at + length, at + length, true);
        }
        self.encode_raw(&text[raw_from..], after_whole, &mut ids);
        ids
    }

    /// A stretch of text without tokens that are matched whole.
    fn encode_raw(&self, text: &str, after_whole: bool, ids: &mut Vec<u32>) {
        if text.is_empty() {
            return;
        }
        let mut spaced = String::with_capacity(text.len() + 8);
        if self.space_in_front && after_whole {
            spaced.push(SPACE);
        }
        spaced.extend(text.chars().map(|c| if c == ' ' { SPACE } else { c }));
        for piece in self.merge(&spaced) {
            match self.pieces.get(piece) {
                Some(&(id, _)) => ids.push(id),
                None => ids.extend(piece.bytes().map(|byte| self.bytes[usize::from(byte)])),
            }
        }
    }

    /// The pieces of a text: single characters, merged as long as anything can be.
    fn merge<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let mut spans = Spans::of_characters(text);
        let mut candidates = BinaryHeap::new();
        let propose = |spans: &Spans, left: usize, candidates: &mut BinaryHeap<Candidate>| {
            let Some(right) = spans.next(left) else { return };
            let (from, to) = (spans.starts[left], spans.ends[right]);
            if let Some(&(_, score)) = self.pieces.get(&text[from..to]) {
                candidates.push(Candidate { score, left: Reverse(left), right, to });
            }
        };
        for left in 0..spans.starts.len() {
            propose(&spans, left, &mut candidates);
        }
        while let Some(Candidate { left: Reverse(left), right, to, .. }) = candidates.pop() {
            // Either side may have become part of another piece since.
            if spans.is_gone(left) || spans.next(left) != Some(right) || spans.ends[right] != to {
                continue;
            }
            spans.join(left, right);
            if let Some(before) = spans.previous(left) {
                propose(&spans, before, &mut candidates);
            }
            propose(&spans, left, &mut candidates);
        }
        spans.pieces(text)
    }

    /// The text of tokens; ids beyond the vocabulary have none.
    pub(super) fn decode(&self, ids: &[u32]) -> String {
        let mut bytes = Vec::new();
        for token in ids.iter().filter_map(|&id| self.tokens.get(id as usize)) {
            match token.kind {
                TokenKind::Byte => {
                    let byte = token.text.get(3..5).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                    bytes.extend(byte);
                }
                TokenKind::Normal | TokenKind::Unused => bytes.extend(token.text.replace(SPACE, " ").into_bytes()),
                TokenKind::Unknown | TokenKind::Control | TokenKind::UserDefined => bytes.extend(token.text.as_bytes()),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if self.space_in_front && text.starts_with(' ') { text[1..].to_owned() } else { text }
    }
}

/// Pieces of a text as a linked list over its characters.
struct Spans {
    starts: Vec<usize>,
    /// Behind the piece that begins with this character; 0 where the character is part of an earlier piece.
    ends: Vec<usize>,
    before: Vec<Option<usize>>,
    behind: Vec<Option<usize>>,
}

impl Spans {
    fn of_characters(text: &str) -> Self {
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let ends = starts.iter().copied().skip(1).chain([text.len()]).collect();
        let n = starts.len();
        let before = (0..n).map(|i| i.checked_sub(1)).collect();
        let behind = (0..n).map(|i| Some(i + 1).filter(|&next| next < n)).collect();
        Self { starts, ends, before, behind }
    }

    fn next(&self, at: usize) -> Option<usize> {
        self.behind[at]
    }

    fn previous(&self, at: usize) -> Option<usize> {
        self.before[at]
    }

    fn is_gone(&self, at: usize) -> bool {
        self.ends[at] == 0
    }

    fn join(&mut self, left: usize, right: usize) {
        self.ends[left] = self.ends[right];
        self.ends[right] = 0;
        self.behind[left] = self.behind[right];
        if let Some(after) = self.behind[right] {
            self.before[after] = Some(left);
        }
    }

    fn pieces(self, text: &str) -> impl Iterator<Item = &str> {
        self.starts.into_iter().zip(self.ends).filter(|&(_, to)| to > 0).map(|(from, to)| &text[from..to])
    }
}

/// Two neighbouring pieces that could become one.
struct Candidate {
    score: f32,
    left: Reverse<usize>,
    right: usize,
    to: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(self.left.cmp(&other.left))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// Tokens that are matched whole, the longest first.
#[derive(Debug)]
struct Whole {
    ids: HashMap<String, u32>,
    first_bytes: BTreeSet<u8>,
    lengths: BTreeSet<usize>,
}

impl Whole {
    fn new(tokens: impl Iterator<Item = (String, u32)>) -> Self {
        let ids: HashMap<String, u32> = tokens.collect();
        let first_bytes = ids.keys().map(|text| text.as_bytes()[0]).collect();
        let lengths = ids.keys().map(String::len).collect();
        Self { ids, first_bytes, lengths }
    }

    fn longest_at(&self, text: &str) -> Option<(u32, usize)> {
        if !self.first_bytes.contains(text.as_bytes().first()?) {
            return None;
        }
        self.lengths.iter().rev().find_map(|&length| Some((*self.ids.get(text.get(..length)?)?, length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer(space_in_front: bool) -> SentencePiece {
        let token = |text: &str, score: f32, kind| Token { text: text.to_owned(), score, kind };
        let mut tokens: Vec<Token> = (0u8..=255).map(|byte| token(&format!("<0x{byte:02X}>"), 0.0, TokenKind::Byte)).collect();
        tokens.extend([token("<s>", 0.0, TokenKind::Control), token("  ", 0.0, TokenKind::UserDefined)]);
        let pieces = ["▁", "a", "b", "c", "ab", "bc", "aa", "aaa"];
        let scores = [-9.0, -9.0, -9.0, -9.0, -2.0, -1.0, -3.0, -4.0];
        tokens.extend(pieces.iter().zip(scores).map(|(text, score)| token(text, score, TokenKind::Normal)));
        SentencePiece::new(tokens, space_in_front).unwrap()
    }

    fn pieces(text: &str, space_in_front: bool) -> Vec<String> {
        let tokenizer = tokenizer(space_in_front);
        tokenizer.encode(text).iter().map(|&id| tokenizer.tokens[id as usize].text.clone()).collect()
    }

    #[test]
    fn the_highest_score_is_merged_first_and_the_leftmost_of_equals() {
        assert_eq!(pieces("abc", false), ["a", "bc"]);
        assert_eq!(pieces("aaaa", false), ["aa", "aa"]);
        assert_eq!(pieces("aaa", false), ["aaa"]);
        assert_eq!(pieces("aaaaa", false), ["aa", "aaa"]);
    }

    #[test]
    fn spaces_whole_tokens_and_bytes() {
        assert_eq!(pieces("a b<s>c", true), ["▁", "a", "▁", "b", "<s>", "▁", "c"]);
        assert_eq!(pieces("a  b", false), ["a", "  ", "b"]);
        assert_eq!(pieces("é", false), ["<0xC3>", "<0xA9>"]);
        for (text, space_in_front) in [("a b é  <s>", true), (" a b é", false), ("", true)] {
            let tokenizer = tokenizer(space_in_front);
            assert_eq!(tokenizer.decode(&tokenizer.encode(text)), text);
        }
    }

    #[test]
    fn a_vocabulary_without_a_byte_is_refused() {
        let bytes = (0u8..255).map(|byte| Token { text: format!("<0x{byte:02X}>"), score: 0.0, kind: TokenKind::Byte });
        assert_eq!(SentencePiece::new(bytes.collect(), true).unwrap_err(), 255);
    }
}
