//! The system's clock, and why it is used.

use std::sync::atomic::{AtomicU8, Ordering};

use energy_power::cpu_time;

/// Why perf events are not used in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fallback {
    /// System calls are filtered: a forbidden one may end the process.
    Filtered = 1,
    /// The system refused to open an event.
    Refused,
    /// Events can be opened, but not read from user space.
    NotMapped,
    /// An event and the thread's CPU clock disagreed.
    Disagrees,
}

/// The process's [`Fallback`]; 0 is none. It is set once.
static FALLBACK: AtomicU8 = AtomicU8::new(0);

impl Fallback {
    /// Returns why perf events are not used, if so.
    pub(crate) fn current() -> Option<Self> {
        match FALLBACK.load(Ordering::Relaxed) {
            1 => Some(Self::Filtered),
            2 => Some(Self::Refused),
            3 => Some(Self::NotMapped),
            4 => Some(Self::Disagrees),
            _ => None,
        }
    }

    /// Disables perf events; the first cause is kept.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn set(self) {
        let _ = FALLBACK.compare_exchange(0, self as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Returns the cause as text.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::Filtered => "system calls of this process are filtered (seccomp)",
            Self::Refused => "the system permits no perf events (kernel.perf_event_paranoid)",
            Self::NotMapped => "perf events cannot be read without a system call on this machine",
            Self::Disagrees => "a perf event and the CPU clock of its thread disagreed",
        }
    }
}

/// Returns the CPU time of the calling thread by the system's clock, in ns.
pub(super) fn system_now() -> Option<u64> {
    u64::try_from(cpu_time::current_thread()?.nanos()).ok()
}
