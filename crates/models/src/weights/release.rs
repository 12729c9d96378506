//! Giving back what was read: a memory-mapped file need not stay in memory once its tensors are decoded.

use std::fmt;

/// Is told about bytes.
pub(super) type Told<'a> = dyn Fn(&[u8]) + Sync + 'a;

/// What to tell about bytes of a file that were decoded and are not read again soon.
#[derive(Clone, Copy, Default)]
pub(super) struct Release<'a>(Option<&'a Told<'a>>);

impl<'a> Release<'a> {
    pub(super) fn to(told: &'a Told<'a>) -> Self {
        Self(Some(told))
    }

    pub(super) fn tell(self, bytes: &[u8]) {
        if let Self(Some(told)) = self {
            told(bytes);
        }
    }
}

impl fmt::Debug for Release<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Release(told)" } else { "Release(nobody)" })
    }
}
