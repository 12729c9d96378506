//! Running text, broken into lines.

/// Breaks text between words so that no line is longer than `width` characters, unless a single word is. Without a
/// width, only the text's own line breaks count.
pub(super) fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let longer = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && width.is_some_and(|width| longer > width) {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("a frozen model, put to a new task", Some(14)), ["a frozen", "model, put to", "a new task"]);
        assert_eq!(wrap("uncopyrightable as it is", Some(5)), ["uncopyrightable", "as it", "is"]);
        assert_eq!(wrap("one\ntwo three", None), ["one", "two three"]);
    }
}
