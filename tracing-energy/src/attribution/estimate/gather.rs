//! What the fit wants to know, from what was seen.

use std::collections::HashMap;

use crate::power::{Kernel, Provenance, RailKind};
use crate::rows::{Domain, RailRow};

use super::super::fit::{
    self, CalibratedPrior, FitWindow, KindInfo, KnownIdle, PooledPrior, RailInput, SensorFit,
};

use super::super::observe::{Foreign, Scope};
use super::super::split::device_domain;
use super::{Watched, Wishes};

/// A measured idle power is right within this share, at best.
const MEASURED_IDLE_SD: f64 = 0.03;
/// A configured idle power is taken to be right within this share.
const CONFIGURED_IDLE_SD: f64 = 0.05;
/// How far powers may drift from run to run.
const POOLED_DRIFT: f64 = 0.05;

/// The rails of one source that may be estimated.
pub(super) struct Source<'w> {
    rails: Vec<&'w RailRow>,
}

/// One source, as the fit sees it.
pub(super) struct Sensor<'w> {
    watched: &'w Watched,
    kinds: Vec<KindInfo>,
    pub(super) rails: Vec<SensorRail<'w>>,
}

/// One rail, as the fit sees it.
pub(super) struct SensorRail<'w> {
    pub(super) row: &'w RailRow,
    pub(super) input: RailInput,
    /// For each window, what is not the program's.
    pub(super) foreign: Vec<Option<Foreign>>,
}

/// Sources with something to estimate, in the order of their rails.
pub(super) fn sources<'w>(watched: &'w Watched, wishes: &Wishes) -> Vec<Source<'w>> {
    let mut sources: Vec<Source<'w>> = Vec::new();
    let named = |domain| watched.scopes.contains(&Scope::Of(domain));
    for rail in &watched.rails {
        if scope(rail.kind, watched.cpu_times, named).is_none() {
            continue;
        }
        let wished = wishes.rails.is_empty() || wishes.rails.contains(&rail.name);
        if !wished || rail.provenance == Provenance::Modelled {
            continue;
        }
        let same = |source: &&mut Source<'_>| source.rails[0].source == rail.source;
        match sources.iter_mut().find(same) {
            Some(source) => source.rails.push(rail),
            None => sources.push(Source { rails: vec![rail] }),
        }
    }
    sources
}

/// Which activations a rail of that kind works for: none where it is a device's that no
/// span names. CPU times say for themselves who used a CPU; without them its rail is
/// shared by those that run on it.
pub(crate) fn scope(
    kind: RailKind,
    cpu_times: bool,
    used: impl Fn(Domain) -> bool,
) -> Option<Scope> {
    if let Some(domain) = device_domain(kind) {
        return used(domain).then_some(Scope::Of(domain));
    }
    let shares_cpu = kind == RailKind::Cpu && !cpu_times && used(Domain::Cpu);
    Some(match shares_cpu {
        true => Scope::Of(Domain::Cpu),
        false => Scope::All,
    })
}

impl<'w> Sensor<'w> {
    /// Gathers what is known of a source.
    pub(super) fn new(watched: &'w Watched, wishes: &Wishes, source: &Source<'w>) -> Self {
        let parent = |kind: &super::super::Kind| KindInfo {
            parent: kind.parent.map(|parent| parent - 1),
        };
        let mut kinds: Vec<KindInfo> = watched.kinds.kinds.iter().map(parent).collect();
        kinds.push(KindInfo { parent: None });
        let mut foreign: HashMap<(u32, i64), Foreign> = HashMap::new();
        for seen in &watched.foreign {
            foreign.insert((seen.rail, seen.sample_ns), *seen);
        }
        let rails = source.rails.iter();
        Self {
            watched,
            kinds,
            rails: rails
                .map(|&row| SensorRail::new(watched, wishes, row, &foreign))
                .collect(),
        }
    }

    /// Fits it.
    pub(super) fn fit(&self, options: &fit::FitOptions) -> SensorFit {
        let rails: Vec<RailInput> = self.rails.iter().map(|rail| rail.input.clone()).collect();
        fit::fit(
            fit::Sensor {
                kinds: &self.kinds,
                timelines: &self.watched.timelines,
                rails: &rails,
            },
            options,
        )
    }

    /// For each window of a rail, the energy of kinds that are not without.
    pub(super) fn energies(
        &self,
        rail: &SensorRail<'_>,
        found: &fit::RailFit,
        offset_ns: f64,
    ) -> Vec<Vec<(u32, f64)>> {
        let timeline = self.watched.timelines.get(rail.input.timeline);
        timeline.map_or(Vec::new(), |timeline| {
            found.energies_j(&rail.input, timeline, offset_ns)
        })
    }

