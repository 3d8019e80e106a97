//! The server as a child process in a process group of its own.

use std::fs::File;
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::death_watcher::DeathWatcher;
use crate::error::{Error, Result};
use crate::format::{escape, shorten};
use crate::program::{
    DATABASE, EndSignal, LAYER_DATABASE, ProcessGroup, RUN_ID, SYSTEM_TURN, shell,
};

/// Time that the server has to end in order, before it is killed.
const ENDING: Duration = Duration::from_secs(5);
/// Polling interval of its status.
const POLL: Duration = Duration::from_millis(20);
/// Number of bytes of its output that are searched for its last lines.
const TAIL: u64 = 4000;
/// Most characters of a line that are reported.
const LONGEST_LINE: usize = 200;
/// Number of its last lines that are reported.
const LINES: usize = 5;

/// A running server. It ends when this value is dropped.
#[derive(Debug)]
pub(super) struct ServerProcess {
    group: ProcessGroup,
    /// Its standard output and error.
    log: File,
    watcher: DeathWatcher,
}

impl ServerProcess {
    /// Starts a server by a command line of the shell.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start(line: &str) -> Result<Self> {
        let fault = |error: io::Error| Error::NotExecuted {
            program: escape(&shorten(line, 80)),
            what: format!("it cannot be started: {error}"),
            code: 126,
        };
        let log = tempfile::tempfile().map_err(fault)?;
        let [program, flag] = shell();
        let mut command = Command::new(program);
        command
            .args([flag, line])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(fault)?)
            .stderr(log.try_clone().map_err(fault)?);
        // A server that records itself would be a second run.
        for variable in [DATABASE, LAYER_DATABASE, RUN_ID, SYSTEM_TURN] {
            command.env_remove(variable);
        }
        // Ctrl-C on the terminal reaches this process only, which ends the server in order.
        let group = ProcessGroup::start(&mut command).map_err(fault)?;
        Ok(Self {
            watcher: DeathWatcher::of(group.child()),
            group,
            log,
        })
    }

    /// Returns its process id.
    pub(super) fn id(&self) -> u32 {
        self.group.child().id()
    }

    /// Returns its exit status, if it has ended.
    pub(super) fn status(&mut self) -> Option<ExitStatus> {
        self.group.status().ok().flatten()
    }

    /// Like [`ServerProcess::status`], but waits a moment: a connection ends before its process.
    pub(super) fn status_soon(&mut self) -> Option<ExitStatus> {
        let end = Instant::now() + Duration::from_secs(1);
        while self.status().is_none() && Instant::now() < end {
            std::thread::sleep(POLL);
        }
        self.status()
    }

    /// Returns the last lines that it has printed, for a message; empty if there are none.
    pub(super) fn last_lines(&self) -> String {
        let text = tail(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut last: Vec<String> = lines
            .rev()
            .take(LINES)
            .map(|line| escape(&shorten(line, LONGEST_LINE)))
            .collect();
        last.reverse();
        match last.is_empty() {
            true => String::new(),
            false => format!("; its last lines: {}", last.join(" / ")),
        }
    }

    /// Ends it and its descendants: by SIGTERM, or later by SIGKILL.
    fn end(&mut self) {
        self.group.signal(EndSignal::TERMINATE);
        let end = Instant::now() + ENDING;
        while self.status().is_none() && Instant::now() < end {
            std::thread::sleep(POLL);
        }
        // Descendants may have ignored SIGTERM although the first process has ended.
        self.group.signal(EndSignal::AtOnce);
        // The id of the group is free for other processes once the first one is reaped.
        self.watcher.end();
        let _ = self.group.child_mut().wait();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads the last bytes without moving the position at which the server writes.
#[cfg(unix)]
fn tail(log: &File) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;
    let from = log.metadata()?.len().saturating_sub(TAIL);
    let mut bytes = vec![0; TAIL as usize];
    let read = log.read_at(&mut bytes, from)?;
    bytes.truncate(read);
    Ok(bytes)
}

#[cfg(not(unix))]
fn tail(mut log: &File) -> io::Result<Vec<u8>> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let from = log.metadata()?.len().saturating_sub(TAIL);
    log.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    log.take(TAIL).read_to_end(&mut bytes)?;
    log.seek(SeekFrom::End(0))?;
    Ok(bytes)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_server_that_ended_are_reported() {
        let line = "for i in 1 2 3 4 5 6; do echo line $i >&2; done; exit 3";
        let mut server = ServerProcess::start(line).unwrap();
        let status = server.status_soon().unwrap();
        assert_eq!(status.code(), Some(3));
        let lines = server.last_lines();
        assert!(
            lines.ends_with("line 2 / line 3 / line 4 / line 5 / line 6"),
            "{lines}"
        );
    }

    #[test]
    fn descendants_end_with_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let line = format!(
            "sh -c 'trap \"\" TERM; echo $$ > {}; sleep 100' & sleep 100",
            file.display()
        );
        let server = ServerProcess::start(&line).unwrap();
        let begin = Instant::now();
        let pid = loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Ok(pid) = text.trim().parse::<libc::pid_t>() {
                break pid;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "no pid");
            std::thread::sleep(POLL);
        };
        drop(server);
        let begin = Instant::now();
        // SAFETY: a plain system call that sends nothing.
        while unsafe { libc::kill(pid, 0) } == 0 && begin.elapsed() < Duration::from_secs(60) {
            // It was killed; whoever adopted it may not have reaped it yet.
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if stat.contains(") Z") {
                break;
            }
            std::thread::sleep(POLL);
        }
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "it is still there"
        );
    }
}
