//! Plain text in each output format: what it must look like so that it reads the same.

use std::fmt::Write as _;

/// No control character but the line break reaches a terminal.
pub(super) fn terminal(text: impl AsRef<str>) -> String {
    text.as_ref().chars().filter(|&c| c == '\n' || !c.is_control()).collect()
}

/// GitHub-flavoured Markdown, safe in a table cell. Code spans written with back-quotes stay.
pub(super) fn markdown(text: &str) -> String {
    let has_code = text.matches('`').count().is_multiple_of(2);
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let (mut previous, mut in_code) = (None, false);
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            '`' if has_code => {
                in_code = !in_code;
                escaped.push(c);
            }
            // Table cells are cut before code spans are read: a bar is escaped in both.
            '|' => escaped.push_str("\\|"),
            '\n' => escaped.push_str("<br>"),
            c if c.is_control() => {}
            c if in_code => escaped.push(c),
            // Inside a word it marks nothing up.
            '_' if is_word(previous) && is_word(next) => escaped.push(c),
            '\\' | '*' | '_' | '[' | '`' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '<' => escaped.push_str("&lt;"),
            '&' if is_word(next) || next == Some('#') => escaped.push_str("&amp;"),
            c => escaped.push(c),
        }
        previous = Some(c);
    }
    escaped
}

/// One field of RFC 4180.
pub(super) fn csv(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// LaTeX text, for pdfTeX as well as for the engines that read Unicode. A line break becomes a space.
pub(super) fn latex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut inside_quotes = false;
    for c in text.chars() {
        match c {
            '"' => {
                escaped.push_str(if inside_quotes { "''" } else { "``" });
                inside_quotes = !inside_quotes;
            }
            c if c.is_ascii() => latex_ascii(c, &mut escaped),
            c => match math(c) {
                Some(command) => write!(escaped, "\\ensuremath{{{command}}}").expect("a String takes whatever is written"),
                None => escaped.push_str(&latex_punctuation(c)),
            },
        }
    }
    escaped
}

fn latex_ascii(c: char, escaped: &mut String) {
    match c {
        '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
            escaped.push('\\');
            escaped.push(c);
        }
        '\\' => escaped.push_str("\\textbackslash{}"),
        '~' => escaped.push_str("\\textasciitilde{}"),
        '^' => escaped.push_str("\\textasciicircum{}"),
        '<' => escaped.push_str("\\textless{}"),
        '>' => escaped.push_str("\\textgreater{}"),
        '|' => escaped.push_str("\\textbar{}"),
        '`' => escaped.push_str("\\textasciigrave{}"),
        // After `\\` these two would be read as its arguments.
        '[' | '*' => {
            escaped.push('{');
            escaped.push(c);
            escaped.push('}');
        }
        '\n' | '\t' => escaped.push(' '),
        c if c.is_control() => {}
        c => escaped.push(c),
    }
}

fn latex_punctuation(c: char) -> String {
    match c {
        '–' => "--".to_owned(),
        '—' => "---".to_owned(),
        '…' => "\\ldots{}".to_owned(),
        '“' => "``".to_owned(),
        '”' => "''".to_owned(),
        '‘' => "`".to_owned(),
        '’' => "'".to_owned(),
        '\u{a0}' => "~".to_owned(),
        // Circumflexed letters of the notation, which few text fonts have.
        'ŷ' => "\\ensuremath{\\hat{y}}".to_owned(),
        other => other.to_string(),
    }
}

/// The command of a symbol that exists in mathematics only.
fn math(c: char) -> Option<&'static str> {
    Some(match c {
        'α' => "\\alpha",
        'β' => "\\beta",
        'γ' => "\\gamma",
        'δ' => "\\delta",
        'ε' => "\\varepsilon",
        'η' => "\\eta",
        'θ' => "\\theta",
        'κ' => "\\kappa",
        'λ' => "\\lambda",
        'μ' | 'µ' => "\\mu",
        'ρ' => "\\rho",
        'σ' => "\\sigma",
        'τ' => "\\tau",
        'φ' => "\\varphi",
        'χ' => "\\chi",
        'ψ' => "\\psi",
        'ω' => "\\omega",
        'Δ' => "\\Delta",
        'Σ' | '∑' => "\\Sigma",
        'Ω' => "\\Omega",
        'ℓ' => "\\ell",
        '·' => "\\cdot",
        '×' | '✗' => "\\times",
        '✓' => "\\surd",
        '±' => "\\pm",
        '−' => "-",
        '∘' => "\\circ",
        '⊙' => "\\odot",
        '→' => "\\rightarrow",
        '←' => "\\leftarrow",
        '↑' => "\\uparrow",
        '↓' => "\\downarrow",
        '≤' => "\\leq",
        '≥' => "\\geq",
        '≠' => "\\neq",
        '≈' => "\\approx",
        '∈' => "\\in",
        '∞' => "\\infty",
        '†' => "\\dagger",
        '‡' => "\\ddagger",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latex_text_reads_as_written() {
        assert_eq!(
            latex("50% of R&D_1 costs $3 #2 {x} ~a^b\\c"),
            "50\\% of R\\&D\\_1 costs \\$3 \\#2 \\{x\\} \\textasciitilde{}a\\textasciicircum{}b\\textbackslash{}c"
        );
        assert_eq!(latex("λ·ℓ"), "\\ensuremath{\\lambda}\\ensuremath{\\cdot}\\ensuremath{\\ell}");
        assert_eq!(
            latex("τ → ω ≤ ŷ"),
            "\\ensuremath{\\tau} \\ensuremath{\\rightarrow} \\ensuremath{\\omega} \\ensuremath{\\leq} \\ensuremath{\\hat{y}}"
        );
        assert_eq!(latex("say \"yes\" or “no” – 1–2…"), "say ``yes'' or ``no'' -- 1--2\\ldots{}");
        assert_eq!(latex("[0, 5] * <a|b>\nnext"), "{[}0, 5] {*} \\textless{}a\\textbar{}b\\textgreater{} next");
        assert_eq!(latex("Müller"), "Müller");
    }

    #[test]
    fn markdown_cells_stay_cells() {
        assert_eq!(markdown("a|b"), "a\\|b");
        assert_eq!(markdown("*not* bold, top_1, _x_, R&D <b>"), "\\*not\\* bold, top_1, \\_x\\_, R&amp;D &lt;b>");
        assert_eq!(markdown("`a*b|c` and \\"), "`a*b\\|c` and \\\\");
        assert_eq!(markdown("a stray ` and *"), "a stray \\` and \\*");
        assert_eq!(markdown("two\nlines & more"), "two<br>lines & more");
    }

    #[test]
    fn csv_fields_are_quoted_where_they_must_be() {
        assert_eq!(csv("plain text"), "plain text");
        assert_eq!(csv("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
    }

    #[test]
    fn terminals_get_no_control_characters() {
        assert_eq!(terminal("\u{1b}[31mred\u{7}\nnext"), "[31mred\nnext");
    }
}
