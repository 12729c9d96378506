//! One seed a trial, split by name.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// A seed that can be split into independent ones by name, so that no draw depends on how many came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The trial's seed.
    pub fn new(seed: u64) -> Self {
        Self(Sha256::digest(seed.to_le_bytes()).into())
    }

    /// An independent seed for one purpose.
    #[must_use]
    pub fn fork(&self, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(name.as_bytes());
        Self(hash.finalize().into())
    }

    /// A generator, always at its start.
    pub fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.0)
    }

    /// A number that depends on this seed and on `item` alone: what draws are ordered by.
    pub fn rank(&self, item: &str) -> [u8; 32] {
        self.fork(item).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn forks_differ_and_repeat() {
        let seed = Seed::new(7);
        let draw = |seed: Seed| seed.rng().random::<u64>();
        assert_eq!(draw(seed.fork("data")), draw(Seed::new(7).fork("data")));
        assert_ne!(draw(seed.fork("data")), draw(seed.fork("init")));
        assert_ne!(draw(seed.fork("data")), draw(Seed::new(8).fork("data")));
    }
}
