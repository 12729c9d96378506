//! The whole grid in one table: what each point needs, or why it is refused, and how many papers are there.

use std::fmt::Write as _;

use reprogram_taxonomy::{Point, Reading, Verdict};

#[test]
fn every_point_of_the_grid() {
    let mut table = String::new();
    for point in Point::all() {
        let says = match point.verdict() {
            Verdict::Contradictory { reason } => reason.to_string().lines().next().unwrap_or_default().to_owned(),
            Verdict::Legal { needs } => needs.iter().map(|need| need.as_str()).collect::<Vec<_>>().join(", "),
        };
        let n = |reading| point.papers(reading).count();
        let (published, corrected) = (n(Reading::Published), n(Reading::Corrected));
        writeln!(table, "{point:<45} {:<20} {published:>2} → {corrected:>2}  {says}", point.paradigm()).unwrap();
    }
    insta::assert_snapshot!(table);
}
