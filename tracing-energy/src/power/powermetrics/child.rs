//! The sensor's child process and the threads that drain it.
//!
//! It runs in its own process group, so that Ctrl-C in the terminal reaches the
//! traced program only, and with no stdin, so that it cannot take the terminal.
//! Documents get their arrival time on the thread that reads them. The child
//! may be `sudo`, whose own child is root's: it is ended by SIGTERM, which sudo
//! passes on, or by closing the pipe, never by SIGKILL, which would orphan it.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::stream::{DocumentStream, Segment};
use crate::clock::Clock;
use crate::cpu_time;
use crate::units::Nanos;

/// What is kept of stderr.
const STDERR_KEPT: usize = 4096;

/// How often the reading thread looks whether the pipe shall be closed.
const LOOK: Duration = Duration::from_millis(100);

/// A piece of the child's output and when it came.
pub(super) type Arrival = (Nanos, Segment);

/// A running sensor.
pub(super) struct Sensor {
    child: Option<Child>,
    arrivals: Receiver<Arrival>,
    close: Arc<AtomicBool>,
    stderr: Arc<Mutex<Vec<u8>>>,
    threads: Vec<JoinHandle<()>>,
    tids: Arc<Mutex<Vec<i64>>>,
}

/// What waiting for the sensor brought.
pub(super) enum Wait {
    Arrived(Arrival),
    Nothing,
    /// Its output has ended.
    Ended,
}

impl Sensor {
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

    pub(super) fn wait(&self, patience: Duration) -> Wait {
        match self.arrivals.recv_timeout(patience) {
            Ok(arrival) => Wait::Arrived(arrival),
            Err(RecvTimeoutError::Timeout) => Wait::Nothing,
            Err(RecvTimeoutError::Disconnected) => Wait::Ended,
        }
    }

    /// What has arrived already.
    pub(super) fn arrived(&self) -> impl Iterator<Item = Arrival> {
        self.arrivals.try_iter()
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub(super) fn tids(&self) -> Vec<i64> {
        lock(&self.tids).clone()
    }

    /// The end of what a child that was reaped wrote to stderr. A process that it
    /// left behind may hold the pipe open, so the wait for its end is short.
    pub(super) fn last_words(&self) -> String {
        let deadline = Instant::now() + LOOK;
        let reading = || self.threads.iter().any(|thread| !thread.is_finished());
        while reading() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        String::from_utf8_lossy(&lock(&self.stderr))
            .trim()
            .to_owned()
    }

    /// Asks the child to end; sudo passes the signal on.
    pub(super) fn terminate(&self) {
        let Some(pid) = self.pid().and_then(|pid| libc::pid_t::try_from(pid).ok()) else {
            return;
        };
        // SAFETY: the child has not been waited for, so the pid is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }

    /// Everything up to the end of its output, waiting at most `patience`.
    pub(super) fn drain(&self, patience: Duration) -> Vec<Arrival> {
        let deadline = Instant::now() + patience;
        let mut drained = Vec::new();
        while let Wait::Arrived(arrival) =
            self.wait(deadline.saturating_duration_since(Instant::now()))
        {
            drained.push(arrival);
        }
        drained
    }

    /// Reaps the child if it ends within `patience`.
    pub(super) fn reap(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
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

    /// Closes the pipes and reaps the child, waiting at most `patience`. One that
    /// is still there then ends at its next write; a thread reaps it. Whether it
    /// has ended.
    pub(super) fn close(&mut self, patience: Duration) -> bool {
        self.close.store(true, Ordering::SeqCst);
        self.reap(patience);
        let Some(mut child) = self.child.take() else {
            return true;
        };
        let reaper = std::thread::Builder::new().name("energy-power".into());
        // Without a thread the child stays a zombie until this process ends.
        let _ = reaper.spawn(move || child.wait());
        false
    }

    /// Joins the threads; they end within [`LOOK`] once the pipes are closed.
    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // A panic there has been printed; its output has ended.
            let _ = thread.join();
        }
    }
}

impl Drop for Sensor {
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
        // Nobody listens any more: then the rest does not matter.
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

/// Waits for bytes; `None` at the end of the pipe or when it shall be closed.
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

/// Waits up to [`LOOK`]; true also at the end of the pipe.
fn readable(fd: i32) -> bool {
    let mut poll = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `poll` is one valid pollfd; the descriptor is open while its pipe
    // is borrowed by the caller.
    unsafe { libc::poll(&mut poll, 1, LOOK.as_millis() as libc::c_int) > 0 }
}

/// The data are plain bytes and numbers: a panic elsewhere cannot break them.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
