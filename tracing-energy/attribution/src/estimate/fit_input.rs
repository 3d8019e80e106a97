//! Prepares the input of the fit from an observed run.

use std::collections::HashMap;

use energy_data::rows::{Domain, RailRow};
use energy_data::{Kernel, Provenance, RailKind};

use crate::estimate::observed::{EstimateOptions, ObservedRun};
use crate::fit::{
    self, CalibratedPrior, FitWindow, KindInfo, KnownIdle, PooledPrior, RailInput, SensorFit,
};
use crate::kinds::Kind;
use crate::observe::{PieceScope, SampleNonProgramEnergy};
use crate::windows::basis::device_domain;

/// Least relative standard deviation of a measured idle power.
const MEASURED_IDLE_SD: f64 = 0.03;
/// Relative standard deviation of a configured idle power.
const CONFIGURED_IDLE_SD: f64 = 0.05;
/// Relative drift of powers from run to run.
const POOLED_DRIFT: f64 = 0.05;

/// Rails of one source that can be estimated.
pub(crate) struct SensorRails<'w> {
    rails: Vec<&'w RailRow>,
}

/// Input of the fit for one source.
pub(crate) struct SensorInput<'w> {
    observed: &'w ObservedRun,
    kinds: Vec<KindInfo>,
    pub(crate) rails: Vec<SensorRail<'w>>,
}

/// Input of the fit for one rail.
pub(crate) struct SensorRail<'w> {
    pub(crate) row: &'w RailRow,
    pub(crate) input: RailInput,
    /// Energy of each window that is not the program's, where it is known.
    pub(crate) non_program: Vec<Option<SampleNonProgramEnergy>>,
}

/// Returns the sources with rails to estimate, in the order of their rails.
pub(crate) fn sources<'w>(
    observed: &'w ObservedRun,
    options: &EstimateOptions,
) -> Vec<SensorRails<'w>> {
    let mut sources: Vec<SensorRails<'w>> = Vec::new();
    let is_used = |domain| observed.scopes.contains(&PieceScope::Of(domain));
    for rail in &observed.rails {
        if scope(rail.kind, observed.cpu_times, is_used).is_none() {
            continue;
        }
        let is_selected = options.rails.is_empty() || options.rails.contains(&rail.name);
        if !is_selected || rail.provenance == Provenance::Modelled {
            continue;
        }
        let same = |source: &&mut SensorRails<'_>| source.rails[0].source == rail.source;
        match sources.iter_mut().find(same) {
            Some(source) => source.rails.push(rail),
            None => sources.push(SensorRails { rails: vec![rail] }),
        }
    }
    sources
}

/// Returns the activations that share the energy of a rail of that kind; `None` for the rail
/// of a device whose domain no span uses. Without CPU times, a CPU rail is shared by the
/// spans of the CPU domain.
pub fn scope(kind: RailKind, cpu_times: bool, used: impl Fn(Domain) -> bool) -> Option<PieceScope> {
    if let Some(domain) = device_domain(kind) {
        return used(domain).then_some(PieceScope::Of(domain));
    }
    let shares_cpu = kind == RailKind::Cpu && !cpu_times && used(Domain::Cpu);
    Some(match shares_cpu {
        true => PieceScope::Of(Domain::Cpu),
        false => PieceScope::All,
    })
}

impl<'w> SensorInput<'w> {
    /// Collects the input of a source.
    pub(crate) fn new(
        observed: &'w ObservedRun,
        options: &EstimateOptions,
        source: &SensorRails<'w>,
    ) -> Self {
        let parent = |kind: &Kind| KindInfo {
            parent: kind.parent.map(|parent| parent - 1),
        };
        let mut kinds: Vec<KindInfo> = observed.kinds.kinds.iter().map(parent).collect();
        kinds.push(KindInfo { parent: None });
        let mut non_program: HashMap<(u32, i64), SampleNonProgramEnergy> = HashMap::new();
        for sample in &observed.non_program {
            non_program.insert((sample.rail, sample.sample_ns), *sample);
        }
        let rails = source.rails.iter();
        Self {
            observed,
            kinds,
            rails: rails
                .map(|&row| SensorRail::new(observed, options, row, &non_program))
                .collect(),
        }
    }

    /// Fits the source.
    pub(crate) fn fit(&self, options: &fit::FitOptions) -> SensorFit {
        let rails: Vec<RailInput> = self.rails.iter().map(|rail| rail.input.clone()).collect();
        fit::fit(
            fit::FitSensor {
                kinds: &self.kinds,
                timelines: &self.observed.timelines,
                rails: &rails,
            },
            options,
        )
    }

    /// Returns the non-zero energies of kinds in each window of a rail.
    pub(crate) fn energies(
        &self,
        rail: &SensorRail<'_>,
        fitted: &fit::RailOutcome,
        clock_offset_ns: f64,
    ) -> Vec<Vec<(u32, f64)>> {
        let timeline = self.observed.timelines.get(rail.input.timeline);
        timeline.map_or(Vec::new(), |timeline| {
            fitted.energies_j(&rail.input, timeline, clock_offset_ns)
        })
    }

    /// The kind index of the process outside its spans.
    pub(crate) fn unattributed(&self) -> u32 {
        self.observed.kinds.kinds.len() as u32
    }
}

