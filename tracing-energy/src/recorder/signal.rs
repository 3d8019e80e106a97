//! Ends a recording on SIGINT and SIGTERM, if asked.

use std::sync::Weak;

use crate::guard::Ending;

/// Starts a thread that ends the recording on a signal. If nobody else handles
/// the signal, it then does what it would have done; else the other handler has
/// run already and decides.
///
/// # Errors
/// When the system refuses handler or thread.
#[cfg(unix)]
pub(crate) fn end_on_signal(ending: Weak<Ending>) -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let is_ours = [SIGINT, SIGTERM].map(|signal| (signal, has_default_handler(signal)));
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("energy-signal".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if let Some(ending) = ending.upgrade() {
                    let _ = ending.finish(crate::rows::RunStatus::Cancelled);
                }
                if is_ours.contains(&(signal, true)) {
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            }
        })?;
    Ok(())
}

#[cfg(unix)]
fn has_default_handler(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only reads the present one into `action`.
    let read = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: zeroed or filled in; both are valid.
    let action = unsafe { action.assume_init() };
    read == 0 && action.sa_sigaction == libc::SIG_DFL
}

/// Signals are not handled on this platform.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub(crate) fn end_on_signal(_: Weak<Ending>) -> std::io::Result<()> {
    Ok(())
}
