//! SIGINT and SIGTERM while programs are executed: the present one ends in order, and
//! no other is begun.
//!
//! On a terminal the signal goes to the program, too. Where it came to this process
//! alone, it is handed on.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Between looks at a program.
const LOOK: Duration = Duration::from_millis(20);
/// After this time a program that has not heard of the signal is told.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the user wants no more.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard error.
    pub told: Vec<u8>,
}

impl Interrupt {
    /// Listens from now on: the signals do not end this process any more.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> Result<Self> {
        let interrupt = Self::default();
        #[cfg(unix)]
        for signal in [libc::SIGINT, libc::SIGTERM] {
            let number = usize::try_from(signal).unwrap_or(1);
            let flag = Arc::clone(&interrupt.signal);
            signal_hook::flag::register_usize(signal, flag, number)?;
        }
        Ok(interrupt)
    }

    /// Whether a signal has come.
    pub fn has_come(&self) -> bool {
        self.signal() != 0
    }

    /// The number of the signal that came; 0 if none did.
    pub fn signal(&self) -> usize {
        self.signal.load(Ordering::Relaxed)
    }

    /// What is told of it.
    pub fn error(&self) -> Error {
        Error::Interrupted {
            signal: self.signal(),
        }
    }

    /// Waits for so long, or until a signal comes.
    pub fn pause(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.has_come() && Instant::now() < end {
            std::thread::sleep(LOOK.min(end.saturating_duration_since(Instant::now())));
        }
    }

    /// Waits for a program's end.
    ///
    /// # Errors
    /// When the system refuses to tell of it.
    pub fn wait(&self, mut child: Child) -> Result<Ended> {
        let stderr = child.stderr.take();
        let reader = std::thread::spawn(move || {
            let mut told = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.read_to_end(&mut told);
            }
            told
        });
        let mut since = None;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if self.has_come() && since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                self.hand_on(&child);
                since = Some(Instant::now());
            }
            std::thread::sleep(LOOK);
        };
        Ok(Ended {
            status,
            told: reader.join().unwrap_or_default(),
        })
    }

    #[cfg(unix)]
    fn hand_on(&self, child: &Child) {
        let signal = i32::try_from(self.signal()).unwrap_or(libc::SIGTERM);
        if let Ok(pid) = libc::pid_t::try_from(child.id()) {
            // SAFETY: the child was not waited for yet, so that its id is still its own.
            unsafe { libc::kill(pid, signal) };
        }
    }

    #[cfg(not(unix))]
    fn hand_on(&self, _child: &Child) {}
}
