//! From the pieces of a question and its options to a text that brings its own answers.

use reprogram_methods::Options;

use super::Question;
use super::source::one_line;
use crate::registry::OptionsAs;

/// What stands where a filling goes.
const BLANK: char = '_';

/// `asked` looks up what else the object holds.
pub(super) fn question(
    options_as: &OptionsAs,
    texts: &[String],
    options: &[String],
    asked: impl Fn(&str) -> Result<String, String>,
) -> Result<Question, String> {
    let joined = || one_line(&texts.join(" "));
    let question = match options_as {
        OptionsAs::Letters | OptionsAs::Answers => {
            Question { text: joined(), options: Options::Answers(options.iter().map(|option| one_line(option)).collect()) }
        }
        OptionsAs::Clauses { at, joints } => {
            let asked = asked(at)?;
            let known = || joints.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let joint = joints.get(&asked).ok_or_else(|| format!("`{asked}` is asked, expected one of {}", known()))?;
            let mut text = joined();
            text.pop();
            let clauses = options.iter().map(|option| cased(&one_line(option), char::to_lowercase));
            Question { text: format!("{text} {joint}"), options: Options::Answers(clauses.collect()) }
        }
        OptionsAs::Endings => {
            let (heading, body) = texts.split_first().ok_or("the text has no pieces")?;
            let (last, before) = body.split_last().ok_or("the text has no piece behind its heading")?;
            // Python's `capitalize`, which the reference has: what follows the first letter becomes small.
            let last = cased(&last.to_lowercase(), char::to_uppercase);
            let text = format!("{heading}: {} {last}", before.join(" "));
            let endings = options.iter().map(|option| without_brackets(option));
            Question { text: without_brackets(&text), options: Options::Answers(endings.collect()) }
        }
        OptionsAs::Fillings => {
            let text = joined();
            let (front, ending) = text.split_once(BLANK).ok_or_else(|| format!("no `{BLANK}` in its text"))?;
            let beginnings = options.iter().map(|option| format!("{front}{}", one_line(option)));
            let options = Options::Beginnings { texts: beginnings.collect(), ending: ending.trim().to_owned() };
            Question { text, options }
        }
    };
    if question.text.is_empty() {
        return Err("the text is empty".to_owned());
    }
    match (0..question.options.len()).find(|&class| question.options.answer(class).is_empty()) {
        None => Ok(question),
        Some(class) => Err(format!("option {} leaves no answer", class + 1)),
    }
}

/// With the first letter in another case.
fn cased<C: Iterator<Item = char>>(text: &str, case: impl Fn(char) -> C) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| case(first).chain(letters).collect()).unwrap_or_default()
}

/// Without what stands in brackets, which is what is left of the layout of instructions; a title ends its sentence.
fn without_brackets(text: &str) -> String {
    let text = text.trim().replace(" [title]", ". ");
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((front, inside)) = rest.split_once('[') {
        let Some((_, behind)) = inside.split_once(']') else { break };
        kept.push_str(front);
        rest = behind;
    }
    one_line(&(kept + rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(options_as: &OptionsAs, texts: &[&str], options: &[&str]) -> Result<Question, String> {
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        question(options_as, &owned(texts), &owned(options), |_| Ok("effect".to_owned()))
    }

    fn answers(words: &[&str]) -> Options {
        Options::Answers(words.iter().map(ToString::to_string).collect())
    }

    /// Contexts and choices are those of the reference for these objects.
    #[test]
    fn options_follow_the_text_as_in_the_reference() {
        let joints = [("cause", "because"), ("effect", "therefore")].map(|(asked, joint)| (asked.to_owned(), joint.to_owned())).into();
        let clauses = OptionsAs::Clauses { at: "/question".to_owned(), joints };
        let found =
            made(&clauses, &["The man slid the razor across his chin."], &["His stubble grew.", "His stubble disappeared."]).unwrap();
        assert_eq!(found.text, "The man slid the razor across his chin therefore");
        assert_eq!(found.options, answers(&["his stubble grew.", "his stubble disappeared."]));
        let found = made(
            &OptionsAs::Endings,
            &["Making tea", "[header] How to make tea [title] Boil water. [step] Take a kettle.", "then it"],
            &["[substeps] Wait.  Pour.", "is [sic] cold."],
        )
        .unwrap();
        assert_eq!(found.text, "Making tea: How to make tea. Boil water. Take a kettle. Then it");
        assert_eq!(found.options, answers(&["Wait. Pour.", "is cold."]));
        let found = made(&OptionsAs::Fillings, &["The cup is out of the box as the _ is too small."], &["cup", "box"]).unwrap();
        let texts = ["cup", "box"].map(|filling| format!("The cup is out of the box as the {filling}")).to_vec();
        assert_eq!(found.options, Options::Beginnings { texts, ending: "is too small.".to_owned() });
        assert_eq!(found.text, "The cup is out of the box as the _ is too small.");
    }

    #[test]
    fn what_leaves_nothing_to_be_scored_is_refused() {
        assert_eq!(made(&OptionsAs::Answers, &["Which?"], &["a", " "]).unwrap_err(), "option 2 leaves no answer");
        assert_eq!(made(&OptionsAs::Fillings, &["It is too small."], &["cup"]).unwrap_err(), "no `_` in its text");
        assert_eq!(made(&OptionsAs::Fillings, &["Too small is the _"], &["cup"]).unwrap_err(), "option 1 leaves no answer");
        assert_eq!(made(&OptionsAs::Endings, &["Tea"], &["cold"]).unwrap_err(), "the text has no piece behind its heading");
        assert_eq!(made(&OptionsAs::Answers, &[" "], &["a"]).unwrap_err(), "the text is empty");
        let joints = [("cause".to_owned(), "because".to_owned())].into();
        let clauses = OptionsAs::Clauses { at: "/question".to_owned(), joints };
        assert_eq!(made(&clauses, &["It fell."], &["a"]).unwrap_err(), "`effect` is asked, expected one of cause");
    }
}
