//! A whole checkpoint of the model hub, by the name of its repository.
//!
//! Unlike an [`Asset`](super::Asset), nothing pins its bytes but the revision; what was read is hashed and recorded. Files
//! lie in the hub's own cache, where other programs look for them and may have put them already.

use std::fmt;
use std::path::{Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use reprogram_models::HubFiles;

use super::hub::{Bridge, reason};
use super::{BadWord, HubSettings, Network, Progress, Reason, Word};

/// How such a name begins.
const SCHEME: &str = "hub:";

/// A repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRepository {
    repo: Word,
    revision: Word,
}

/// A repository that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    /// The name says no repository.
    #[error(
        "`{0}` names no repository of the hub: {1}\n  help: write `hub:OWNER/NAME`, and `@COMMIT` behind it so that it stays what it is"
    )]
    Name(String, String),
    /// The hub did not give it.
    #[error("{repository}: {reason}{}", .reason.help().map(|help| format!("\n  help: {help}")).unwrap_or_default())]
    NotObtained {
        /// Which.
        repository: HubRepository,
        /// Why.
        reason: Reason,
    },
    /// Nothing to load.
    #[error("{0} has no weights that are read here\n  help: safetensors files or a `pytorch_model.bin` beside a `config.json` are")]
    NoWeights(HubRepository),
}

impl HubRepository {
    /// Reads `hub:OWNER/NAME[@REVISION]`; nothing where the text does not begin like that.
    pub fn parse(text: &str) -> Option<Result<Self, RepositoryError>> {
        let name = text.strip_prefix(SCHEME)?;
        let (repo, revision) = name.split_once('@').unwrap_or((name, "main"));
        let is_pair =
            repo.split('/').filter(|part| !part.is_empty() && !part.starts_with('.')).count() == 2 && repo.matches('/').count() == 1;
        if !is_pair || revision.starts_with('.') {
            return Some(Err(RepositoryError::Name(text.to_owned(), "it is no OWNER/NAME".to_owned())));
        }
        let words = || Ok::<_, BadWord>(Self { repo: Word::try_from(repo)?, revision: Word::try_from(revision)? });
        Some(words().map_err(|error| RepositoryError::Name(text.to_owned(), error.to_string())))
    }

    /// Whether the revision is a commit, which never changes.
    pub fn is_pinned(&self) -> bool {
        self.revision.as_str().len() == 40 && self.revision.as_str().chars().all(|c| c.is_ascii_hexdigit())
    }

    fn at(&self, revision: &str) -> Repo {
        Repo::with_revision(self.repo.to_string(), RepoType::Model, revision.to_owned())
    }

    /// The folder of the checkpoint's files. What is there in whole at a commit is not asked for again; a branch is, where
    /// the network may be asked.
    pub(super) fn obtain(
        &self,
        settings: &HubSettings,
        own_cache: &Path,
        network: Network,
        is_whole: &dyn Fn(&Path) -> bool,
        progress: &dyn Progress,
    ) -> Result<PathBuf, RepositoryError> {
        let cache = Cache::new(settings.cache.clone().unwrap_or_else(|| own_cache.join("hub")));
        let there = self.cached(&cache).filter(|folder| is_whole(folder));
        let fail = |reason| RepositoryError::NotObtained { repository: self.clone(), reason };
        match (there, network) {
            (Some(folder), Network::Forbidden) => return Ok(folder),
            (Some(folder), Network::Allowed) if self.is_pinned() => return Ok(folder),
            (None, Network::Forbidden) => return Err(fail(Reason::Offline)),
            (Some(_) | None, Network::Allowed) => {}
        }
        let mut builder = ApiBuilder::from_cache(cache.clone()).with_token(settings.token.clone());
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint.clone());
        }
        let api = builder.build().map_err(|error| fail(reason(&error)))?;
        let info = api.repo(self.at(self.revision.as_str())).info().map_err(|error| fail(reason(&error)))?;
        let held: Vec<String> = info.siblings.into_iter().map(|file| file.rfilename).collect();
        // A branch may move while files arrive: all are taken at the commit that it has now.
        let folder = cache.repo(self.at(&info.sha)).pointer_path(&info.sha);
        let commit = api.repo(self.at(&info.sha));
        for file in self.wanted(&held)? {
            if !folder.join(&file).is_file() {
                self.fetch(&commit, &file, progress).map_err(fail)?;
            }
        }
        Ok(folder)
    }

    /// The folder that the hub's cache has for this revision.
    fn cached(&self, cache: &Cache) -> Option<PathBuf> {
        let repository = cache.repo(self.at(self.revision.as_str()));
        if self.is_pinned() {
            return Some(repository.pointer_path(self.revision.as_str()));
        }
        repository.get("config.json").and_then(|file| file.parent().map(Path::to_owned))
    }

    /// Of the files in the repository those that a model is made of, weights in the hub's own order of preference.
    fn wanted(&self, held: &[String]) -> Result<Vec<String>, RepositoryError> {
        let has = |name: &str| held.iter().any(|file| file == name);
        let mut wanted: Vec<String> = HubFiles::KNOWN.iter().filter(|name| has(name)).map(|&name| name.to_owned()).collect();
        if has("model.safetensors") {
            wanted.push("model.safetensors".to_owned());
        } else if has("open_clip_model.safetensors") {
            wanted.push("open_clip_model.safetensors".to_owned());
        } else if has("model.safetensors.index.json") {
            let is_shard = |file: &&String| file.starts_with("model-") && file.ends_with(".safetensors") && !file.contains('/');
            wanted.push("model.safetensors.index.json".to_owned());
            wanted.extend(held.iter().filter(is_shard).cloned());
        } else if has("pytorch_model.bin") {
            wanted.push("pytorch_model.bin".to_owned());
        } else {
            return Err(RepositoryError::NoWeights(self.clone()));
        }
        Ok(wanted)
    }

    fn fetch(&self, commit: &ApiRepo, file: &str, progress: &dyn Progress) -> Result<(), Reason> {
        let name = format!("{self}: {file}");
        progress.began(&name, None);
        let bridge = Bridge { name: &name, progress, arrived: 0 };
        let path = commit.download_with_progress(file, bridge).map_err(|error| reason(&error));
        progress.finished(&name);
        path.map(drop)
    }
}

