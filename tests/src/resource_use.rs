//! Time and memory of child processes.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a process used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResourceUse {
    /// Time from its start to its end, in seconds.
    pub wall_s: f64,
    /// CPU time in seconds.
    pub cpu_s: f64,
    /// Largest resident memory in MB.
    pub mb: f64,
}

impl ResourceUse {
    /// Runs a command once, without its output, and returns what this child alone used.
    ///
    /// # Panics
    /// If the command cannot be started, or fails.
    #[allow(clippy::zombie_processes)] // `wait4` waits for it and returns its resource usage.
    pub fn of(command: &mut Command) -> Self {
        let begun = Instant::now();
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("the command runs");
        let pid = libc::pid_t::try_from(child.id()).expect("a process id");
        let mut status = 0;
        // SAFETY: plain data that the call fills in.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the child is ours and waited for here only; both pointers are to locals.
        let waited = unsafe { libc::wait4(pid, &mut status, 0, &mut usage) };
        assert_eq!((waited, status), (pid, 0), "{command:?} failed");
        let seconds = |time: libc::timeval| {
            let micros = Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0));
            time.tv_sec as f64 + micros.as_secs_f64()
        };
        let unit = if cfg!(target_os = "macos") {
            1.0
        } else {
            1024.0
        };
        Self {
            wall_s: begun.elapsed().as_secs_f64(),
            cpu_s: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            mb: usage.ru_maxrss as f64 * unit / 1e6,
        }
    }

    /// Returns the medians of time, and the largest memory.
    ///
    /// # Panics
    /// If there are none.
    pub fn summary(all: &[Self]) -> Self {
        let median = |of: fn(&Self) -> f64| {
            let mut values: Vec<f64> = all.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self {
            wall_s: median(|one| one.wall_s),
            cpu_s: median(|one| one.cpu_s),
            mb: all.iter().map(|one| one.mb).fold(0.0, f64::max),
        }
    }
}
