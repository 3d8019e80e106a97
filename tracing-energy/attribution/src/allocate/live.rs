//! Method `fitted` during a run: prices each window by a model of the windows before it.
//!
//! ```text
//! window - other processes - profiler --+
//! seconds of kinds in it ---------------+--> LiveRail --> idle + kinds --> placed on nodes
//! idle power, if known -----------------+        `-> learns for the next window
//! ```
//!
//! Seconds are those that the offline fit uses: CPU time of a kind's nodes, or active time if
//! CPU times are unknown or do not apply to the rail. The clock offset is taken as 0. Rails
//! stay proportional until enough samples are learnt. Modelled rails always do, because their
//! energy is a function of CPU time.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use energy_data::Provenance;
use energy_data::rows::{Basis, Domain};

use crate::allocate::allocation::Allocation;
use crate::allocate::allocator::Allocator;
use crate::allocate::live_rail::{LiveAccounts, LiveRail, LiveSample};
use crate::allocate::placing;
use crate::allocate::proportional::{Proportional, split_joule};
use crate::prices::{
    ESTIMATE_VERSION, EstimateMetadata, KindEstimate, RailEstimates, RailPrices, SamplePrices,
};
use crate::spans::node_kinds::NodeKinds;
use crate::windows::basis::{SplitBasis, device_domain};
use crate::windows::rail::RailInfo;
use crate::windows::view::{WindowContent, WindowView};
use crate::windows::weights::cpu_weights;

/// Kind id of the process outside its spans.
const UNATTRIBUTED: u32 = u32::MAX;

/// Allocates by live estimates.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// By rail id.
    rails: HashMap<u32, Learning>,
    /// Estimates of kinds, from which rows are made.
    prices: RailEstimates,
    proportional: Proportional,
}

/// A rail's estimate with counts of its use.
#[derive(Debug, Default)]
struct Learning {
    estimate: LiveRail,
    /// End of the last window that was added.
    until: i64,
    estimated_windows: u64,
    proportional_windows: u64,
}

impl Allocator for Live {
    fn allocate(&mut self, view: &WindowView) -> Allocation {
        match self.estimated(view) {
            Some(allocation) => allocation,
            None => self.proportional.allocate(view),
        }
    }

    /// Copies the current estimates of kinds into the prices.
    fn estimates(&mut self, kinds: &NodeKinds) -> Option<&RailEstimates> {
        for (&rail, learning) in &self.rails {
            if learning.estimate.is_ready() {
                let kinds = (0..kinds.count() as u32).map(|kind| learning.kind(kind));
                let prices = RailPrices {
                    kinds: kinds.collect(),
                    ..RailPrices::default()
                };
                self.prices.insert(rail, prices);
            }
        }
        Some(&self.prices)
    }

    /// A live estimate without a rail that can be estimated is left out.
    fn metadata(&self, rails: &[RailInfo]) -> Option<EstimateMetadata> {
        self.is_estimating(rails).then(|| EstimateMetadata {
            method: "fitted".to_owned(),
            version: ESTIMATE_VERSION,
            params: json!({"live": true}).to_string(),
            clock_offset_ns: None,
            rails: self.diagnostics(rails),
        })
    }

    fn is_estimating(&self, rails: &[RailInfo]) -> bool {
        let mut rails = rails.iter().map(|rail| rail.row.provenance);
        rails.any(|provenance| provenance != Provenance::Modelled)
    }
}

