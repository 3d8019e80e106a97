//! CPU times of this process and of its children.

use std::time::Duration;

/// CPU times of processes that have ended or are this one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// Of this process.
    pub own: Duration,
    /// Of its children and their children, as far as they have ended.
    pub children: Duration,
}

impl CpuTimes {
    /// Returns the times up to now; `None` if the system does not report them.
    #[cfg(unix)]
    pub fn now() -> Option<Self> {
        Some(Self {
            own: usage(libc::RUSAGE_SELF)?,
            children: usage(libc::RUSAGE_CHILDREN)?,
        })
    }

    /// Other systems do not report them.
    #[cfg(not(unix))]
    pub fn now() -> Option<Self> {
        None
    }

    /// Returns the times since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            own: self.own.saturating_sub(earlier.own),
            children: self.children.saturating_sub(earlier.children),
        }
    }
}

#[cfg(unix)]
fn usage(of: libc::c_int) -> Option<Duration> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for writes of the struct.
    if unsafe { libc::getrusage(of, usage.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: zeroed, and filled in by the call.
    let usage = unsafe { usage.assume_init() };
    let time = |time: libc::timeval| {
        let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
        seconds + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or_default())
    };
    Some(time(usage.ru_utime) + time(usage.ru_stime))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn times_never_decrease() {
        let before = CpuTimes::now().unwrap();
        let mut sum = 0_u64;
        while CpuTimes::now().unwrap().since(before).own < Duration::from_millis(2) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0 && before.since(CpuTimes::now().unwrap()).own.is_zero());
    }
}
