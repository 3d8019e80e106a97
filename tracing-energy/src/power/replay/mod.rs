//! Replay: a recording in place of a live source.
//!
//! Every sample keeps its power and its length; the recording is laid from the
//! source's start on. What it says of another machine and another time says
//! nothing of the program that runs now: provenance `replayed`.

mod csv;
mod plist;

use std::path::{Path, PathBuf};

use super::{Description, Notice, PowerSource, Provenance, Rail, Reading, Sample, SourceError};
use crate::clock::Clock;
use crate::units::{Energy, Nanos};

/// How a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplayMode {
    /// Once, as fast as it was recorded.
    RealTime,
    /// Again and again until the run ends.
    #[default]
    Looped,
    /// Once, without waiting: whatever the (injected) clock has passed is there.
    Fast,
}

/// A sample on the recording's own time base.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Recorded {
    pub(super) rail: usize,
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) energy: Option<Energy>,
}

/// What a recording file holds.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) rails: Vec<Rail>,
    pub(super) samples: Vec<Recorded>,
    pub(super) doubts: Vec<String>,
}

impl Recording {
    /// The number of the rail called `name`.
    pub(super) fn rail(&mut self, rail: Rail) -> usize {
        if let Some(known) = self.rails.iter().position(|known| known.name == rail.name) {
            return known;
        }
        self.rails.push(rail);
        self.rails.len() - 1
    }

    /// Sorts samples, drops empty and repeated ones, cuts overlaps and lets the
    /// recording begin at zero.
    fn tidy(&mut self) {
        let begin = self.samples.iter().map(|sample| sample.start).min().unwrap_or_default();
        let before = self.samples.len();
        self.samples.sort_by_key(|sample| (sample.rail, sample.start, sample.end));
        self.samples.dedup();
        self.samples.retain(|sample| sample.end > sample.start);
        let dropped = before - self.samples.len();
        let mut cut = 0;
        for at in 1..self.samples.len() {
            let last = self.samples[at - 1];
            let sample = &mut self.samples[at];
            if sample.rail == last.rail && sample.start < last.end {
                cut += 1;
                let kept = (sample.end - last.end).nanos().max(0) as f64;
                let share = kept / (sample.end - sample.start).nanos() as f64;
                sample.energy = sample.energy.map(|energy| energy * share);
                sample.start = last.end;
                sample.end = sample.end.max(last.end);
            }
        }
        self.samples.retain(|sample| sample.end > sample.start);
        self.samples.sort_by_key(|sample| (sample.end, sample.rail));
        for sample in &mut self.samples {
            sample.start -= begin;
            sample.end -= begin;
        }
        for (count, what) in [(dropped, "empty or repeated samples dropped"), (cut, "overlapping samples cut")] {
            if count > 0 {
                self.doubts.push(format!("{count} {what}"));
            }
        }
    }

    fn length(&self) -> Nanos {
        self.samples.iter().map(|sample| sample.end).max().unwrap_or_default()
    }
}

/// A recording as a power source.
#[derive(Debug)]
pub struct Replay {
    path: PathBuf,
    recording: Recording,
    mode: ReplayMode,
    /// Run time at which the present round began.
    base: Nanos,
    next: usize,
    doubts_told: bool,
}

impl Replay {
    /// Reads a recording: a `powermetrics` plist stream, or a CSV file with one of
    /// the headers `t_start_ns,t_end_ns,rail,energy_mj`,
    /// `interval_start_s,interval_end_s,rail,power_w`, `timestamp_s,rail,power_w`
    /// (other columns may stand beside these).
    ///
    /// # Errors
    /// [`SourceError::BadInput`] naming the file, the line and what is wrong.
    pub fn open(path: impl Into<PathBuf>, mode: ReplayMode) -> Result<Self, SourceError> {
        let path = path.into();
        let bytes = std::fs::read(&path).map_err(|error| bad(&path, error.to_string()))?;
        let is_plist = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != 0) == Some(&b'<');
        let read = if is_plist { plist::read(&bytes) } else { csv::read(&bytes) };
        let mut recording = read.map_err(|why| bad(&path, why))?;
        recording.tidy();
        if recording.samples.is_empty() {
            return Err(bad(&path, "there is no power sample in it".to_owned()));
        }
        Ok(Self { path, recording, mode, base: Nanos::ZERO, next: 0, doubts_told: false })
    }

    fn placed(&self, sample: &Recorded) -> Sample {
        Sample {
            rail: sample.rail,
            start: self.base + sample.start,
            end: self.base + sample.end,
            energy: sample.energy,
        }
    }

    fn take_due(&mut self, now: Nanos, reading: &mut Reading) {
        while let Some(sample) = self.recording.samples.get(self.next) {
            if self.base + sample.end > now {
                return;
            }
            reading.samples.push(self.placed(sample));
            self.next += 1;
            if self.next == self.recording.samples.len() && self.mode == ReplayMode::Looped {
                self.next = 0;
                self.base += self.recording.length();
            }
        }
    }
}

fn bad(path: &Path, why: String) -> SourceError {
    SourceError::BadInput { what: path.display().to_string(), why }
}

impl PowerSource for Replay {
    fn describe(&self) -> Description {
        let lengths = self.recording.samples.iter().map(|sample| sample.end - sample.start);
        Description {
            name: "replay".to_owned(),
            rails: self.recording.rails.clone(),
            interval: lengths.max().unwrap_or_default(),
            kernel: "box".to_owned(),
            provenance: Provenance::Replayed,
            limits: vec![format!("power is replayed from {}, not measured now", self.path.display())],
        }
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        self.base = clock.now();
        Ok(())
    }

    fn read(&mut self, clock: &dyn Clock, patience: Nanos, reading: &mut Reading) -> Result<(), SourceError> {
        if !std::mem::replace(&mut self.doubts_told, true) {
            let notice = |message: &String| Notice { time: clock.now(), kind: "recording", message: message.clone() };
            reading.notices.extend(self.recording.doubts.iter().map(notice));
        }
        let Some(next) = self.recording.samples.get(self.next) else {
            let what = self.path.display().to_string();
            return Err(SourceError::Gone { what, why: "the recording is over".to_owned() });
        };
        if self.mode != ReplayMode::Fast {
            let wait = self.base + next.end - clock.now();
            std::thread::sleep(wait.min(patience).duration());
        }
        self.take_due(clock.now(), reading);
        Ok(())
    }

    /// The samples in progress are cut off now.
    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        let now = clock.now();
        self.take_due(now, reading);
        for sample in &self.recording.samples[self.next..] {
            let mut placed = self.placed(sample);
            if placed.start < now && placed.end > now {
                let share = (now - placed.start).nanos() as f64 / (placed.end - placed.start).nanos() as f64;
                placed.energy = placed.energy.map(|energy| energy * share);
                placed.end = now;
                reading.samples.push(placed);
            }
        }
    }
}
