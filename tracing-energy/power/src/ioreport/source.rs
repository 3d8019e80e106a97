//! The source on top of a meter.

use std::time::Duration;

use super::channels::{ChannelRail, RAILS, rail_of};
use super::meter::{Meter, MeterReading};
use super::thread::{MeterReply, MeterThread};
use crate::clock::Clock;
use crate::error::SourceError;
use crate::rail::{Description, Notice, Rail, Sample};
use crate::source::{PowerSource, Reading};
use crate::users::{self, DeviceUsers};
use energy_data::{Kernel, Provenance, RailKind};

use energy_data::units::{Energy, Nanos};

/// A rail that does not move for this long is idle: its window ends without energy.
const IDLE_AFTER: Nanos = Nanos::from_millis(3_000);

/// The IOReport source.
pub struct IoReport {
    interval: Nanos,
    meter: MeterThread,
    rails: Vec<Rail>,
    /// The open window of each rail.
    open: Vec<OpenWindow>,
    last: Nanos,
}

/// A rail's window that has not ended.
#[derive(Debug, Clone, Copy, Default)]
struct OpenWindow {
    start: Nanos,
    energy: Energy,
    /// Energy by the second sensor.
    second: Energy,
    /// Whether the channel is frozen and the second sensor is used.
    is_frozen: bool,
}

impl IoReport {
    /// Starts the meter's thread and finds the rails.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] if no energy is counted, as in a virtual machine.
    pub fn with_meter<M: Meter>(
        make: impl FnOnce() -> Result<M, String> + Send + 'static,
        interval: Nanos,
    ) -> Result<Self, SourceError> {
        let meter = MeterThread::spawn(make)?;
        let first = match meter.request(Duration::from_millis(20)) {
            MeterReply::Counted(counted, _) => counted,
            MeterReply::Failed(why) | MeterReply::Gone(why) => return Err(absent(&why)),
        };
        let rails = rails(&first);
        if rails.is_empty() {
            return Err(absent("no energy is counted here (a virtual machine?)"));
        }
        Ok(Self {
            interval,
            meter,
            open: vec![OpenWindow::default(); rails.len()],
            rails,
            last: Nanos::ZERO,
        })
    }

    /// Adds the energy counted up to `now` and ends complete windows.
    fn count(&mut self, now: Nanos, counted: &MeterReading, last: bool, reading: &mut Reading) {
        let time = now - self.last;
        let energies = energies(&self.rails, counted, time);
        self.last = now;
        for (rail, (window, energy)) in self.open.iter_mut().zip(energies).enumerate() {
            let Some(energy) = energy else {
                // An unknown part makes the energy of the whole window unknown.
                reading.samples.push(sample(rail, *window, now, None));
                *window = OpenWindow::starting(now);
                continue;
            };
            window.energy += energy;
            let moved = energy > Energy::ZERO;
            if self.rails[rail].kind == RailKind::Cpu {
                let second = counted.cpu.map(|power| power * time);
                window.second += second.unwrap_or(Energy::ZERO);
                if window.end_by_second_sensor(rail, now, moved, last, reading) {
                    continue;
                }
            }
            if moved || last || now - window.start >= IDLE_AFTER {
                let energy = Some(window.energy);
                reading.samples.push(sample(rail, *window, now, energy));
                *window = OpenWindow::starting(now);
            }
        }
        reading.samples.retain(|sample| sample.start < sample.end);
    }
}

impl OpenWindow {
    fn starting(start: Nanos) -> Self {
        Self {
            start,
            energy: Energy::ZERO,
            second: Energy::ZERO,
            is_frozen: false,
        }
    }

    /// Ends the window with the energy of the second sensor if the channel does not move
    /// while that sensor reads power. Returns whether it ended the window.
    fn end_by_second_sensor(
        &mut self,
        rail: usize,
        now: Nanos,
        moved: bool,
        last: bool,
        reading: &mut Reading,
    ) -> bool {
        if moved && std::mem::take(&mut self.is_frozen) {
            // This count may include all energy since the channel froze.
            reading.samples.push(sample(rail, *self, now, None));
            *self = Self::starting(now);
            return true;
        }
        let is_due = self.is_frozen || last || now - self.start >= IDLE_AFTER;
        if moved || self.energy > Energy::ZERO || self.second == Energy::ZERO || !is_due {
            return false;
        }
        if !self.is_frozen {
            let watts = self
                .second
                .over(now - self.start)
                .unwrap_or_default()
                .watts();
            reading.notices.push(Notice {
                time: now,
                kind: "frozen",
                message: format!(
                    "ioreport cpu: the channel is frozen while the SMC reads {watts:.1} W: the \
                     SMC's reading is used"
                ),
            });
        }
        reading
            .samples
            .push(sample(rail, *self, now, Some(self.second)));
        *self = Self {
            is_frozen: true,
            ..Self::starting(now)
        };
        true
    }
}

