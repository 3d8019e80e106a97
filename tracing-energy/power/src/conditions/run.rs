//! Conditions of one run, collected while it goes on.

use super::change::{ConditionWarning, warnings};
use super::keys::{
    BINARY_SHA256, LOAD_OTHER_PROCESSES, NOMINAL, THERMAL_PRESSURE, THREADS, THROTTLED_SAMPLES,
};
use super::load::{CpuUsage, LoadLog};
use super::observer::{ConditionObserver, TIMEOUT, Update};
use super::snapshot::ConditionValues;
use super::system::System;
use energy_data::rows::{ConditionRow, ConditionTime};

/// Collects conditions from the observer, the power sensor and CPU times.
#[derive(Debug, Default)]
pub struct RunConditions {
    observer: Option<ConditionObserver>,
    start: ConditionValues,
    end: ConditionValues,
    load: LoadLog,
    pressure: PressureLog,
    changed: Vec<ConditionRow>,
}

/// Thermal pressure as reported by the power sensor.
#[derive(Debug, Default)]
struct PressureLog {
    at_start: Option<String>,
    last: Option<String>,
    samples: u64,
    throttled: u64,
}

impl PressureLog {
    fn add(&mut self, start_ns: i64, end_ns: i64, level: &str, run_end_ns: Option<i64>) {
        if run_end_ns.is_some_and(|run_end| start_ns >= run_end) {
            return;
        }
        let level = level.to_lowercase();
        if end_ns <= 0 {
            self.at_start = Some(level);
            return;
        }
        self.at_start.get_or_insert_with(|| level.clone());
        self.samples += 1;
        self.throttled += u64::from(level != NOMINAL);
        self.last = Some(level);
    }
}

impl RunConditions {
    /// Starts the observer. `load_before` is the load of other processes before the run.
    pub fn begin(system: System, load_before: Option<f64>) -> Self {
        Self {
            observer: ConditionObserver::spawn(system),
            load: LoadLog::new(load_before),
            ..Self::default()
        }
    }

    /// Adds current CPU times. Call it for times before the end of the run only.
    pub fn usage(&mut self, usage: CpuUsage) {
        self.load.add(usage);
    }

    /// Mean load of other processes since the first reading, in cores.
    pub fn load_so_far(&self) -> Option<f64> {
        self.load.over_all()
    }

    /// Adds the thermal pressure of one power sample; `window` is its start and end in run time.
    pub fn pressure(&mut self, window: (i64, i64), level: &str, run_end_ns: Option<i64>) {
        self.pressure.add(window.0, window.1, level, run_end_ns);
    }

    /// Merges the observer's updates since the last call. Returns the id of the observer's
    /// thread once.
    pub fn pass(&mut self) -> Option<i64> {
        let updates = self.observer.as_ref().map(ConditionObserver::poll);
        let thread = self.merge(updates.unwrap_or_default());
        if let Some(load) = self.load.at_start() {
            self.set(
                ConditionTime::Start,
                LOAD_OTHER_PROCESSES,
                format!("{load:.2}"),
            );
        }
        if let Some(level) = self.pressure.at_start.clone() {
            self.set(ConditionTime::Start, THERMAL_PRESSURE, level);
        }
        thread
    }

    /// Requests the conditions at the end. `threads` is the number of the program's threads.
    pub fn request_end(&mut self, threads: Option<usize>) {
        if let Some(threads) = threads {
            self.set(ConditionTime::End, THREADS, threads.to_string());
        }
        if let Some(observer) = &mut self.observer {
            observer.request_end();
        }
    }

    /// Waits for the remaining updates for a bounded time and returns warnings about the run.
    pub fn finish(&mut self) -> Vec<ConditionWarning> {
        self.pass();
        let observer = self.observer.take();
        let updates = observer.map(|observer| observer.drain(TIMEOUT));
        self.merge(updates.unwrap_or_default());
        if let Some(load) = self.load.over_all() {
            // A run of less than a second has no separate load at its start.
            let load = format!("{load:.2}");
            if !self.start.contains_key(LOAD_OTHER_PROCESSES) {
                self.set(ConditionTime::Start, LOAD_OTHER_PROCESSES, load.clone());
            }
            self.set(ConditionTime::End, LOAD_OTHER_PROCESSES, load);
        }
        if let Some(level) = self.pressure.last.clone() {
            self.set(ConditionTime::End, THERMAL_PRESSURE, level);
            let count = self.pressure.throttled.to_string();
            self.set(ConditionTime::End, THROTTLED_SAMPLES, count);
        }
        warnings(&self.start, &self.end, self.pressure.samples)
    }

