//! SIGINT, SIGTERM and SIGHUP while programs are executed: the current one ends regularly, and no
//! other is started.
//!
//! On a terminal the program receives the signal, too. If only this process received it, it
//! is forwarded.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Polling interval of a program's status.
const POLL: Duration = Duration::from_millis(20);
/// Time after which the signal is forwarded to a program that is still running.
const FORWARD_AFTER: Duration = Duration::from_secs(2);

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
    /// Captured standard error.
    pub stderr: Vec<u8>,
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
        let end = Instant::now() + time;
        while !self.is_received() && Instant::now() < end {
            std::thread::sleep(POLL.min(end.saturating_duration_since(Instant::now())));
        }
    }

    /// Waits until a program has ended.
    ///
    /// # Errors
    /// If its status cannot be read.
    pub fn wait(&self, mut child: Child) -> Result<ProgramExit> {
        let stderr = child.stderr.take();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.read_to_end(&mut text);
            }
            text
        });
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
            std::thread::sleep(POLL);
        };
        Ok(ProgramExit {
            status,
            stderr: reader.join().unwrap_or_default(),
        })
    }

    #[cfg(unix)]
    fn forward(&self, child: &Child) {
        let signal = i32::try_from(self.signal()).unwrap_or(libc::SIGTERM);
        if let Ok(pid) = libc::pid_t::try_from(child.id()) {
            // SAFETY: the child was not reaped yet, so its pid cannot be reused.
            unsafe { libc::kill(pid, signal) };
        }
    }

    #[cfg(not(unix))]
    fn forward(&self, _child: &Child) {}
}
