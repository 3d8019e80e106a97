//! Work of bounded depth and time, on a thread of its own.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

/// Does work on a thread with a stack of the given size.
///
/// # Errors
/// With the reason if the thread cannot start, fails, or takes longer than the time. In this case
/// it is left alone: nothing waits for it.
pub(super) fn apart<T: Send + 'static>(
    stack_bytes: usize,
    time: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = channel();
    let thread = Builder::new()
        .name("chat template".to_owned())
        .stack_size(stack_bytes)
        .spawn(move || {
            // The receiver may have given up.
            let _ = sender.send(work());
        });
    let thread = thread.map_err(|error| format!("no thread to render it: {error}"))?;
    match receiver.recv_timeout(time) {
        Ok(done) => {
            // Its memory is free when it has ended.
            let _ = thread.join();
            Ok(done)
        }
        Err(RecvTimeoutError::Timeout) => {
            Err(format!("it does not end within {} s", time.as_secs()))
        }
        Err(RecvTimeoutError::Disconnected) => Err("its rendering failed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::apart;
    use std::time::Duration;

    #[test]
    fn work_that_does_not_end_is_left_alone() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let work = move || receiver.recv().is_ok();
        let error = apart(1 << 20, Duration::ZERO, work).unwrap_err();
        assert_eq!(error, "it does not end within 0 s");
        drop(sender);
        let minute = Duration::from_secs(60);
        assert_eq!(apart(1 << 20, minute, || 3), Ok(3));
    }
}
