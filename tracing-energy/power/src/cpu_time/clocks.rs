//! Clocks and numbers that all Unix systems have.

use energy_data::units::Nanos;

/// Reads one of the CPU clocks.
pub(super) fn clock(id: libc::clockid_t) -> Option<Nanos> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec for the call to fill; an unknown clock
    // id is an error return.
    let status = unsafe { libc::clock_gettime(id, &mut time) };
    (status == 0).then(|| since_zero(&time))
}

/// Converts a timespec; its fields' types differ by system.
#[allow(clippy::unnecessary_cast)]
fn since_zero(time: &libc::timespec) -> Nanos {
    Nanos::from_nanos(time.tv_sec as i64 * 1_000_000_000 + time.tv_nsec as i64)
}

pub(super) fn online_processors() -> Option<usize> {
    // SAFETY: sysconf has no preconditions.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    usize::try_from(count).ok().filter(|&count| count > 0)
}

/// Returns the length of a kernel accounting tick, 10 ms on nearly all systems.
pub(super) fn tick() -> Option<Nanos> {
    // SAFETY: sysconf has no preconditions.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    (per_second > 0).then(|| Nanos::from_nanos(1_000_000_000 / per_second as i64))
}
