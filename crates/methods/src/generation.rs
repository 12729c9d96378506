//! Items answered by generated text: dialogues of many items, and of several paths an item, side by side.
//!
//! A path's tokens depend on the item, the program and the seed, and not on what is generated beside it: each path draws from a
//! random stream of its own, and in a batch rows do not see each other. What prompts begin with, demonstrations above all, goes
//! through the model once and is kept over batches.
//!
//! # Reference
//! lm-evaluation-harness 4e7e0d4, `generate_until`: a context too long for the model is cut on its left, so that there is room for
//! the answer; text is cut in front of the first stop text.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use reprogram_models::{Backbone, Decoding, GenerateError, PrefixCache, Stops, TextTokenizer, generate_after};

use crate::likelihood::context_of;
use crate::{Dialogue, Program, Prompt, Query, Said, Seed, Step, Turn};

/// Tokens, those to come included, that are generated side by side.
const TOKENS: usize = 16_384;
/// Rows that are generated side by side: more of them no longer share the cost of reading the weights.
const ROWS: usize = 64;
/// Tokens of prefixes that are kept.
const KEPT: usize = 4_096;

/// What was generated for one item, and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// One, or several where they vote.
    pub paths: Vec<Path>,
    /// The answer in its normal form, if one was found.
    pub answer: Option<String>,
}

/// One way to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The generated texts as they are, turn by turn.
    pub texts: Vec<String>,
    /// The answer in its normal form, if one was found.
    pub answer: Option<String>,
}

/// A program on a backbone that generates.
pub struct Generation<'a> {
    program: &'a Program,
    backbone: &'a dyn Backbone,
    seed: Seed,
    prefixes: PrefixCache,
    n_tokens: usize,
}

/// One path while it is generated.
struct Course {
    /// The item's place.
    item: usize,
    prompt: Prompt,
    context: String,
    said: Vec<Said>,
    draws: ChaCha8Rng,
}

/// A turn about to be taken.
struct Asked {
    /// Of which course.
    course: usize,
    turn: Turn,
    tokens: Vec<u32>,
}

impl<'a> Generation<'a> {
    /// Of this program on this backbone. Paths that are drawn are drawn from `seed`.
    pub fn new(program: &'a Program, backbone: &'a dyn Backbone, seed: Seed) -> Self {
        Self { program, backbone, seed: seed.fork("generation"), prefixes: PrefixCache::new(KEPT), n_tokens: 0 }
    }

    /// Tokens generated so far.
    pub const fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    /// Answers items, each an id and a text, in their order. `go_on` is asked before every batch.
    ///
    /// # Panics
    /// When the program does not read generated text.
    pub fn answers<E: From<GenerateError>>(
        &mut self,
        items: &[(&str, &str)],
        mut go_on: impl FnMut() -> Result<(), E>,
    ) -> Result<Vec<Answered>, E> {
        let reading = self.program.alignment().generated().expect("a program that reads generated text");
        let queries: Vec<Query> = items.iter().map(|(_, text)| Query::new(*text)).collect();
        let prompts = self.program.prompts(self.backbone, &queries);
        let course = |item: usize, path: usize| {
            let (id, prompt) = (items[item].0, prompts[item].clone());
            let context = self.program.template().render(&prompt);
            let draws = self.seed.fork(id).fork(&format!("path {path}")).rng();
            Course { item, prompt, context, said: Vec::new(), draws }
        };
        let mut courses: Vec<Course> = (0..items.len())
            .flat_map(|item| (0..reading.paths).map(move |path| (item, path)))
            .map(|(item, path)| course(item, path))
            .collect();
        loop {
            let mut asked: Vec<Asked> = (0..courses.len()).filter_map(|at| self.asked(at, &courses[at], reading.max_tokens)).collect();
            if asked.is_empty() {
                break;
            }
            // The longest first, those of one length by their tokens: neighbours begin alike, and little is padded.
            asked.sort_by(|a, b| b.tokens.len().cmp(&a.tokens.len()).then_with(|| a.tokens.cmp(&b.tokens)).then(a.course.cmp(&b.course)));
            let mut rest = asked.as_slice();
            while !rest.is_empty() {
                go_on()?;
                let (batch, after) = rest.split_at(side_by_side(rest));
                self.take(batch, reading.decoding, &mut courses)?;
                rest = after;
            }
        }
        Ok(self.read(items.len(), &courses))
    }

