//! Progress bar on the terminal for commands that take more than a second.

use std::io::{IsTerminal, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Delay before the bar is shown.
const SHOW_AFTER: Duration = Duration::from_secs(1);
/// Time between two redraws.
const TICK: Duration = Duration::from_millis(120);

/// A progress bar, or a spinner if the amount of work is unknown, on standard error.
/// Nothing is shown if that is not a terminal. Dropping it removes the bar.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    /// Thread that shows the bar after the delay; `None` without a terminal.
    delayed: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts a spinner with the message `what`.
    pub(super) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(style("{spinner} {msg} {elapsed}"));
        bar.set_message(what);
        let delayed = std::io::stderr().is_terminal().then(|| {
            let (ended, is_ended) = channel();
            let shown = bar.clone();
            (
                ended,
                std::thread::spawn(move || show_after_delay(&shown, &is_ended)),
            )
        });
        Self { bar, delayed }
    }

    /// Shows that `done` of `all` steps are done, with the name of the next one.
    pub(super) fn set(&self, done: usize, all: usize, next: &str) {
        if self.bar.length().is_none() {
            self.bar
                .set_style(style("{bar:20} {pos}/{len} {msg} {elapsed}, {eta} left"));
        }
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(crate::format::escape(next));
    }
}

impl Progress {
    /// Prints a line on standard error without disturbing the bar.
    pub(super) fn line(&self, text: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{}", crate::format::escape(text));
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((ended, delayed)) = self.delayed.take() {
            drop(ended);
            let _ = delayed.join();
        }
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Shows `bar` after the delay, unless the work has ended before.
fn show_after_delay(bar: &ProgressBar, ended: &Receiver<()>) {
    if ended.recv_timeout(SHOW_AFTER) == Err(RecvTimeoutError::Timeout) {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(TICK);
    }
}
