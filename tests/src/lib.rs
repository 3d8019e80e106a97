//! Support for the end-to-end tests: fakes that are true to their format, work that
//! keeps a processor busy, and simulated traces with a score for methods on them.

pub mod accuracy;
pub mod simulate;

use std::time::{Duration, Instant};

/// Keeps this thread's processor busy.
pub fn burn(time: Duration) {
    let begin = Instant::now();
    let mut number = 1_u64;
    while begin.elapsed() < time {
        for _ in 0..1_000 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005));
        }
    }
}
