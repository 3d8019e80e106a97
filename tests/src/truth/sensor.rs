//! A sensor that reads how a meter's total grows.

use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use rand_distr::{Distribution, Normal};
use tracing_energy::Clock;
use tracing_energy::power::{
    Description, Kernel, PowerSource, Provenance, Rail, RailKind, Reading, Sample, SourceError,
};
use tracing_energy::units::{Energy, Nanos};

use super::Meter;
use super::recorder::RecorderThreads;

/// What a sensor reads besides the program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reads {
    /// Time between samples.
    pub interval: Nanos,
    /// Idle power, W.
    pub idle_w: f64,
    /// Standard deviation of a sample, relative to its energy.
    pub noise: f64,
    /// How far its clock is ahead of the program's.
    pub ahead: Nanos,
    /// Seed of the noise.
    pub seed: u64,
}

/// One rail of a meter. It is of the kind `dram`, which cannot be split by process:
/// what other processes do on this machine has no part in it.
pub struct TrueSensor {
    meter: Meter,
    reads: Reads,
    recorder: RecorderThreads,
    random: ChaCha12Rng,
    last: Option<Before>,
}

/// The last reading.
#[derive(Clone, Copy)]
struct Before {
    time: Nanos,
    program_j: f64,
}

impl TrueSensor {
    /// A sensor of `meter`.
    pub fn new(meter: &Meter, reads: Reads) -> Self {
        Self {
            meter: meter.clone(),
            reads,
            recorder: RecorderThreads::default(),
            random: ChaCha12Rng::seed_from_u64(reads.seed),
            last: None,
        }
    }

    fn read_now(&mut self, clock: &dyn Clock) -> (Before, f64) {
        let (program_j, at) = self.meter.read();
        // Both clocks tell the time of the reading, even if the thread was held up.
        let late = Nanos::from(Instant::now() - at);
        let time = clock.now() - late + self.reads.ahead;
        let last_j = self.last.map_or(program_j, |last| last.program_j);
        let recorder_j = self.recorder.since_last(program_j - last_j);
        (Before { time, program_j }, recorder_j)
    }

    fn sample(&mut self, clock: &dyn Clock) -> Option<Sample> {
        let (now, recorder_j) = self.read_now(clock);
        let last = self.last.replace(now)?;
        let time = now.time - last.time;
        let idle_j = self.reads.idle_w * time.seconds();
        let true_j = now.program_j - last.program_j + recorder_j + idle_j;
        let noise = Normal::new(1.0, self.reads.noise).expect("a deviation");
        let read_j = true_j * noise.sample(&mut self.random);
        (time > Nanos::ZERO).then(|| Sample {
            rail: 0,
            start: last.time,
            end: now.time,
            energy: Some(Energy::from_joules(read_j.max(0.0))),
        })
    }
}

impl PowerSource for TrueSensor {
    fn describe(&self) -> Description {
        Description {
            name: "truth".to_owned(),
            rails: vec![Rail {
                name: "program".to_owned(),
                kind: RailKind::Dram,
                parent: None,
                unit: "J",
            }],
            interval: self.reads.interval,
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: Vec::new(),
        }
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        self.last = Some(self.read_now(clock).0);
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        patience: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        let last = self.last.map_or(Nanos::ZERO, |last| last.time);
        let due = last - self.reads.ahead + self.reads.interval;
        let wait = (due - clock.now()).max(Nanos::ZERO);
        std::thread::sleep(wait.min(patience).duration());
        if wait <= patience {
            reading.samples.extend(self.sample(clock));
        }
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        reading.samples.extend(self.sample(clock));
    }
}
