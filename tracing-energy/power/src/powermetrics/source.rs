//! The live powermetrics source: one child process, restarted when it ends.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::child::{Arrival, SensorChild, Wait};
use super::document::{Document, DocumentError, RailEnergy};
use super::faults::Faults;
use super::launch::{Launch, OLD_SAMPLERS, SAMPLERS, refusal, usual_bound};
use super::rails;
use super::stream::StreamSegment;
use super::timeline::{PlacedDocument, Timeline};
use crate::clock::Clock;
use crate::containment::Placement;
use crate::error::SourceError;
use crate::rail::{Description, Notice, Pressure, Rail, Sample};
use crate::source::{PowerSource, Reading};
use crate::users::{self, DeviceUsers};
use energy_data::units::Nanos;
use energy_data::{Kernel, Provenance};

const FIRST_BACK_OFF: Duration = Duration::from_millis(500);
const LAST_BACK_OFF: Duration = Duration::from_secs(30);

/// Longest time that `stop` waits for the last interval.
const LAST_INTERVAL: Nanos = Nanos::from_millis(1_000);
/// Longest wait for the end of the child or of its output.
const TIMEOUT: Duration = Duration::from_millis(1_000);

const OVERLAP: &str = "a document overlapped time covered by others; the overlap was not counted";

/// Limitations of the values, for users.
const LIMITS: [&str; 2] = [
    "the system's estimates, in steps of 1 mJ; other programs included",
    "no memory since macOS 13, no rail for the whole system",
];

/// Below this interval the tool's own load dominates, and steps of 1 mJ are coarse.
const SHORTEST: Nanos = Nanos::from_millis(100);

/// How powermetrics is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowermetricsOptions {
    /// The program.
    pub launch: Launch,
    /// The requested interval, in whole milliseconds.
    pub interval: Nanos,
    /// Number of samples of one child; `None` is an hour of samples.
    pub bound: Option<u64>,
}

/// The powermetrics source. It measures from the moment it is opened.
pub struct Powermetrics {
    options: PowermetricsOptions,
    clock: Arc<dyn Clock>,
    samplers: &'static str,
    sensor: Option<SensorChild>,
    rails: Vec<Rail>,
    machine: String,
    timeline: Timeline<Document>,
    /// The last document's bytes.
    last: Vec<u8>,
    faults: Faults,
    longest: Nanos,
    delivered: u64,
    back_off: Duration,
    respawn_at: Option<Instant>,
    pressure: Option<String>,
    /// Why the documents so far have no rail.
    no_power: Option<String>,
    kept: Reading,
}

impl Powermetrics {
    /// Runs powermetrics and waits for its first document with power, at most two intervals
    /// and two seconds. Its rails are the source's rails.
    ///
    /// # Errors
    /// [`SourceError::NotPermitted`] with the line for sudoers,
    /// [`SourceError::NotPresent`] without the program or without power rails,
    /// [`SourceError::Retry`] if no document arrives.
    pub fn open(clock: Arc<dyn Clock>, options: PowermetricsOptions) -> Result<Self, SourceError> {
        let mut source = Self {
            timeline: Timeline::new(options.interval),
            last: Vec::new(),
            faults: Faults::default(),
            longest: options.interval,
            options,
            clock,
            samplers: SAMPLERS,
            sensor: None,
            rails: Vec::new(),
            machine: String::new(),
            delivered: 0,
            back_off: FIRST_BACK_OFF,
            respawn_at: None,
            pressure: None,
            no_power: None,
            kept: Reading::default(),
        };
        if source.first_document()?.is_some() {
            source.samplers = OLD_SAMPLERS;
            if let Some(output) = source.first_document()? {
                return Err(source.failure(&output));
            }
        }
        Ok(source)
    }

    /// Runs the child up to its first document. Returns its output if it ended without one,
    /// for example because it does not support a sampler.
    fn first_document(&mut self) -> Result<Option<String>, SourceError> {
        let two_intervals = self.options.interval.duration() * 2;
        let deadline = Instant::now() + two_intervals + Duration::from_secs(2);
        self.spawn()?;
        let mut output = String::new();
        while self.rails.is_empty() {
            match self.wait(deadline.saturating_duration_since(Instant::now())) {
                Wait::Arrived((
                    _,
                    StreamSegment::Incomplete(text) | StreamSegment::Stray(text),
                )) => {
                    output += &String::from_utf8_lossy(&text);
                }
                Wait::Arrived(arrival) => self.accept(arrival)?,
                Wait::Nothing | Wait::Ended if self.no_power.is_some() => {
                    let what = self.no_power.take().unwrap_or_default();
                    return Err(SourceError::NotPresent { what });
                }
                Wait::Nothing => return Err(self.failure("no document arrived in time")),
                Wait::Ended => {
                    output += &self.reap_sensor();
                    let refusal = refusal(&output, self.options.interval);
                    return refusal.map_or(Ok(Some(output)), Err);
                }
            }
        }
        Ok(None)
    }

