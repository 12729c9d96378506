//! A text put together of the fields of a row: a field's name alone, or words with `{field}` where fields go.

/// The pieces of a pattern, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it stands.
    Words(&'a str),
    /// The value of this field.
    Field(&'a str),
}

/// A pattern without braces is the name of one field; a brace that is not closed is a brace.
pub(super) fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    if !pattern.contains('{') {
        return vec![Piece::Field(pattern)];
    }
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some((words, (field, behind))) = rest.split_once('{').and_then(|(words, from)| Some((words, from.split_once('}')?))) {
        pieces.extend([Piece::Words(words), Piece::Field(field)]);
        rest = behind;
    }
    pieces.push(Piece::Words(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_words_and_fields() {
        assert_eq!(pieces("text"), [Piece::Field("text")]);
        let expected = [Piece::Words(""), Piece::Field("a"), Piece::Words(". So: "), Piece::Field("b"), Piece::Words("?")];
        assert_eq!(pieces("{a}. So: {b}?"), expected);
        assert_eq!(pieces("{a"), [Piece::Words("{a")]);
    }
}
