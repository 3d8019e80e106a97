//! A simulated machine of known power with a virtual clock: time passes only through
//! work or sleep, and a sensor reports exactly the energy spent. The load of the real
//! machine cannot change measurements.

#![allow(unreachable_pub)]

use std::sync::{Arc, Mutex};

use energy_data::units::{Energy, Nanos};
use energy_power::{
    Description, Kernel, PowerSource, Provenance, Rail, RailKind, Reading, Sample, SourceError,
};
use tracing_energy::Clock;

/// Time between samples.
pub const INTERVAL: Nanos = Nanos::from_millis(100);
/// Idle power of the rail `package` at the start, and its growth per second.
pub const IDLE_W: f64 = 6.0;
pub const IDLE_DRIFT_W: f64 = 0.02;
/// Power of the rail `gpu`, whatever runs.
pub const GPU_W: f64 = 1.5;
/// Largest relative error of a sample.
const NOISE: f64 = 0.01;

#[derive(Clone, Default)]
pub struct World(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now_ns: i64,
    active_j: f64,
    /// Active energy up to each end of an interval.
    totals: Vec<f64>,
}

impl World {
    /// Advances time while work draws `watts` above idle power.
    pub fn spend(&self, time: Nanos, watts: f64) {
        let mut state = self.0.lock().unwrap();
        let end = state.now_ns + time.nanos();
        while state.now_ns < end {
            let passed = state.totals.len() as i64;
            let next = (passed + 1) * INTERVAL.nanos();
            let step = end.min(next) - state.now_ns;
            state.active_j += watts * step as f64 / 1e9;
            state.now_ns += step;
            if state.now_ns == next {
                let total = state.active_j;
                state.totals.push(total);
            }
        }
    }

    /// Returns a sensor of this world. Its rail `core` is part of `package`.
    pub fn sensor(&self) -> Sensor {
        Sensor {
            world: self.clone(),
            reported: 0,
        }
    }
}

impl Clock for World {
    fn now(&self) -> Nanos {
        Nanos::from_nanos(self.0.lock().unwrap().now_ns)
    }
}

pub struct Sensor {
    world: World,
    reported: usize,
}

impl Sensor {
    fn report(&mut self, reading: &mut Reading) {
        let state = self.world.0.lock().unwrap();
        while let Some(&total) = state.totals.get(self.reported) {
            let before = self
                .reported
                .checked_sub(1)
                .map_or(0.0, |k| state.totals[k]);
            let start = Nanos::from_nanos(self.reported as i64 * INTERVAL.nanos());
            let length = INTERVAL.seconds();
            let middle = start.seconds() + length / 2.0;
            let idle_j = (IDLE_W + IDLE_DRIFT_W * middle) * length;
            let noise = 1.0 + NOISE * noise(self.reported);
            let package = (total - before + idle_j) * noise;
            for (rail, energy_j) in [package, package / 2.0, GPU_W * length]
                .into_iter()
                .enumerate()
            {
                reading.samples.push(Sample {
                    rail,
                    start,
                    end: start + INTERVAL,
                    energy: Some(Energy::from_joules(energy_j)),
                });
            }
            self.reported += 1;
        }
    }
}

/// Returns a number in -1..1 that depends on `number` only.
fn noise(number: usize) -> f64 {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

impl PowerSource for Sensor {
    fn describe(&self) -> Description {
        let rail = |name: &str, parent| Rail {
            name: name.to_owned(),
            kind: RailKind::Other,
            parent,
            unit: "J",
        };
        Description {
            name: "world".to_owned(),
            rails: vec![
                rail("package", None),
                rail("core", Some(0)),
                rail("gpu", None),
            ],
            interval: INTERVAL,
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: Vec::new(),
        }
    }

    fn start(&mut self, _: &dyn Clock) -> Result<(), SourceError> {
        Ok(())
    }

    fn read(&mut self, _: &dyn Clock, _: Nanos, reading: &mut Reading) -> Result<(), SourceError> {
        self.report(reading);
        if reading.samples.is_empty() {
            // The virtual clock may not advance: wait in real time.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Ok(())
    }

    fn stop(&mut self, _: &dyn Clock, reading: &mut Reading) {
        self.report(reading);
    }
}
