//! Ends recordings on SIGINT, SIGTERM and SIGHUP, if enabled.
//!
//! One thread of the process listens for all recorders. The signal takes effect once the last of
//! them has ended. If a program has requested the next signal, that one has no other effect. In a
//! fork, which has no such thread, a signal takes effect immediately.

use std::sync::Weak;

use super::ActiveRecording;

/// Ends the recording on a signal. Without another handler, the signal then has its default
/// effect; otherwise the other handler has run already and decides. An ignored signal
/// (`nohup`, a shell's background job) stays ignored.
///
/// # Errors
/// When the signal handler or the thread cannot be created.
#[cfg(all(unix, feature = "signals"))]
pub(crate) fn end_on_signal(ending: Weak<ActiveRecording>) -> std::io::Result<()> {
    listening::add(ending)
}

/// Returns the system id of the listening thread, if any.
pub(crate) fn listener_tid() -> Option<i64> {
    #[cfg(all(unix, feature = "signals"))]
    return listening::tid();
    #[cfg(not(all(unix, feature = "signals")))]
    None
}

/// Signals are not handled on this platform.
///
/// # Errors
/// Never.
#[cfg(not(all(unix, feature = "signals")))]
pub(crate) fn end_on_signal(_: Weak<ActiveRecording>) -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(unix, feature = "signals"))]
mod listening {
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
    use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, Weak};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    use crate::recorder::ActiveRecording;
    use energy_data::rows::RunStatus;
    use energy_power::cpu_time;

    const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

    /// Recordings to end.
    static ENDINGS: Mutex<Vec<Weak<ActiveRecording>>> = Mutex::new(Vec::new());

    /// Id of the process that has the listening thread; 0 if none.
    static LISTENER: AtomicU32 = AtomicU32::new(0);

    /// System id of the listening thread.
    static TID: AtomicI64 = AtomicI64::new(0);

    /// Returns the thread's system id; `None` in a fork, which has no such thread.
    pub(super) fn tid() -> Option<i64> {
        let listens = LISTENER.load(Ordering::SeqCst) == std::process::id();
        listens.then(|| TID.load(Ordering::SeqCst))
    }

    /// Adds a recording; the first one of the process starts the thread.
    pub(super) fn add(ending: Weak<ActiveRecording>) -> std::io::Result<()> {
        let mut endings = lock();
        endings.retain(|ending| ending.strong_count() > 0);
        endings.push(ending);
        let here = std::process::id();
        if LISTENER.load(Ordering::SeqCst) == here {
            return Ok(());
        }
        // Before `defaulted`, which installs handlers.
        let handled = handled();
        let defaulted = defaulted()?;
        let mut signals = Signals::new(handled)?;
        std::thread::Builder::new()
            .name("energy-signal".to_owned())
            .spawn(move || {
                TID.store(cpu_time::current_tid(), Ordering::SeqCst);
                for signal in signals.forever() {
                    let are_ended = end_all(signal);
                    if are_ended && defaulted.contains(&signal) {
                        let _ = signal_hook::low_level::emulate_default_handler(signal);
                    }
                }
            })?;
        LISTENER.store(here, Ordering::SeqCst);
        Ok(())
    }

    fn lock() -> MutexGuard<'static, Vec<Weak<ActiveRecording>>> {
        ENDINGS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the signal over to the program for recordings that it ends itself, and ends all others.
    /// Returns whether it ended all. The lock is not held: this takes seconds, and another recording
    /// may begin.
    fn end_all(signal: i32) -> bool {
        let endings: Vec<_> = lock().iter().filter_map(Weak::upgrade).collect();
        let mut are_ended = true;
        for ending in endings {
            match ending.hand_over(signal) {
                true => are_ended = false,
                false => drop(ending.finish(RunStatus::Cancelled)),
            }
        }
        are_ended
    }

    /// Returns the signals that are not ignored; determined once.
    fn handled() -> &'static [i32] {
        static HANDLED: OnceLock<Vec<i32>> = OnceLock::new();
        HANDLED.get_or_init(|| {
            let handled = SIGNALS.into_iter();
            handled
                .filter(|&s| handler(s) != Some(libc::SIG_IGN))
                .collect()
        })
    }

    /// Returns the signals with default handling before this library's handlers; determined
    /// once, since they are replaced afterwards. In a fork the handlers restore the default
    /// effect.
    fn defaulted() -> std::io::Result<&'static [i32]> {
        static DEFAULTED: OnceLock<Vec<i32>> = OnceLock::new();
        if let Some(defaulted) = DEFAULTED.get() {
            return Ok(defaulted);
        }
        let defaulted: Vec<i32> = SIGNALS
            .into_iter()
            .filter(|&signal| handler(signal) == Some(libc::SIG_DFL))
            .collect();
        for &signal in &defaulted {
            // Before the listening thread's own action, which wakes it.
            let act = move || {
                if LISTENER.load(Ordering::SeqCst) != std::process::id() {
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            };
            // SAFETY: a signal handler may load an atomic, get the process id and
            // end the process.
            unsafe { signal_hook::low_level::register(signal, act) }?;
        }
        Ok(DEFAULTED.get_or_init(|| defaulted))
    }

    /// Returns the handler of a signal, if known.
    fn handler(signal: i32) -> Option<libc::sighandler_t> {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a null new action only reads the present one into `action`.
        let read = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
        // SAFETY: zeroed or filled in; both are valid.
        let action = unsafe { action.assume_init() };
        (read == 0).then_some(action.sa_sigaction)
    }
}
