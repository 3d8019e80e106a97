//! CPU time on Linux: per-thread CPU clocks and `/proc`.
//!
//! The functions with a parameter `root` read a tree shaped like `/proc`, so that tests
//! can provide one.

use std::path::Path;

use super::clocks::{clock, online_processors, tick};
use energy_data::units::Nanos;

const PROC: &str = "/proc";

/// Depth to which descendants are followed: sudo, its monitor, the sensor.
const GENERATIONS: usize = 4;

pub(super) fn process() -> Option<Nanos> {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

pub(super) fn current_thread() -> Option<Nanos> {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// A thread's CPU clock has a fixed id in the kernel's interface: the thread id
/// inverted, shifted by three, with the bits "per thread" (4) and "scheduler
/// time" (2). glibc only gives it for a pthread_t, which may be stale; a stale
/// thread id is an error return instead.
pub(super) fn thread(tid: i64) -> Option<Nanos> {
    let tid = libc::clockid_t::try_from(tid).ok().filter(|&tid| tid > 0)?;
    clock(((!tid) << 3) | 6)
}

pub(super) fn current_tid() -> i64 {
    // SAFETY: gettid has no preconditions and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as i64 }
}

pub(super) fn machine() -> Option<Nanos> {
    machine_in(Path::new(PROC), tick()?)
}

pub(super) fn other_process(pid: u32) -> Option<Nanos> {
    process_in(Path::new(PROC), pid, tick()?)
}

pub(super) fn processors() -> Option<usize> {
    online_processors()
}

pub(super) fn threads_except(own: &[i64]) -> Option<usize> {
    threads_in(Path::new(PROC), own)
}

/// Returns the number of threads of `root/self`, except those with the ids `own`.
pub fn threads_in(root: &Path, own: &[i64]) -> Option<usize> {
    let tasks = std::fs::read_dir(root.join("self/task")).ok()?;
    let tids = tasks.flatten().filter_map(|task| {
        let tid = task.file_name().to_str()?.parse::<i64>().ok()?;
        (!own.contains(&tid)).then_some(tid)
    });
    Some(tids.count())
}

/// Returns the busy time of all processors from `root/stat`. A tick lasts `tick`.
///
/// Of the columns `user nice system idle iowait irq softirq steal guest
/// guest_nice` the busy ones are user, nice, system, irq and softirq. Guest time
/// is already in user and nice; stolen time was used by another virtual machine.
pub fn machine_in(root: &Path, tick: Nanos) -> Option<Nanos> {
    let stat = std::fs::read_to_string(root.join("stat")).ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let columns: Vec<i64> = line
        .split_whitespace()
        .map_while(|column| column.parse().ok())
        .collect();
    let [user, nice, system, _idle, ref rest @ ..] = columns[..] else {
        return None;
    };
    let interrupts: i64 = rest.iter().skip(1).take(2).sum();
    ticks(user + nice + system + interrupts, tick)
}

/// Returns the CPU time of the process `pid` under `root`, including the children it
/// waited for and its living descendants.
pub fn process_in(root: &Path, pid: u32, tick: Nanos) -> Option<Nanos> {
    family(root, pid, tick, GENERATIONS)
}

fn family(root: &Path, pid: u32, tick: Nanos, generations: usize) -> Option<Nanos> {
    let own = stat_time(root, pid, tick)?;
    if generations == 0 {
        return Some(own);
    }
    let living = children(root, pid)
        .into_iter()
        .filter_map(|child| family(root, child, tick, generations - 1));
    Some(own + living.sum())
}

/// Returns the sum of utime, stime, cutime and cstime (columns 14 to 17). The name in
/// column 2 may contain spaces and parentheses, so columns are counted from the last `)`.
fn stat_time(root: &Path, pid: u32, tick: Nanos) -> Option<Nanos> {
    let stat = std::fs::read_to_string(root.join(pid.to_string()).join("stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let times: Vec<i64> = after_name
        .split_whitespace()
        .skip(11)
        .take(4)
        .map_while(|column| column.parse().ok())
        .collect();
    (times.len() == 4).then(|| ticks(times.iter().sum(), tick))?
}

/// Returns the children that any thread of a process started. Kernels without the file
/// `children` report none; sudo's child is then counted when it ends.
fn children(root: &Path, pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(root.join(pid.to_string()).join("task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let read = |text: String| -> Vec<u32> {
        let numbers = text.split_whitespace();
        numbers.filter_map(|child| child.parse().ok()).collect()
    };
    texts.flat_map(read).collect()
}

pub(super) fn children_of(pid: u32) -> Vec<u32> {
    children(Path::new(PROC), pid)
}

/// Returns the CPU time of one process. The clock id is that of [`thread`] without the bit
/// "per thread".
pub(super) fn one_process(pid: u32) -> Option<Nanos> {
    let pid = libc::clockid_t::try_from(pid).ok().filter(|&pid| pid > 0)?;
    clock(((!pid) << 3) | 2)
}

pub(super) fn process_name(pid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("{PROC}/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

fn ticks(count: i64, tick: Nanos) -> Option<Nanos> {
    count.checked_mul(tick.nanos()).map(Nanos::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Nanos = Nanos::from_millis(10);

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn busy_is_user_nice_system_and_interrupts() {
        let root = tempfile::tempdir().unwrap();
        let stat = "cpu  100 20 30 4000 500 6 7 800 90 10\ncpu0 1 1 1 1\nbtime 1\n";
        write(root.path(), "stat", stat);
        assert_eq!(
            machine_in(root.path(), TICK),
            Some(Nanos::from_millis((100 + 20 + 30 + 6 + 7) * 10))
        );
    }

    #[test]
    fn a_short_stat_line_is_read_up_to_its_last_column() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(machine_in(root.path(), TICK), None);
        write(root.path(), "stat", "cpu  1 2 3 4\n");
        assert_eq!(machine_in(root.path(), TICK), Some(Nanos::from_millis(60)));
        write(root.path(), "stat", "cpu  1 2\n");
        assert_eq!(machine_in(root.path(), TICK), None);
        write(root.path(), "stat", "intr 5\n");
        assert_eq!(machine_in(root.path(), TICK), None);
    }

    #[test]
    fn cpu_time_of_a_process_includes_children_and_ignores_its_name() {
        let root = tempfile::tempdir().unwrap();
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 0 0 0 0 10 20 3 4 20 0 1 0 5\n";
        write(root.path(), "7/stat", stat);
        assert_eq!(
            process_in(root.path(), 7, TICK),
            Some(Nanos::from_millis(370))
        );

        write(root.path(), "7/task/7/children", "8 9 ");
        let child = "8 (x) S 7 7 7 0 -1 4194560 0 0 0 0 1 2 0 0 20 0 1 0 5\n";
        write(root.path(), "8/stat", child);
        assert_eq!(
            process_in(root.path(), 7, TICK),
            Some(Nanos::from_millis(400))
        );
        assert_eq!(process_in(root.path(), 9, TICK), None);
    }

    #[test]
    fn thread_count_excludes_own_threads() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(threads_in(root.path(), &[]), None);
        for tid in [7, 8, 9, 12] {
            write(root.path(), &format!("self/task/{tid}/stat"), "");
        }
        assert_eq!(threads_in(root.path(), &[]), Some(4));
        assert_eq!(threads_in(root.path(), &[8, 9, 100]), Some(2));
    }

    #[test]
    fn invalid_thread_ids_have_no_cpu_time() {
        assert_eq!(thread(0), None);
        assert_eq!(thread(-5), None);
        assert_eq!(thread(i64::MAX), None);
    }
}
