//! Models power as CPU time times configured watts.
//!
//! **Not a measurement.** The model ignores frequency, memory, GPUs and the cost of
//! instructions. It is used if no sensor can be read, so that shares of CPU time still have
//! a unit. `power = idle + (max - idle) x busy processors / processors`. The CPU time of the
//! machine is counted in ticks of 10 ms: short windows are coarse, but their sum is exact.

use crate::clock::Clock;
use crate::cpu_time;
use crate::error::SourceError;
use crate::rail::{Description, Rail, Sample};
use crate::source::{PowerSource, Reading};
use crate::stamp::Stamp;
use crate::ticker::Ticker;
use energy_data::units::{Energy, Nanos, Power};
use energy_data::{Kernel, Provenance, RailKind};

/// Default idle power, an order of magnitude: a small laptop or a core's share of a server.
pub const DEFAULT_IDLE: Power = Power::from_watts(5.0);

/// Default power of one busy processor. Eight of them and the idle power make 45 W, the
/// class of a laptop processor.
pub const DEFAULT_PER_PROCESSOR: Power = Power::from_watts(5.0);

/// The watts of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watts {
    /// Power with no processor busy.
    pub idle: Power,
    /// Power with all processors busy.
    pub max: Power,
}

impl Watts {
    /// Returns the defaults: [`DEFAULT_IDLE`], plus [`DEFAULT_PER_PROCESSOR`] for each
    /// processor.
    pub fn default_for(processors: usize) -> Self {
        Self {
            idle: DEFAULT_IDLE,
            max: DEFAULT_IDLE + DEFAULT_PER_PROCESSOR * processors as f64,
        }
    }
}

/// Returns the machine's busy time, summed over all processors.
pub type BusyTime = Box<dyn Fn() -> Option<Nanos> + Send>;

/// The modelled source: one rail, `modelled`.
pub struct Modelled {
    watts: Watts,
    processors: usize,
    interval: Nanos,
    busy_time: BusyTime,
    stamp: Stamp,
    state: Option<ModelState>,
}

struct ModelState {
    ticker: Ticker,
    time: Nanos,
    /// Busy time at `time`, if it could be read.
    busy: Option<Nanos>,
}

impl Modelled {
    /// Creates a model of this machine.
    ///
    /// # Errors
    /// [`SourceError::NotPresent`] if CPU times cannot be read, [`SourceError::BadInput`] for
    /// invalid watts.
    pub fn open(watts: Watts, interval: Nanos) -> Result<Self, SourceError> {
        let busy_time = Box::new(cpu_time::machine);
        Self::with_busy_time(watts, interval, cpu_time::processors(), busy_time)
    }

    /// Creates a model of a machine whose busy time is read by `busy_time`.
    ///
    /// # Errors
    /// The same as those of [`Modelled::open`].
    pub fn with_busy_time(
        watts: Watts,
        interval: Nanos,
        processors: usize,
        busy_time: BusyTime,
    ) -> Result<Self, SourceError> {
        check(watts)?;
        busy_time().ok_or_else(|| SourceError::NotPresent {
            what: "CPU time of the machine (for modelled power)".into(),
        })?;
        Ok(Self {
            watts,
            processors: processors.max(1),
            interval,
            busy_time,
            stamp: Stamp::default(),
            state: None,
        })
    }

    /// Returns the sample of the window that ends now.
    fn sample(&mut self, clock: &dyn Clock) -> Option<Sample> {
        let (busy_now, now) = self.stamp.read(clock, || (self.busy_time)());
        let state = self.state.as_mut()?;
        let window = now - state.time;
        if window <= Nanos::ZERO {
            return None;
        }
        let (start, busy_before) = (state.time, state.busy);
        state.time = now;
        state.busy = busy_now;
        let busy = busy_now.zip(busy_before);
        let busy = busy.map(|(now, before)| (now - before).max(Nanos::ZERO));
        Some(Sample {
            rail: 0,
            start,
            end: now,
            energy: busy.map(|busy| self.energy(window, busy)),
        })
    }

    /// Returns the energy of a window. It is not clamped to the maximum power, so that ticks
    /// counted in a neighbouring window lose no energy.
    fn energy(&self, window: Nanos, busy: Nanos) -> Energy {
        let per_processor = (self.watts.max - self.watts.idle) / self.processors as f64;
        self.watts.idle * window + per_processor * busy
    }
}

fn check(Watts { idle, max }: Watts) -> Result<(), SourceError> {
    let (idle, max) = (idle.watts(), max.watts());
    if idle >= 0.0 && max >= idle && max.is_finite() {
        return Ok(());
    }
    Err(SourceError::BadInput {
        what: "modelled power".into(),
        why: format!("idle {idle} W and maximum {max} W: give 0 <= idle <= maximum"),
    })
}

