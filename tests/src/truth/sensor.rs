//! A sensor that reads the growth of a meter's total.

use energy_data::units::{Energy, Nanos};
use energy_power::{
    Description, Kernel, PowerSource, Provenance, Rail, RailKind, Reading, Sample, SourceError,
};
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use rand_distr::{Distribution, Normal};
use tracing_energy::Clock;

use super::TruthMeter;
use super::recorder::RecorderThreads;

/// Properties of the sensor.
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
    meter: TruthMeter,
    reads: Reads,
    recorder: RecorderThreads,
    random: ChaCha12Rng,
    last: Option<Nanos>,
    times: Vec<u64>,
}

impl TrueSensor {
    /// A sensor of `meter`.
    pub fn new(meter: &TruthMeter, reads: Reads) -> Self {
        Self {
            meter: meter.clone(),
            reads,
            recorder: RecorderThreads::default(),
            random: ChaCha12Rng::seed_from_u64(reads.seed),
            last: None,
            times: Vec::new(),
        }
    }

    /// Energy of the program and of the recorder since the last call, J. While a
    /// thread waits for a processor nothing draws.
    fn spent_j(&mut self) -> f64 {
        let cpu = self.recorder.since_last();
        let program_j = self.meter.settle(&mut self.times, |seconds| match cpu {
            Some((program_s, _)) => (program_s / seconds.max(1e-9)).min(1.0),
            None => 1.0,
        });
        program_j + cpu.map_or(0.0, |cpu| self.recorder.energy_j(cpu, program_j))
    }

    fn sample(&mut self, clock: &dyn Clock) -> Option<Sample> {
        let start = self.last?;
        let spent_j = self.spent_j();
        let end = clock.now() + self.reads.ahead;
        self.last = Some(end);
        let time = end - start;
        let true_j = spent_j + self.reads.idle_w * time.seconds();
        let noise = Normal::new(1.0, self.reads.noise).expect("a deviation");
        let read_j = true_j * noise.sample(&mut self.random);
        (time > Nanos::ZERO).then(|| Sample {
            rail: 0,
            start,
            end,
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
        // Energy before the start belongs to no sample.
        self.times = self.meter.times();
        let _ = self.recorder.since_last();
        self.last = Some(clock.now() + self.reads.ahead);
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        patience: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        let last = self.last.unwrap_or(Nanos::ZERO);
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