    fn too_fast(&self) -> Option<String> {
        (self.options.interval < SHORTEST).then(|| {
            format!(
                "an interval of {} ms is too short for powermetrics: below 100 ms its own load \
                 dominates",
                self.options.interval.nanos() / 1_000_000
            )
        })
    }

    fn failure(&self, why: &str) -> SourceError {
        SourceError::Retry {
            what: format!("powermetrics ({})", self.options.launch.program.display()),
            why: why.to_owned(),
        }
    }

    fn spawn(&mut self) -> Result<(), SourceError> {
        let PowermetricsOptions {
            launch, interval, ..
        } = &self.options;
        let command = launch.command(*interval, self.bound(), self.samplers);
        let sensor = SensorChild::spawn(command, Arc::clone(&self.clock)).map_err(|error| {
            let what = launch.program.display().to_string();
            match error.kind() {
                std::io::ErrorKind::NotFound => SourceError::NotPresent { what },
                std::io::ErrorKind::PermissionDenied => SourceError::NotPermitted {
                    fix: format!("make it executable: `chmod +x {what}`"),
                    what,
                },
                _ => self.failure(&error.to_string()),
            }
        })?;
        self.sensor = Some(sensor);
        self.delivered = 0;
        let placed = self.timeline.restart();
        self.samples(placed);
        Ok(())
    }

    fn bound(&self) -> u64 {
        let PowermetricsOptions {
            bound, interval, ..
        } = &self.options;
        bound.unwrap_or_else(|| usual_bound(*interval))
    }

    fn wait(&self, timeout: Duration) -> Wait {
        self.sensor
            .as_ref()
            .map_or(Wait::Ended, |sensor| sensor.wait(timeout))
    }

    /// Reaps the child after its output has ended. Returns its exit status and stderr.
    fn reap_sensor(&mut self) -> String {
        let Some(mut sensor) = self.sensor.take() else {
            return String::new();
        };
        let status = sensor.reap(TIMEOUT);
        let status = status.map_or_else(|| "no exit status".into(), |s: ExitStatus| s.to_string());
        let stderr = sensor.stderr_tail();
        format!("{status}; {stderr}")
    }

    /// Processes one piece of output.
    fn accept(&mut self, (arrival, segment): Arrival) -> Result<(), SourceError> {
        let document = match segment {
            StreamSegment::Document(bytes) => {
                let document = Document::parse(&bytes);
                if self.is_repeated(bytes, &document) {
                    self.faults.add(arrival, ("overlap", ""), OVERLAP);
                    return Ok(());
                }
                document
            }
            StreamSegment::Incomplete(bytes) => {
                let message = format!("a document was cut after {} bytes", bytes.len());
                self.faults
                    .add(arrival, ("incomplete_document", ""), message);
                return Ok(());
            }
            StreamSegment::Oversized { bytes } => {
                let message = format!("a document of {bytes} bytes was dropped");
                self.faults
                    .add(arrival, ("rejected_document", "size"), message);
                return Ok(());
            }
            StreamSegment::Stray(line) => {
                let line = String::from_utf8_lossy(&line);
                let message = format!("text between documents was skipped: {:?}", line.trim_end());
                self.faults.add(arrival, ("stray_text", ""), message);
                return Ok(());
            }
        };
        self.delivered += 1;
        match document {
            Ok(document) if !document.is_delta => {
                let message = "a document with totals instead of an interval was dropped";
                self.faults
                    .add(arrival, ("rejected_document", "summary"), message);
            }
            Ok(document) => self.sample(arrival, document),
            // The first document may lack rails that later ones have.
            Err(error @ DocumentError::NoPower { .. }) if self.rails.is_empty() => {
                let what = error.to_string();
                if self.no_power.replace(what.clone()).is_some() {
                    return Err(SourceError::NotPresent { what });
                }
            }
            Err(error) => {
                let message = error.to_string();
                self.faults
                    .add(arrival, ("rejected_document", "error"), message);
            }
        }
        Ok(())
    }

