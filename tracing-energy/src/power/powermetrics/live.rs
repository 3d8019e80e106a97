//! The live source: samples of a `powermetrics` child process.
//!
//! A document's end is its arrival; later ends add up `elapsed_ns`, which is
//! exact, and are anchored anew when they leave the arrivals by more than half
//! an interval, or after a restart. Values are the operating system's estimates
//! and come as whole millijoules.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::document::{Document, DocumentError};
use super::process::{EXECUTABLE_VARIABLE, Process, Start};
use super::stream::Segment;
use crate::clock::Clock;
use crate::power::{
    Description, Notice, PowerSource, Provenance, Rail, Reading, Sample, SourceError,
};
use crate::units::Nanos;

const WHAT: &str = "powermetrics";
/// Longest wait for the first document, beside three intervals.
const FIRST_WAIT: Duration = Duration::from_millis(2_500);
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How long an ending process may take.
const DRAIN: Duration = Duration::from_millis(800);

/// `powermetrics` as a power source.
pub struct Powermetrics {
    start: Start,
    process: Option<Process>,
    rails: Vec<Rail>,
    /// The first document, read before anyone asked.
    first: Reading,
    /// End of the latest document.
    anchor: Option<Nanos>,
    retry_at: Instant,
    back_off: Duration,
}

impl Powermetrics {
    /// Starts the process and reads its first document, which says what rails
    /// there are.
    ///
    /// # Errors
    /// [`SourceError::NotPermitted`] with the sudoers line where sudo refuses,
    /// [`SourceError::NotPresent`] where there is no such program, or what it said.
    pub fn open(clock: &dyn Clock, interval: Nanos) -> Result<Self, SourceError> {
        let executable = std::env::var_os(EXECUTABLE_VARIABLE);
        let mut start = Start { executable, interval, with_ane: true };
        Self::open_with(clock, start.clone()).or_else(|error| match error {
            SourceError::Retry { .. } => {
                start.with_ane = false;
                Self::open_with(clock, start)
            }
            other => Err(other),
        })
    }

    fn open_with(clock: &dyn Clock, start: Start) -> Result<Self, SourceError> {
        let process = spawn(&start)?;
        let mut source = Self {
            process: Some(process),
            rails: Vec::new(),
            first: Reading::default(),
            anchor: None,
            retry_at: Instant::now(),
            back_off: BACK_OFF.0,
            start,
        };
        source.read_first(clock)?;
        Ok(source)
    }

    fn read_first(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        let begin = Instant::now();
        let limit = FIRST_WAIT.max(self.start.interval.duration() * 3);
        while begin.elapsed() < limit {
            let Some(process) = &mut self.process else { break };
            let segments = process.read(Duration::from_millis(50));
            let silent = process.is_silent();
            for (arrival, segment) in segments {
                let mut reading = std::mem::take(&mut self.first);
                let outcome = self.document(clock, arrival, segment, &mut reading);
                self.first = reading;
                outcome?;
            }
            if !self.rails.is_empty() {
                return Ok(());
            }
            if silent {
                return Err(self.refusal());
            }
        }
        self.end();
        Err(SourceError::Retry { what: WHAT.to_owned(), why: format!("no sample within {limit:?}") })
    }

    /// Why the process ended without a document.
    fn refusal(&mut self) -> SourceError {
        let Some(mut process) = self.process.take() else { return gone("it is not running") };
        let status = process.reap(DRAIN);
        let said = process.said();
        let is_refused = ["password", "superuser", "not allowed", "sudo:"].iter().any(|w| said.contains(w));
        if is_refused {
            return SourceError::NotPermitted { what: WHAT.to_owned(), fix: fix() };
        }
        let status = status.map_or_else(|| "it did not end".to_owned(), |status| status.to_string());
        SourceError::Retry { what: WHAT.to_owned(), why: format!("{status}; it said: {said}") }
    }

    fn document(
        &mut self,
        clock: &dyn Clock,
        arrival: Instant,
        segment: Segment,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        let now = clock.now() - Nanos::from(arrival.elapsed());
        let bytes = match segment {
            Segment::Document(bytes) => bytes,
            other => {
                reading.notices.push(notice(now, "rejected_document", describe(&other)));
                return Ok(());
            }
        };
        match Document::parse(&bytes) {
            Ok(document) if document.is_delta => self.samples(now, &document, reading),
            Ok(_) => {
                let message = "a summary document (is_delta false) is not a sample".to_owned();
                reading.notices.push(notice(now, "dropped_document", message));
            }
            Err(error @ DocumentError::NoPower { .. }) if self.rails.is_empty() => {
                return Err(SourceError::NotPresent { what: format!("{WHAT}: {error}") });
            }
            Err(error) => reading.notices.push(notice(now, "rejected_document", error.to_string())),
        }
        Ok(())
    }

    fn samples(&mut self, arrival: Nanos, document: &Document, reading: &mut Reading) {
        for oddity in &document.oddities {
            reading.notices.push(notice(arrival, "oddity", oddity.clone()));
        }
        if self.rails.is_empty() {
            let rail = |rail: &super::document::RailEnergy| Rail {
                name: rail.name.to_owned(),
                kind: rail.kind,
                parent: None,
                unit: rail.unit,
            };
            self.rails = document.rails.iter().map(rail).collect();
        }
        let (start, end) = self.place(arrival, document.elapsed, reading);
        for (index, rail) in self.rails.iter().enumerate() {
            let known = document.rails.iter().find(|found| found.name == rail.name);
            let energy = known.and_then(|found| found.energy);
            reading.samples.push(Sample { rail: index, start, end, energy });
        }
        self.back_off = BACK_OFF.0;
    }

