//! Answers in generated text, found by named and versioned rules.
//!
//! A rule lists the candidates of a text in a normal form, in order; which of them is the answer, a [`Pick`] says. Gold answers are
//! brought into the same form, so that an answer is right where both are equal. A rule never changes: a better one is another version.
//!
//! # Reference
//! Kojima et al., arXiv 2205.11916, appendix A.6, and `kojima-takeshi188/zero_shot_cot@5ef330f` `utils.py`. Deviations: numbers are
//! compared by value and not by spelling; a choice is a letter that stands alone, where theirs finds an `A` in `Answer` too; letters
//! are those of the first line.

use serde::{Deserialize, Serialize};

/// What an answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extraction {
    /// Numbers: an optional minus, digits with commas between them, a decimal part.
    #[serde(rename = "number@1")]
    Number1,
    /// The words `yes` and `no`, in any case.
    #[serde(rename = "yes-no@1")]
    YesNo1,
    /// Capital letters that stand alone, in brackets or not.
    #[serde(rename = "choice@1")]
    Choice1,
    /// The first line that is not empty, without blanks, quotes and full stops.
    #[serde(rename = "letters@1")]
    Letters1,
    /// The first line that is not empty, without a full stop at its end.
    #[serde(rename = "line@1")]
    Line1,
}

/// Which candidate is the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// The first of the text.
    #[default]
    First,
    /// The last of the text.
    Last,
    /// The first behind the last place where this is said; where it is not said, the last of the text.
    After(String),
}

impl Extraction {
    /// Its name and version.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Number1 => "number@1",
            Self::YesNo1 => "yes-no@1",
            Self::Choice1 => "choice@1",
            Self::Letters1 => "letters@1",
            Self::Line1 => "line@1",
        }
    }

    /// The answer in a text, in its normal form, if there is one.
    pub fn answer(self, text: &str, pick: &Pick) -> Option<String> {
        match pick {
            Pick::First => self.candidates(text).into_iter().next(),
            Pick::Last => self.candidates(text).pop(),
            Pick::After(cue) => match text.rfind(cue.as_str()) {
                Some(at) => self.candidates(&text[at + cue.len()..]).into_iter().next(),
                None => self.candidates(text).pop(),
            },
        }
    }

    /// A gold answer in its normal form; nothing where the rule finds none in it.
    pub fn normal(self, gold: &str) -> Option<String> {
        self.answer(gold, &Pick::First)
    }

    /// Everything in a text that looks like an answer, in its normal form, in order.
    fn candidates(self, text: &str) -> Vec<String> {
        match self {
            Self::Number1 => numbers(text),
            Self::YesNo1 => words(text).map(str::to_lowercase).filter(|word| word == "yes" || word == "no").collect(),
            Self::Choice1 => words(text).filter(|word| is_capital(word)).map(str::to_owned).collect(),
            Self::Letters1 => {
                let line = first_line(text).chars().filter(|c| !(c.is_whitespace() || matches!(c, '"' | '\'' | '.'))).collect::<String>();
                Some(line).filter(|line| !line.is_empty()).into_iter().collect()
            }
            Self::Line1 => {
                let line = first_line(text).trim().trim_end_matches('.').trim_end().to_owned();
                Some(line).filter(|line| !line.is_empty()).into_iter().collect()
            }
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn is_capital(word: &str) -> bool {
    let mut chars = word.chars();
    matches!((chars.next(), chars.next()), (Some('A'..='Z'), None))
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

/// Numbers, commas dropped as the reference drops them: `1,080` is one number, and so is `1, 080` none.
fn numbers(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().filter(|&c| c != ',').collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let is_negative = at > 0 && text[at - 1] == '-';
        let whole = run_of_digits(&text[at..]);
        at += whole.len();
        let decimals = if text.get(at) == Some(&'.') { run_of_digits(&text[at + 1..]) } else { String::new() };
        at += if decimals.is_empty() { 0 } else { 1 + decimals.len() };
        found.push(normal_number(is_negative, &whole, &decimals));
    }
    found
}

fn run_of_digits(text: &[char]) -> String {
    text.iter().take_while(|c| c.is_ascii_digit()).collect()
}

/// Without zeros that say nothing: `007.50` is `7.5`, `-0` is `0`.
fn normal_number(is_negative: bool, whole: &str, decimals: &str) -> String {
    let (whole, decimals) = (whole.trim_start_matches('0'), decimals.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let size = if decimals.is_empty() { whole.to_owned() } else { format!("{whole}.{decimals}") };
    if is_negative && size != "0" { format!("-{size}") } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: Extraction, text: &str) -> Vec<String> {
        rule.candidates(text)
    }

    #[test]
    fn numbers_are_compared_by_value() {
        assert_eq!(found(Extraction::Number1, "$1,080.50 and 18.0, then -3. No 007"), ["1080.5", "18", "-3", "7"]);
        assert_eq!(found(Extraction::Number1, "none at all"), Vec::<String>::new());
        assert_eq!(Extraction::Number1.normal("39.0"), Extraction::Number1.normal("39"));
        assert_eq!(found(Extraction::Number1, "-0 .5"), ["0", "5"]);
    }

    #[test]
    fn words_and_letters_stand_alone() {
        assert_eq!(found(Extraction::YesNo1, "Yes, it is. Nobody said No."), ["yes", "no"]);
        assert_eq!(found(Extraction::Choice1, "Answer: (C) or B. A"), ["C", "B", "A"]);
        assert_eq!(found(Extraction::Letters1, "\n \"ya jo\".\nNext"), ["yajo"]);
        assert_eq!(found(Extraction::Line1, " barn dog . \nmore"), ["barn dog"]);
        assert_eq!(found(Extraction::Line1, " \n"), Vec::<String>::new());
    }

    #[test]
    fn picks_differ() {
        let text = "First 3 apples. The answer is 5. Then 7.";
        let pick = |pick: Pick| Extraction::Number1.answer(text, &pick);
        assert_eq!(pick(Pick::First).as_deref(), Some("3"));
        assert_eq!(pick(Pick::Last).as_deref(), Some("7"));
        assert_eq!(pick(Pick::After("The answer is".to_owned())).as_deref(), Some("5"));
        assert_eq!(pick(Pick::After("So it is".to_owned())).as_deref(), Some("7"));
        assert_eq!(Extraction::Number1.answer("The answer is none", &Pick::After("The answer is".to_owned())), None);
    }
}
