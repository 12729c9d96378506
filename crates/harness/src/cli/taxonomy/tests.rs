//! What the commands print.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    taxonomy: TaxonomyArgs,
}

fn output(words: &str) -> Result<String, Failure> {
    let arguments = std::iter::once("taxonomy").chain(words.split(' '));
    let args = Command::try_parse_from(arguments).unwrap().taxonomy;
    Ok(listing(&args)?.render(args.format, Some(100)))
}

fn rows(words: &str) -> Vec<serde_json::Value> {
    serde_json::from_str(&output(&format!("{words} --format json")).unwrap()).unwrap()
}

#[test]
fn axes_has_every_value_once() {
    let rows = rows("axes");
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(
        names.join(" "),
        "fixed learnable input embedding hidden additive concatenative parametric identity rule-based statistical linear"
    );
}

#[test]
fn the_matrix_marks_points_and_counts_both_readings() {
    insta::assert_snapshot!(output("grid").unwrap());
}

#[test]
fn the_grid_as_data_adds_up() {
    let rows = rows("grid");
    let count = |key: &str, word: &str| rows.iter().filter(|row| row[key] == word).count();
    assert_eq!(rows.len(), 72);
    assert_eq!((count("verdict", "legal"), count("verdict", "contradictory")), (60, 12));
    assert_eq!((count("published", "covered"), count("published", "unexplored"), count("published", "contradictory")), (35, 25, 12));
    assert_eq!((count("corrected", "covered"), count("corrected", "unexplored"), count("corrected", "contradictory")), (30, 30, 12));
    assert_eq!(
        output("grid --reading corrected --format csv").unwrap().lines().next(),
        Some("name,paradigm,verdict,reason,needs,corrected,corrected_papers,corrected_names")
    );
}

#[test]
fn papers_are_filtered_by_the_reading_shown() {
    assert_eq!((rows("papers").len(), rows("papers --reading published").len(), rows("papers --disputed").len()), (69, 70, 31));
    let names = |words: &str| rows(words).iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ");
    assert_eq!(names("papers --modality graph"), "deep-graph-reprogramming gpf");
    assert_eq!(names("papers --lambda fixed --location hidden"), "when-prompting-works structured-prompting");
    assert_eq!(names("papers --reading published --paradigm prompt-instruction --alignment linear"), "vpt");
    assert_eq!(names("papers --paradigm prompt-instruction --alignment linear"), "");
    assert_eq!(names("papers --operator concatenative --alignment statistical --reading published"), "dart autovp evp");
}

#[test]
fn every_listing_renders_in_every_format() {
    for words in [
        "axes",
        "grid",
        "grid --long",
        "papers",
        "papers --disputed",
        "papers --long",
        "explain coop",
        "explain fixed/hidden/additive/linear",
    ] {
        for format in ["terminal", "md", "csv", "json", "latex"] {
            let text = output(&format!("{words} --format {format}")).unwrap();
            assert!(text.ends_with('\n') && text.lines().count() > 8, "{words} {format}");
            assert!(format == "csv" || text.lines().all(|line| line.trim_end() == line), "{words} {format}");
        }
    }
}

#[test]
fn a_point_is_explained() {
    let slashes = output("explain learnable/embedding/concatenative/linear").unwrap();
    insta::assert_snapshot!(slashes);
    for written in [
        "learnable embedding concatenative linear",
        "learnable · embedding · concatenative → linear",
        "Learnable/Embedding/Concatenative/Linear",
    ] {
        assert_eq!(output(&format!("explain {written}")).unwrap(), slashes);
    }
    assert!(output("explain fixed/input/parametric/linear").unwrap().contains("is refused when it is read"));
}

#[test]
fn a_paper_is_explained() {
    let by_name = output("explain coop").unwrap();
    insta::assert_snapshot!(by_name);
    for written in ["2109.01134", "CoOp", "learning to prompt for vision-language models"] {
        assert_eq!(output(&format!("explain {written}")).unwrap(), by_name);
    }
    assert!(output("explain dart").unwrap().contains("outside the formula"));
}

#[test]
fn a_typo_gets_a_suggestion() {
    let error = |words: &str| {
        let failure = output(words).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        failure.to_string()
    };
    let errors = [
        error("explain coopp"),
        error("explain learnable/input/adding/statistical"),
        error("explain learnable/input"),
        error("explain r2dl"),
        error("explain quicksort in python"),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}
