//! RAPL counters through Linux' powercap tree.
//!
//! Limits: a rail covers a whole socket, other programs included. The counters
//! move about once a millisecond and wrap at `max_energy_range_uj` (262 kJ are
//! 22 minutes at 200 W). Since 2020 only root may read them, because fine power
//! readings leak secrets (PLATYPUS); the error says how to allow it. `uncore` is
//! the graphics part on client processors and often stays zero.

mod zones;

use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::cpu_time;
use crate::power::counter::{Counter, Outcome};
use crate::power::pace::Pace;
use crate::power::still::StillWatch;
use crate::power::sysfs;
#[cfg(target_os = "linux")]
use crate::power::users::{DeviceUsers, drm::DrmUsers};
use crate::power::{
    Description, Kernel, Notice, PowerSource, Provenance, Rail, Reading, Sample, SourceError,
};
use crate::units::{Energy, Nanos, Power};
use zones::Zone;

/// Where the kernel shows the counters.
pub const POWERCAP: &str = "/sys/class/powercap";

/// PCI address of the graphics in a package.
#[cfg(target_os = "linux")]
const GRAPHICS: &str = "0000:00:02.0";

/// No socket draws this: a counter that says so jumped, or was reset near its top.
const IMPOSSIBLE: Power = Power::from_watts(20_000.0);

/// The RAPL source.
pub struct Rapl {
    rails: Vec<Rail>,
    meters: Vec<Meter>,
    interval: Nanos,
    busy_time: fn() -> Option<Nanos>,
    still: StillWatch,
    pace: Option<Pace>,
    last: Nanos,
}

/// One zone's counter and what has been seen of it.
struct Meter {
    file: PathBuf,
    counter: Counter,
    lost: bool,
}

impl Rapl {
    /// Opens all zones under `root`, normally [`POWERCAP`].
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] without zones, [`SourceError::NotPermitted`]
    /// with the fix where they may not be read.
    pub fn open(root: &Path, interval: Nanos) -> Result<Self, SourceError> {
        let zones = zones::find(root);
        if zones.is_empty() {
            return Err(SourceError::NotPresent {
                what: format!("RAPL counters in {}", root.display()),
            });
        }
        let meters = zones.iter().map(Meter::open).collect::<Result<_, _>>()?;
        Ok(Self {
            rails: zones::rails(&zones),
            meters,
            interval,
            busy_time: cpu_time::machine,
            still: StillWatch::default(),
            pace: None,
            last: Nanos::ZERO,
        })
    }

    /// The same, with another reader of the machine's busy time.
    #[must_use]
    pub fn with_busy_time(mut self, busy_time: fn() -> Option<Nanos>) -> Self {
        self.busy_time = busy_time;
        self
    }

    /// Reads every counter under one time stamp, so that rails share windows. One
    /// counter that fails is told; only when all do, the source has failed.
    fn poll(&mut self, now: Nanos, reading: &mut Reading) -> Result<(), SourceError> {
        let (mut failure, mut failed) = (None, 0);
        let from = reading.samples.len();
        let window = (self.last, now);
        for (rail, meter) in self.meters.iter_mut().enumerate() {
            let energy = match meter.read() {
                Ok(raw) => meter.advance(raw, window, &mut notices(reading, &self.rails[rail])),
                Err(error) => {
                    meter.lose(&error, now, &mut notices(reading, &self.rails[rail]));
                    failure = Some(error);
                    failed += 1;
                    None
                }
            };
            reading.samples.push(Sample {
                rail,
                start: window.0,
                end: window.1,
                energy,
            });
        }
        self.last = now;
        let Reading {
            samples, notices, ..
        } = reading;
        let rails = ("RAPL", &self.rails[..]);
        self.still
            .check(rails, &samples[from..], self.busy_time, notices);
        failure
            .filter(|_| failed == self.meters.len())
            .map_or(Ok(()), Err)
    }
}

