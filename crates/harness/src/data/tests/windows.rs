//! Windows of series that are to be forecast: places, values, parts, and what is refused.

use super::*;

/// Of two variables: `a` counts up, `b` goes to and fro.
fn file() -> String {
    (0..12).fold("date,a,b\n".to_owned(), |text, step| text + &format!("2027-01-{:02},{step},{}\n", step + 1, (step * step) % 7))
}

/// Loads it with a reader of such settings, and so many rows counted a part.
fn load(settings: &str, counts: [usize; 3], file: &[u8]) -> Result<DataSet, DataError> {
    let small = Small::new();
    fs::write(small.path("mirror").join("s.csv.gz"), packed(file)).unwrap();
    let (bytes, sha256) = (packed(file).len(), Digest::of(&packed(file)));
    let mut table = format!(
        "[small]\nabout = ''\nmodality = 'time-series'\nlicence = ''\ncitation = ''\nsplit = {{}}\nreader = {{ series-windows = {{ {settings} }} }}\n"
    );
    for (part, n) in ["train", "validation", "test"].into_iter().zip(counts) {
        writeln!(
            table,
            "[[small.parts]]\npart = '{part}'\nrows = [{n}]\n[[small.parts.files]]\nfile = 's.csv.gz'\nbytes = {bytes}\nsha256 = '{sha256}'\n\
             sources = [{{ mirror = 's.csv.gz' }}]"
        )
        .unwrap();
    }
    fs::write(small.path("datasets.toml"), table).unwrap();
    let registry = Registry::built_in().unwrap().extended(small.folder.path())?;
    let mut settings = Settings::new(small.path("cache"), Network::Forbidden);
    settings.mirror = Some(small.path("mirror"));
    DataSet::load("small", &registry, &AssetStore::new(settings), &Silent)
}

const SETTINGS: &str = "columns = ['a', 'b'], history = 3, horizon = 2, season = 2, rows = { train = 6, validation = 2, test = 3 }";

#[test]
fn windows_are_standardised_pieces_of_their_part_that_may_look_back() {
    let dataset = load(SETTINGS, [4, 2, 4], file().as_bytes()).unwrap();
    let ids: Vec<String> = items(&dataset).iter().map(|item| item.id.clone()).collect();
    // Rows of the first value to be forecast, counted from one.
    assert_eq!(
        ids,
        [
            "test/a/000009",
            "test/a/000010",
            "test/b/000009",
            "test/b/000010",
            "train/a/000004",
            "train/a/000005",
            "train/b/000004",
            "train/b/000005",
            "validation/a/000007",
            "validation/b/000007"
        ]
    );
    assert_eq!((dataset.series_length(), dataset.horizon(), dataset.classes().len()), (Some(3), Some(2), 0));
    // `a` is 0 to 5 in training: mean 2.5, variance 35/12; a season of two steps apart it moves by 2.
    let deviation = (35.0_f64 / 12.0).sqrt();
    let scaled = |values: [f64; 5]| values.map(|value| ((value - 2.5) / deviation) as f32);
    let find = |id: &str| items(&dataset).into_iter().find(|item| item.id == id).unwrap();
    let values = |item: &Example| {
        let (Content::Series(seen), Gold::Future(future)) = (&item.content, &item.gold) else { panic!("a window and its future") };
        ([seen.values(), future.values.values()].concat(), future.unit)
    };
    for (id, expected) in [("train/a/000004", [0.0, 1.0, 2.0, 3.0, 4.0]), ("test/a/000010", [6.0, 7.0, 8.0, 9.0, 10.0])] {
        let (found, unit) = values(&find(id));
        assert_eq!(found, scaled(expected), "{id}");
        assert!((unit - 2.0 / deviation).abs() < 1e-12, "{unit}");
    }
    // `b` is 0 1 4 2 2 4 in training: mean 13/6, squares 41, and |4 0 2| and |1 2|: 4, 1, 2, 2 apart.
    let (mean, deviation) = (13.0 / 6.0, (41.0 / 6.0 - 169.0 / 36.0_f64).sqrt());
    let (found, unit) = values(&find("validation/b/000007"));
    assert_eq!(found, [2.0, 2.0, 4.0, 1.0, 0.0].map(|value: f64| ((value - mean) / deviation) as f32));
    assert!((unit - 9.0 / 4.0 / deviation).abs() < 1e-12, "{unit} is not {}", 9.0 / 4.0 / deviation);
}

#[test]
fn a_stride_leaves_windows_out_and_the_future_counts_among_rows() {
    let strided = format!("stride = 2, {SETTINGS}");
    let dataset = load(&strided, [2, 2, 2], file().as_bytes()).unwrap();
    assert_eq!(items(&dataset).iter().filter(|item| item.id.starts_with("test")).count(), 2);
    let other = load(&strided, [2, 2, 2], file().replace("2027-01-10,9,", "2027-01-10,10,").as_bytes()).unwrap();
    assert_ne!(dataset.rows_sha256(), other.rows_sha256());
    // What stands behind the parts is not read.
    let cut = load(&strided, [2, 2, 2], file().replace("2027-01-12,11,2", "2027-01-12,x,y").as_bytes()).unwrap();
    assert_eq!(dataset.rows_sha256(), cut.rows_sha256());
}

#[test]
fn files_that_are_no_series_are_refused() {
    let complaint = |settings: &str, counts, file: &str| {
        let text = load(settings, counts, file.as_bytes()).unwrap_err().to_string();
        text.split_once("s.csv.gz").map_or(text.clone(), |(_, rest)| format!("FILE{rest}"))
    };
    let rows = |row: &dyn Fn(usize) -> String| (0..12).fold("date,a,b\n".to_owned(), |text, step| text + &row(step));
    let fit = "help: `reader` in the data set's table does not fit the file";
    for (found, expected) in [
        (
            complaint(SETTINGS, [4, 2, 5], &file()),
            "data set `small`, part `test`: 4 rows of class `any window`, but the table says 5".to_owned(),
        ),
        (complaint(&SETTINGS.replace("'b'", "'c'"), [4, 2, 4], &file()), format!("FILE: no column `c`; the header has date, a, b\n{fit}")),
        (
            complaint(SETTINGS, [4, 2, 4], &file().replace("2027-01-07,6,", "2027-01-07,,")),
            format!("FILE, row 7: `` in column `a` is no number\n{fit}"),
        ),
        (
            complaint(SETTINGS, [4, 2, 4], &file().replace("2027-01-07,6,", "2027-01-07,inf,")),
            format!("FILE, row 7: `inf` in column `a` is no number\n{fit}"),
        ),
        (complaint(&SETTINGS.replace("test = 3", "test = 5"), [4, 2, 8], &file()), format!("FILE: 12 rows, but its parts need 13\n{fit}")),
        (
            complaint(SETTINGS, [4, 2, 4], &rows(&|step| format!("d,7,{step}\n"))),
            format!("FILE: column `a`: all train rows have one value, by which nothing can be standardised\n{fit}"),
        ),
        (
            complaint(SETTINGS, [4, 2, 4], &rows(&|step| format!("d,{},{step}\n", step % 2))),
            format!("FILE: column `a`: train rows repeat themselves after a season, so that errors cannot be scaled by it\n{fit}"),
        ),
    ] {
        assert_eq!(found, expected);
    }
}
