//! Power from a recording: powermetrics' documents or text, or a table.
//!
//! Every sample keeps its power and its length; the recording begins when the
//! source starts. Figures made from it belong to the machine that was recorded,
//! not to the program that runs now.

mod csv;
mod documents;
mod gaps;
mod limits;
mod names;
mod placement;
mod plist;
mod points;
mod repeats;
mod silent;
mod strays;
mod text;
mod tidy;
mod times;

pub use placement::Wall;
pub use strays::main_group;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::power::containment;
use crate::power::{
    Description, Extra, Kernel, Notice, PowerSource, Provenance, Rail, Reading, Sample, SourceError,
};
use crate::table::refuse_encoding;
use crate::units::Nanos;
use tidy::{Found, Origin};

/// What a recording is, shows within so many bytes.
const HEAD_BYTES: usize = 64 << 10;

/// How a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplayMode {
    /// As fast as it was recorded; then the source is gone.
    #[default]
    RealTime,
    /// The same, again and again until it is stopped.
    Looped,
    /// For tests with a clock of their own: never waits for the clock.
    Fast,
}

/// A recording in memory: samples by end, the first one starts at zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Its rails; samples refer to them by index.
    pub rails: Vec<Rail>,
    /// In order, each moment of a rail once.
    pub samples: Vec<Sample>,
    /// What it tells besides energies.
    pub extras: Vec<Extra>,
    /// When the first sample started, by the clock of the recording.
    pub first: Nanos,
    /// From the first start to the last end.
    pub length: Nanos,
    /// When it began by the wall clock, where it tells.
    pub wall: Option<Wall>,
    /// What was odd about it: duplicates, overlaps, gaps.
    pub notices: Vec<Notice>,
}

impl Recording {
    /// Reads the recording in `path`.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] without the file, [`SourceError::BadInput`]
    /// with the line where it cannot be understood, or without a sample.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let recording = load(path)?;
        if recording.samples.is_empty() {
            return Err(bad(path, "it holds no sample".into()));
        }
        Ok(recording)
    }

    /// Puts samples in order; `word` is what their places count.
    fn new(
        mut rails: Vec<Rail>,
        found: Vec<Found>,
        word: &'static str,
        mut notices: Vec<Notice>,
    ) -> Result<Self, String> {
        let origin = Origin {
            rails: &rails,
            word,
        };
        let from = notices.len();
        let mut samples = tidy::tidy(found, origin, &mut notices)?;
        notices.extend(silent::mend(&rails, &mut samples));
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
            extras: Vec::new(),
            wall: None,
            notices,
        })
    }

    /// Its clock counts from 1970, if it counts from so long ago.
    fn counts_from_1970(&mut self) {
        const YEAR_2001_NS: i64 = 1_000_000_000_000_000_000;
        self.wall = (self.first.nanos() > YEAR_2001_NS).then_some(Wall {
            start_unix_ns: self.first.nanos(),
            uncertainty: Nanos::ZERO,
        });
    }

    /// The median length of its samples.
    pub fn interval(&self) -> Nanos {
        usual_length(&self.samples).unwrap_or_default()
    }
}

/// The median length of samples.
fn usual_length(samples: &[Sample]) -> Option<Nanos> {
    let mut lengths: Vec<Nanos> = samples.iter().map(|s| s.end - s.start).collect();
    lengths.sort();
    lengths.get(lengths.len() / 2).copied()
}

/// No meter is read less often than this, and none more often.
const LONGEST_INTERVAL: Nanos = Nanos::from_millis(3_600_000);
const SHORTEST_INTERVAL: Nanos = Nanos::from_nanos(20_000);

/// A notice where times are probably of another unit than the columns say.
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

/// The replay source.
pub struct Replay {
    path: PathBuf,
    mode: ReplayMode,
    recording: Recording,
    origin: Option<Nanos>,
    next: usize,
    round: i64,
}

impl Replay {
    /// Reads the recording in `path`; what is odd about it is told by the first
    /// reading.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] without the file, [`SourceError::BadInput`]
    /// with the line where it cannot be understood.
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

    /// The next sample in run time, if there is one.
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

    /// A fast replay yields only, so that whoever moves the clock gets on.
    fn wait(&self, clock: &dyn Clock, patience: Nanos) {
        let Some(next) = self.upcoming() else { return };
        let left = match self.mode {
            ReplayMode::Fast => Nanos::from_millis(1),
            _ => next.end - clock.now(),
        };
        std::thread::sleep(left.min(patience).duration());
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
    let file = crate::files::open(path).map_err(|error| match error.kind() {
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
        None if plist::begins(start) => plist::read(input),
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
        patience: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        self.hand_over_notices(clock.now(), reading);
        let due = self.upcoming().is_some_and(|next| next.end <= clock.now());
        if !due {
            self.wait(clock, patience);
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

    /// A sample in progress is cut by time.
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