    /// The window of a document of length `elapsed` that came at `arrival`.
    fn place(&mut self, arrival: Nanos, elapsed: Nanos, reading: &mut Reading) -> (Nanos, Nanos) {
        let Some(last) = self.anchor else {
            self.anchor = Some(arrival);
            return (arrival - elapsed, arrival);
        };
        let expected = last + elapsed;
        let off = arrival - expected;
        if off.nanos().abs() * 2 <= elapsed.nanos() {
            self.anchor = Some(expected);
            return (last, expected);
        }
        let message = format!("samples {:.1} ms away from where they were expected", off.seconds() * 1e3);
        reading.notices.push(notice(arrival, "gap", message));
        let end = arrival.max(last);
        self.anchor = Some(end);
        ((end - elapsed).max(last), end)
    }

    /// Starts the process again once the back-off is over.
    fn restart(&mut self, clock: &dyn Clock, patience: Nanos, reading: &mut Reading) {
        let wait = self.retry_at.saturating_duration_since(Instant::now());
        std::thread::sleep(wait.min(patience.duration()));
        if wait > patience.duration() {
            return;
        }
        match spawn(&self.start) {
            Ok(process) => {
                reading.notices.push(notice(clock.now(), "restart", "powermetrics started again".to_owned()));
                self.process = Some(process);
            }
            Err(error) => {
                self.plan_retry();
                reading.notices.push(notice(clock.now(), "restart_failed", error.to_string()));
            }
        }
    }

    fn plan_retry(&mut self) {
        self.retry_at = Instant::now() + self.back_off;
        self.back_off = (self.back_off * 2).min(BACK_OFF.1);
    }

    fn ended(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        let Some(mut process) = self.process.take() else { return };
        let status = process.reap(DRAIN);
        let in_order = status.is_some_and(|status| status.success());
        let message = format!("powermetrics ended ({status:?}); it said: {}", process.said());
        reading.notices.push(notice(clock.now(), "ended", message));
        self.anchor = None;
        if in_order { self.retry_at = Instant::now() } else { self.plan_retry() }
    }

    fn take(&mut self, clock: &dyn Clock, patience: Duration, reading: &mut Reading) -> Result<(), SourceError> {
        let Some(process) = &mut self.process else { return Ok(()) };
        for (arrival, segment) in process.read(patience) {
            self.document(clock, arrival, segment, reading)?;
        }
        Ok(())
    }

    /// Ends the process, throwing away what it may still say.
    fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.terminate();
            process.reap(DRAIN);
        }
    }
}

impl Drop for Powermetrics {
    fn drop(&mut self) {
        self.end();
    }
}

impl PowerSource for Powermetrics {
    fn describe(&self) -> Description {
        let mut limits = vec![
            "powermetrics figures are the system's estimates; no DRAM, no system power".to_owned(),
        ];
        if self.start.interval < Nanos::from_millis(100) {
            limits.push("powermetrics below 100 ms costs CPU time and rounds to 1 mJ a sample".to_owned());
        }
        Description {
            name: WHAT.to_owned(),
            rails: self.rails.clone(),
            interval: self.start.interval,
            kernel: "box".to_owned(),
            provenance: Provenance::Measured,
            limits,
        }
    }

    fn start(&mut self, _: &dyn Clock) -> Result<(), SourceError> {
        Ok(())
    }

    fn read(&mut self, clock: &dyn Clock, patience: Nanos, reading: &mut Reading) -> Result<(), SourceError> {
        reading.samples.append(&mut self.first.samples);
        reading.notices.append(&mut self.first.notices);
        if self.process.is_none() {
            self.restart(clock, patience, reading);
        }
        self.take(clock, patience.duration(), reading)?;
        if self.process.as_ref().is_some_and(Process::is_silent) {
            self.ended(clock, reading);
        }
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        let before = reading.samples.len();
        let begin = Instant::now();
        let limit = (self.start.interval.duration() * 3 / 2).min(Duration::from_secs(1));
        while reading.samples.len() == before && begin.elapsed() < limit {
            if self.process.as_ref().is_none_or(Process::is_silent) {
                break;
            }
            let _ = self.take(clock, limit.saturating_sub(begin.elapsed()), reading);
        }
        let Some(process) = &self.process else { return };
        process.terminate();
        let begin = Instant::now();
        while self.process.as_ref().is_some_and(|process| !process.is_silent()) && begin.elapsed() < DRAIN {
            let _ = self.take(clock, Duration::from_millis(20), reading);
        }
        self.end();
    }

    fn child_pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }
}

fn spawn(start: &Start) -> Result<Process, SourceError> {
    Process::spawn(start).map_err(|error| match error.kind() {
        ErrorKind::NotFound => SourceError::NotPresent { what: format!("{WHAT} (macOS only)") },
        ErrorKind::PermissionDenied => SourceError::NotPermitted { what: WHAT.to_owned(), fix: fix() },
        _ => SourceError::Retry { what: WHAT.to_owned(), why: error.to_string() },
    })
}

fn fix() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "USER".to_owned());
    format!("run 'sudo visudo' and add the line '{user} ALL=(root) NOPASSWD: /usr/bin/powermetrics'")
}

fn gone(why: &str) -> SourceError {
    SourceError::Gone { what: WHAT.to_owned(), why: why.to_owned() }
}

fn notice(time: Nanos, kind: &'static str, message: String) -> Notice {
    Notice { time, kind, message }
}

fn describe(segment: &Segment) -> String {
    match segment {
        Segment::Document(bytes) => format!("a document of {} bytes", bytes.len()),
        Segment::Oversized { .. } => "a document that is too long was dropped".to_owned(),
        Segment::Incomplete(bytes) => format!("the last document is cut off after {} bytes", bytes.len()),
    }
}