impl<'w> SensorRail<'w> {
    fn new(
        observed: &'w ObservedRun,
        options: &EstimateOptions,
        row: &'w RailRow,
        non_program: &HashMap<(u32, i64), SampleNonProgramEnergy>,
    ) -> Self {
        let samples = observed.samples.iter().filter(|s| s.rail == row.id);
        let windows = samples.filter_map(|sample| {
            let known = non_program.get(&(row.id, sample.start_ns)).copied();
            let non_program_j = known.map_or(0.0, |known| {
                let parts = [known.other_processes_j, known.profiler_j, known.unknown_j];
                parts.into_iter().flatten().sum()
            });
            let window = FitWindow {
                start_ns: sample.start_ns,
                end_ns: sample.end_ns,
                energy_j: sample.energy_j? - non_program_j,
            };
            Some((window, known))
        });
        let (windows, non_program) = windows.unzip();
        let kernel = options.kernels.iter().find(|(rail, _)| *rail == row.name);
        Self {
            row,
            input: RailInput {
                windows,
                is_merged: observed.batched.iter().any(|one| one.rail == row.id),
                timeline: timeline(observed, row),
                kernel: averaging(kernel.map_or(row.kernel, |(_, kernel)| *kernel)),
                idle: idle(observed, row),
                measured_idle: measured_idle(observed, row),
                priors: priors(observed, options, row),
                pooled: pooled(observed, options, row),
            },
            non_program,
        }
    }
}

fn averaging(kernel: Kernel) -> fit::FitKernel {
    match kernel {
        Kernel::Box => fit::FitKernel::Box,
        Kernel::Trailing(time) => fit::FitKernel::Trailing { ns: time.nanos() },
        Kernel::LowPass(time) => fit::FitKernel::LowPass {
            tau_ns: time.nanos(),
        },
    }
}

/// Returns the index of the rail's timeline. Without one, an invalid index makes the fit
/// refuse the rail with a message.
fn timeline(observed: &ObservedRun, row: &RailRow) -> usize {
    let place = |wanted| {
        let mut scopes = observed.scopes.iter();
        scopes.position(|scope| *scope == wanted)
    };
    let is_observed = |domain| place(PieceScope::Of(domain)).is_some();
    let wanted = scope(row.kind, observed.cpu_times, is_observed);
    wanted.and_then(place).unwrap_or(usize::MAX)
}

/// Returns the configured idle power. A measured one is left out: its samples are among the
/// windows already.
fn idle(observed: &ObservedRun, row: &RailRow) -> Option<KnownIdle> {
    let mut baselines = observed.baselines.iter();
    let configured = baselines.find(|b| b.rail == row.id && b.samples == 0)?;
    Some(KnownIdle {
        watts: configured.power_w,
        sd_watts: (CONFIGURED_IDLE_SD * configured.power_w).max(1e-6),
    })
}

/// Returns the idle power measured before the run.
fn measured_idle(observed: &ObservedRun, row: &RailRow) -> Option<KnownIdle> {
    let mut baselines = observed.baselines.iter();
    let baseline = baselines.find(|b| b.rail == row.id && b.samples > 0)?;
    let spread = baseline.spread_w.unwrap_or(0.0) / f64::from(baseline.samples).sqrt();
    Some(KnownIdle {
        watts: baseline.power_w,
        sd_watts: spread.max(MEASURED_IDLE_SD * baseline.power_w).max(1e-6),
    })
}

fn priors(
    observed: &ObservedRun,
    options: &EstimateOptions,
    row: &RailRow,
) -> Vec<Option<CalibratedPrior>> {
    if options.known.is_empty() {
        return Vec::new();
    }
    let of_rail = |rail: &Option<String>| match rail {
        Some(rail) => *rail == row.name,
        None => row.parent.is_none(),
    };
    let named: HashMap<&str, CalibratedPrior> = options
        .known
        .iter()
        .filter(|known| of_rail(&known.rail))
        .map(|known| {
            let prior = CalibratedPrior {
                watts: known.watts,
                relative_sd: known.relative_sd,
            };
            (known.kind.as_str(), prior)
        })
        .collect();
    let kinds = observed.kinds.kinds.iter();
    let found = kinds.map(|kind| named.get(kind.name.as_str()).copied());
    found.chain([None]).collect()
}

fn pooled(observed: &ObservedRun, options: &EstimateOptions, row: &RailRow) -> Option<PooledPrior> {
    let (_, earlier) = options.pooled.iter().find(|(rail, _)| *rail == row.name)?;
    let kinds = (0..).zip(&observed.kinds.kinds);
    let indices: HashMap<&str, u32> = kinds.map(|(at, kind)| (kind.name.as_str(), at)).collect();
    let names = earlier.kinds.iter();
    let kept: Vec<(usize, u32)> = names
        .enumerate()
        .filter_map(|(at, name)| Some((at, *indices.get(name.as_str())?)))
        .collect();
    let width = earlier.kinds.len();
    let covariance = kept.iter().flat_map(|&(row, _)| {
        let columns = kept.iter();
        columns.map(move |&(column, _)| earlier.covariance[row * width + column])
    });
    Some(PooledPrior {
        kinds: kept.iter().map(|&(_, kind)| kind).collect(),
        ln_power: kept.iter().map(|&(at, _)| earlier.ln_power[at]).collect(),
        covariance: covariance.collect(),
        drift: POOLED_DRIFT,
    })
}
