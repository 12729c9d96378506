//! The allocator: pages that were asked for once stay with the process, and what large allocations hold is counted.
//!
//! Tensors come and go by the megabyte. What is given back to the system comes back cleared, page by page, on the thread that
//! asks: a twelfth of the time of a training step of a second and more, whose memory the allocator had given up meanwhile.
//! Therefore the system sees memory that nobody uses any more; what a part of a trial needs is what its allocations held.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering};

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};
use mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3, in milliseconds; its number is no part of the crate's interface.
const PURGE_DELAY: mi_option_t = 15;

/// What it is unless the environment (`MIMALLOC_PURGE_DELAY`) says otherwise: by it the number above is told to be right.
const USUAL: std::ffi::c_long = 1000;

/// Bytes from which on an allocation is counted: tensors are, and nothing that is asked for often.
const LARGE: usize = 16 << 10;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// mimalloc, and a count.
#[derive(Debug, Clone, Copy)]
pub struct Counting;

/// Bytes that large allocations hold; zero where the process has another allocator.
pub fn held_bytes() -> u64 {
    HELD.load(Ordering::Relaxed) as u64
}

/// The most that they held since [`forget_peak`].
pub fn peak_bytes() -> u64 {
    PEAK.load(Ordering::Relaxed) as u64
}

/// The peak is from now on what is held now.
pub fn forget_peak() {
    PEAK.store(HELD.load(Ordering::Relaxed), Ordering::Relaxed);
}

fn taken(size: usize) {
    if size >= LARGE {
        let held = HELD.fetch_add(size, Ordering::Relaxed) + size;
        PEAK.fetch_max(held, Ordering::Relaxed);
    }
}

fn given_back(size: usize) {
    if size >= LARGE {
        HELD.fetch_sub(size, Ordering::Relaxed);
    }
}

#[allow(unsafe_code)]
// SAFETY: every call goes on to mimalloc as it came; nothing but two counters is touched beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        let pointer = unsafe { MiMalloc.alloc(layout) };
        if !pointer.is_null() {
            taken(layout.size());
        }
        pointer
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        let pointer = unsafe { MiMalloc.alloc_zeroed(layout) };
        if !pointer.is_null() {
            taken(layout.size());
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        given_back(layout.size());
        // SAFETY: as the caller promises.
        unsafe { MiMalloc.dealloc(pointer, layout) };
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        let moved = unsafe { MiMalloc.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            taken(new_size);
            given_back(layout.size());
        }
        moved
    }
}

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

    /// The tests' own allocator is another one, so that nothing else counts here.
    #[test]
    #[allow(unsafe_code)]
    fn large_allocations_are_counted_and_small_ones_are_not() {
        let layout = |size| Layout::from_size_align(size, 64).unwrap();
        forget_peak();
        let before = held_bytes();
        // SAFETY: sizes are not zero, and each pointer is given back once, with the layout that it has by then.
        unsafe {
            let large = Counting.alloc(layout(1 << 20));
            let small = Counting.alloc_zeroed(layout(100));
            assert_eq!(held_bytes() - before, 1 << 20);
            let grown = Counting.realloc(large, layout(1 << 20), 3 << 20);
            assert_eq!(held_bytes() - before, 3 << 20);
            Counting.dealloc(small, layout(100));
            Counting.dealloc(grown, layout(3 << 20));
        }
        assert_eq!(held_bytes(), before);
        assert_eq!(peak_bytes() - before, 4 << 20, "while an allocation grows, both are held");
        forget_peak();
        assert_eq!(peak_bytes(), before);
    }
}
