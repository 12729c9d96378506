//! Floats of a LaTeX table that fit the line and the page, in one column or two: rows are dealt out, what is still too wide is scaled, and
//! notes follow as text.

use super::columns::Align;

/// What the files need.
pub(in crate::report) const NEEDS: &str = "% Needs \\usepackage{booktabs,graphicx}.\n";

/// A page holds so many rows, with a caption of a few lines.
const ROWS: usize = 36;
/// A longer cell is set as a narrow paragraph.
const LONG: usize = 30;

/// A table before it is dealt out.
pub(in crate::report) struct Floats<'a> {
    /// LaTeX.
    pub(in crate::report) caption: &'a str,
    pub(in crate::report) columns: &'a [Align],
    /// One line, without its end.
    pub(in crate::report) header: &'a str,
    /// Blocks of lines with their headings, all without their ends; a block without a heading has an empty one.
    pub(in crate::report) blocks: &'a [(String, Vec<String>)],
}

impl Floats<'_> {
    /// All floats, one after the other.
    pub(in crate::report) fn latex(&self) -> String {
        let lines = self.blocks.iter().flat_map(|(heading, rows)| self.lines(heading, rows)).collect::<Vec<_>>();
        let total: usize = lines.iter().map(|line| height(line)).sum();
        let share = total.div_ceil(total.div_ceil(ROWS).max(1));
        let mut dealt: Vec<Vec<String>> = vec![Vec::new()];
        let mut filled = 0;
        for line in lines {
            if filled > 0 && filled + height(&line) > share {
                dealt.push(Vec::new());
                filled = 0;
            }
            filled += height(&line);
            dealt.last_mut().expect("there is one from the start").push(line);
        }
        dealt.iter().enumerate().map(|(i, lines)| self.float(i, lines)).collect::<Vec<_>>().join("\n")
    }

    fn lines(&self, heading: &str, rows: &[String]) -> Vec<String> {
        let heading = (!heading.is_empty()).then(|| format!("\\multicolumn{{{}}}{{@{{}}l}}{{{heading}}}", self.columns.len()));
        heading.into_iter().chain(rows.iter().cloned()).collect()
    }

    fn float(&self, index: usize, lines: &[String]) -> String {
        let letters: String = self.columns.iter().map(|align| align.letter()).collect();
        let caption = if index == 0 { self.caption.to_owned() } else { format!("{} (Continued.)", self.caption) };
        // A heading has some air above it, unless the rule is there.
        let line = |(i, line): (usize, &String)| {
            let air = if i > 0 && line.starts_with("\\multicolumn") { "\\addlinespace\n" } else { "" };
            format!("{air}{line} \\\\\n")
        };
        let body: String = lines.iter().enumerate().map(line).collect();
        format!(
            "\\begin{{table}}[tbp]\n\\centering\n\\small\n\\setlength{{\\tabcolsep}}{{4pt}}\n\\caption{{{caption}}}\n\\smallskip\n\
             \\resizebox{{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}}{{!}}{{%\n\
             \\begin{{tabular}}{{@{{}}{letters}@{{}}}}\n\\toprule\n{} \\\\\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}}}\n\\end{{table}}\n",
            self.header
        )
    }
}

/// In lines: a paragraph takes some, fewer in one column than in two.
fn height(line: &str) -> usize {
    if line.contains("\\parbox") { 3 } else { 1 }
}

impl Align {
    const fn letter(self) -> char {
        match self {
            Self::Left => 'l',
            Self::Right => 'r',
        }
    }
}

/// A cell of words; of many, a paragraph that breaks at spaces, hyphens and strokes. Takes and gives LaTeX; `length`: what is seen.
pub(in crate::report) fn words(latex: &str, length: usize) -> String {
    if length <= LONG {
        return latex.to_owned();
    }
    format!("\\parbox[t]{{.42\\linewidth}}{{\\raggedright\\hangindent=1em {}\\strut}}", breakable(latex))
}

/// Names of parts go on in another line behind a stroke, unless it stands between words anyway.
fn breakable(latex: &str) -> String {
    latex.replace('/', "/\\allowbreak{}").replace("/\\allowbreak{} ", "/ ")
}

/// Paragraphs below the floats, which may go on on another page.
pub(in crate::report) fn notes(notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let paragraphs = notes.iter().fold(String::new(), |paragraphs, note| paragraphs + &breakable(note) + "\\par\n");
    format!("\n\\begingroup\\footnotesize\\setlength{{\\parindent}}{{0pt}}\\sloppy\n{paragraphs}\\endgroup\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_are_dealt_out_evenly() {
        let blocks = [("first".to_owned(), vec!["a & 1".to_owned(); 40]), ("second".to_owned(), vec!["b & 2".to_owned(); 33])];
        let latex = Floats { caption: "C.", columns: &[Align::Left, Align::Right], header: "x & y", blocks: &blocks }.latex();
        let floats: Vec<&str> = latex.split("\\begin{table}").skip(1).collect();
        assert_eq!(floats.iter().map(|float| float.matches(" & ").count() - 1).collect::<Vec<_>>(), [24, 24, 25]);
        assert_eq!(latex.matches("(Continued.)").count(), 2);
        assert_eq!(latex.matches("\\addlinespace").count(), 1);
    }

    #[test]
    fn long_words_break() {
        assert_eq!(words("short/er", 8), "short/er");
        assert!(words("a/b", 31).contains("a/\\allowbreak{}b"));
        assert!(notes(&["x / y: a/b".to_owned()]).contains("\nx / y: a/\\allowbreak{}b\\par\n"));
    }
}
