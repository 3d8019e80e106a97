//! Progress of an experiment on standard error: a bar on a terminal, else a line for each run.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use energy_data::rows::TrialStatus;

use super::super::progress::Progress;
use crate::experiment::{CooldownEnd, SweepEvent};
use crate::format::{escape, time_span};

/// Shows events of an experiment.
#[derive(Debug)]
pub(super) struct SweepIndicator {
    /// The bar; `None` without a terminal.
    bar: Option<Progress>,
    /// Number of warnings about conditions of runs.
    warnings: Cell<usize>,
}

/// Number of such warnings that are printed: on a busy machine every run has one.
const WARNINGS: usize = 3;

impl SweepIndicator {
    pub(super) fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            bar: is_terminal.then(|| Progress::new("preparing")),
            warnings: Cell::new(0),
        }
    }

    /// Shows an event.
    pub(super) fn show(&self, event: &SweepEvent<'_>) {
        match event {
            SweepEvent::Resumed { done, total } => {
                self.line(&format!("resuming: {done} of {total} runs have ended"))
            }
            SweepEvent::Waiting => {
                self.line("waiting for the run of an interrupted process to end")
            }
            SweepEvent::Started {
                done,
                total,
                label,
                round,
                ..
            } => {
                if let Some(bar) = &self.bar {
                    bar.set(*done, *total, &title(label, *round));
                }
            }
            SweepEvent::Ended { .. } => self.ended(event),
            SweepEvent::CooledDown(CooldownEnd::StillHigh(watts)) => {
                let text = format!("power is still {watts:.1} W after the longest pause");
                self.line(&text);
            }
            SweepEvent::Warning(text) => self.line(&format!("energy: warning: {text}")),
            _ => {}
        }
    }

    fn ended(&self, event: &SweepEvent<'_>) {
        let SweepEvent::Ended {
            done,
            total,
            label,
            round,
            status,
            duration,
            error,
            warning,
            remaining,
        } = event
        else {
            return;
        };
        let title = title(label, *round);
        if *status == TrialStatus::Failed {
            let error = error.unwrap_or("unknown error");
            self.line(&format!(
                "[{done}/{total}] {title}: failed, skipped: {error}"
            ));
        } else if self.bar.is_none() {
            let left = remaining.filter(|time| !time.is_zero());
            let left = left.map_or_else(String::new, |time| format!(", {} left", about(time)));
            self.line(&format!(
                "[{done}/{total}] {title}: {}{left}",
                text(*duration)
            ));
        }
        if let Some(warning) = warning {
            self.warn(&title, warning);
        }
    }

    fn warn(&self, title: &str, warning: &str) {
        let number = self.warnings.get() + 1;
        self.warnings.set(number);
        if number <= WARNINGS {
            self.line(&format!("energy: warning: {title}: {warning}"));
        }
        if number == WARNINGS + 1 {
            self.line("energy: warning: further runs have such warnings; the results list them");
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.line(text),
            None => {
                let _ = writeln!(std::io::stderr(), "{}", escape(text));
            }
        }
    }
}

/// Returns configuration and round.
fn title(label: &str, round: i64) -> String {
    match label.is_empty() {
        true => format!("run {round}"),
        false => format!("{label}, run {round}"),
    }
}

/// Returns a time as text.
pub(super) fn text(time: Duration) -> String {
    time_span(i64::try_from(time.as_nanos()).ok())
}

/// Returns an estimated time as text, without figures that an estimate does not have.
fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_times_are_rounded() {
        let texts = [0, 89, 90, 5399, 5400, 36_000].map(|s| about(Duration::from_secs(s)));
        let expected = ["0 s", "89 s", "2 min", "90 min", "1 h 30 min", "10 h 0 min"];
        assert_eq!(texts, expected);
    }
}