    /// The number of the process outside its spans.
    pub(super) fn outside(&self) -> u32 {
        self.watched.kinds.kinds.len() as u32
    }
}

impl<'w> SensorRail<'w> {
    fn new(
        watched: &'w Watched,
        wishes: &Wishes,
        row: &'w RailRow,
        foreign: &HashMap<(u32, i64), Foreign>,
    ) -> Self {
        let samples = watched.samples.iter().filter(|s| s.rail == row.id);
        let known = samples.filter_map(|sample| {
            let seen = foreign.get(&(row.id, sample.start_ns)).copied();
            let theirs = seen.map_or(0.0, |seen| {
                let parts = [seen.others_j, seen.profiler_j, seen.unknown_j];
                parts.into_iter().flatten().sum()
            });
            let window = FitWindow {
                start_ns: sample.start_ns,
                end_ns: sample.end_ns,
                energy_j: sample.energy_j? - theirs,
            };
            Some((window, seen))
        });
        let (windows, foreign) = known.unzip();
        let kernel = wishes.kernels.iter().find(|(rail, _)| *rail == row.name);
        Self {
            row,
            input: RailInput {
                windows,
                is_merged: watched.batched.iter().any(|one| one.rail == row.id),
                timeline: timeline(watched, row),
                kernel: averaging(kernel.map_or(row.kernel, |(_, kernel)| *kernel)),
                idle: idle(watched, row),
                measured_idle: measured_idle(watched, row),
                priors: priors(watched, wishes, row),
                pooled: pooled(watched, wishes, row),
            },
            foreign,
        }
    }
}

fn averaging(kernel: Kernel) -> fit::Kernel {
    match kernel {
        Kernel::Box => fit::Kernel::Box,
        Kernel::Trailing(time) => fit::Kernel::Trailing { ns: time.nanos() },
        Kernel::LowPass(time) => fit::Kernel::LowPass {
            tau_ns: time.nanos(),
        },
    }
}

/// Where nothing ran in the wanted scope its timeline is empty, which the fit refuses
/// in words.
fn timeline(watched: &Watched, row: &RailRow) -> usize {
    let place = |wanted| {
        let mut scopes = watched.scopes.iter();
        scopes.position(|scope| *scope == wanted)
    };
    let watches = |domain| place(Scope::Of(domain)).is_some();
    let wanted = scope(row.kind, watched.cpu_times, watches);
    wanted.and_then(place).unwrap_or(usize::MAX)
}

/// Measured idle time is among the windows, too: only a configured power says more
/// than they do.
fn idle(watched: &Watched, row: &RailRow) -> Option<KnownIdle> {
    let mut baselines = watched.baselines.iter();
    let configured = baselines.find(|b| b.rail == row.id && b.samples == 0)?;
    Some(KnownIdle {
        watts: configured.power_w,
        sd_watts: (CONFIGURED_IDLE_SD * configured.power_w).max(1e-6),
    })
}

/// Idle power as it was measured before the run.
fn measured_idle(watched: &Watched, row: &RailRow) -> Option<KnownIdle> {
    let mut baselines = watched.baselines.iter();
    let rest = baselines.find(|b| b.rail == row.id && b.samples > 0)?;
    let spread = rest.spread_w.unwrap_or(0.0) / f64::from(rest.samples).sqrt();
    Some(KnownIdle {
        watts: rest.power_w,
        sd_watts: spread.max(MEASURED_IDLE_SD * rest.power_w).max(1e-6),
    })
}

fn priors(watched: &Watched, wishes: &Wishes, row: &RailRow) -> Vec<Option<CalibratedPrior>> {
    if wishes.known.is_empty() {
        return Vec::new();
    }
    let of_rail = |rail: &Option<String>| match rail {
        Some(rail) => *rail == row.name,
        None => row.parent.is_none(),
    };
    let named: HashMap<&str, CalibratedPrior> = wishes
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
    let kinds = watched.kinds.kinds.iter();
    let found = kinds.map(|kind| named.get(kind.name.as_str()).copied());
    found.chain([None]).collect()
}

fn pooled(watched: &Watched, wishes: &Wishes, row: &RailRow) -> Option<PooledPrior> {
    let (_, earlier) = wishes.pooled.iter().find(|(rail, _)| *rail == row.name)?;
    let kinds = (0..).zip(&watched.kinds.kinds);
    let numbers: HashMap<&str, u32> = kinds.map(|(at, kind)| (kind.name.as_str(), at)).collect();
    let names = earlier.kinds.iter();
    let kept: Vec<(usize, u32)> = names
        .enumerate()
        .filter_map(|(at, name)| Some((at, *numbers.get(name.as_str())?)))
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
