//! Where assets lie and what may be asked for them, as the environment says.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{AssetError, HubSettings};

/// Whether anything outside of this machine may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Packages, the hub and addresses may be asked.
    Allowed,
    /// Only this machine's folders.
    Forbidden,
}

/// Everything that an asset store depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The cache folder.
    pub cache: PathBuf,
    /// The mirror folder.
    pub mirror: Option<PathBuf>,
    /// Whether anything outside of this machine may be asked.
    pub network: Network,
    /// How the hub is reached.
    pub hub: HubSettings,
    /// The Python whose pip is asked.
    pub python: OsString,
}

impl Settings {
    /// Settings with this cache folder, no mirror, and clients as the system finds them.
    pub fn new(cache: PathBuf, network: Network) -> Self {
        Self { cache, mirror: None, network, hub: HubSettings::default(), python: "python3".into() }
    }

    /// What the environment says.
    pub fn from_env(network: Network) -> Result<Self, AssetError> {
        Self::from_variables(network, |name| std::env::var_os(name))
    }

    /// What these variables say. An empty variable counts as none.
    pub fn from_variables(network: Network, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, AssetError> {
        let text = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| text(name).map(PathBuf::from);
        let home_cache = || path("HOME").map(|home| home.join(".cache"));
        let cache = path("REPROGRAM_CACHE")
            .or_else(|| path("XDG_CACHE_HOME").or_else(home_cache).map(|folder| folder.join("reprogram")))
            .ok_or(AssetError::NoCacheFolder)?;
        let hub_home = path("HF_HOME").or_else(|| home_cache().map(|folder| folder.join("huggingface")));
        let written_token = || std::fs::read_to_string(hub_home.as_ref()?.join("token")).ok();
        let token = text("HF_TOKEN").and_then(|token| token.into_string().ok()).or_else(written_token);
        let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        let endpoint = text("HF_ENDPOINT").and_then(|endpoint| endpoint.into_string().ok());
        let hub = HubSettings { cache: hub_home.map(|home| home.join("hub")), endpoint, token };
        let python = text("REPROGRAM_PYTHON").unwrap_or_else(|| "python3".into());
        Ok(Self { cache, mirror: path("REPROGRAM_MIRROR"), network, hub, python })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, AssetError> {
        Settings::from_variables(Network::Allowed, |wanted| {
            variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_cache_folder_is_looked_up_in_order() {
        let cache = |variables: &[(&str, &str)]| read(variables).unwrap().cache;
        assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("REPROGRAM_CACHE", "/r")]), PathBuf::from("/r"));
        assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("REPROGRAM_CACHE", "")]), PathBuf::from("/x/reprogram"));
        assert_eq!(cache(&[("HOME", "/h")]), PathBuf::from("/h/.cache/reprogram"));
        insta::assert_snapshot!(read(&[]).unwrap_err());
    }

    #[test]
    fn the_hub_is_reached_as_the_environment_says() {
        let hub = read(&[("HOME", "/h"), ("HF_HOME", "/no where"), ("HF_ENDPOINT", "http://e"), ("HF_TOKEN", " t\n")]).unwrap().hub;
        let expected = HubSettings { cache: Some("/no where/hub".into()), endpoint: Some("http://e".into()), token: Some("t".into()) };
        assert_eq!(hub, expected);
    }
}