    fn sample(&mut self, arrival: Nanos, document: Document) {
        if self.rails.is_empty() {
            self.learn(&document);
        }
        self.longest = self.longest.max(document.elapsed).min(LAST_INTERVAL);
        self.back_off = FIRST_BACK_OFF;
        let elapsed = document.elapsed;
        let placed = self.timeline.push(arrival, elapsed, document);
        self.samples(placed);
    }

    /// Adds the samples of placed documents.
    fn samples(&mut self, placed: Vec<(PlacedDocument, Document)>) {
        for (placed, document) in placed {
            if placed.share < 1.0 {
                self.faults.add(placed.end, ("overlap", ""), OVERLAP);
            }
            if placed.share > 0.0 {
                self.window(&placed, &document);
            }
        }
    }

    fn window(&mut self, placed: &PlacedDocument, document: &Document) {
        if let Some(gap) = placed.gap {
            let millis = gap.nanos() / 1_000_000;
            let message = format!("powermetrics: no samples for {millis} ms");
            self.notice(placed.start - gap, "gap", message);
        }
        for oddity in &document.oddities {
            self.faults
                .add(placed.end, ("odd_document", ""), oddity.as_str());
        }
        self.add_rails(placed.start, document);
        self.note_pressure((placed.start, placed.end), document);
        let Reading {
            samples, metrics, ..
        } = &mut self.kept;
        let figures = document.figures.iter();
        metrics.extend(figures.map(|figure| figure.over(placed.start, placed.end)));
        let all = rails::samples(&self.rails, &document.rails, placed.start, placed.end);
        samples.extend(all.map(|sample| Sample {
            energy: sample.energy.map(|energy| energy * placed.share),
            ..sample
        }));
    }

    /// Returns whether the document repeats the previous one. Measured lengths in nanoseconds
    /// are not equal by chance. Lengths in whole microseconds may not be measured; for these
    /// the timeline decides.
    fn is_repeated(&mut self, bytes: Vec<u8>, document: &Result<Document, DocumentError>) -> bool {
        let is_measured = |one: &Document| one.elapsed.nanos() % 1_000 != 0;
        let is_same = bytes == self.last;
        self.last = bytes;
        is_same && document.as_ref().is_ok_and(is_measured)
    }

    /// Reports the faults of documents that are due.
    fn report_faults(&mut self, at_end: bool) {
        let due = self.faults.due_notices(self.clock.now(), at_end);
        self.kept.notices.extend(due);
    }

    fn learn(&mut self, document: &Document) {
        self.rails = rails::describe(&document.rails);
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".into());
        let (model, system) = (known(&document.hw_model), known(&document.kern_osversion));
        self.machine = format!("model {model}, system {system}, samplers {}", self.samplers);
    }

