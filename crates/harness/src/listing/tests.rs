//! One table in every format.

use super::*;

fn example() -> Listing {
    let mut listing = Listing::new("Methods & their λ", &["score", "n", "trained", "tags", "remark"]);
    listing.push(vec![
        "a|b".into(),
        0.5.into(),
        3_usize.into(),
        true.into(),
        vec!["x".to_owned(), "y".to_owned()].into(),
        "says \"no\"".into(),
    ]);
    listing.push(vec!["100%_c".into(), Entry::None, 12_usize.into(), false.into(), vec![].into(), "two\nlines".into()]);
    listing.note("A note, 100% sure.");
    listing
}

#[test]
fn terminal() {
    insta::assert_snapshot!(example().render(ListFormat::Terminal, None), @r#"
    Methods & their λ

    name    score   n  trained  tags  remark
    ────────────────────────────────────────────
    a|b       0.5   3  yes      x, y  says "no"
    100%_c      –  12  no       –     two
                                      lines
    ────────────────────────────────────────────
    A note, 100% sure.
    "#);
}

#[test]
fn a_terminal_table_keeps_to_the_width_without_colours() {
    let mut listing = Listing::new("A title that is longer than the terminal is wide", &["remark"]);
    listing.push(vec!["long".into(), "a remark that does not fit beside the name on one line".into()]);
    listing.note("and a note that does not fit on one line either");
    let text = listing.render(ListFormat::Terminal, Some(30));
    assert!(text.lines().all(|line| line.chars().count() <= 30), "{text}");
    assert!(text.lines().count() > 6 && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn markdown() {
    insta::assert_snapshot!(example().render(ListFormat::Md, None), @r#"
    **Methods & their λ**

    | name | score | n | trained | tags | remark |
    | --- | ---: | ---: | --- | --- | --- |
    | a\|b | 0.5 | 3 | yes | x, y | says "no" |
    | 100%\_c | – | 12 | no | – | two<br>lines |

    A note, 100% sure.
    "#);
}

#[test]
fn csv() {
    let expected = concat!(
        "name,score,n,trained,tags,remark\r\n",
        "a|b,0.5,3,true,x; y,\"says \"\"no\"\"\"\r\n",
        "100%_c,,12,false,,\"two\nlines\"\r\n"
    );
    assert_eq!(example().render(ListFormat::Csv, None), expected);
}

#[test]
fn json_keeps_types_and_the_order_of_columns() {
    insta::assert_snapshot!(example().render(ListFormat::Json, None), @r#"
    [
      {
        "name": "a|b",
        "score": 0.5,
        "n": 3,
        "trained": true,
        "tags": [
          "x",
          "y"
        ],
        "remark": "says \"no\""
      },
      {
        "name": "100%_c",
        "score": null,
        "n": 12,
        "trained": false,
        "tags": [],
        "remark": "two\nlines"
      }
    ]
    "#);
}

#[test]
fn latex() {
    insta::assert_snapshot!(example().render(ListFormat::Latex, None), @r"
    % needs \usepackage{booktabs}
    \begin{table}
      \centering
      \caption{Methods \& their \ensuremath{\lambda}}
      \begin{tabular}{lrrlll}
        \toprule
        name & score & n & trained & tags & remark \\
        \midrule
        a\textbar{}b & 0.5 & 3 & yes & x, y & says ``no'' \\
        100\%\_c & -- & 12 & no & -- & two lines \\
        \bottomrule
      \end{tabular}
      % A note, 100% sure.
    \end{table}
    ");
}

#[test]
fn running_text_wraps_in_latex() {
    let mut listing = Listing::new("Methods", &["remark"]);
    listing.push(vec!["a".into(), "word ".repeat(20).into()]);
    assert!(listing.render(ListFormat::Latex, None).contains("\\begin{tabular}{lp{0.4\\linewidth}}\n"));
}

#[test]
fn an_empty_listing_is_still_a_table() {
    let listing = Listing::new("Nothing", &["score"]);
    assert_eq!(listing.render(ListFormat::Json, None), "[]\n");
    assert_eq!(listing.render(ListFormat::Csv, None), "name,score\r\n");
    assert!(listing.render(ListFormat::Terminal, Some(80)).starts_with("Nothing\n\nname  score\n"));
}

#[test]
#[should_panic(expected = "one entry a column")]
fn a_row_of_the_wrong_length_is_a_bug() {
    Listing::new("Methods", &["score"]).push(vec!["a".into()]);
}
