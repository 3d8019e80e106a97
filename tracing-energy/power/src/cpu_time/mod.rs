//! CPU time of threads, processes and the machine.
//!
//! Every value is a running total: the CPU time of an interval is the difference of two
//! reads. `None` means unknown, never zero.
//!
//! | | Linux | macOS (type-checked, never run) | others |
//! |---|---|---|---|
//! | [`process`], [`current_thread`] | ns | ns | none |
//! | [`thread`] | ns, its CPU clock | us, `proc_pidinfo` | none |
//! | [`machine`] | ticks of 10 ms | ticks of 10 ms | none |
//! | [`other_process`] | ticks of 10 ms, children included | own user's processes only | none |

#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos"))]
mod clocks;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(any(target_os = "linux", target_os = "android"))]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
use unknown as system;

use energy_data::units::Nanos;

/// Returns the CPU time of this process, including threads that have ended.
pub fn process() -> Option<Nanos> {
    system::process()
}

/// Returns the CPU time of the thread of this process with that [id](current_tid), or
/// `None` once it has ended.
pub fn thread(tid: i64) -> Option<Nanos> {
    system::thread(tid)
}

/// Returns the CPU time of the calling thread.
pub fn current_thread() -> Option<Nanos> {
    system::current_thread()
}

/// Returns the operating system's id of the calling thread, or 0 if there is none.
pub fn current_tid() -> i64 {
    system::current_tid()
}

/// Returns the busy time of all processors of the machine, for all processes: user, nice,
/// system and interrupts. Idle time, I/O wait and time stolen by a hypervisor are not
/// included.
pub fn machine() -> Option<Nanos> {
    system::machine()
}

/// Returns the CPU time of another process, including the children it has or waited for.
/// That of `sudo` includes the command it runs.
pub fn other_process(pid: u32) -> Option<Nanos> {
    system::other_process(pid)
}

/// Returns the CPU time of another process without its children.
pub fn one_process(pid: u32) -> Option<Nanos> {
    system::one_process(pid)
}

/// Returns the process ids of a process's living children.
pub fn children_of(pid: u32) -> Vec<u32> {
    system::children_of(pid)
}

/// Returns the name of a process's executable, as truncated by the system.
pub fn process_name(pid: u32) -> Option<String> {
    system::process_name(pid)
}

/// Returns the number of online processors; at least 1.
pub fn processors() -> usize {
    system::processors().unwrap_or_else(|| {
        std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
    })
}

/// Returns the number of threads of this process, except those with the ids `own`.
pub fn threads_except(own: &[i64]) -> Option<usize> {
    system::threads_except(own)
}

/// Fallback for systems without a reader.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
mod unknown {
    use super::Nanos;

    pub(super) fn process() -> Option<Nanos> {
        None
    }
    pub(super) fn thread(_tid: i64) -> Option<Nanos> {
        None
    }
    pub(super) fn current_thread() -> Option<Nanos> {
        None
    }
    pub(super) fn current_tid() -> i64 {
        0
    }
    pub(super) fn machine() -> Option<Nanos> {
        None
    }
    pub(super) fn other_process(_pid: u32) -> Option<Nanos> {
        None
    }
    pub(super) fn one_process(_pid: u32) -> Option<Nanos> {
        None
    }
    pub(super) fn children_of(_pid: u32) -> Vec<u32> {
        Vec::new()
    }
    pub(super) fn process_name(_pid: u32) -> Option<String> {
        None
    }
    pub(super) fn processors() -> Option<usize> {
        None
    }
    pub(super) fn threads_except(_own: &[i64]) -> Option<usize> {
        None
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "macos")))]
mod tests {
    use super::*;

    fn burn(until: Nanos) {
        let mut x = 1_u64;
        while current_thread().is_some_and(|time| time < until) {
            for _ in 0..10_000 {
                x = std::hint::black_box(x.wrapping_mul(6_364_136_223_846_793_005));
            }
        }
    }

    #[test]
    fn a_threads_work_is_in_its_own_time_and_the_process_time_only() {
        let idle_tid = current_tid();
        let idle_before = thread(idle_tid).unwrap();
        let process_before = process().unwrap();
        let worked = std::thread::spawn(|| {
            burn(Nanos::from_millis(50));
            thread(current_tid()).unwrap()
        });
        let worked = worked.join().unwrap();
        assert!(worked >= Nanos::from_millis(50));
        assert!(process().unwrap() - process_before >= Nanos::from_millis(50));
        assert!(thread(idle_tid).unwrap() - idle_before < Nanos::from_millis(50));
    }

    #[test]
    fn a_thread_that_ended_has_no_cpu_time() {
        let tid = std::thread::spawn(current_tid).join().unwrap();
        // The kernel frees the thread shortly after join returns.
        for _ in 0..200 {
            if thread(tid).is_none() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("thread {tid} ended but still has a CPU clock");
    }

    #[test]
    fn the_machine_is_at_least_as_busy_as_this_thread() {
        let before = machine().unwrap();
        let own = current_thread().unwrap();
        burn(own + Nanos::from_millis(200));
        // 10 ms ticks, one edge lost on each side.
        assert!(machine().unwrap() - before >= Nanos::from_millis(150));
        assert!(processors() >= 1);
    }

    #[test]
    fn another_process_is_read_by_its_pid() {
        let own = std::process::id();
        let own_time = process().unwrap();
        burn(current_thread().unwrap() + Nanos::from_millis(60));
        assert!(other_process(own).unwrap() + Nanos::from_millis(20) >= own_time);
        assert_eq!(other_process(u32::MAX - 1), None);
    }
}
