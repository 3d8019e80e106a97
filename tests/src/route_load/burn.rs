//! Uses an amount of CPU time.

use std::hint::black_box;
use std::time::Duration;

/// Rounds between two readings of the clock, some 10 us.
const ROUNDS: u64 = 10_000;

/// Returns the CPU time that this thread has used.
fn thread_cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for writing; the clock exists on Linux and macOS.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0, "the thread's CPU clock cannot be read");
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Computes until this thread has used `amount` more CPU time. Returns the exact amount.
pub(super) fn burn(amount: Duration) -> Duration {
    let begun = thread_cpu();
    let mut state = 1_u64;
    loop {
        for round in 0..ROUNDS {
            state = black_box((state ^ round).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        let used = thread_cpu() - begun;
        if used >= amount {
            return used;
        }
    }
}