/// Adds a notice about a rail.
fn notices<'a>(
    reading: &'a mut Reading,
    rail: &'a Rail,
) -> impl FnMut(Nanos, &'static str, &str) + 'a {
    |time, kind, what| {
        reading.notices.push(Notice {
            time,
            kind,
            message: format!("RAPL {}: {what}", rail.name),
        });
    }
}

impl Meter {
    fn open(zone: &Zone) -> Result<Self, SourceError> {
        let range = std::fs::read_to_string(zone.directory.join("max_energy_range_uj"));
        let range = range.ok().and_then(|text| text.trim().parse().ok());
        let meter = Self {
            file: zone.directory.join("energy_uj"),
            counter: Counter::microjoules(range),
            lost: false,
        };
        meter.read()?;
        Ok(meter)
    }

    fn read(&self) -> Result<u64, SourceError> {
        sysfs::number(&self.file, FIX)
    }

    /// Says once that the counter cannot be read; what it counts meanwhile is
    /// unknown.
    fn lose(
        &mut self,
        error: &SourceError,
        time: Nanos,
        notice: &mut impl FnMut(Nanos, &'static str, &str),
    ) {
        self.counter.forget();
        if !std::mem::replace(&mut self.lost, true) {
            notice(time, "unreadable", &error.to_string());
        }
    }

    /// The energy of the window, where the counter tells it.
    fn advance(
        &mut self,
        raw: u64,
        (start, end): (Nanos, Nanos),
        notice: &mut impl FnMut(Nanos, &'static str, &str),
    ) -> Option<Energy> {
        self.lost = false;
        let believable = |energy: Energy| energy.over(end - start).is_none_or(|p| p < IMPOSSIBLE);
        match self.counter.advance(raw) {
            Outcome::First => None,
            Outcome::Delta(energy) if believable(energy) => Some(energy),
            Outcome::Delta(energy) => {
                let joules = energy.joules();
                let what = format!("the counter jumped by {joules:.0} J; that energy is unknown");
                notice(end, "jump", &what);
                None
            }
            Outcome::Wrapped(energy) if believable(energy) => {
                notice(end, "wrap", "the counter wrapped; its energy is counted");
                Some(energy)
            }
            Outcome::Wrapped(_) | Outcome::Reset => {
                notice(
                    end,
                    "reset",
                    "the counter went backwards; this window's energy is unknown",
                );
                None
            }
        }
    }
}

/// What lets others than root read the counters.
const FIX: &str = "run `energy doctor --fix`, which writes a rule for udev, or until the next boot \
     `sudo chmod -R a+r /sys/class/powercap/intel-rapl/`";

impl PowerSource for Rapl {
    fn describe(&self) -> Description {
        Description {
            name: "rapl".into(),
            rails: self.rails.clone(),
            interval: self.interval,
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: vec![
                "covers whole sockets, other programs included".into(),
                "counters move about once a millisecond".into(),
            ],
        }
    }

    #[cfg(target_os = "linux")]
    fn users(&mut self) -> Vec<(usize, Box<dyn DeviceUsers>)> {
        let graphics = self
            .rails
            .iter()
            .position(|rail| rail.kind == crate::power::RailKind::Gpu);
        let users = || Box::new(DrmUsers::new("/proc", GRAPHICS)) as Box<dyn DeviceUsers>;
        graphics.map(|rail| (rail, users())).into_iter().collect()
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        self.last = clock.now();
        for meter in &mut self.meters {
            meter.counter.forget();
            let raw = meter.read()?;
            meter.counter.advance(raw);
        }
        self.pace = Some(Pace::starting(self.last, self.interval));
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        patience: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        let due = self
            .pace
            .as_mut()
            .is_some_and(|pace| pace.wait(clock, patience));
        if due {
            self.poll(clock.now(), reading)?;
        }
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        let now = clock.now();
        if self.pace.take().is_some() && now > self.last {
            // A counter that fails now leaves a sample without energy, which
            // says as much as an error would.
            let _ = self.poll(now, reading);
        }
    }
}