    /// Adds rails that earlier documents lack.
    fn add_rails(&mut self, time: Nanos, document: &Document) {
        let is_new = |rail: &&RailEnergy| !self.rails.iter().any(|known| known.name == rail.name);
        let new: Vec<RailEnergy> = document.rails.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return;
        }
        for rail in &new {
            let message = format!(
                "powermetrics {}: it appeared now; its energy before is unknown",
                rail.name
            );
            self.notice(time, "rail_appeared", message);
        }
        rails::extend(&mut self.rails, &new);
        let placed = self.rails.iter().cloned();
        self.kept.rails = Some(placed.map(|rail| (rail, Placement::Unknown)).collect());
    }

    fn note_pressure(&mut self, (start, end): (Nanos, Nanos), document: &Document) {
        let Some(pressure) = &document.thermal_pressure else {
            return;
        };
        if self.pressure.as_ref() != Some(pressure)
            && (self.pressure.is_some() || pressure != "Nominal")
        {
            let message = format!("thermal pressure is {pressure}");
            self.notice(end, "thermal_pressure", message);
        }
        self.kept.pressures.push(Pressure {
            start,
            end,
            level: pressure.clone(),
        });
        self.pressure = Some(pressure.clone());
    }

    fn notice(&mut self, time: Nanos, kind: &'static str, message: String) {
        self.kept.notices.push(Notice {
            time,
            kind,
            message,
        });
    }

    /// Handles the end of the child's output. A new child starts at once if the old one
    /// reached its limit, else after a back-off.
    fn ended(&mut self) {
        if self.sensor.is_none() {
            return;
        }
        let at_bound = self.delivered >= self.bound();
        let end = self.reap_sensor();
        let wait = if at_bound {
            Duration::ZERO
        } else {
            self.back_off
        };
        self.respawn_at = Some(Instant::now() + wait);
        let (kind, message) = if at_bound {
            (
                "respawn",
                "powermetrics reached its sample limit; it was restarted".to_owned(),
            )
        } else {
            self.back_off = (self.back_off * 2).min(LAST_BACK_OFF);
            (
                "restart",
                format!("powermetrics ended ({end}); restart in {wait:?}"),
            )
        };
        self.notice(self.clock.now(), kind, message);
    }

    /// Restarts the child if the restart is due within `timeout`.
    fn respawn(&mut self, timeout: Duration) {
        let Some(at) = self.respawn_at else { return };
        let left = at.saturating_duration_since(Instant::now());
        std::thread::sleep(left.min(timeout));
        if left > timeout {
            return;
        }
        self.respawn_at = None;
        if let Err(error) = self.spawn() {
            self.respawn_at = Some(Instant::now() + self.back_off);
            self.back_off = (self.back_off * 2).min(LAST_BACK_OFF);
            self.notice(self.clock.now(), "restart", error.to_string());
        }
    }

    /// Waits up to `timeout` for output and processes all that has arrived.
    fn receive(&mut self, timeout: Duration) {
        match self.wait(timeout) {
            Wait::Nothing => {}
            Wait::Ended => self.ended(),
            Wait::Arrived(first) => {
                let more = self.sensor.iter().flat_map(SensorChild::arrived);
                let arrivals: Vec<Arrival> = std::iter::once(first).chain(more).collect();
                self.accept_all(arrivals);
            }
        }
    }

    fn accept_all(&mut self, arrivals: Vec<Arrival>) {
        for arrival in arrivals {
            let time = arrival.0;
            if let Err(error) = self.accept(arrival) {
                self.notice(time, "rejected_document", error.to_string());
            }
        }
    }

    /// Waits until a sample covers `until`, at most the longest interval so far.
    fn wait_for_interval(&mut self, until: Nanos) {
        let deadline = Instant::now() + self.longest.min(LAST_INTERVAL).duration();
        while self.sensor.is_some() && self.timeline.end().is_none_or(|end| end < until) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.receive(left);
        }
    }

    fn hand_over(&mut self, reading: &mut Reading) {
        reading.samples.append(&mut self.kept.samples);
        reading.notices.append(&mut self.kept.notices);
        reading.pressures.append(&mut self.kept.pressures);
        reading.metrics.append(&mut self.kept.metrics);
        reading.rails = self.kept.rails.take().or(reading.rails.take());
    }
}

impl PowerSource for Powermetrics {
    fn describe(&self) -> Description {
        Description {
            name: "powermetrics".into(),
            rails: self.rails.clone(),
            interval: self.options.interval,
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: std::iter::once(self.machine.clone())
                .chain(LIMITS.map(str::to_owned))
                .chain(self.too_fast())
                .collect(),
        }
    }

    fn start(&mut self, _clock: &dyn Clock) -> Result<(), SourceError> {
        Ok(())
    }

    fn read(
        &mut self,
        _clock: &dyn Clock,
        timeout: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        if self.sensor.is_none() {
            self.respawn(timeout.duration());
        } else if self.kept == Reading::default() {
            self.receive(timeout.duration());
        }
        self.report_faults(false);
        self.hand_over(reading);
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        self.wait_for_interval(clock.now());
        if let Some(mut sensor) = self.sensor.take() {
            sensor.terminate();
            let rest = sensor.drain(TIMEOUT);
            let ended = sensor.close(Duration::from_millis(200));
            // An interval cut by the signal is expected and not reported.
            let whole = |(_, segment): &Arrival| !matches!(segment, StreamSegment::Incomplete(_));
            self.accept_all(rest.into_iter().filter(whole).collect());
            if !ended {
                let message = "powermetrics did not end on SIGTERM; its pipe was closed";
                self.notice(clock.now(), "sensor_left", message.into());
            }
        }
        self.respawn_at = None;
        let placed = self.timeline.flush();
        self.samples(placed);
        self.report_faults(true);
        self.hand_over(reading);
    }

    fn child_pid(&self) -> Option<u32> {
        self.sensor.as_ref()?.pid()
    }

    fn users(&mut self) -> Vec<(usize, Box<dyn DeviceUsers>)> {
        users::of_apple_gpu(&self.rails)
    }

    fn own_threads(&self) -> Vec<i64> {
        self.sensor
            .as_ref()
            .map(SensorChild::tids)
            .unwrap_or_default()
    }
}
