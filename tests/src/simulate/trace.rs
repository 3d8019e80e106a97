//! A trace with its truth.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Scenario, SensorModel, Settings};

/// A metered supply domain, in the order of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SimulatedRail {
    /// Processor cores.
    Cpu,
    /// Memory, which all spans use.
    Dram,
    /// Graphics processor.
    Gpu,
}

impl SimulatedRail {
    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Dram => "dram",
            Self::Gpu => "gpu",
        }
    }

    /// How much larger idle power and noise are than on the CPU rail.
    pub(crate) fn scale(self) -> f64 {
        match self {
            Self::Cpu => 1.0,
            Self::Dram => 0.3,
            Self::Gpu => 10.0,
        }
    }

    /// Whether a span that is marked with `mark` can use this rail.
    #[must_use]
    pub fn serves(self, mark: Self) -> bool {
        self == Self::Dram || self == mark
    }
}

impl fmt::Display for SimulatedRail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SimulatedRail {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Cpu, Self::Dram, Self::Gpu]
            .into_iter()
            .find(|rail| rail.name() == name)
            .ok_or_else(|| format!("unknown rail {name:?}; use cpu, dram or gpu"))
    }
}

/// One span. Its id is its place in [`SimulatedTrace::spans`] plus 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedSpan {
    /// Id of the parent; 0: none.
    pub parent: u64,
    /// Number of the thread it ran on.
    pub thread: u32,
    /// Its kind, a place in [`SimulatedTrace::kinds`].
    pub kind: usize,
    /// Begin, ns of the spans' clock.
    pub start_ns: i64,
    /// End, ns of the spans' clock.
    pub end_ns: i64,
    /// The rail it uses (besides memory).
    pub rail: SimulatedRail,
}

/// One reading: the energy of a rail between two times.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedSample {
    /// Begin, ns of the sampler's clock.
    pub start_ns: i64,
    /// End, ns of the sampler's clock.
    pub end_ns: i64,
    /// The measured rail.
    pub rail: SimulatedRail,
    /// Energy, mJ.
    pub energy_mj: f64,
}

/// True energy of one kind on one rail.
#[derive(Clone, Debug, PartialEq)]
pub struct KindTruth {
    /// The kind, a place in [`SimulatedTrace::kinds`].
    pub kind: usize,
    /// The rail.
    pub rail: SimulatedRail,
    /// Energy of its self time above idle, mJ.
    pub energy_mj: f64,
    /// Its self time on all threads, ns.
    pub self_time_ns: i64,
    /// Its number of spans.
    pub count: u64,
}

/// Truth of one rail over the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RailTruth {
    /// Energy that the rail uses whatever happens, mJ.
    pub idle_mj: f64,
    /// Energy of work that no span covers, mJ.
    #[serde(rename = "bg_mj")]
    pub background_mj: f64,
    /// All energy, mJ.
    pub total_mj: f64,
    /// Mean idle power, W.
    pub idle_w: f64,
    /// Energy of spans, mJ.
    #[serde(rename = "dyn_mj")]
    pub spans_mj: f64,
    /// How it was measured.
    pub sensor: SensorModel,
}

/// Truth of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceTruth {
    /// Sampler's clock minus the spans' clock, ms.
    pub clock_offset_ms: f64,
    /// By rail.
    pub rails: BTreeMap<SimulatedRail, RailTruth>,
    /// By rail and kind, in this order; only kinds that use the rail.
    pub kinds: Vec<KindTruth>,
    /// By span: self energy on all rails, mJ.
    pub span_energy_mj: Vec<f64>,
    /// Power of each kind while it runs alone, W, by name and rail. Empty for traces
    /// of other generators that do not report it.
    pub powers_w: BTreeMap<String, BTreeMap<SimulatedRail, f64>>,
}

/// Spans and samples, and the truth about them.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedTrace {
    /// The scenario it was made from.
    pub scenario: Scenario,
    /// The seed it was made from.
    pub seed: u64,
    /// The settings it was made with.
    pub settings: Settings,
    /// Names of kinds, sorted.
    pub kinds: Vec<String>,
    /// Spans in the order of their ids.
    pub spans: Vec<SimulatedSpan>,
    /// Samples by rail and begin.
    pub samples: Vec<SimulatedSample>,
    /// The truth.
    pub truth: TraceTruth,
}

impl SimulatedTrace {
    /// True energy of each kind on one rail, mJ, by place in [`SimulatedTrace::kinds`].
    #[must_use]
    pub fn true_energy_mj(&self, rail: SimulatedRail) -> Vec<f64> {
        let mut energy = vec![0.0; self.kinds.len()];
        for truth in self.truth.kinds.iter().filter(|truth| truth.rail == rail) {
            energy[truth.kind] += truth.energy_mj;
        }
        energy
    }

    /// Samples of one rail, repeated ones once.
    #[must_use]
    pub fn distinct_samples(&self, rail: SimulatedRail) -> Vec<&SimulatedSample> {
        let mut samples: Vec<_> = self.samples.iter().filter(|one| one.rail == rail).collect();
        samples.sort_by(|a, b| {
            (a.start_ns, a.end_ns)
                .cmp(&(b.start_ns, b.end_ns))
                .then(a.energy_mj.total_cmp(&b.energy_mj))
        });
        samples.dedup();
        samples
    }
}