    /// Returns the rows that are new or changed since the last call.
    pub fn rows(&mut self) -> Vec<ConditionRow> {
        std::mem::take(&mut self.changed)
    }

    fn merge(&mut self, updates: Vec<Update>) -> Option<i64> {
        let mut thread = None;
        for update in updates {
            match update {
                Update::Thread(tid) => thread = Some(tid),
                Update::Start(values) => self.set_all(ConditionTime::Start, values),
                Update::Binary(hash) => self.set(ConditionTime::Start, BINARY_SHA256, hash),
                Update::End(values) => self.set_all(ConditionTime::End, values),
            }
        }
        thread
    }

    /// Keeps the sensor's thermal pressure, which covers the whole run, if there is one.
    fn set_all(&mut self, time_point: ConditionTime, values: ConditionValues) {
        for (key, value) in values {
            if key != THERMAL_PRESSURE || self.pressure.at_start.is_none() {
                self.set(time_point, key, value);
            }
        }
    }

    fn set(&mut self, time_point: ConditionTime, key: &'static str, value: String) {
        let values = match time_point {
            ConditionTime::Start => &mut self.start,
            ConditionTime::End => &mut self.end,
        };
        if values.get(key) == Some(&value) {
            return;
        }
        values.insert(key, value.clone());
        self.changed.push(ConditionRow {
            time_point,
            key: key.to_owned(),
            value,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(rows: &[ConditionRow], time_point: ConditionTime, key: &str) -> Option<String> {
        let found = rows.iter().rev();
        let mut found = found.filter(|row| row.time_point == time_point && row.key == key);
        found.next().map(|row| row.value.clone())
    }

    #[test]
    fn pressure_counts_samples_of_the_run_only() {
        let mut run = RunConditions::default();
        let end = Some(1_000);
        for (start, level) in [(-200, "Nominal"), (-100, "Moderate"), (0, "Nominal")] {
            run.pressure((start, start + 100), level, None);
        }
        run.pressure((800, 900), "Heavy", None);
        run.pressure((900, 1_100), "Trapping", end);
        run.pressure((1_100, 1_200), "Nominal", end);
        let warnings = run.finish();
        let rows = run.rows();
        let stored = |time_point, key| value(&rows, time_point, key);
        let level = THERMAL_PRESSURE;
        assert_eq!(
            stored(ConditionTime::Start, level).as_deref(),
            Some("moderate")
        );
        assert_eq!(
            stored(ConditionTime::End, level).as_deref(),
            Some("trapping")
        );
        assert_eq!(
            stored(ConditionTime::End, THROTTLED_SAMPLES).as_deref(),
            Some("2")
        );
        assert_eq!(stored(ConditionTime::Start, THROTTLED_SAMPLES), None);
        assert!(
            warnings[0].1.contains("2 of 3 power samples"),
            "{warnings:?}"
        );
    }

    #[test]
    fn pressure_of_the_power_sensor_takes_precedence() {
        let system = |level: &str| ConditionValues::from([(THERMAL_PRESSURE, level.to_owned())]);
        let mut run = RunConditions::default();
        run.merge(vec![Update::Start(system("nominal"))]);
        run.pressure((0, 100), "Heavy", None);
        run.pass();
        run.merge(vec![Update::End(system("nominal"))]);
        run.finish();
        let rows = run.rows();
        for time_point in [ConditionTime::Start, ConditionTime::End] {
            let stored = value(&rows, time_point, THERMAL_PRESSURE);
            assert_eq!(stored.as_deref(), Some("heavy"), "{time_point:?}");
        }
    }

    #[test]
    fn unknown_conditions_have_no_row() {
        let mut run = RunConditions::default();
        assert_eq!(run.pass(), None);
        assert_eq!(run.finish(), []);
        assert_eq!(run.rows(), []);
    }

    #[test]
    fn an_unchanged_value_has_one_row() {
        let mut run = RunConditions::default();
        let usage = |time_ns| CpuUsage {
            time_ns,
            machine_ns: 3 * time_ns,
            own_ns: time_ns,
        };
        for tenth in 0..15 {
            run.usage(usage(tenth * 100_000_000));
            run.pass();
        }
        assert_eq!(run.rows().len(), 1);
        run.request_end(Some(4));
        let warnings = run.finish();
        let rows = run.rows();
        assert_eq!(
            value(&rows, ConditionTime::End, LOAD_OTHER_PROCESSES).as_deref(),
            Some("2.00")
        );
        assert_eq!(
            value(&rows, ConditionTime::End, THREADS).as_deref(),
            Some("4")
        );
        assert_eq!(rows.len(), 2);
        assert_eq!(warnings[0].0, "busy_machine");
    }
}
