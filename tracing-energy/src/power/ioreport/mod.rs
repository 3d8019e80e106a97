//! Power on macOS without root: the counters behind powermetrics, through IOReport.
//!
//! Type-checked for macOS, never run there; everything above [`Meter`] is tested on
//! fakes. Limits:
//! - Channels are matched by their exact names. A sum over all whose names contain
//!   `CPU` counts cores, clusters and their total together.
//! - On recent systems some channels move every 0.3 to 2.2 s only, then by a lump. A
//!   window ends when its channel moves, so that a lump is spread over its own time:
//!
//! ```text
//! reads     0    0    0   930 mJ  0    0    0   910 mJ
//! window   |----------------------|--------------------|
//! ```
//!
//! - The rail `system` is what the machine draws in all. It is read as a power, and its
//!   energy is that power times the time since the reading before.

#[cfg(target_os = "macos")]
mod apple;
mod channels;
mod thread;

#[cfg(target_os = "macos")]
pub use apple::open;
pub use channels::{Channel, Unit};

use std::time::Duration;

use crate::clock::Clock;
use crate::power::users::{self, DeviceUsers};
use crate::power::{
    Description, Kernel, Notice, PowerSource, Provenance, Rail, RailKind, Reading, Sample,
    SourceError,
};
use crate::units::{Energy, Nanos, Power};
use channels::{Known, RAILS, known};
use thread::{Asked, MeterThread};

/// A rail that does not move for so long is at rest: its window ends without energy.
const AT_REST: Nanos = Nanos::from_millis(3_000);

/// What was counted since the reading before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counted {
    /// All channels of the group `Energy Model`.
    pub channels: Vec<Channel>,
    /// What the machine draws in all, where a sensor tells it.
    pub system: Option<Power>,
    /// What the processor draws by another sensor, where there is one.
    pub cpu: Option<Power>,
}

/// The calls that are the system's. Made and used on one thread.
pub trait Meter {
    /// Waits for so long and gives what was counted since the last call; the first call
    /// begins to count.
    ///
    /// # Errors
    /// Why nothing can be read.
    fn read(&mut self, wait: Duration) -> Result<Counted, String>;
}

/// The source.
pub struct IoReport {
    interval: Nanos,
    meter: MeterThread,
    rails: Vec<Rail>,
    /// Where each rail's open window began, and what has been counted in it.
    open: Vec<Window>,
    last: Nanos,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    start: Nanos,
    energy: Energy,
    /// The same by another sensor.
    second: Energy,
    /// The channel stood still for too long: the other sensor serves.
    is_dead: bool,
}

impl IoReport {
    /// Starts the meter's thread and learns which rails there are.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] where nothing is counted, as in a virtual machine.
    pub fn with_meter<M: Meter>(
        make: impl FnOnce() -> Result<M, String> + Send + 'static,
        interval: Nanos,
    ) -> Result<Self, SourceError> {
        let meter = MeterThread::spawn(make)?;
        let first = match meter.ask(Duration::from_millis(20)) {
            Asked::Counted(counted, _) => counted,
            Asked::Failed(why) | Asked::Gone(why) => return Err(absent(&why)),
        };
        let rails = rails(&first);
        if rails.is_empty() {
            return Err(absent("no energy is counted here (a virtual machine?)"));
        }
        Ok(Self {
            interval,
            meter,
            open: vec![Window::default(); rails.len()],
            rails,
            last: Nanos::ZERO,
        })
    }

    /// Adds what was counted up to `now`, and ends the windows that are over.
    fn count(&mut self, now: Nanos, counted: &Counted, last: bool, reading: &mut Reading) {
        let time = now - self.last;
        let energies = energies(&self.rails, counted, time);
        self.last = now;
        for (rail, (window, energy)) in self.open.iter_mut().zip(energies).enumerate() {
            let Some(energy) = energy else {
                // Nothing is known of this time, and nothing of what came before in it.
                reading.samples.push(sample(rail, *window, now, None));
                *window = Window::starting(now);
                continue;
            };
            window.energy += energy;
            let moved = energy > Energy::ZERO;
            if self.rails[rail].kind == RailKind::Cpu {
                let second = counted.cpu.map(|power| power * time);
                window.second += second.unwrap_or(Energy::ZERO);
                if window.serve_second(rail, now, moved, last, reading) {
                    continue;
                }
            }
            if moved || last || now - window.start >= AT_REST {
                let energy = Some(window.energy);
                reading.samples.push(sample(rail, *window, now, energy));
                *window = Window::starting(now);
            }
        }
        reading.samples.retain(|sample| sample.start < sample.end);
    }
}

