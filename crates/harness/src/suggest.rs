//! "Did you mean …": the names nearest to a misspelt one.

/// Up to three candidates that start with `word`, hold it, or are few edits away from it, nearest first. The farther ones
/// are left out where one is much nearer.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    if word.is_empty() {
        return Vec::new();
    }
    let tolerance = (word.chars().count() / 3).max(2);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .collect();
    near.sort_unstable();
    let limit = near.first().map_or(0, |(distance, _)| distance + 1);
    near.retain(|(distance, _)| *distance <= limit);
    near.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// What to do about a name that is none of `known`: the nearest ones, and the command that lists all.
pub(crate) fn instead_of<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, command: &str) -> String {
    match nearest(word, known).as_slice() {
        [] => format!("`{command}` lists all"),
        near => format!("did you mean {}? `{command}` lists all", or_list(near)),
    }
}

/// `a`, `b` or `c`, each in back-quotes.
pub(crate) fn or_list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// A word of three letters and more that a name holds is as near to it as one edit.
fn distance(word: &str, candidate: &str) -> usize {
    let edits = edits(word, candidate);
    match candidate.find(word) {
        Some(0) => 0,
        Some(_) if word.len() > 2 => edits.min(1),
        Some(_) | None => edits,
    }
}

/// Levenshtein distance: insertions, deletions and replacements of one character.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!((edits("", "abc"), edits("abc", ""), edits("abc", "abc")), (3, 3, 0));
    }

    #[test]
    fn alternatives_read_as_a_sentence() {
        assert_eq!((or_list(&["a"]), or_list(&["a", "b", "c"])), ("`a`".to_owned(), "`a`, `b` or `c`".to_owned()));
    }

    #[test]
    fn the_nearest_comes_first() {
        assert_eq!(nearest("blmm", ["smm", "blm", "vpt"]), ["blm", "smm"]);
        assert_eq!(nearest("visual", ["visual-prompting", "vpt"]), ["visual-prompting"]);
        assert_eq!(nearest("ilm", ["icl", "smm", "vp-ilm"]), ["vp-ilm", "icl", "smm"]);
        assert_eq!(nearest("promt-tuning", ["prefix-tuning", "prompt-tuning"]), ["prompt-tuning"]);
        assert!(nearest("quicksort", ["smm", "blm"]).is_empty());
        assert!(nearest("", ["smm", "blm"]).is_empty());
    }
}
