//! Progress of a single run, and of downloads of models, on the terminal.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::console::warn;
use crate::format::bytes;
use crate::run::RunEvent;

/// A spinner or bar on standard error, only on a terminal. Warnings are printed everywhere.
#[derive(Debug, Default)]
pub(super) struct RunIndicator(Option<ProgressBar>);

impl RunIndicator {
    /// Shows an event.
    pub(super) fn show(&mut self, event: RunEvent<'_>) {
        match event {
            RunEvent::Warning(text) => warn(text),
            RunEvent::Step(step) => self.0 = spinner(step.to_owned()),
            RunEvent::Loading {
                done,
                total,
                needed,
            } => {
                if self.0.is_none() {
                    self.0 = bar(needed);
                }
                if let Some(bar) = &self.0 {
                    bar.set_length(total);
                    bar.set_position(done);
                }
            }
            _ => self.clear(),
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for RunIndicator {
    fn drop(&mut self) {
        self.clear();
    }
}

fn spinner(step: String) -> Option<ProgressBar> {
    let bar = std::io::stderr()
        .is_terminal()
        .then(ProgressBar::new_spinner)?;
    let bar = bar.with_style(ProgressStyle::default_spinner());
    bar.set_message(step);
    bar.enable_steady_tick(Duration::from_millis(100));
    Some(bar)
}

fn bar(needed: u64) -> Option<ProgressBar> {
    let bar = std::io::stderr()
        .is_terminal()
        .then(|| ProgressBar::new(0))?;
    let style = ProgressStyle::with_template("loading {bar:20} {bytes}/{total_bytes} {msg}");
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(format!("(needs {} of memory)", bytes(Some(needed))));
    Some(bar)
}
