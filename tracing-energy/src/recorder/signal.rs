//! Ends recordings on SIGINT and SIGTERM, if asked.
//!
//! One thread of the process listens for all recorders: the signal takes effect
//! once the last of them has ended. It does not exist in a fork, where the signal
//! takes effect at once.

use std::sync::Weak;

use crate::guard::Ending;

/// Has the recording ended on a signal. If nobody else handles the signal, it then
/// does what it would have done; else the other handler has run already and
/// decides. A signal that is ignored (`nohup`, a shell's background job) stays so.
///
/// # Errors
/// When the system refuses handler or thread.
#[cfg(unix)]
pub(crate) fn end_on_signal(ending: Weak<Ending>) -> std::io::Result<()> {
    listening::add(ending)
}

/// System id of the thread that listens, where there is one.
pub(crate) fn listener_tid() -> Option<i64> {
    #[cfg(unix)]
    return listening::tid();
    #[cfg(not(unix))]
    None
}

/// Signals are not handled on this platform.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub(crate) fn end_on_signal(_: Weak<Ending>) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
mod listening {
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
    use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, Weak};

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    use crate::cpu_time;
    use crate::guard::Ending;
    use crate::rows::RunStatus;

    const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

    /// What is to be ended.
    static ENDINGS: Mutex<Vec<Weak<Ending>>> = Mutex::new(Vec::new());

    /// The process whose thread listens; 0 before there is one.
    static LISTENER: AtomicU32 = AtomicU32::new(0);

    /// That thread's system id.
    static TID: AtomicI64 = AtomicI64::new(0);

    /// None in a fork, which has no such thread.
    pub(super) fn tid() -> Option<i64> {
        let listens = LISTENER.load(Ordering::SeqCst) == std::process::id();
        listens.then(|| TID.load(Ordering::SeqCst))
    }

    /// Adds a recording; the first one of the process starts the thread.
    pub(super) fn add(ending: Weak<Ending>) -> std::io::Result<()> {
        let mut endings = lock();
        endings.retain(|ending| ending.strong_count() > 0);
        endings.push(ending);
        let here = std::process::id();
        if LISTENER.load(Ordering::SeqCst) == here {
            return Ok(());
        }
        // Before `ours`, which changes how signals are handled.
        let heard = heard();
        let ours = ours()?;
        let mut signals = Signals::new(heard)?;
        std::thread::Builder::new()
            .name("energy-signal".to_owned())
            .spawn(move || {
                TID.store(cpu_time::current_tid(), Ordering::SeqCst);
                for signal in signals.forever() {
                    end_all();
                    if ours.contains(&signal) {
                        let _ = signal_hook::low_level::emulate_default_handler(signal);
                    }
                }
            })?;
        LISTENER.store(here, Ordering::SeqCst);
        Ok(())
    }

    fn lock() -> MutexGuard<'static, Vec<Weak<Ending>>> {
        ENDINGS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Not under the lock: it takes seconds, and another recording may begin.
    fn end_all() {
        let endings: Vec<_> = lock().iter().filter_map(Weak::upgrade).collect();
        for ending in endings {
            let _ = ending.finish(RunStatus::Cancelled);
        }
    }

    /// The signals that are not ignored; decided once.
    fn heard() -> &'static [i32] {
        static HEARD: OnceLock<Vec<i32>> = OnceLock::new();
        HEARD.get_or_init(|| {
            let heard = SIGNALS.into_iter();
            heard
                .filter(|&s| handler(s) != Some(libc::SIG_IGN))
                .collect()
        })
    }

    /// The signals that nobody handled before us; decided once, for afterwards we
    /// do. In a fork they end the process again.
    fn ours() -> std::io::Result<&'static [i32]> {
        static OURS: OnceLock<Vec<i32>> = OnceLock::new();
        if let Some(ours) = OURS.get() {
            return Ok(ours);
        }
        let ours: Vec<i32> = SIGNALS
            .into_iter()
            .filter(|&signal| handler(signal) == Some(libc::SIG_DFL))
            .collect();
        for &signal in &ours {
            // Before the listening thread's own action, which wakes it.
            let act = move || {
                if LISTENER.load(Ordering::SeqCst) != std::process::id() {
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            };
            // SAFETY: a signal handler may load an atomic, ask for the process id and
            // end the process.
            unsafe { signal_hook::low_level::register(signal, act) }?;
        }
        Ok(OURS.get_or_init(|| ours))
    }

    /// What handles a signal, as far as it is known.
    fn handler(signal: i32) -> Option<libc::sighandler_t> {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a null new action only reads the present one into `action`.
        let read = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
        // SAFETY: zeroed or filled in; both are valid.
        let action = unsafe { action.assume_init() };
        (read == 0).then_some(action.sa_sigaction)
    }
}
