//! Replays power from a recording: powermetrics documents or text, or a table.
//!
//! Each sample keeps its power and length; the recording begins when the source starts. The
//! energies are those of the recorded machine, not of the running program.

mod csv;
#[cfg(feature = "powermetrics")]
mod documents;
mod gaps;
mod limits;
mod names;
#[cfg(feature = "powermetrics")]
mod placement;
#[cfg(feature = "powermetrics")]
mod plist;
mod points;
#[cfg(feature = "powermetrics")]
mod repeats;
mod silent;
mod strays;
#[cfg(feature = "powermetrics")]
mod text;
mod tidy;
mod times;
mod wall;

pub use strays::main_group;
pub use wall::Wall;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

pub use crate::choice::ReplayMode;
use crate::clock::Clock;
use crate::containment;
use crate::table::refuse_encoding;
use crate::{
    Description, Kernel, Notice, PowerSource, Provenance, Rail, Reading, Sample, SensorMetric,
    SourceError,
};
use energy_data::units::Nanos;
use tidy::{Origin, RecordedSample};

/// Number of bytes at the start of a file that determine its format.
const HEAD_BYTES: usize = 64 << 10;

/// A recording in memory. Samples are sorted by end; the first one starts at zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Its rails; samples refer to them by index.
    pub rails: Vec<Rail>,
    /// Samples in order; those of a rail do not overlap.
    pub samples: Vec<Sample>,
    /// Metrics other than energies.
    pub metrics: Vec<SensorMetric>,
    /// Start of the first sample, on the clock of the recording.
    pub first: Nanos,
    /// Time from the first start to the last end.
    pub length: Nanos,
    /// Start by the wall clock, if known.
    pub wall: Option<Wall>,
    /// Faults of the recording: duplicates, overlaps, gaps.
    pub notices: Vec<Notice>,
}

impl Recording {
    /// Reads the recording in `path`.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] without the file, [`SourceError::BadInput`] with the line
    /// that cannot be parsed, or without a sample.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let recording = load(path)?;
        if recording.samples.is_empty() {
            return Err(bad(path, "it contains no sample".into()));
        }
        Ok(recording)
    }

    /// Creates a recording from samples in any order; `word` is what their places count.
    fn new(
        mut rails: Vec<Rail>,
        found: Vec<RecordedSample>,
        word: &'static str,
        mut notices: Vec<Notice>,
    ) -> Result<Self, String> {
        let origin = Origin {
            rails: &rails,
            word,
        };
        let from = notices.len();
        let mut samples = tidy::tidy(found, origin, &mut notices)?;
        notices.extend(silent::check(&rails, &mut samples));
        notices.extend(containment::settle("recording", &mut rails, &samples));
        notices.extend(odd_unit(&samples));
        let first = samples.iter().map(|sample| sample.start).min();
        let first = first.unwrap_or_default();
        for sample in &mut samples {
            sample.start -= first;
            sample.end -= first;
        }
        for gap in notices[from..]
            .iter_mut()
            .filter(|one| matches!(one.kind, "gap" | "frozen"))
        {
            gap.time -= first;
        }
        Ok(Self {
            rails,
            first,
            length: samples.last().map(|sample| sample.end).unwrap_or_default(),
            samples,
            metrics: Vec::new(),
            wall: None,
            notices,
        })
    }

    /// Sets the wall clock if the recording's clock appears to count from 1970.
    fn counts_from_1970(&mut self) {
        const YEAR_2001_NS: i64 = 1_000_000_000_000_000_000;
        self.wall = (self.first.nanos() > YEAR_2001_NS).then_some(Wall {
            start_unix_ns: self.first.nanos(),
            uncertainty: Nanos::ZERO,
        });
    }

    /// Returns the median length of its samples.
    pub fn interval(&self) -> Nanos {
        usual_length(&self.samples).unwrap_or_default()
    }
}

/// Returns the median length of samples.
fn usual_length(samples: &[Sample]) -> Option<Nanos> {
    let mut lengths: Vec<Nanos> = samples.iter().map(|s| s.end - s.start).collect();
    lengths.sort();
    lengths.get(lengths.len() / 2).copied()
}

/// Plausible lengths of samples.
const LONGEST_INTERVAL: Nanos = Nanos::from_millis(3_600_000);
const SHORTEST_INTERVAL: Nanos = Nanos::from_nanos(20_000);

/// Returns a notice where times are probably in another unit than the columns state.
fn odd_unit(samples: &[Sample]) -> Option<Notice> {
    let usual = usual_length(samples)?;
    let is_odd = !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&usual);
    is_odd.then(|| Notice {
        time: Nanos::ZERO,
        kind: "odd_unit",
        message: format!(
            "recording: its samples are {:e} s long: check the unit of its times; names of \
             columns end in the unit, as `timestamp_s` and `start_ns`",
            usual.seconds()
        ),
    })
}

