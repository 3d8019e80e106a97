//! Runs the sensor's child process and the threads that read its output.
//!
//! The child runs in its own process group, so that Ctrl-C in the terminal reaches only the
//! traced program, and without stdin, so that it cannot read from the terminal. Documents
//! get their arrival time on the reading thread. The child may be `sudo` with a child of
//! root. It is ended by SIGTERM, which sudo forwards, or by closing the pipe. SIGKILL would
//! orphan root's process.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::stream::{DocumentStream, StreamSegment};
use crate::clock::Clock;
use crate::cpu_time;
use energy_data::units::Nanos;

/// Bytes of stderr to keep.
const STDERR_KEPT: usize = 4096;

/// Time after which a reading thread checks whether to close the pipe.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A piece of the child's output and its arrival time.
pub(super) type Arrival = (Nanos, StreamSegment);

/// A running sensor.
pub(super) struct SensorChild {
    child: Option<Child>,
    arrivals: Receiver<Arrival>,
    close: Arc<AtomicBool>,
    stderr: Arc<Mutex<Vec<u8>>>,
    threads: Vec<JoinHandle<()>>,
    tids: Arc<Mutex<Vec<i64>>>,
}

/// The result of waiting for the sensor's output.
pub(super) enum Wait {
    Arrived(Arrival),
    Nothing,
    /// The output has ended.
    Ended,
}

impl SensorChild {
    pub(super) fn spawn(mut command: Command, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (stdout, stderr_pipe) = (child.stdout.take(), child.stderr.take());
        let (sender, arrivals) = mpsc::channel();
        let close = Arc::new(AtomicBool::new(false));
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let tids = Arc::new(Mutex::new(Vec::new()));
        let mut sensor = Self {
            child: Some(child),
            arrivals,
            close: Arc::clone(&close),
            stderr: Arc::clone(&stderr),
            threads: Vec::new(),
            tids,
        };
        if let (Some(stdout), Some(stderr_pipe)) = (stdout, stderr_pipe) {
            let stop = Arc::clone(&close);
            sensor.thread(move || read_documents(stdout, &stop, &*clock, &sender))?;
            sensor.thread(move || keep_tail(stderr_pipe, &close, &stderr))?;
        }
        Ok(sensor)
    }

    fn thread(&mut self, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let tids = Arc::clone(&self.tids);
        let named = std::thread::Builder::new().name("energy-power".into());
        self.threads.push(named.spawn(move || {
            lock(&tids).push(cpu_time::current_tid());
            work();
        })?);
        Ok(())
    }

    pub(super) fn wait(&self, timeout: Duration) -> Wait {
        match self.arrivals.recv_timeout(timeout) {
            Ok(arrival) => Wait::Arrived(arrival),
            Err(RecvTimeoutError::Timeout) => Wait::Nothing,
            Err(RecvTimeoutError::Disconnected) => Wait::Ended,
        }
    }

    /// Returns the output that has arrived, without waiting.
    pub(super) fn arrived(&self) -> impl Iterator<Item = Arrival> {
        self.arrivals.try_iter()
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub(super) fn tids(&self) -> Vec<i64> {
        lock(&self.tids).clone()
    }

    /// Returns the end of a reaped child's stderr. Waits only shortly for the end of the
    /// pipe, because a process that the child left running may hold it open.
    pub(super) fn stderr_tail(&self) -> String {
        let deadline = Instant::now() + POLL_INTERVAL;
        let reading = || self.threads.iter().any(|thread| !thread.is_finished());
        while reading() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        String::from_utf8_lossy(&lock(&self.stderr))
            .trim()
            .to_owned()
    }

    /// Sends SIGTERM to the child; sudo forwards it.
    pub(super) fn terminate(&self) {
        let Some(pid) = self.pid().and_then(|pid| libc::pid_t::try_from(pid).ok()) else {
            return;
        };
        // SAFETY: the child has not been waited for, so the pid is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }

    /// Returns all output up to its end, waiting at most `timeout`.
    pub(super) fn drain(&self, timeout: Duration) -> Vec<Arrival> {
        let deadline = Instant::now() + timeout;
        let mut drained = Vec::new();
        while let Wait::Arrived(arrival) =
            self.wait(deadline.saturating_duration_since(Instant::now()))
        {
            drained.push(arrival);
        }
        drained
    }

    /// Reaps the child if it ends within `timeout`.
    pub(super) fn reap(&mut self, timeout: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            match self.child.as_mut()?.try_wait() {
                Ok(Some(status)) => {
                    self.child = None;
                    return Some(status);
                }
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                _ => return None,
            }
        }
    }

    /// Closes the pipes and reaps the child, waiting at most `timeout`. A child that is still
    /// running ends at its next write and is reaped by a thread. Returns whether it has ended.
    pub(super) fn close(&mut self, timeout: Duration) -> bool {
        self.close.store(true, Ordering::SeqCst);
        self.reap(timeout);
        let Some(mut child) = self.child.take() else {
            return true;
        };
        let reaper = std::thread::Builder::new().name("energy-power".into());
        // If the thread cannot be started, the child stays a zombie until this process ends.
        let _ = reaper.spawn(move || child.wait());
        false
    }

    /// Joins the threads, which end within [`POLL_INTERVAL`] once the pipes are closed.
    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // A panic has been printed already.
            let _ = thread.join();
        }
    }
}

impl Drop for SensorChild {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.terminate();
            self.close(Duration::ZERO);
        }
        self.close.store(true, Ordering::SeqCst);
        self.join();
    }
}

fn read_documents(
    mut stdout: ChildStdout,
    close: &AtomicBool,
    clock: &dyn Clock,
    arrivals: &Sender<Arrival>,
) {
    let mut stream = DocumentStream::default();
    let mut buffer = vec![0; 64 << 10];
    while let Some(length) = read_some(&mut stdout, &mut buffer, close) {
        let now = clock.now();
        for segment in stream.push(&buffer[..length]) {
            if arrivals.send((now, segment)).is_err() {
                return;
            }
        }
    }
    if let Some(rest) = stream.finish() {
        // Fails only if the receiver was dropped.
        let _ = arrivals.send((clock.now(), rest));
    }
}

fn keep_tail(mut stderr: ChildStderr, close: &AtomicBool, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    while let Some(length) = read_some(&mut stderr, &mut buffer, close) {
        let mut kept = lock(kept);
        kept.extend_from_slice(&buffer[..length]);
        let excess = kept.len().saturating_sub(STDERR_KEPT);
        kept.drain(..excess);
    }
}

/// Waits for bytes; `None` at the end of the pipe or if `close` is set.
fn read_some(
    pipe: &mut (impl Read + AsRawFd),
    buffer: &mut [u8],
    close: &AtomicBool,
) -> Option<usize> {
    while !close.load(Ordering::SeqCst) {
        if !readable(pipe.as_raw_fd()) {
            continue;
        }
        match pipe.read(buffer) {
            Ok(0) => return None,
            Ok(length) => return Some(length),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    None
}

/// Waits up to [`POLL_INTERVAL`] for bytes; also true at the end of the pipe.
fn readable(fd: i32) -> bool {
    let mut poll = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `poll` is one valid pollfd; the descriptor is open while its pipe
    // is borrowed by the caller.
    unsafe { libc::poll(&mut poll, 1, POLL_INTERVAL.as_millis() as libc::c_int) > 0 }
}

/// Locks despite poisoning: a panic cannot leave plain bytes in a broken state.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
