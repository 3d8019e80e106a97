//! A child process with a process group of its own: signals reach its descendants, too.
//!
//! ```text
//! this process   |-- waits ----------------------------------------------------|
//! child          |== leads the group =========| ends
//! descendants    |============================================| SIGTERM, later SIGKILL
//! ```
//!
//! A descendant that begins a group or session of its own is not reached.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// Time that descendants have to end after the child, before they are killed.
const ENDING: Duration = Duration::from_secs(2);
/// Polling interval of their state.
const POLL: Duration = Duration::from_millis(20);

/// A signal that ends processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndSignal {
    /// SIGTERM, or another one that processes can handle.
    InOrder(i32),
    /// SIGKILL.
    AtOnce,
}

impl EndSignal {
    /// SIGTERM.
    pub(crate) const TERMINATE: Self = Self::InOrder(TERMINATE);
}

#[cfg(unix)]
const TERMINATE: i32 = libc::SIGTERM;
#[cfg(not(unix))]
const TERMINATE: i32 = 15;

/// A child that leads a process group. Systems without process groups have the child alone.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    child: Child,
    status: Option<ExitStatus>,
}

impl ProcessGroup {
    /// Starts a process in a group of its own. Signals of the terminal do not reach it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        Ok(Self {
            child: command.spawn()?,
            status: None,
        })
    }

    /// Returns the child.
    pub(crate) fn child(&self) -> &Child {
        &self.child
    }

    /// Returns the child, e.g. to take its outputs.
    pub(crate) fn child_mut(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Returns the exit status of the child, if it has ended.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Sends a signal to all processes of the group, and returns whether there were any.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: EndSignal) -> bool {
        let number = match signal {
            EndSignal::InOrder(number) => number,
            EndSignal::AtOnce => libc::SIGKILL,
        };
        let Ok(group) = libc::pid_t::try_from(self.child.id()) else {
            return false;
        };
        // SAFETY: a plain system call. The group has the id of the child, which no new process can
        // get while the child is not reaped or the group has members; without members it fails.
        let is_sent = unsafe { libc::killpg(group, number) } == 0;
        if number != 0 {
            // A stopped process handles no signal until it continues.
            // SAFETY: as above.
            unsafe { libc::killpg(group, libc::SIGCONT) };
        }
        is_sent
    }

    /// Ends the child, as far as the system can.
    #[cfg(not(unix))]
    pub(crate) fn signal(&mut self, signal: EndSignal) -> bool {
        signal == EndSignal::AtOnce && self.child.kill().is_ok()
    }

    /// Ends the descendants that remain after the child: by SIGTERM, and after 2 s by SIGKILL.
    #[cfg(unix)]
    pub(crate) fn end_descendants(&self) {
        if !self.signal(EndSignal::TERMINATE) {
            return;
        }
        let end = Instant::now() + ENDING;
        // Signal 0 only searches for receivers.
        while self.signal(EndSignal::InOrder(0)) {
            if Instant::now() > end {
                self.signal(EndSignal::AtOnce);
                return;
            }
            std::thread::sleep(POLL);
        }
    }

    /// Other systems do not know descendants.
    #[cfg(not(unix))]
    pub(crate) fn end_descendants(&self) {
        let _ = (ENDING, POLL, Instant::now());
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_that_ignore_a_signal_are_killed_after_their_parent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let line = format!(
            "sh -c 'trap \"\" TERM INT; echo $$ > {}; while :; do sleep 1; done' & sleep 100",
            file.display()
        );
        let mut group = ProcessGroup::start(Command::new("sh").args(["-c", &line])).unwrap();
        let begin = Instant::now();
        let is_patient = || assert!(begin.elapsed() < Duration::from_secs(60));
        let pid = loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Ok(pid) = text.trim().parse::<libc::pid_t>() {
                break pid;
            }
            is_patient();
            std::thread::sleep(POLL);
        };
        assert!(group.signal(EndSignal::TERMINATE));
        while group.status().unwrap().is_none() {
            is_patient();
            std::thread::sleep(POLL);
        }
        // SAFETY: a plain system call that sends nothing.
        let is_there = |pid| unsafe { libc::kill(pid, 0) } == 0;
        assert!(is_there(pid), "it ignores the signal");
        group.end_descendants();
        while is_there(pid) {
            // It was killed; whoever adopted it may not have reaped it yet.
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if stat.contains(") Z") {
                break;
            }
            is_patient();
            std::thread::sleep(POLL);
        }
    }

    #[test]
    fn a_group_without_descendants_ends_at_once() {
        let mut group = ProcessGroup::start(&mut Command::new("true")).unwrap();
        while group.status().unwrap().is_none() {
            std::thread::sleep(POLL);
        }
        assert!(!group.signal(EndSignal::InOrder(0)));
        group.end_descendants();
        assert!(group.status().unwrap().unwrap().success());
    }
}
