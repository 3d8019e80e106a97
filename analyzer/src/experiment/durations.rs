//! Time until the end of an experiment, from its ended trials.

use std::collections::BTreeMap;
use std::time::Duration;

use energy_data::rows::{TrialRow, TrialStatus};

/// Durations of trials by configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Durations {
    by_config: BTreeMap<String, (u32, Duration)>,
    all: (u32, Duration),
    pauses: (u32, Duration),
}

impl Durations {
    /// Collects the durations of complete trials.
    pub(super) fn of(trials: &[TrialRow]) -> Self {
        let mut durations = Self::default();
        for trial in trials {
            let is_complete = matches!(trial.status, TrialStatus::Complete | TrialStatus::Replaced);
            if let Some(ns) = trial.duration_ns.filter(|_| is_complete) {
                let duration = Duration::from_nanos(u64::try_from(ns).unwrap_or_default());
                durations.add(&trial.configuration, duration);
            }
        }
        durations
    }

    /// Adds a duration.
    pub(super) fn add(&mut self, configuration: &str, duration: Duration) {
        let of_config = self.by_config.entry(configuration.to_owned()).or_default();
        for (count, sum) in [of_config, &mut self.all] {
            *count += 1;
            *sum += duration;
        }
    }

    /// Adds a pause between two trials.
    pub(super) fn add_pause(&mut self, pause: Duration) {
        let (count, sum) = &mut self.pauses;
        *count += 1;
        *sum += pause;
    }

    /// Returns the time that these trials will take: of each the mean of its configuration, or of
    /// all, and a mean pause; `None` if no trial has ended.
    pub(super) fn remaining<'t>(
        &self,
        trials: impl Iterator<Item = &'t TrialRow>,
    ) -> Option<Duration> {
        let mean = |(count, sum): (u32, Duration)| (count > 0).then(|| sum / count);
        let of_all = mean(self.all)?;
        let pause = mean(self.pauses).unwrap_or_default();
        let of_trial = |trial: &TrialRow| {
            let own = self.by_config.get(&trial.configuration).copied();
            own.and_then(mean).unwrap_or(of_all) + pause
        };
        Some(trials.map(of_trial).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(configuration: &str, duration_ns: Option<i64>) -> TrialRow {
        TrialRow {
            no: 1,
            round: 1,
            configuration: configuration.to_owned(),
            config: String::new(),
            position: 1,
            status: match duration_ns {
                Some(_) => TrialStatus::Complete,
                None => TrialStatus::Pending,
            },
            run_uuid: None,
            start_unix_ns: None,
            duration_ns,
            error: None,
            warning: None,
        }
    }

    #[test]
    fn a_configuration_takes_its_own_mean_or_that_of_all() {
        let ended = [
            trial("a", Some(1_000)),
            trial("a", Some(3_000)),
            trial("b", Some(8_000)),
        ];
        let pending = [trial("a", None), trial("b", None), trial("c", None)];
        let remaining = Durations::of(&ended).remaining(pending.iter());
        assert_eq!(remaining, Some(Duration::from_nanos(2_000 + 8_000 + 4_000)));
        let mut with_pauses = Durations::of(&ended);
        for ns in [1, 5] {
            with_pauses.add_pause(Duration::from_nanos(ns));
        }
        let remaining = with_pauses.remaining(pending.iter());
        assert_eq!(remaining, Some(Duration::from_nanos(14_000 + 3 * 3)));
        assert_eq!(Durations::of(&pending).remaining(pending.iter()), None);
    }
}
