//! The `powermetrics` process: started, read without blocking, ended politely.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::stream::{DocumentStream, Segment};
use crate::units::Nanos;

/// Names another executable, run without sudo.
pub const EXECUTABLE_VARIABLE: &str = "TRACING_ENERGY_POWERMETRICS";
const EXECUTABLE: &str = "/usr/bin/powermetrics";
/// Kept of what the process says on stderr.
const STDERR_KEPT: usize = 4096;
/// One process delivers samples for this long, then a new one is started: a
/// process that lost its parent ends by itself.
const LIFETIME: Nanos = Nanos::from_millis(3_600_000);

/// How to start the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) executable: Option<OsString>,
    pub(super) interval: Nanos,
    pub(super) with_ane: bool,
}

impl Start {
    fn command(&self) -> Command {
        let mut command = match &self.executable {
            Some(executable) => Command::new(executable),
            None if is_root() => Command::new(EXECUTABLE),
            None => {
                let mut sudo = Command::new("sudo");
                sudo.args(["-n", EXECUTABLE]);
                sudo
            }
        };
        let millis = (self.interval.nanos() / 1_000_000).max(1);
        let samples = (LIFETIME.nanos() / 1_000_000 / millis).max(1);
        let samplers =
            if self.with_ane { "cpu_power,gpu_power,ane_power,thermal" } else { "cpu_power,gpu_power,thermal" };
        command.args(["-f", "plist", "-b", "0", "-s", samplers]);
        command.args(["-i", &millis.to_string(), "-n", &samples.to_string()]);
        command
    }
}

fn is_root() -> bool {
    // SAFETY: takes nothing, cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// The running process.
pub(super) struct Process {
    child: Child,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    said: Vec<u8>,
    stream: DocumentStream,
}

impl Process {
    /// Starts it in a process group of its own, so that a terminal's Ctrl-C does
    /// not end it before the last interval is read.
    pub(super) fn spawn(start: &Start) -> std::io::Result<Self> {
        let mut child = start
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        stdout.iter().for_each(do_not_block);
        stderr.iter().for_each(do_not_block);
        Ok(Self { child, stdout, stderr, said: Vec::new(), stream: DocumentStream::default() })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether its output has ended.
    pub(super) fn is_silent(&self) -> bool {
        self.stdout.is_none()
    }

    /// What it said on stderr last.
    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&self.said).trim().to_owned()
    }

    /// Waits for output, at most `patience`; the documents it brought, each with
    /// how long ago it came.
    pub(super) fn read(&mut self, patience: Duration) -> Vec<(Instant, Segment)> {
        self.wait(patience);
        let mut segments = Vec::new();
        if let Some(stderr) = &mut self.stderr {
            let said = &mut self.said;
            if read_all(stderr, |bytes| keep_last(said, bytes)) {
                self.stderr = None;
            }
        }
        if let Some(stdout) = &mut self.stdout {
            let (stream, now) = (&mut self.stream, Instant::now());
            let ended =
                read_all(stdout, |bytes| segments.extend(stream.push(bytes).into_iter().map(|s| (now, s))));
            if ended {
                segments.extend(self.stream.finish().map(|segment| (now, segment)));
                self.stdout = None;
            }
        }
        segments
    }

    fn wait(&self, patience: Duration) {
        let fds = [self.stdout.as_ref().map(AsRawFd::as_raw_fd), self.stderr.as_ref().map(AsRawFd::as_raw_fd)];
        let poll = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut fds: Vec<_> = fds.into_iter().flatten().map(poll).collect();
        let millis = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: pointer and length are those of a live vector.
        unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, millis) };
    }

    /// Asks it to end. Signals go to the process we started: sudo hands SIGTERM
    /// on, and may not be killed by force, for its child would go on.
    pub(super) fn terminate(&self) {
        if let Ok(pid) = libc::pid_t::try_from(self.child.id()) {
            // SAFETY: plain system call; our child is not reaped yet, so the pid is its.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
    }

    /// Collects the ended process; none if it has not ended in `patience`.
    pub(super) fn reap(&mut self, patience: Duration) -> Option<ExitStatus> {
        let begin = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(None) if begin.elapsed() < patience => std::thread::sleep(Duration::from_millis(5)),
                Ok(status) => return status,
                Err(_) => return None,
            }
        }
    }
}

fn do_not_block(file: &impl AsRawFd) {
    let fd = file.as_raw_fd();
    // SAFETY: plain system calls on a descriptor that we own.
    unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
    }
}

/// Reads what is there; true at the end of the file.
fn read_all(file: &mut impl Read, mut take: impl FnMut(&[u8])) -> bool {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return true,
            Ok(len) => take(&buffer[..len]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

fn keep_last(said: &mut Vec<u8>, bytes: &[u8]) {
    said.extend_from_slice(bytes);
    let surplus = said.len().saturating_sub(STDERR_KEPT);
    said.drain(..surplus);
}
