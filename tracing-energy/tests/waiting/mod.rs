//! Waits for what happens sooner or later.

use std::time::{Duration, Instant};

/// Long enough for any machine, so that only a hang fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `happened`; panics after two minutes, naming `what`.
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
