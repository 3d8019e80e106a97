//! Reports of losses, which a dead collector must not make too many of.

use std::time::{Duration, Instant};

use super::outcome::DeliveryCounts;

/// Shortest and longest time between two reports.
const PAUSES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3_600));

/// Decides when losses are reported: at once, then after pauses that double up to an hour, and at the
/// end. Each report has the numbers from the start on.
#[derive(Debug)]
pub struct LossReports {
    reported: u64,
    pause: Duration,
    latest: Option<Instant>,
}

impl Default for LossReports {
    fn default() -> Self {
        Self {
            reported: 0,
            pause: PAUSES.0,
            latest: None,
        }
    }
}

impl LossReports {
    /// Returns whether a report is possible now, so that numbers need not be read.
    pub fn is_due(&self) -> bool {
        self.latest.is_none_or(|at| at.elapsed() >= self.pause)
    }

    /// Returns the report of new losses.
    pub fn report(&mut self, counts: &DeliveryCounts, endpoint: &str) -> Option<String> {
        if counts.missing() <= self.reported {
            return None;
        }
        if self.latest.is_some() {
            self.pause = (2 * self.pause).min(PAUSES.1);
        }
        (self.reported, self.latest) = (counts.missing(), Some(Instant::now()));
        counts.problem(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_collector_is_reported_less_and_less_often() {
        let mut reports = LossReports::default();
        let counts = |lost| DeliveryCounts::of_lost(lost, "it is dead");
        assert_eq!(reports.report(&counts(0), "x"), None);
        let (mut now, mut count) = (Duration::ZERO, 0);
        // A day, in which each second items are lost.
        for second in 0..86_400 {
            now += Duration::from_secs(1);
            let is_due = count == 0 || now >= reports.pause;
            assert_eq!(count == 0, reports.is_due(), "the clock has not advanced");
            if is_due {
                let text = reports.report(&counts(second + 1), "x").unwrap();
                assert!(text.starts_with(&format!("{} of", second + 1)), "{text}");
                (now, count) = (Duration::ZERO, count + 1);
            }
        }
        assert!((24..40).contains(&count), "{count} reports");
        assert_eq!(reports.report(&counts(reports.reported), "x"), None);
    }
}