impl PowerSource for Modelled {
    fn describe(&self) -> Description {
        let Watts { idle, max } = self.watts;
        Description {
            name: "modelled".into(),
            rails: vec![Rail {
                name: "modelled".into(),
                kind: RailKind::Package,
                parent: None,
                unit: "W",
            }],
            interval: self.interval,
            kernel: Kernel::Box,
            provenance: Provenance::Modelled,
            limits: vec![format!(
                "modelled from CPU time, not measured: {} W idle, {} W with all {} processors busy",
                idle.watts(),
                max.watts(),
                self.processors
            )],
        }
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        let (busy, time) = self.stamp.read(clock, || (self.busy_time)());
        let busy = busy.ok_or_else(|| SourceError::Retry {
            what: "modelled power".into(),
            why: "CPU times cannot be read".into(),
        })?;
        let busy = Some(busy);
        let ticker = Ticker::starting(time, self.interval);
        self.state = Some(ModelState { ticker, time, busy });
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        timeout: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        let due = self
            .state
            .as_mut()
            .is_some_and(|state| state.ticker.wait(clock, timeout));
        if due {
            reading.samples.extend(self.sample(clock));
        }
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        reading.samples.extend(self.sample(clock));
        self.state = None;
    }

    fn configured_idle(&self, rail: usize) -> Option<Power> {
        (rail == 0).then_some(self.watts.idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    const WATTS: Watts = Watts {
        idle: Power::from_watts(4.0),
        max: Power::from_watts(20.0),
    };

    fn machine(processors: usize) -> (Modelled, Arc<AtomicI64>) {
        let busy = Arc::new(AtomicI64::new(7_000));
        let reader = Arc::clone(&busy);
        let busy_time = Box::new(move || {
            let nanos = reader.load(SeqCst);
            (nanos >= 0).then(|| Nanos::from_nanos(nanos))
        });
        let interval = Nanos::from_millis(100);
        let source = Modelled::with_busy_time(WATTS, interval, processors, busy_time).unwrap();
        (source, busy)
    }

    #[test]
    fn power_follows_idle_half_and_full_load() {
        let (mut source, busy) = machine(4);
        let clock = ManualClock::default();
        let mut reading = Reading::default();
        source.start(&clock).unwrap();
        for (second, added) in [(1, 0), (2, 2_000_000_000), (3, 4_000_000_000)] {
            busy.fetch_add(added, SeqCst);
            clock.set(Nanos::from_millis(second * 1000));
            source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
        }
        let joules: Vec<f64> = reading
            .samples
            .iter()
            .map(|sample| sample.energy.unwrap().joules())
            .collect();
        assert_eq!(joules, [4.0, 12.0, 20.0]);
        assert_eq!(source.configured_idle(0), Some(Power::from_watts(4.0)));
        assert_eq!(source.configured_idle(1), None);
    }

    #[test]
    fn stop_closes_the_open_window_and_nothing_is_read_before_start() {
        let (mut source, _) = machine(1);
        let clock = ManualClock::default();
        let mut reading = Reading::default();
        source.stop(&clock, &mut reading);
        assert_eq!(reading, Reading::default());
        source.start(&clock).unwrap();
        clock.set(Nanos::from_millis(40));
        source.stop(&clock, &mut reading);
        assert_eq!(reading.samples.len(), 1);
        assert_eq!(reading.samples[0].end, Nanos::from_millis(40));
    }

    #[test]
    fn energy_is_unknown_without_cpu_times() {
        let (mut source, busy) = machine(1);
        let clock = ManualClock::default();
        let mut reading = Reading::default();
        source.start(&clock).unwrap();
        busy.store(-1, SeqCst);
        clock.set(Nanos::from_millis(100));
        source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
        assert_eq!(reading.samples[0].energy, None);
        // Energy of the unknown window must not appear in the next one.
        for (at, nanos) in [(200, 700_000_000), (300, 800_000_000)] {
            busy.store(nanos, SeqCst);
            clock.set(Nanos::from_millis(at));
            source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
        }
        assert_eq!(reading.samples[1].energy, None);
        let watts = reading.samples[2].energy.unwrap().joules() / 0.1;
        assert!(
            (watts - 20.0).abs() < 1e-9,
            "{watts} W of one busy processor"
        );
    }

    #[test]
    fn invalid_watts_are_refused() {
        for (idle, max) in [
            (-1.0, 5.0),
            (6.0, 5.0),
            (f64::NAN, 5.0),
            (1.0, f64::INFINITY),
        ] {
            let watts = Watts {
                idle: Power::from_watts(idle),
                max: Power::from_watts(max),
            };
            let opened = Modelled::open(watts, Nanos::from_millis(100));
            assert!(matches!(opened, Err(SourceError::BadInput { .. })));
        }
    }
}
