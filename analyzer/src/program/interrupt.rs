//! SIGINT, SIGTERM and SIGHUP while programs are executed: the current one ends regularly, and no
//! other is started.
//!
//! ```text
//! this process    signal       limit
//!                    |           |
//! group of the   ----+-- same ---+-- SIGTERM --------- SIGKILL after 10 s
//! program            |
//!                    +-- SIGKILL after 10 s
//! ```
//!
//! A program without a group of its own receives signals of the terminal itself. If only this process
//! received one, it is forwarded.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::process_group::{EndSignal, ProcessGroup};
use crate::error::{Error, Result};

/// Polling interval of a program's status.
const POLL: Duration = Duration::from_millis(20);
/// Polling interval of a program that has run for some seconds.
const LONGEST_POLL: Duration = Duration::from_millis(100);
/// Time after which a signal is forwarded to a program in the group of this process.
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

    /// Waits until a program in the process group of this one has ended.
    ///
    /// # Errors
    /// If its status cannot be read.
    pub fn wait(&self, mut child: Child) -> Result<ProgramExit> {
        let tail = StderrTail::of(&mut child);
        let begun = Instant::now();
        let mut since = None;
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
            pause(begun);
        };
        Ok(ProgramExit {
            status,
            stderr: tail.text(),
            has_timed_out: false,
        })
    }

    /// Waits until the child of a group has ended, and ends its descendants. A received signal is sent
    /// to the whole group, and SIGTERM after `limit`. If the child does not end within 10 s, the group
    /// is killed.
    ///
    /// # Errors
    /// If its status cannot be read.
    pub(crate) fn wait_for(
        &self,
        mut group: ProcessGroup,
        limit: Option<Duration>,
    ) -> Result<ProgramExit> {
        let tail = StderrTail::of(group.child_mut());
        let begun = Instant::now();
        let (mut requested, mut has_timed_out) = (None, false);
        let status = loop {
            if let Some(status) = group.status()? {
                break status;
            }
            let is_late = limit.is_some_and(|limit| begun.elapsed() > limit);
            match requested {
                None if self.is_received() => {
                    let signal = i32::try_from(self.signal());
                    group.signal(signal.map_or(EndSignal::TERMINATE, EndSignal::InOrder));
                    requested = Some(Instant::now());
                }
                None if is_late => {
                    has_timed_out = true;
                    group.signal(EndSignal::TERMINATE);
                    requested = Some(Instant::now());
                }
                Some(at) if Instant::elapsed(&at) > KILL_AFTER => {
                    group.signal(EndSignal::AtOnce);
                }
                _ => {}
            }
            pause(begun);
        };
        group.end_descendants();
        Ok(ProgramExit {
            status,
            stderr: tail.text(),
            has_timed_out,
        })
    }

    #[cfg(unix)]
    fn forward(&self, child: &Child) {
        if let (Ok(pid), Ok(signal)) = (
            libc::pid_t::try_from(child.id()),
            libc::c_int::try_from(self.signal()),
        ) {
            // SAFETY: the child was not reaped yet, so its pid cannot be reused.
            unsafe { libc::kill(pid, signal) };
        }
    }

    #[cfg(not(unix))]
    fn forward(&self, _child: &Child) {}
}

/// Sleeps between two looks at a program that was started at `begun`. One that runs for long is looked
/// at less often: polling costs CPU time, too.
fn pause(begun: Instant) {
    std::thread::sleep((begun.elapsed() / 50).clamp(POLL, LONGEST_POLL));
}

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
