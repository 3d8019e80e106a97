//! Ends the fake as signals end the real one.

use std::sync::atomic::{AtomicBool, Ordering};

/// Set by SIGTERM and SIGINT: the real one ends and loses its partial interval.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Whether a signal has requested the end.
pub(crate) fn ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// Listens to SIGTERM and SIGINT, or ignores them.
#[cfg(unix)]
pub(crate) fn install(ignore_them: bool) {
    const SIGINT: i32 = 2;
    const SIGTERM: i32 = 15;

    unsafe extern "C" {
        /// The C library's, which the standard library links anyway.
        fn signal(number: i32, handler: usize) -> usize;
    }

    extern "C" fn end(_: i32) {
        ENDING.store(true, Ordering::SeqCst);
    }

    extern "C" fn ignore(_: i32) {}

    let handler = if ignore_them { ignore } else { end };
    for number in [SIGINT, SIGTERM] {
        // SAFETY: the handlers do no more than an atomic store, which a signal
        // handler may do.
        unsafe { signal(number, handler as extern "C" fn(i32) as usize) };
    }
}

/// There are no such signals on this platform.
#[cfg(not(unix))]
pub(crate) fn install(_ignore_them: bool) {}
