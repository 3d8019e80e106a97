//! The conditions of one run, as the collector comes to know them.

use super::change::{Doubt, doubts};
use super::load::{LoadLog, Usage};
use super::observer::{News, Observer, PATIENCE};
use super::{
    BINARY_SHA256, LOAD_OTHERS, NOMINAL, System, THERMAL_PRESSURE, THREADS, THROTTLED_SAMPLES,
    Values,
};
use crate::rows::{ConditionRow, Moment};

pub(crate) use super::change::{busy_baseline, own_work_in_baseline};

/// Gathers what the observer, the power source and CPU times tell.
#[derive(Debug, Default)]
pub(crate) struct RunConditions {
    observer: Option<Observer>,
    start: Values,
    end: Values,
    load: LoadLog,
    pressure: PressureLog,
    news: Vec<ConditionRow>,
}

/// What the power source says of thermal pressure.
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
    /// Begins to observe; `load_before` is the load of others before the run.
    pub(crate) fn begin(system: System, load_before: Option<f64>) -> Self {
        Self {
            observer: Observer::spawn(system),
            load: LoadLog::new(load_before),
            ..Self::default()
        }
    }

    /// Takes CPU times of now; those after the run's end are not for it.
    pub(crate) fn usage(&mut self, usage: Usage) {
        self.load.add(usage);
    }

    /// Mean load of others since the first reading, in cores.
    pub(crate) fn load_so_far(&self) -> Option<f64> {
        self.load.over_all()
    }

    /// Takes thermal pressure over a window of the power source, run time.
    pub(crate) fn pressure(&mut self, window: (i64, i64), level: &str, run_end_ns: Option<i64>) {
        self.pressure.add(window.0, window.1, level, run_end_ns);
    }

    /// Takes what has been found since the last call. Gives the id of the observing
    /// thread, once.
    pub(crate) fn pass(&mut self) -> Option<i64> {
        let news = self.observer.as_ref().map(Observer::news);
        let thread = self.take(news.unwrap_or_default());
        if let Some(load) = self.load.at_start() {
            self.set(Moment::Start, LOAD_OTHERS, format!("{load:.2}"));
        }
        if let Some(level) = self.pressure.at_start.clone() {
            self.set(Moment::Start, THERMAL_PRESSURE, level);
        }
        thread
    }

    /// Has the conditions of the end read; the program has so many threads.
    pub(crate) fn ask_end(&mut self, threads: Option<usize>) {
        if let Some(threads) = threads {
            self.set(Moment::End, THREADS, threads.to_string());
        }
        if let Some(observer) = &mut self.observer {
            observer.ask_end();
        }
    }

    /// Waits for what is still to come, for a bounded time, and says what is doubtful.
    pub(crate) fn finish(&mut self) -> Vec<Doubt> {
        self.pass();
        let news = self.observer.take();
        let news = news.map(|observer| observer.last_news(PATIENCE));
        self.take(news.unwrap_or_default());
        if let Some(load) = self.load.over_all() {
            // A run of less than a second has one load.
            let load = format!("{load:.2}");
            if !self.start.contains_key(LOAD_OTHERS) {
                self.set(Moment::Start, LOAD_OTHERS, load.clone());
            }
            self.set(Moment::End, LOAD_OTHERS, load);
        }
        if let Some(level) = self.pressure.last.clone() {
            self.set(Moment::End, THERMAL_PRESSURE, level);
            let count = self.pressure.throttled.to_string();
            self.set(Moment::End, THROTTLED_SAMPLES, count);
        }
        doubts(&self.start, &self.end, self.pressure.samples)
    }

    /// Rows that are new or changed since the last call.
    pub(crate) fn rows(&mut self) -> Vec<ConditionRow> {
        std::mem::take(&mut self.news)
    }

    fn take(&mut self, news: Vec<News>) -> Option<i64> {
        let mut thread = None;
        for news in news {
            match news {
                News::Thread(tid) => thread = Some(tid),
                News::Start(values) => self.set_all(Moment::Start, values),
                News::Binary(hash) => self.set(Moment::Start, BINARY_SHA256, hash),
                News::End(values) => self.set_all(Moment::End, values),
            }
        }
        thread
    }

    /// The power source knows the pressure of each moment and is not contradicted.
    fn set_all(&mut self, moment: Moment, values: Values) {
        for (key, value) in values {
            if key != THERMAL_PRESSURE || self.pressure.at_start.is_none() {
                self.set(moment, key, value);
            }
        }
    }

    fn set(&mut self, moment: Moment, key: &'static str, value: String) {
        let values = match moment {
            Moment::Start => &mut self.start,
            Moment::End => &mut self.end,
        };
        if values.get(key) == Some(&value) {
            return;
        }
        values.insert(key, value.clone());
        self.news.push(ConditionRow {
            moment,
            key: key.to_owned(),
            value,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(rows: &[ConditionRow], moment: Moment, key: &str) -> Option<String> {
        let found = rows.iter().rev();
        let mut found = found.filter(|row| row.moment == moment && row.key == key);
        found.next().map(|row| row.value.clone())
    }

    #[test]
    fn pressure_counts_windows_of_the_run_only() {
        let mut run = RunConditions::default();
        let end = Some(1_000);
        for (start, level) in [(-200, "Nominal"), (-100, "Moderate"), (0, "Nominal")] {
            run.pressure((start, start + 100), level, None);
        }
        run.pressure((800, 900), "Heavy", None);
        run.pressure((900, 1_100), "Trapping", end);
        run.pressure((1_100, 1_200), "Nominal", end);
        let doubts = run.finish();
        let rows = run.rows();
        let told = |moment, key| value(&rows, moment, key);
        let level = THERMAL_PRESSURE;
        assert_eq!(told(Moment::Start, level).as_deref(), Some("moderate"));
        assert_eq!(told(Moment::End, level).as_deref(), Some("trapping"));
        assert_eq!(told(Moment::End, THROTTLED_SAMPLES).as_deref(), Some("2"));
        assert_eq!(told(Moment::Start, THROTTLED_SAMPLES), None);
        assert!(doubts[0].1.contains("2 of 3 power samples"), "{doubts:?}");
    }

    #[test]
    fn the_power_source_is_believed_before_the_system() {
        let system = |level: &str| Values::from([(THERMAL_PRESSURE, level.to_owned())]);
        let mut run = RunConditions::default();
        run.take(vec![News::Start(system("nominal"))]);
        run.pressure((0, 100), "Heavy", None);
        run.pass();
        run.take(vec![News::End(system("nominal"))]);
        run.finish();
        let rows = run.rows();
        for moment in [Moment::Start, Moment::End] {
            let told = value(&rows, moment, THERMAL_PRESSURE);
            assert_eq!(told.as_deref(), Some("heavy"), "{moment:?}");
        }
    }

    #[test]
    fn what_nobody_told_has_no_row() {
        let mut run = RunConditions::default();
        assert_eq!(run.pass(), None);
        assert_eq!(run.finish(), []);
        assert_eq!(run.rows(), []);
    }

    #[test]
    fn a_value_is_told_once() {
        let mut run = RunConditions::default();
        let usage = |time_ns| Usage {
            time_ns,
            machine_ns: 3 * time_ns,
            own_ns: time_ns,
        };
        for tenth in 0..15 {
            run.usage(usage(tenth * 100_000_000));
            run.pass();
        }
        assert_eq!(run.rows().len(), 1);
        run.ask_end(Some(4));
        let doubts = run.finish();
        let rows = run.rows();
        assert_eq!(
            value(&rows, Moment::End, LOAD_OTHERS).as_deref(),
            Some("2.00")
        );
        assert_eq!(value(&rows, Moment::End, THREADS).as_deref(), Some("4"));
        assert_eq!(rows.len(), 2);
        assert_eq!(doubts[0].0, "busy_machine");
    }
}
