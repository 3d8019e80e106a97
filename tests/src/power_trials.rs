//! Simulated runs of known energy: the same work of six operations in random order, each
//! with its own power, under a sensor whose gain varies from run to run.
//!
//! ```text
//! power  idle | idle + the operation that runs ......................| idle
//! spans       | a |  c  | b | a |    f    |  c  | ...
//! samples  |    |    |    |    |    |    |         (gap)  |    |    |
//! ```

use std::fmt::Write as _;
use std::path::Path;

use energy_analyzer::import::{ImportOptions, import};
use rand::rngs::ChaCha12Rng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// Operations with their power above idle, W.
const OPERATIONS: [(&str, f64); 6] = [
    ("attend", 9.0),
    ("gather", 14.0),
    ("hash", 7.0),
    ("multiply", 18.0),
    ("parse", 5.0),
    ("store", 11.0),
];
const IDLE_W: f64 = 4.0;
/// Idle time before and after the work, and the time of the work.
const REST_NS: i64 = 2_000_000_000;
const WORK_NS: i64 = 20_000_000_000;
/// A sample's length.
const PERIOD_NS: i64 = 100_000_000;
/// Noise of one sample, as a part of it.
const SAMPLE_SD: f64 = 0.01;

/// One run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerTrial {
    /// The same seed gives the same run.
    pub seed: u64,
    /// Standard deviation of the sensor's gain from run to run.
    pub gain_sd: f64,
    /// An operation, and how many times its power it draws.
    pub power: Option<(&'static str, f64)>,
    /// Part of the work's time in which the sensor gave nothing.
    pub missing: f64,
}

/// One operation that ran.
#[derive(Debug, Clone, Copy)]
struct TrialStep {
    operation: usize,
    start_ns: i64,
    end_ns: i64,
}

impl PowerTrial {
    /// The run with that seed, as it is without a change.
    pub fn plain(seed: u64) -> Self {
        Self {
            seed,
            gain_sd: 0.02,
            power: None,
            missing: 0.0,
        }
    }

    /// Imports the run into the recording at `db` under `name`; its tables are made in
    /// `folder`. Returns what the sensor would have read of all of it, in joules.
    ///
    /// # Panics
    /// When the tables or the recording cannot be written.
    pub fn import(&self, db: &Path, folder: &Path, name: &str) -> f64 {
        let mut random = ChaCha12Rng::seed_from_u64(self.seed);
        let steps = steps(&mut random);
        let gain = 1.0 + self.gain_sd * normal(&mut random);
        let (spans, samples) = (folder.join("spans.csv"), folder.join("samples.csv"));
        std::fs::write(&spans, spans_table(&steps)).expect("spans");
        let table = self.samples_table(&steps, gain, &mut random);
        std::fs::write(&samples, table).expect("samples");
        let options = ImportOptions {
            spans,
            samples,
            name: Some(name.to_owned()),
            kernels: Vec::new(),
        };
        import(db, &options).expect("an import");
        gain * self.joules(&steps, 0, REST_NS + WORK_NS + REST_NS)
    }

    fn watts(&self, operation: usize) -> f64 {
        let (name, watts) = OPERATIONS[operation];
        match self.power {
            Some((of, times)) if of == name => watts * times,
            _ => watts,
        }
    }

    /// True energy of a stretch of time.
    fn joules(&self, steps: &[TrialStep], start_ns: i64, end_ns: i64) -> f64 {
        let active = steps.iter().map(|step| {
            let ns = step.end_ns.min(end_ns) - step.start_ns.max(start_ns);
            self.watts(step.operation) * ns.max(0) as f64 / 1e9
        });
        IDLE_W * (end_ns - start_ns) as f64 / 1e9 + active.sum::<f64>()
    }

    fn samples_table(&self, steps: &[TrialStep], gain: f64, random: &mut ChaCha12Rng) -> String {
        let mut table = String::from("t_start_ns,t_end_ns,rail,energy_mj\n");
        // In the middle of the work.
        let gap_ns = (WORK_NS as f64 * self.missing) as i64;
        let gap_start = REST_NS + (WORK_NS - gap_ns) / 2;
        let end_ns = REST_NS + WORK_NS + REST_NS;
        for start in (0..end_ns).step_by(PERIOD_NS as usize) {
            let end = start + PERIOD_NS;
            let noise = 1.0 + SAMPLE_SD * normal(random);
            if end > gap_start && start < gap_start + gap_ns {
                continue;
            }
            let joules = gain * self.joules(steps, start, end) * noise;
            writeln!(table, "{start},{end},cpu,{:.6}", joules * 1e3).expect("text");
        }
        table
    }
}

/// The work of every run in an order of its own, from the end of the rest on.
fn steps(random: &mut ChaCha12Rng) -> Vec<TrialStep> {
    let mut work = work();
    work.shuffle(random);
    let mut end_ns = REST_NS;
    let step = |(operation, length_ns)| {
        let start_ns = end_ns;
        end_ns += length_ns;
        TrialStep {
            operation,
            start_ns,
            end_ns,
        }
    };
    work.into_iter().map(step).collect()
}

/// The same in all runs, as a program does the same work each time: operations with their
/// lengths, 5 to 65 ms each.
fn work() -> Vec<(usize, i64)> {
    let mut random = ChaCha12Rng::seed_from_u64(7);
    let (mut work, mut left_ns) = (Vec::new(), WORK_NS);
    while left_ns > 0 {
        let length_ns = random.random_range(5_000_000..65_000_000).min(left_ns);
        work.push((random.random_range(0..OPERATIONS.len()), length_ns));
        left_ns -= length_ns;
    }
    work
}

/// One root with all operations below it.
fn spans_table(steps: &[TrialStep]) -> String {
    let mut table = String::from("span_id,parent_id,thread,kind,start_ns,end_ns,rail\n");
    let end_ns = REST_NS + WORK_NS;
    writeln!(table, "1,0,1,serve,{REST_NS},{end_ns},cpu").expect("text");
    for (at, step) in steps.iter().enumerate() {
        let (name, _) = OPERATIONS[step.operation];
        let (start, end) = (step.start_ns, step.end_ns);
        writeln!(table, "{},1,1,{name},{start},{end},cpu", at + 2).expect("text");
    }
    table
}

fn normal(random: &mut ChaCha12Rng) -> f64 {
    StandardNormal.sample(random)
}
