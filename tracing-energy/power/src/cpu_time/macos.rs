//! CPU time on macOS. Type-checked, never run.

use std::mem::{MaybeUninit, size_of, size_of_val};

use super::clocks::{clock, online_processors, tick};
use energy_data::units::Nanos;

/// `PROC_PIDTHREADID64INFO` of `sys/proc_info.h`, which libc lacks: a thread of
/// a process by its 64-bit id, times in nanoseconds.
const THREAD_BY_ID: libc::c_int = 15;

pub(super) fn process() -> Option<Nanos> {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

pub(super) fn current_thread() -> Option<Nanos> {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

pub(super) fn thread(tid: i64) -> Option<Nanos> {
    let tid = u64::try_from(tid).ok()?;
    let own_pid = libc::c_int::try_from(std::process::id()).ok()?;
    // SAFETY: proc_threadinfo is the plain C struct of this flavour.
    let info: libc::proc_threadinfo = unsafe { pid_info(own_pid, THREAD_BY_ID, tid) }?;
    sum(info.pth_user_time, info.pth_system_time)
}

pub(super) fn current_tid() -> i64 {
    let mut tid = 0_u64;
    // SAFETY: thread 0 means the calling one; `tid` is valid for the call to fill.
    let status = unsafe { libc::pthread_threadid_np(0 as libc::pthread_t, &mut tid) };
    if status == 0 { tid as i64 } else { 0 }
}

/// Ticks of all processors since boot: user, system and nice are busy.
pub(super) fn machine() -> Option<Nanos> {
    let mut load = MaybeUninit::<libc::host_cpu_load_info>::zeroed();
    let mut count = libc::HOST_CPU_LOAD_INFO_COUNT;
    // SAFETY: `load` has room for `count` integers, which is what this flavour
    // fills. The host port is process-wide and needs no release.
    #[allow(deprecated)]
    let status = unsafe {
        libc::host_statistics(
            host_port(),
            libc::HOST_CPU_LOAD_INFO,
            load.as_mut_ptr().cast(),
            &mut count,
        )
    };
    if status != libc::KERN_SUCCESS {
        return None;
    }
    // SAFETY: zeroed and then filled by the call; any bits are valid integers.
    let ticks = unsafe { load.assume_init() }.cpu_ticks;
    let busy = [
        libc::CPU_STATE_USER,
        libc::CPU_STATE_SYSTEM,
        libc::CPU_STATE_NICE,
    ];
    let busy: i64 = busy
        .iter()
        .map(|&state| i64::from(ticks[state as usize]))
        .sum();
    busy.checked_mul(tick()?.nanos()).map(Nanos::from_nanos)
}

/// `mach_host_self` adds a reference to the port at each call, so it is called
/// once.
fn host_port() -> libc::mach_port_t {
    static PORT: std::sync::OnceLock<libc::mach_port_t> = std::sync::OnceLock::new();
    // SAFETY: no preconditions.
    #[allow(deprecated)]
    *PORT.get_or_init(|| unsafe { libc::mach_host_self() })
}

/// Returns `None` for processes of other users, including root's, which cannot be read.
pub(super) fn other_process(pid: u32) -> Option<Nanos> {
    let pid = libc::c_int::try_from(pid).ok()?;
    // SAFETY: proc_taskinfo is the plain C struct of this flavour.
    let info: libc::proc_taskinfo = unsafe { pid_info(pid, libc::PROC_PIDTASKINFO, 0) }?;
    let (numer, denom) = timebase()?;
    let ticks = info.pti_total_user.checked_add(info.pti_total_system)?;
    let nanos = u128::from(ticks) * u128::from(numer) / u128::from(denom);
    i64::try_from(nanos).ok().map(Nanos::from_nanos)
}

/// Returns the same as [`other_process`], which does not include children here.
pub(super) fn one_process(pid: u32) -> Option<Nanos> {
    other_process(pid)
}

pub(super) fn children_of(pid: u32) -> Vec<u32> {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return Vec::new();
    };
    let mut pids = [0 as libc::pid_t; 1024];
    let size = libc::c_int::try_from(size_of_val(&pids)).unwrap_or(0);
    // SAFETY: `pids` has room for `size` bytes.
    let found = unsafe { libc::proc_listchildpids(pid, pids.as_mut_ptr().cast(), size) };
    let found = usize::try_from(found).unwrap_or(0).min(pids.len());
    let pids = pids[..found].iter().filter(|&&pid| pid > 0);
    pids.filter_map(|&pid| u32::try_from(pid).ok()).collect()
}

pub(super) fn process_name(pid: u32) -> Option<String> {
    let pid = libc::c_int::try_from(pid).ok()?;
    let mut name = [0_u8; 256];
    // SAFETY: `name` has room for its length.
    let length = unsafe { libc::proc_name(pid, name.as_mut_ptr().cast(), name.len() as u32) };
    let length = usize::try_from(length).ok().filter(|&length| length > 0)?;
    Some(String::from_utf8_lossy(name.get(..length)?).into_owned())
}

pub(super) fn processors() -> Option<usize> {
    online_processors()
}

/// Subtracts the number of `own` threads from the system's count, on the assumption that
/// all of them still exist.
pub(super) fn threads_except(own: &[i64]) -> Option<usize> {
    let own_pid = libc::c_int::try_from(std::process::id()).ok()?;
    // SAFETY: proc_taskinfo is the plain C struct of this flavour.
    let info: libc::proc_taskinfo = unsafe { pid_info(own_pid, libc::PROC_PIDTASKINFO, 0) }?;
    let all = usize::try_from(info.pti_threadnum).ok()?;
    Some(all.saturating_sub(own.len()))
}

/// # Safety
/// `T` must be the plain C struct that `flavor` fills.
unsafe fn pid_info<T>(pid: libc::c_int, flavor: libc::c_int, arg: u64) -> Option<T> {
    let mut info = MaybeUninit::<T>::zeroed();
    let size = libc::c_int::try_from(size_of::<T>()).ok()?;
    // SAFETY: `info` has room for `size` bytes.
    let filled = unsafe { libc::proc_pidinfo(pid, flavor, arg, info.as_mut_ptr().cast(), size) };
    // SAFETY: all bytes are filled, and the caller guarantees the type.
    (filled == size).then(|| unsafe { info.assume_init() })
}

// The suggested replacement crate would be needed for this call only.
#[allow(deprecated)]
fn timebase() -> Option<(u32, u32)> {
    let mut info = libc::mach_timebase_info { numer: 0, denom: 0 };
    // SAFETY: `info` is valid for the call to fill.
    let status = unsafe { libc::mach_timebase_info(&mut info) };
    (status == 0 && info.denom != 0).then_some((info.numer, info.denom))
}

fn sum(user: u64, system: u64) -> Option<Nanos> {
    let total = user.checked_add(system)?;
    i64::try_from(total).ok().map(Nanos::from_nanos)
}
