//! The cheapest clock of the machine, read twice for each activation.
//!
//! A processor's counter if it runs at one rate on all cores: the TSC of x86-64 if it is
//! invariant (Intel SDM vol. 3B, "Invariant TSC"; AMD APM vol. 2, the same term), always
//! the virtual counter of AArch64 (Arm ARM, D12.1). The collector measures its rate
//! continuously. On other processors, the operating system's monotonic clock.

use std::time::{Duration, Instant};

/// Duration of a measurement of the counter's rate.
const MEASURED_FOR: Duration = Duration::from_micros(50);

/// Counts since its creation; monotonic on each thread.
#[derive(Debug)]
pub(crate) struct RawClock {
    /// Time of creation, if there is no counter.
    monotonic: Option<Instant>,
    base: u64,
}

impl RawClock {
    pub(crate) fn new() -> Self {
        let monotonic = (!counter::is_steady()).then(Instant::now);
        let base = if monotonic.is_some() {
            0
        } else {
            counter::now()
        };
        Self { monotonic, base }
    }

    /// Returns about how many counts pass in `time`. Spins for 50 us to measure the rate.
    pub(super) fn counts_in(&self, time: Duration) -> u64 {
        let (begin, first) = (Instant::now(), self.now());
        while begin.elapsed() < MEASURED_FOR {
            std::hint::spin_loop();
        }
        let counts = self.now().saturating_sub(first) as f64;
        (counts * (time.as_secs_f64() / begin.elapsed().as_secs_f64())) as u64
    }

    /// Returns the current count.
    #[inline(always)]
    pub(crate) fn now(&self) -> u64 {
        match self.monotonic {
            None => counter::now().wrapping_sub(self.base),
            Some(since) => since.elapsed().as_nanos() as u64,
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod counter {
    use std::arch::x86_64::{__cpuid, _rdtsc};

    const POWER_MANAGEMENT: u32 = 0x8000_0007;
    const INVARIANT_TSC: u32 = 1 << 8;

    pub(super) fn is_steady() -> bool {
        __cpuid(0x8000_0000).eax >= POWER_MANAGEMENT
            && __cpuid(POWER_MANAGEMENT).edx & INVARIANT_TSC != 0
    }

    #[inline(always)]
    pub(in crate::record) fn now() -> u64 {
        // SAFETY: every x86-64 processor has this instruction.
        unsafe { _rdtsc() }
    }
}

#[cfg(target_arch = "aarch64")]
pub(super) mod counter {
    pub(super) fn is_steady() -> bool {
        true
    }

    #[inline(always)]
    pub(in crate::record) fn now() -> u64 {
        let count: u64;
        // SAFETY: reads a register that user programs may read on all our systems.
        unsafe {
            std::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack));
        }
        count
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) mod counter {
    pub(super) fn is_steady() -> bool {
        false
    }

    pub(in crate::record) fn now() -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn counts_of_a_duration_match_a_sleep() {
        let clock = RawClock::new();
        let counts = clock.counts_in(Duration::from_millis(2));
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(2));
        // A sleep may be longer, and a measurement interrupted: never by as much.
        assert!(counts > 0 && counts < 20 * (clock.now() - first));
    }

    #[test]
    fn both_clocks_are_monotonic() {
        let counter = RawClock::new();
        let system = RawClock {
            monotonic: Some(Instant::now()),
            base: 0,
        };
        for clock in [counter, system] {
            let first = clock.now();
            std::thread::sleep(Duration::from_millis(2));
            let mut last = clock.now();
            assert!(last > first);
            for _ in 0..1000 {
                let now = clock.now();
                assert!(now >= last);
                last = now;
            }
        }
    }
}
