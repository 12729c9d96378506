//! A file at an address.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use serde::Deserialize;

use super::{Reason, Word};

/// An `http` or `https` address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct UrlFile {
    /// The address.
    pub address: Word,
}

const CONNECT: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_mins(1);

impl UrlFile {
    /// The body of the answer. Asks for it as it is, since a file that is itself compressed must not be undone on the way.
    pub(super) fn open(&self) -> Result<impl Read + use<>, Reason> {
        let config = ureq::Agent::config_builder().timeout_connect(Some(CONNECT)).timeout_recv_response(Some(ANSWER)).build();
        let agent = ureq::Agent::new_with_config(config);
        let answer =
            agent.get(self.address.as_str()).header("Accept-Encoding", "identity").call().map_err(|error| request_failed(&error))?;
        Ok(answer.into_body().into_reader())
    }
}

/// What a failed request means.
pub(super) fn request_failed(error: &ureq::Error) -> Reason {
    match error {
        ureq::Error::StatusCode(status) => Reason::Status { status: *status },
        other => Reason::Request { said: other.to_string() },
    }
}

impl fmt::Display for UrlFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)
    }
}