    /// A course's next turn in tokens, if it has one.
    fn asked(&self, at: usize, course: &Course, answer_tokens: usize) -> Option<Asked> {
        let template = self.program.template();
        let dialogue = Dialogue {
            context: &course.context,
            question: &course.prompt.query,
            template,
            form: self.program.answer_form(),
            is_shown: !(course.prompt.demonstrations.is_empty() && course.prompt.worked.is_empty()),
            answer_tokens,
            said: &course.said,
        };
        match self.program.step(&dialogue) {
            Step::Answered => None,
            Step::Ask(turn) => {
                let tokens = self.tokenizer().encode_pair(&turn.prompt, "").context;
                let room = context_of(self.backbone).saturating_sub(turn.max_tokens).max(1);
                let tokens = tokens[tokens.len().saturating_sub(room)..].to_vec();
                Some(Asked { course: at, turn, tokens })
            }
        }
    }

    /// Takes turns side by side; they stop alike.
    fn take(&mut self, batch: &[Asked], decoding: Decoding, courses: &mut [Course]) -> Result<(), GenerateError> {
        let first = &batch[0].turn;
        let mut stops = Stops::after(first.max_tokens);
        stops = self.tokenizer().special_tokens().eos.into_iter().fold(stops, Stops::at_token);
        let opening = Some(self.program.template().opening()).filter(|opening| !opening.is_empty());
        stops = opening.into_iter().chain(first.stops.iter().map(String::as_str)).fold(stops, Stops::at_text);
        let prompts: Vec<Vec<u32>> = batch.iter().map(|asked| asked.tokens.clone()).collect();
        let draw = |row: usize| courses[batch[row].course].draws.random::<f64>();
        let generated = generate_after(self.backbone, &prompts, decoding, &stops, &mut self.prefixes, draw)?;
        for (asked, row) in batch.iter().zip(generated) {
            self.n_tokens += row.tokens.len();
            let text = row.text.expect("a program that reads text has a tokenizer");
            courses[asked.course].said.push(Said { prompt: asked.turn.prompt.clone(), text });
        }
        Ok(())
    }

    fn read(&self, n_items: usize, courses: &[Course]) -> Vec<Answered> {
        let (alignment, form) = (self.program.alignment(), self.program.answer_form());
        let path = |course: &Course| {
            let answer = course.said.last().and_then(|said| alignment.answer(&said.text, form));
            Path { texts: course.said.iter().map(|said| said.text.clone()).collect(), answer }
        };
        let mut paths: Vec<Vec<Path>> = (0..n_items).map(|_| Vec::new()).collect();
        for course in courses {
            paths[course.item].push(path(course));
        }
        let answered = |paths: Vec<Path>| {
            let votes: Vec<Option<&str>> = paths.iter().map(|path| path.answer.as_deref()).collect();
            let answer = majority(&votes).map(str::to_owned);
            Answered { paths, answer }
        };
        paths.into_iter().map(answered).collect()
    }

    fn tokenizer(&self) -> &'a TextTokenizer {
        self.backbone.tokenizer().expect("a language model: the part's build comes first")
    }
}

/// How many of the turns, at least one, are taken together: they end alike, and there is room for all of their tokens.
fn side_by_side(asked: &[Asked]) -> usize {
    let first = &asked[0];
    let widest = first.tokens.len() + first.turn.max_tokens;
    let alike = |other: &&Asked| other.turn.max_tokens == first.turn.max_tokens && other.turn.stops == first.turn.stops;
    asked.iter().take_while(alike).count().min(TOKENS / widest).clamp(1, ROWS)
}

/// What most votes are for; of equally many, what was voted for first. Those who abstain do not count.
fn majority<'a>(votes: &[Option<&'a str>]) -> Option<&'a str> {
    let cast: Vec<&str> = votes.iter().flatten().copied().collect();
    let n_votes = |answer: &str| cast.iter().filter(|vote| **vote == answer).count();
    let most = cast.iter().map(|answer| n_votes(answer)).max()?;
    cast.iter().copied().find(|answer| n_votes(answer) == most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_votes_win_and_then_the_first() {
        assert_eq!(majority(&[Some("3"), Some("5"), None, Some("5")]), Some("5"));
        assert_eq!(majority(&[None, Some("7"), Some("4"), Some("4"), Some("7")]), Some("7"));
        assert_eq!(majority(&[None, None]), None);
        assert_eq!(majority(&[]), None);
    }

    #[test]
    fn turns_that_stop_alike_go_together_while_there_is_room() {
        let asked = |n: usize, max_tokens| Asked { course: 0, turn: Turn::new(String::new(), max_tokens), tokens: vec![0; n] };
        assert_eq!(side_by_side(&[asked(9, 4), asked(7, 4), asked(7, 5)]), 2);
        assert_eq!(side_by_side(&(0..9).map(|_| asked(4_000, 96)).collect::<Vec<_>>()), 4);
        assert_eq!(side_by_side(&[asked(TOKENS + 1, 1), asked(1, 1)]), 1);
        assert_eq!(side_by_side(&(0..99).map(|_| asked(8, 8)).collect::<Vec<_>>()), ROWS);
    }
}