impl Window {
    fn starting(start: Nanos) -> Self {
        Self {
            start,
            energy: Energy::ZERO,
            second: Energy::ZERO,
            is_dead: false,
        }
    }

    /// Ends the window by the other sensor where the channel does not move while that one
    /// reads power. Answers whether it did.
    fn serve_second(
        &mut self,
        rail: usize,
        now: Nanos,
        moved: bool,
        last: bool,
        reading: &mut Reading,
    ) -> bool {
        if moved && std::mem::take(&mut self.is_dead) {
            // This count may hold all that was used since the channel stood still.
            reading.samples.push(sample(rail, *self, now, None));
            *self = Self::starting(now);
            return true;
        }
        let is_due = self.is_dead || last || now - self.start >= AT_REST;
        if moved || self.energy > Energy::ZERO || self.second == Energy::ZERO || !is_due {
            return false;
        }
        if !self.is_dead {
            let watts = self
                .second
                .over(now - self.start)
                .unwrap_or_default()
                .watts();
            reading.notices.push(Notice {
                time: now,
                kind: "frozen",
                message: format!(
                    "ioreport cpu: its channel stands still while the SMC reads {watts:.1} W: \
                     that is used"
                ),
            });
        }
        reading
            .samples
            .push(sample(rail, *self, now, Some(self.second)));
        *self = Self {
            is_dead: true,
            ..Self::starting(now)
        };
        true
    }
}

fn sample(rail: usize, window: Window, end: Nanos, energy: Option<Energy>) -> Sample {
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

/// The rails of what was counted; the system contains all others.
fn rails(counted: &Counted) -> Vec<Rail> {
    let system = counted.system.map(|_| Rail {
        name: "system".into(),
        kind: RailKind::System,
        parent: None,
        unit: "W",
    });
    let parent = system.as_ref().map(|_| 0);
    let counts = |rail: &Known| counted.channels.iter().any(|one| known(one) == Some(*rail));
    let parts = RAILS.into_iter().filter(counts).map(|rail| Rail {
        name: rail.name.into(),
        kind: rail.kind,
        parent,
        unit: "mJ",
    });
    system.into_iter().chain(parts).collect()
}

/// The energy of each rail; none where its channel is not there or makes no sense.
fn energies(rails: &[Rail], counted: &Counted, time: Nanos) -> Vec<Option<Energy>> {
    let energy = |rail: &Rail| {
        if rail.kind == RailKind::System {
            return counted.system.map(|power| power * time);
        }
        let own = counted.channels.iter();
        let own = own.filter(|one| known(one).is_some_and(|known| known.name == rail.name));
        let mut sum = None;
        for channel in own {
            // Dies of one chip count apart; one that cannot be read spoils the sum.
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
        // What was counted before the run does not belong to it.
        self.last = match self.meter.ask(Duration::ZERO) {
            Asked::Gone(why) => return Err(gone(why)),
            Asked::Counted(_, at) => clock.time_of(at),
            Asked::Failed(_) => clock.now(),
        };
        self.open.fill(Window::starting(self.last));
        self.meter.begin(self.interval.duration());
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        patience: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        match self.meter.wait(patience.duration()) {
            None => return Ok(()),
            Some(Asked::Counted(counted, at)) => {
                self.count(clock.time_of(at), &counted, false, reading);
            }
            Some(Asked::Gone(why)) => return Err(gone(why)),
            Some(Asked::Failed(why)) => {
                self.meter.begin(self.interval.duration());
                return Err(SourceError::Retry {
                    what: "IOReport".into(),
                    why,
                });
            }
        }
        self.meter.begin(self.interval.duration());
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        // The reading that is under way, then what came after it.
        let under_way = self.meter.wait(self.interval.duration());
        if let Some(Asked::Counted(counted, at)) = under_way {
            self.count(clock.time_of(at), &counted, false, reading);
        }
        if let Asked::Counted(counted, at) = self.meter.ask(Duration::ZERO) {
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
