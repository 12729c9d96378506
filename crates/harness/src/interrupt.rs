//! Ctrl-C and SIGTERM: the first lets the trial in flight be dropped cleanly, the second ends the process at once.

use std::sync::atomic::{AtomicUsize, Ordering};

static REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// Listens from now on.
///
/// # Panics
/// When called twice.
pub fn listen() {
    let handler = || {
        if REQUESTS.fetch_add(1, Ordering::SeqCst) > 0 {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).expect("the only handler of this process");
}

/// Asks, as a first Ctrl-C does.
pub fn request() {
    REQUESTS.fetch_add(1, Ordering::SeqCst);
}

/// Whether the process was asked to stop.
pub fn requested() -> bool {
    REQUESTS.load(Ordering::SeqCst) > 0
}
