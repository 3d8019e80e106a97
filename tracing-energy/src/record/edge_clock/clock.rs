//! The calling thread's CPU clock: a perf event, or the system's clock.

use super::choice::EdgeClock;
use super::fallback::system_now;
#[cfg(target_os = "linux")]
use super::perf::PerfClock;

/// The CPU clock of the thread that opened it; only that thread may read it.
#[derive(Debug)]
pub(super) struct ThreadClock {
    #[cfg(target_os = "linux")]
    perf: Option<PerfClock>,
    only_perf: bool,
}

impl ThreadClock {
    /// Opens the calling thread's clock; `None` if `way` allows none.
    pub(super) fn open(way: EdgeClock) -> Option<Self> {
        let only_perf = match way {
            EdgeClock::Off => return None,
            EdgeClock::Perf => true,
            EdgeClock::Auto | EdgeClock::System => false,
        };
        #[cfg(target_os = "linux")]
        let clock = Self {
            perf: (way != EdgeClock::System).then(PerfClock::open).flatten(),
            only_perf,
        };
        #[cfg(not(target_os = "linux"))]
        let clock = Self { only_perf };
        Some(clock)
    }

    /// Returns the CPU time of the calling thread in ns.
    pub(super) fn now(&self) -> Option<u64> {
        #[cfg(target_os = "linux")]
        if let Some(now) = self.perf.as_ref().and_then(PerfClock::now) {
            return Some(now);
        }
        if self.only_perf {
            return None;
        }
        system_now()
    }
}
