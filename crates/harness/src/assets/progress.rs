//! What is told to whoever waits for an asset.

/// Follows assets while they arrive. Counts are totals so far, not steps.
pub trait Progress: Send + Sync {
    /// Work on `name` begins; `bytes` is its size where that is known.
    fn began(&self, name: &str, bytes: Option<u64>);
    /// `bytes` of it have arrived so far.
    fn advanced(&self, name: &str, bytes: u64);
    /// Nothing more will come, whether it worked or not.
    fn finished(&self, name: &str);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn began(&self, _name: &str, _bytes: Option<u64>) {}
    fn advanced(&self, _name: &str, _bytes: u64) {}
    fn finished(&self, _name: &str) {}
}
