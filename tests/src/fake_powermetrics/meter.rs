//! Integrates the true power of each rail and hands it out in whole millijoules.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime};

use super::arguments::variable;
use super::document::{DocumentSample, RAILS};
use super::power::{FakePower, RailTable};
use super::signals::ending;

const TICK: Duration = Duration::from_millis(1);

/// Integrates the true power of each rail.
pub(crate) struct FakeMeter {
    source: FakePower,
    born: Instant,
    joules: RailTable,
    /// Whole millijoules printed so far; the remainder is carried over.
    printed: BTreeMap<String, i64>,
    counted: BTreeMap<String, i64>,
}

impl FakeMeter {
    pub(crate) fn new() -> Self {
        Self {
            source: FakePower::from_environment(),
            born: Instant::now(),
            joules: BTreeMap::new(),
            printed: BTreeMap::new(),
            counted: BTreeMap::new(),
        }
    }

    /// Writes the time of its start to the file that a test has named.
    pub(crate) fn write_start(&self) {
        let Some(file) = variable("START_FILE") else {
            return;
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let text = now.unwrap_or_default().as_nanos().to_string();
        if let Err(error) = std::fs::write(file, text) {
            eprintln!("fake powermetrics: start file: {error}");
        }
    }

    /// Waits for an interval from `started` and returns its real length.
    pub(crate) fn wait(&mut self, started: Instant, interval: Duration) -> Duration {
        let stretch = variable("STRETCH")
            .and_then(|text| text.parse().ok())
            .unwrap_or(1.05);
        let end = started + interval.mul_f64(stretch);
        // Energy used while the previous document was written belongs to this one.
        let mut last = Instant::now().max(started);
        self.source
            .advance(&mut self.joules, self.born, (started, last));
        while last < end && !ending() {
            std::thread::sleep(TICK.min(end.saturating_duration_since(Instant::now())));
            let now = Instant::now();
            self.source
                .advance(&mut self.joules, self.born, (last, now));
            last = now;
        }
        last.duration_since(started)
    }

    /// Whole millijoules since the last take, for each rail.
    pub(crate) fn take(&mut self) -> [i64; 3] {
        RAILS.map(|rail| {
            let total = (self.joules.get(rail).copied().unwrap_or(0.0) * 1e3).floor() as i64;
            let printed = self.printed.entry(rail.to_owned()).or_default();
            let new = (total - *printed).max(0);
            *printed += new;
            new
        })
    }

    /// Notes that a sample was printed.
    pub(crate) fn count(&mut self, sample: &DocumentSample) {
        for (rail, millijoules) in RAILS.iter().zip(sample.millijoules) {
            *self.counted.entry((*rail).to_owned()).or_default() += millijoules;
        }
    }

    /// Writes the printed energy to the file that a test has named.
    pub(crate) fn write_truth(&self) {
        let Some(file) = variable("TRUTH_FILE") else {
            return;
        };
        let mut text = String::new();
        for (rail, millijoules) in &self.counted {
            let _ = writeln!(text, "{rail} {}", *millijoules as f64 / 1e3);
        }
        let written = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            eprintln!("fake powermetrics: truth file: {error}");
        }
    }
}
