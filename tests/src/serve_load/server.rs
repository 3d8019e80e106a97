//! A server process and its use of the machine.

use std::path::Path;
use std::process::{Child, Command};

use energy_power::cpu_time;

/// `energy serve`; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Server {
    /// Serves `database` on a free port.
    pub(crate) fn start(energy: &Path, database: &Path) -> Self {
        let mut command = Command::new(energy);
        command
            .arg("--db")
            .arg(database)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env_remove("ENERGY_TOKEN");
        let (child, url) = energy_tests::serve(&mut command);
        let address = url.replace("http://", "");
        Self { child, address }
    }

    /// Returns its use of the machine so far.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// CPU time in seconds.
    pub(crate) cpu_s: f64,
    /// Largest memory so far in MB.
    pub(crate) peak_mb: f64,
    /// Memory in MB.
    pub(crate) memory_mb: f64,
}

impl Usage {
    /// Returns the usage of a process; unknown values are NaN.
    pub(crate) fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
        let status = status.unwrap_or_default();
        let megabytes = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key));
            let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
            kilobytes.map_or(f64::NAN, |kilobytes: f64| kilobytes * 1.024e-3)
        };
        let cpu = cpu_time::other_process(pid);
        Self {
            cpu_s: cpu.map_or(f64::NAN, |time| time.nanos() as f64 * 1e-9),
            peak_mb: megabytes("VmHWM:"),
            memory_mb: megabytes("VmRSS:"),
        }
    }
}
