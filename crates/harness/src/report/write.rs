//! Puts a report into a folder. Each file is replaced whole: a reader sees the old one or the new one, never a part.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::cost_axis::COST_AXES;
use super::grid::{self, Grid};
use super::html::page;
use super::plot::{facets, png, profiles, ranks_png, ranks_svg, svg};
use super::ranking::pools;
use super::results::Results;
use super::summary::Summary;
use super::table::{comparisons_csv, csv, latex, markdown, ranks_csv, ranks_markdown};
use crate::replaced;

/// Writes tables, plots and page into `dir`, which is made if it is not there. Returns the files' paths.
///
/// The grid has files where a sweep covers enough points of it, performance profiles where settings and seeds allow them.
/// `comparisons.csv` is written even if the sweep asks for none, so that an older one does not stay behind.
pub fn write(results: &Results, dir: &Path) -> io::Result<Vec<PathBuf>> {
    let summary = Summary::of(results);
    let pools = pools(results);
    let files: [(&str, Vec<u8>); 9] = [
        ("table.md", markdown(results, &summary).into_bytes()),
        ("table.csv", csv(results, &summary).into_bytes()),
        ("table.tex", latex(results, &summary).into_bytes()),
        ("comparisons.csv", comparisons_csv(results, &summary).into_bytes()),
        ("ranks.md", ranks_markdown(&pools).into_bytes()),
        ("ranks.csv", ranks_csv(&pools).into_bytes()),
        ("critical-difference.svg", ranks_svg(&pools).map_err(io::Error::other)?.into_bytes()),
        ("critical-difference.png", ranks_png(&pools).map_err(io::Error::other)?),
        ("report.html", page(results, &summary).map_err(io::Error::other)?.into_bytes()),
    ];
    fs::create_dir_all(dir)?;
    let mut paths: Vec<PathBuf> = files.into_iter().map(|(name, bytes)| replace(dir, name, &bytes)).collect::<io::Result<_>>()?;
    for (i, axis) in COST_AXES.iter().enumerate() {
        let facets = facets(&summary, axis);
        let [vector, bitmap] = ["svg", "png"].map(|medium| format!("accuracy-vs-{}.{medium}", axis.slug));
        // One plot there is always, if only to say that there is nothing in it.
        if i == 0 || axis.is_in(&summary) {
            paths.push(replace(dir, &vector, svg(&facets).map_err(io::Error::other)?.as_bytes())?);
            paths.push(replace(dir, &bitmap, &png(&facets).map_err(io::Error::other)?)?);
        } else {
            remove(dir, &vector)?;
            remove(dir, &bitmap)?;
        }
    }
    let grids = Grid::all(results, &summary);
    let tables = [
        ("table-grid.md", grid::markdown(&results.sweep, &grids)),
        ("table-grid.csv", grid::csv(&results.sweep, &grids)),
        ("table-grid.tex", grid::latex(&results.sweep, &grids)),
    ];
    for (name, text) in tables {
        if grids.is_empty() {
            remove(dir, name)?;
        } else {
            paths.push(replace(dir, name, text.as_bytes())?);
        }
    }
    let drawn = profiles(&pools).map_err(io::Error::other)?;
    let (svg, png) = drawn.unzip();
    for (name, bytes) in [("performance-profiles.svg", svg.map(String::into_bytes)), ("performance-profiles.png", png)] {
        match bytes {
            Some(bytes) => paths.push(replace(dir, name, &bytes)?),
            None => remove(dir, name)?,
        }
    }
    Ok(paths)
}

/// An older one does not stay behind.
fn remove(dir: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(dir.join(name)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot remove {}: {error}", dir.join(name).display()))),
    }
}

fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let path = dir.join(name);
    match replaced::replace(&path, bytes) {
        Ok(()) => Ok(path),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canned::realistic;

    #[test]
    fn writing_again_gives_the_same_bytes_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        let read = |paths: &[PathBuf]| paths.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
        let first = read(&write(&realistic(), &folder).unwrap());
        let paths = write(&realistic(), &folder).unwrap();
        assert_eq!(read(&paths), first);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), paths.len());
    }

    #[test]
    fn no_records_still_make_a_report() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(write(&Results::default(), dir.path()).unwrap().len(), 11);
    }

    #[test]
    fn profiles_are_drawn_where_they_mean_something_and_do_not_stay_behind() {
        use crate::report::ranking::tests::ordered;
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(write(&ordered(5), dir.path()).unwrap().len(), 17);
        let drawing = fs::read_to_string(dir.path().join("performance-profiles.svg")).unwrap();
        assert!(drawing.contains("Share of runs above each accuracy over 5 settings, for high, middle, low."));
        assert_eq!(write(&ordered(4), dir.path()).unwrap().len(), 15);
        assert!(!dir.path().join("performance-profiles.svg").exists());
    }

    #[test]
    fn a_folder_that_is_a_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(write(&Results::default(), &file).is_err());
    }
}
