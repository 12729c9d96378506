//! The allocator: pages that were asked for once stay with the process.
//!
//! Tensors come and go by the megabyte. What is given back to the system comes back cleared, page by page, on the thread that
//! asks: a twelfth of the time of a training step of a second and more, whose memory the allocator had given up meanwhile.

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};
pub use mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3, in milliseconds; its number is no part of the crate's interface.
const PURGE_DELAY: mi_option_t = 15;

/// What it is unless the environment (`MIMALLOC_PURGE_DELAY`) says otherwise: by it the number above is told to be right.
const USUAL: std::ffi::c_long = 1000;

/// Lets the allocator keep what it has. The first thing in `main`: options may not be set while other threads allocate.
#[allow(unsafe_code)]
pub fn keep_pages() {
    // SAFETY: both take any number, know no such option where it is out of range, and touch the option's own memory alone.
    // There is one thread.
    unsafe {
        if mi_option_get(PURGE_DELAY) == USUAL {
            mi_option_set(PURGE_DELAY, -1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(unsafe_code)]
    fn the_option_is_where_it_was() {
        // SAFETY: reads a number.
        let delay = unsafe { mi_option_get(PURGE_DELAY) };
        assert!(delay == USUAL || std::env::var_os("MIMALLOC_PURGE_DELAY").is_some(), "{delay}: mimalloc's options moved");
    }
}