/// A source that replays a recording.
pub struct Replay {
    path: PathBuf,
    mode: ReplayMode,
    recording: Recording,
    origin: Option<Nanos>,
    next: usize,
    round: i64,
}

impl Replay {
    /// Reads the recording in `path`. The first reading delivers its notices.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] without the file, [`SourceError::BadInput`] with the line
    /// that cannot be parsed.
    pub fn open(path: impl Into<PathBuf>, mode: ReplayMode) -> Result<Self, SourceError> {
        let path = path.into();
        let recording = Recording::open(&path)?;
        Ok(Self {
            path,
            mode,
            recording,
            origin: None,
            next: 0,
            round: 0,
        })
    }

    /// Returns the next sample in run time, if there is one.
    fn upcoming(&self) -> Option<Sample> {
        let offset = Nanos::from_nanos(self.round.checked_mul(self.recording.length.nanos())?);
        let origin = self.origin? + offset;
        let sample = *self.recording.samples.get(self.next)?;
        Some(Sample {
            start: origin + sample.start,
            end: origin + sample.end,
            ..sample
        })
    }

    fn advance(&mut self) {
        self.next += 1;
        if self.next == self.recording.samples.len() && self.mode == ReplayMode::Looped {
            self.next = 0;
            self.round += 1;
        }
    }

    fn deliver_until(&mut self, now: Nanos, reading: &mut Reading) {
        while let Some(sample) = self.upcoming().filter(|sample| sample.end <= now) {
            reading.samples.push(sample);
            self.advance();
        }
    }

    /// Waits for the next sample. A fast replay only sleeps shortly, so that the thread that
    /// moves the clock can run.
    fn wait(&self, clock: &dyn Clock, timeout: Nanos) {
        let Some(next) = self.upcoming() else { return };
        let left = match self.mode {
            ReplayMode::Fast => Nanos::from_millis(1),
            _ => next.end - clock.now(),
        };
        std::thread::sleep(left.min(timeout).duration());
    }

    fn hand_over_notices(&mut self, now: Nanos, reading: &mut Reading) {
        let notices = self.recording.notices.drain(..);
        reading.notices.extend(notices.map(|notice| Notice {
            time: now,
            ..notice
        }));
    }
}

fn load(path: &Path) -> Result<Recording, SourceError> {
    let file = energy_host::files::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => SourceError::NotPresent {
            what: format!("recording {}", path.display()),
        },
        _ => bad(path, error.to_string()),
    })?;
    let mut input = BufReader::with_capacity(HEAD_BYTES, file);
    let start = input
        .fill_buf()
        .map_err(|error| bad(path, error.to_string()))?;
    let recording = match refuse_encoding(start) {
        Some(why) => Err(why),
        #[cfg(feature = "powermetrics")]
        None if plist::begins(start) => plist::read(input),
        #[cfg(feature = "powermetrics")]
        None if text::begins(start) => text::read(input),
        None => csv::read(input),
    };
    recording.map_err(|why| bad(path, why))
}

fn bad(path: &Path, why: String) -> SourceError {
    let what = format!("recording {}", path.display());
    SourceError::BadInput { what, why }
}

impl PowerSource for Replay {
    fn describe(&self) -> Description {
        Description {
            name: "replay".into(),
            rails: self.recording.rails.clone(),
            interval: self.recording.interval(),
            kernel: Kernel::Box,
            provenance: Provenance::Replayed,
            limits: vec![format!(
                "replayed from {}: the power of another run",
                self.path.display()
            )],
        }
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        self.origin = Some(clock.now());
        (self.next, self.round) = (0, 0);
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        timeout: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        self.hand_over_notices(clock.now(), reading);
        let due = self.upcoming().is_some_and(|next| next.end <= clock.now());
        if !due {
            self.wait(clock, timeout);
        }
        self.deliver_until(clock.now(), reading);
        if self.origin.is_some() && self.upcoming().is_none() {
            return Err(SourceError::Gone {
                what: format!("recording {}", self.path.display()),
                why: "it has been played to its end".into(),
            });
        }
        Ok(())
    }

    /// Cuts a sample in progress in proportion to time.
    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        let now = clock.now();
        self.hand_over_notices(now, reading);
        self.deliver_until(now, reading);
        for _ in 0..self.recording.samples.len() {
            let Some(sample) = self.upcoming() else { break };
            reading
                .samples
                .extend(tidy::part(sample, sample.start, now));
            self.advance();
        }
        self.origin = None;
    }
}
