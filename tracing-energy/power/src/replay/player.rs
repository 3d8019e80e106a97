//! The source that replays a recording.

use std::path::PathBuf;

use super::recording::Recording;
use super::tidy;
use crate::choice::ReplayMode;
use crate::clock::Clock;
use crate::error::SourceError;
use crate::rail::{Description, Notice, Sample};
use crate::source::{PowerSource, Reading};
use energy_data::units::Nanos;
use energy_data::{Kernel, Provenance};

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
