//! Just enough of Rust's syntax to search code without comments and strings.

/// A file of the tree.
pub(crate) struct Source {
    /// Its path under `crates/`.
    pub(crate) name: String,
    /// As it is.
    pub(crate) text: String,
}

/// Whether the contents of strings are searched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strings {
    /// They are.
    Kept,
    /// They are not.
    Blanked,
}

impl Source {
    /// `crates/FILE:LINE` of a byte.
    pub(crate) fn at(&self, byte: usize) -> String {
        format!("crates/{}:{}", self.name, self.text[..byte].matches('\n').count() + 1)
    }

    /// The text with comments blanked, byte for byte.
    pub(crate) fn code(&self, strings: Strings) -> String {
        blank(&self.text, strings)
    }

    /// Identifiers and other words of the code, with their places.
    pub(crate) fn words(&self, strings: Strings) -> impl Iterator<Item = (usize, String)> {
        words(&self.code(strings)).into_iter()
    }
}

/// Blanks comments, and strings if asked, by spaces; line ends stay.
fn blank(text: &str, strings: Strings) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (length, is_string) = if rest.starts_with(b"//") {
            (rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with(b"/*") {
            (block_comment(rest), false)
        } else if let Some(length) = raw_string(text, at) {
            (length, true)
        } else if rest[0] == b'"' {
            (quoted(rest, b'"'), true)
        } else if rest[0] == b'\'' {
            let literal = character(rest);
            at += literal.max(1);
            continue;
        } else {
            at += 1;
            continue;
        };
        if !is_string || strings == Strings::Blanked {
            // A string keeps its quotes, so that an argument stays an argument.
            let kept = usize::from(is_string);
            for byte in &mut out[at + kept..(at + length).saturating_sub(kept)] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        at += length.max(1);
    }
    String::from_utf8(out).expect("whole characters are blanked")
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of the raw string that begins here, if one does.
fn raw_string(text: &str, at: usize) -> Option<usize> {
    let before = text[..at].chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let rest = text.get(at..)?;
    let body = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let n_hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body[n_hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(n_hashes));
    let length = inner.find(&end).map_or(inner.len(), |found| found + end.len());
    Some(rest.len() - inner.len() + length)
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Length of a character literal; 1 where the quote begins a lifetime.
fn character(rest: &[u8]) -> usize {
    match rest {
        [_, b'\\', ..] => quoted(rest, b'\''),
        [_, ..] => rest.iter().skip(2).take(4).position(|&byte| byte == b'\'').filter(|n| *n == 0 || rest[1] >= 0x80).map_or(1, |n| n + 3),
        [] => 1,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn words(code: &str) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (at, c) in code.char_indices() {
        match (is_word(c), inside) {
            (true, false) => words.push((at, c.to_string())),
            (true, true) => words.last_mut().expect("inside a word").1.push(c),
            (false, _) => {}
        }
        inside = is_word(c);
    }
    words
}

/// An identifier's words in lower case, and itself: `VitConfig` is `vit`, `config` and `vitconfig`.
pub(crate) fn humps(identifier: &str) -> Vec<String> {
    let mut humps = vec![identifier.to_lowercase()];
    for piece in identifier.split('_') {
        humps.push(piece.to_lowercase());
        let mut hump = String::new();
        for c in piece.chars() {
            if c.is_uppercase() && hump.ends_with(char::is_lowercase) {
                humps.push(std::mem::take(&mut hump));
            }
            hump.extend(c.to_lowercase());
        }
        humps.push(hump);
    }
    humps
}

/// Blanks `#[cfg(test)]` modules, which stand last in a file.
pub(crate) fn blank_test_modules(code: &str) -> String {
    match code.find("#[cfg(test)]\nmod tests {") {
        None => code.to_owned(),
        Some(start) => code[..start].to_owned(),
    }
}

/// Every module of `std` that the code names, in paths and in braces.
pub(crate) fn std_modules(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("std::") {
        if code[..start].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let at = start + "std::".len();
        match code[at..].strip_prefix('{') {
            None => found.push((at, code[at..].chars().take_while(|c| is_word(*c)).collect())),
            Some(list) => found.extend(top_level(list).into_iter().map(|(offset, name)| (at + 1 + offset, name))),
        }
    }
    found
}

/// Names directly inside a `use` brace, whose opening one is left out.
fn top_level(list: &str) -> Vec<(usize, String)> {
    let (mut depth, mut expects, mut names) = (0, true, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects = true,
            c if expects && is_word(c) => {
                names.push((at, list[at..].chars().take_while(|c| is_word(*c)).collect()));
                expects = false;
            }
            _ => {}
        }
    }
    names
}

/// Calls that cut or join a tensor along axis 1 or 2, or along one that cannot be read.
pub(crate) fn token_axis_calls(code: &str) -> Vec<usize> {
    let first = [".narrow(", ".slice_dim(", ".select(", ".gather(", ".flip("];
    let last = ["Tensor::cat(", ".chunk(", ".split(", ".split_with_sizes("];
    let any = [".slice(", ".slice_assign(", ".slice_fill("];
    let mut found = Vec::new();
    let mut search = |pattern: &str, cuts: &dyn Fn(&[&str]) -> bool| {
        for (at, _) in code.match_indices(pattern) {
            if cuts(&arguments(&code[at + pattern.len()..])) {
                found.push(at);
            }
        }
    };
    let is_token_axis = |argument: &str| argument.parse().is_ok_and(|axis: usize| axis == 1 || axis == 2);
    for pattern in first {
        search(pattern, &|arguments| arguments.len() > 1 && arguments.first().is_some_and(|axis| is_token_axis(axis)));
    }
    for pattern in last {
        search(pattern, &|arguments| arguments.len() > 1 && arguments.last().is_some_and(|axis| is_token_axis(axis)));
    }
    for pattern in any {
        search(pattern, &|_| true);
    }
    found.sort_unstable();
    found
}

/// The arguments of a call, whose opening parenthesis is left out.
fn arguments(rest: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                found.push(rest[start..at].trim());
                break;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(rest[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|argument| !argument.is_empty());
    found
}

/// The line that a byte is in.
pub(crate) fn line_around(text: &str, byte: usize) -> &str {
    let start = text[..byte].rfind('\n').map_or(0, |end| end + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// The names that stand behind every occurrence of a text.
pub(crate) fn names_after<'a>(code: &'a str, before: &str) -> impl Iterator<Item = &'a str> {
    let ends: Vec<usize> = code.match_indices(before).map(|(at, text)| at + text.len()).collect();
    ends.into_iter().map(|at| code[at..].split(|c| !is_word(c)).next().unwrap_or_default())
}

/// The names of `const NAME: Entry`.
pub(crate) fn entries(code: &str) -> impl Iterator<Item = &str> {
    names_after(code, "const ").filter(move |name| code.contains(&format!("const {name}: Entry ")))
}

/// Whether the text occurs and no longer name begins there.
pub(crate) fn has_word(code: &str, text: &str) -> bool {
    code.match_indices(text).any(|(at, _)| !code[at + text.len()..].chars().next().is_some_and(is_word))
}

#[test]
fn comments_and_strings_are_blanked() {
    let source = Source {
        name: String::new(),
        text: "let a = \"x // y\"; // z\nlet b = r#\"\"vit\"\"#; /* /* c */ */ let d = '\"'; fn e<'a>() {}".into(),
    };
    let kept = source.code(Strings::Kept);
    assert!(kept.contains("x // y") && kept.contains("\"vit\"") && !kept.contains('z') && !kept.contains("c */"));
    let blanked = source.code(Strings::Blanked);
    assert!(!blanked.contains("vit") && !blanked.contains("// y") && blanked.contains("let d") && blanked.contains("fn e<'a>"));
    assert_eq!(blanked.len(), source.text.len());
}

#[test]
fn what_is_forbidden_is_found() {
    let modules: Vec<String> =
        std_modules("use std::{fmt, fs::{self, time}, env};\nstd::net::X; my_std::process").into_iter().map(|(_, name)| name).collect();
    assert_eq!(modules, ["fmt", "fs", "env", "net"]);
    let calls =
        "x.narrow(1, 0, 2); x.narrow(0, 1, 2); Tensor::cat(vec![a(1, 2), b], 1); Tensor::cat(v, 3); x.slice([0..1]); text.split(',')";
    assert_eq!(token_axis_calls(calls).len(), 3);
    assert!(humps("OpenVit_b").contains(&"vit".to_owned()) && humps("ViT").contains(&"vit".to_owned()));
    assert!(!humps("clipped").contains(&"clip".to_owned()));
    assert_eq!(arguments("vec![a, b], (1, 2), c) + d(e)"), ["vec![a, b]", "(1, 2)", "c"]);
}
