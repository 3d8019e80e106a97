//! Something that moves on the terminal while the command works for more than a second.

use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that ends sooner shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two movements.
const TICK: Duration = Duration::from_millis(120);

/// A progress bar, or a spinner where nobody knows how much there is to do, on standard
/// error; nothing where that is no terminal. It goes when it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    /// Shows the bar once it is time; none without a terminal.
    shower: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins to wait for `what`.
    pub(super) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(style("{spinner} {msg} {elapsed}"));
        bar.set_message(what);
        let shower = std::io::stderr().is_terminal().then(|| {
            let (ended, waits) = channel();
            let shown = bar.clone();
            (ended, std::thread::spawn(move || show_late(&shown, &waits)))
        });
        Self { bar, shower }
    }

    /// `done` of `all` are done, and what is next.
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

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((ended, shower)) = self.shower.take() {
            drop(ended);
            let _ = shower.join();
        }
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Shows `bar` unless the work has ended before.
fn show_late(bar: &ProgressBar, ended: &Receiver<()>) {
    if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(TICK);
    }
}