impl fmt::Display for HubRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}@{}", self.repo, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::Silent;
    use crate::assets::loopback::{Loopback, Request, answer};

    /// A hub with one repository, whose branch is at `commit`; each file holds its name.
    fn hub(commit: &'static str) -> Loopback {
        Loopback::serve(move |request: &Request| {
            let files = ["config.json", "model.safetensors", "flax_model.msgpack"];
            if request.path == "/api/models/owner/model/revision/main" {
                let siblings: Vec<_> = files.iter().map(|file| serde_json::json!({ "rfilename": file })).collect();
                let body = serde_json::json!({ "sha": commit, "siblings": siblings }).to_string();
                return answer("200 OK", "Content-Type: application/json\r\n", body.len(), body.as_bytes());
            }
            let Some(file) = files.iter().find(|file| request.path == format!("/owner/model/resolve/{commit}/{file}")) else {
                return answer("404 Not Found", "", 0, b"");
            };
            let head = format!("x-repo-commit: {commit}\r\netag: \"{commit}-{file}\"\r\nContent-Range: bytes 0-0/{}\r\n", file.len());
            let sent = if request.headers.contains("range: bytes=0-0") { 1 } else { file.len() };
            answer("206 Partial Content", &head, sent, &file.as_bytes()[..sent])
        })
    }

    #[test]
    fn a_branch_is_taken_at_the_commit_it_has_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let is_whole = |path: &Path| path.join("config.json").is_file() && path.join("model.safetensors").is_file();
        let model = HubRepository::parse("hub:owner/model").unwrap().unwrap();
        let obtain = |server: &Loopback, network| {
            let settings = HubSettings { cache: None, endpoint: Some(server.url("")), token: None };
            model.obtain(&settings, folder.path(), network, &is_whole, &Silent)
        };
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let server = hub(one.clone().leak());
        assert!(matches!(obtain(&server, Network::Forbidden), Err(RepositoryError::NotObtained { reason: Reason::Offline, .. })));
        let first = obtain(&server, Network::Allowed).unwrap();
        assert!(first.ends_with(&one), "{}", first.display());
        assert_eq!(std::fs::read(first.join("model.safetensors")).unwrap(), b"model.safetensors");
        assert!(!first.join("flax_model.msgpack").exists());
        let requests = server.requests();
        assert_eq!(obtain(&server, Network::Allowed).unwrap(), first);
        assert_eq!(server.requests(), requests + 1, "the branch is asked for, its files are there");
        let second = obtain(&hub(two.clone().leak()), Network::Allowed).unwrap();
        assert!(second.ends_with(&two), "{}", second.display());
        let pinned = HubRepository::parse(&format!("hub:owner/model@{one}")).unwrap().unwrap();
        let found = pinned.obtain(&HubSettings::default(), folder.path(), Network::Forbidden, &is_whole, &Silent);
        assert_eq!(found.unwrap(), first);
    }

    #[test]
    fn a_name_says_repository_and_revision() {
        let shown = |text: &str| match HubRepository::parse(text) {
            None => "no hub name".to_owned(),
            Some(Ok(repository)) => repository.to_string(),
            Some(Err(error)) => error.to_string(),
        };
        let names = [
            "smollm2-135m-instruct",
            "hub:owner/model",
            "hub:owner/model@abc",
            "hub:model",
            "hub:a/b/c",
            "hub:../x",
            "hub:a/ b",
            "hub:a/b@",
        ];
        insta::assert_snapshot!(names.map(shown).join("\n"));
    }

    #[test]
    fn one_safetensors_file_is_preferred_to_shards_and_those_to_a_pickle() {
        let repository = HubRepository::parse("hub:owner/model").unwrap().unwrap();
        let wanted = |held: &[&str]| repository.wanted(&held.iter().map(|&file| file.to_owned()).collect::<Vec<_>>()).ok();
        let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"];
        assert_eq!(
            wanted(&["README.md", "config.json", "model.safetensors", "pytorch_model.bin"]).unwrap(),
            ["config.json", "model.safetensors"]
        );
        assert_eq!(wanted(&shards).unwrap(), [shards[2], shards[0], shards[1]]);
        assert_eq!(wanted(&["pytorch_model.bin", "tf_model.h5"]).unwrap(), ["pytorch_model.bin"]);
        assert_eq!(wanted(&["config.json", "flax_model.msgpack"]), None);
    }
}