impl Live {
    /// Returns the allocation by the live estimate; `None` if the window stays proportional.
    fn estimated(&mut self, view: &WindowView) -> Option<Allocation> {
        let (sample, division) = (&view.sample, view.division.as_ref()?);
        if sample.is_modelled || view.content.is_from_totals {
            return None;
        }
        if device_domain(sample.kind).is_some() && !division.is_domain_used {
            return None;
        }
        let unit = split_joule(view);
        let active_j = sample.active_j();
        let part = |share: Option<f64>| share.map(|share| share * active_j);
        let (other_processes_j, profiler_j) = (part(unit.other_processes), part(unit.profiler));
        // The remainder of active time is excluded unless use by process was recorded.
        let unknown_j = part(unit.unknown.filter(|_| is_own_use_known(division.basis)));
        let non_program_j = [other_processes_j, profiler_j, unknown_j];
        let non_program_j = non_program_j.into_iter().flatten().sum::<f64>();
        let accounts = self.accounts(view, division.domain, non_program_j)?;
        let mut kinds = accounts.kinds;
        let unattributed = kinds.pop_if(|(kind, _)| *kind == UNATTRIBUTED);
        let unattributed_j = unattributed.map_or(0.0, |(_, energy)| energy);
        let prices = SamplePrices {
            idle_j: Some(accounts.idle_j),
            unattributed_j: unit.unattributed.map(|_| unattributed_j),
            other_processes_j,
            profiler_j,
            unknown_j,
            kinds,
        };
        Some(placing::allocation(&prices, 1.0, view, &unit))
    }

    /// Learns a window, and returns its accounts by what was learnt before.
    fn accounts(
        &mut self,
        view: &WindowView,
        domain: Option<Domain>,
        non_program_j: f64,
    ) -> Option<LiveAccounts> {
        let (sample, measured) = (&view.sample, &view.sample.measured);
        let times = times(domain, &view.content);
        let learning = self.rails.entry(sample.rail).or_default();
        if std::mem::replace(&mut learning.until, measured.end) != measured.start {
            learning.estimate.interrupt();
        }
        let accounts = learning.estimate.sample(&LiveSample {
            times: &times,
            seconds: (measured.end - measured.start) as f64 / 1e9,
            energy_j: sample.energy_j - non_program_j,
            idle_w: sample.baseline_w,
        });
        match accounts.is_some() {
            true => learning.estimated_windows += 1,
            false => learning.proportional_windows += 1,
        }
        accounts
    }

    /// Returns the diagnostics of live estimates by rail.
    fn diagnostics(&self, rails: &[RailInfo]) -> Value {
        let rails = rails.iter().filter_map(|rail| {
            let learning = self.rails.get(&rail.row.id)?;
            Some(json!({
                "rail": format!("{}/{}", rail.row.source, rail.row.name),
                "idle_w": learning.estimate.idle_w(),
                "samples": learning.estimate.learnt(),
                "estimated_windows": learning.estimated_windows,
                "proportional_windows": learning.proportional_windows,
                "warnings": [
                    "estimated during recording: the offset of the sensor's clock is taken as 0, \
                     and there are no intervals; run `energy attribute` to add them",
                ],
            }))
        });
        rails.collect()
    }
}

impl Learning {
    /// Returns the current estimate of a kind.
    fn kind(&self, kind: u32) -> Option<KindEstimate> {
        Some(KindEstimate {
            interval: None,
            extrapolated_j: 0.0,
            power_w: Some(self.estimate.power_w(kind)?),
            basis: Basis::Fitted,
            grouping: None,
        })
    }
}

/// Returns seconds of kinds in a window, by kind; those outside spans come last. `domain` is set
/// if only its activations share the energy.
fn times(domain: Option<Domain>, content: &WindowContent) -> Vec<(u32, f64)> {
    let window = &content.window;
    let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
    if domain.is_none()
        && let Some(weights) = cpu_weights(content)
    {
        for (cell, weight) in window.cells().iter().zip(&weights.cells) {
            *sums.entry(cell.kind).or_default() += weight / 1e9;
        }
        sums.insert(UNATTRIBUTED, weights.unattributed / 1e9);
        return sums.into_iter().collect();
    }
    for part in &window.threads {
        // Whole nanoseconds first, so that the sum does not depend on how pieces were cut.
        let mut times: BTreeMap<u32, i64> = BTreeMap::new();
        let cells = window.cells_of(part).iter();
        for cell in cells.filter(|cell| cell.is_in(domain) && cell.active_ns > 0) {
            *times.entry(cell.kind).or_default() += cell.active_ns;
        }
        for (kind, ns) in times {
            *sums.entry(kind).or_default() += ns as f64 / 1e9;
        }
    }
    sums.into_iter().collect()
}

/// Whether the program's own use of a device was recorded.
fn is_own_use_known(basis: SplitBasis) -> bool {
    matches!(basis, SplitBasis::DeviceUse(shares, _) if shares.own > 0.0)
}