fn sample(rail: usize, window: OpenWindow, end: Nanos, energy: Option<Energy>) -> Sample {
    Sample {
        rail,
        start: window.start,
        end,
        energy,
    }
}

fn absent(why: &str) -> SourceError {
    SourceError::NotPresent {
        what: format!("IOReport energy counters: {why}"),
    }
}

/// Returns the rails of a reading; `system` contains all others.
fn rails(counted: &MeterReading) -> Vec<Rail> {
    let system = counted.system.map(|_| Rail {
        name: "system".into(),
        kind: RailKind::System,
        parent: None,
        unit: "W",
    });
    let parent = system.as_ref().map(|_| 0);
    let counts = |rail: &ChannelRail| {
        counted
            .channels
            .iter()
            .any(|one| rail_of(one) == Some(*rail))
    };
    let parts = RAILS.into_iter().filter(counts).map(|rail| Rail {
        name: rail.name.into(),
        kind: rail.kind,
        parent,
        unit: "mJ",
    });
    system.into_iter().chain(parts).collect()
}

/// Returns the energy of each rail; `None` if its channel is missing or invalid.
fn energies(rails: &[Rail], counted: &MeterReading, time: Nanos) -> Vec<Option<Energy>> {
    let energy = |rail: &Rail| {
        if rail.kind == RailKind::System {
            return counted.system.map(|power| power * time);
        }
        let own = counted.channels.iter();
        let own = own.filter(|one| rail_of(one).is_some_and(|known| known.name == rail.name));
        let mut sum = None;
        for channel in own {
            // Each die has its own channel; an unknown one makes the sum unknown.
            sum = Some(sum.unwrap_or(Energy::ZERO) + channel.energy()?);
        }
        sum
    };
    rails.iter().map(energy).collect()
}

impl PowerSource for IoReport {
    fn describe(&self) -> Description {
        Description {
            name: "ioreport".into(),
            rails: self.rails.clone(),
            interval: self.interval,
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: vec![
                "the system's estimates; other programs included".into(),
                "a rail's windows end when its counter moves: up to 2.2 s on recent systems".into(),
            ],
        }
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        // Discards what was counted before the run.
        self.last = match self.meter.request(Duration::ZERO) {
            MeterReply::Gone(why) => return Err(gone(why)),
            MeterReply::Counted(_, at) => clock.time_of(at),
            MeterReply::Failed(_) => clock.now(),
        };
        self.open.fill(OpenWindow::starting(self.last));
        self.meter.start_reading(self.interval.duration());
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        timeout: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        match self.meter.wait(timeout.duration()) {
            None => return Ok(()),
            Some(MeterReply::Counted(counted, at)) => {
                self.count(clock.time_of(at), &counted, false, reading);
            }
            Some(MeterReply::Gone(why)) => return Err(gone(why)),
            Some(MeterReply::Failed(why)) => {
                self.meter.start_reading(self.interval.duration());
                return Err(SourceError::Retry {
                    what: "IOReport".into(),
                    why,
                });
            }
        }
        self.meter.start_reading(self.interval.duration());
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        // The pending reading, then a last one.
        let pending = self.meter.wait(self.interval.duration());
        if let Some(MeterReply::Counted(counted, at)) = pending {
            self.count(clock.time_of(at), &counted, false, reading);
        }
        if let MeterReply::Counted(counted, at) = self.meter.request(Duration::ZERO) {
            self.count(clock.time_of(at), &counted, true, reading);
        }
    }

    fn users(&mut self) -> Vec<(usize, Box<dyn DeviceUsers>)> {
        users::of_apple_gpu(&self.rails)
    }

    fn own_threads(&self) -> Vec<i64> {
        self.meter.tid().into_iter().collect()
    }
}

fn gone(why: String) -> SourceError {
    SourceError::Gone {
        what: "IOReport".into(),
        why,
    }
}

#[cfg(test)]
mod tests;
