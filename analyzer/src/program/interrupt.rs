//! SIGINT, SIGTERM and SIGHUP while programs are executed: the current one ends regularly, and no
//! other is started.
//!
//! On a terminal the program receives the signal, too. If only this process received it, it
//! is forwarded.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Polling interval of a program's status.
const POLL: Duration = Duration::from_millis(20);
/// Polling interval of a program that has run for some seconds.
const LONGEST_POLL: Duration = Duration::from_millis(100);
/// Time after which the signal is forwarded to a program that is still running.
const FORWARD_AFTER: Duration = Duration::from_secs(2);
/// Time after which a program that was requested to end is killed.
const KILL_AFTER: Duration = Duration::from_secs(10);
/// Time to wait for standard error after the end of a program.
const REMAINDER: Duration = Duration::from_secs(1);
/// Bytes of standard error that are kept.
const KEPT: usize = 16_384;

/// Receiver of SIGINT, SIGTERM and SIGHUP.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
}

/// Returns whether a signal is ignored.
#[cfg(unix)]
fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only reads the present one into `action`.
    let read = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: zeroed or filled in; both are valid.
    read == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Result of a program that has ended.
#[derive(Debug)]
pub struct ProgramExit {
    /// Exit status.
    pub status: ExitStatus,
    /// End of the captured standard error.
    pub stderr: Vec<u8>,
    /// Whether it was ended because it took longer than permitted.
    pub has_timed_out: bool,
}

impl Interrupt {
    /// Installs the handlers: from now on the signals do not end this process.
    ///
    /// # Errors
    /// If the handlers cannot be installed.
    pub fn listen() -> Result<Self> {
        let interrupt = Self::default();
        #[cfg(unix)]
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // `nohup` keeps its effect.
            if signal == libc::SIGHUP && is_ignored(signal) {
                continue;
            }
            let number = usize::try_from(signal).unwrap_or(1);
            let flag = Arc::clone(&interrupt.signal);
            signal_hook::flag::register_usize(signal, flag, number)?;
        }
        Ok(interrupt)
    }

    /// Returns whether a signal was received.
    pub fn is_received(&self) -> bool {
        self.signal() != 0
    }

    /// Returns the number of the received signal; 0 if there is none.
    pub fn signal(&self) -> usize {
        self.signal.load(Ordering::Relaxed)
    }

    /// Returns the error for the received signal.
    pub fn error(&self) -> Error {
        Error::Interrupted {
            signal: self.signal(),
        }
    }

    /// Sleeps for `time`, or until a signal is received.
    pub fn pause(&self, time: Duration) {
        let begun = Instant::now();
        while !self.is_received() && begun.elapsed() < time {
            std::thread::sleep(POLL.min(time.saturating_sub(begun.elapsed())));
        }
    }

    /// Waits until a program has ended.
    ///
    /// # Errors
    /// If its status cannot be read.
    pub fn wait(&self, child: Child) -> Result<ProgramExit> {
        self.wait_for(child, None)
    }

    /// Waits until a program has ended. After `limit` it is requested to end, and killed if it does
    /// not.
    ///
    /// # Errors
    /// If its status cannot be read.
    pub fn wait_for(&self, mut child: Child, limit: Option<Duration>) -> Result<ProgramExit> {
        let tail = StderrTail::of(&mut child);
        let begun = Instant::now();
        let (mut since, mut terminated) = (None, None);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if self.is_received()
                && since.get_or_insert_with(Instant::now).elapsed() > FORWARD_AFTER
            {
                self.forward(&child);
                since = Some(Instant::now());
            }
            match terminated {
                None if limit.is_some_and(|limit| begun.elapsed() > limit) => {
                    send(&child, TERMINATE);
                    terminated = Some(Instant::now());
                }
                Some(at) if Instant::elapsed(&at) > KILL_AFTER => child.kill()?,
                _ => {}
            }
            // A program that runs for long is looked at less often: polling costs CPU time, too.
            std::thread::sleep((begun.elapsed() / 50).clamp(POLL, LONGEST_POLL));
        };
        Ok(ProgramExit {
            status,
            stderr: tail.text(),
            has_timed_out: terminated.is_some(),
        })
    }

    fn forward(&self, child: &Child) {
        send(child, i32::try_from(self.signal()).unwrap_or(TERMINATE));
    }
}

/// Number of the signal that requests a process to end.
#[cfg(unix)]
const TERMINATE: i32 = libc::SIGTERM;
#[cfg(not(unix))]
const TERMINATE: i32 = 15;

#[cfg(unix)]
fn send(child: &Child, signal: i32) {
    if let Ok(pid) = libc::pid_t::try_from(child.id()) {
        // SAFETY: the child was not reaped yet, so its pid cannot be reused.
        unsafe { libc::kill(pid, signal) };
    }
}

#[cfg(not(unix))]
fn send(_child: &Child, _signal: i32) {}

/// Reader of a program's standard error, of which it keeps the end.
struct StderrTail {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl StderrTail {
    fn of(child: &mut Child) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (stderr, shared) = (child.stderr.take(), Arc::clone(&kept));
        let reader = std::thread::spawn(move || {
            let Some(mut stderr) = stderr else {
                return;
            };
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
                let excess = kept.len().saturating_sub(KEPT);
                kept.drain(..excess);
            }
        });
        Self { kept, reader }
    }

    /// Returns the end of the text. A process that the program started and that still runs may
    /// write more, which nobody waits for.
    fn text(self) -> Vec<u8> {
        let begun = Instant::now();
        while !self.reader.is_finished() && begun.elapsed() < REMAINDER {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut kept)
    }
}
