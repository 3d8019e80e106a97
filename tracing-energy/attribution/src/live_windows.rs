//! The live estimate in the engine: prices each window by a model of the windows before it.
//!
//! ```text
//! window - others - profiler --+
//! seconds of kinds in it ------+--> LiveRail --> idle + kinds --> placed on nodes
//! idle power, if known --------+        `-> learns for the next window
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

use super::engine::Engine;
use super::estimate::VERSION;
use super::live::{LiveRail, LiveSample};
use super::observe::Scope;
use super::prices::{EstimateMetadata, KindEstimate, Prices, RailPrices, SamplePrices};
use super::rails::Measured;
use super::rule::{Split, SplitBasis};
use super::split::{WindowView, device_domain};
use super::windows::in_domain;

/// Kind id of the process outside its spans.
const OUTSIDE: u32 = u32::MAX;

/// Live estimates, by rail id.
#[derive(Debug, Default)]
pub(super) struct Live {
    rails: HashMap<u32, Learning>,
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

impl Engine {
    /// Attributes windows by a live estimate of the power of kinds, on rails that can be
    /// estimated: method `fitted` during a run. Set the kinds of nodes with [`Engine::kind`].
    pub fn estimating_live(mut self) -> Self {
        self.live = Some(Live::default());
        self.prices = Some(Prices {
            metadata: EstimateMetadata {
                method: "fitted".to_owned(),
                version: VERSION,
                params: json!({"live": true}).to_string(),
                clock_offset_ms: None,
                rails: Value::Null,
            },
            names: vec![String::new()],
            ..Prices::default()
        });
        self
    }

    /// Sets the kind of a node. Call it before adding the node's activations. Kinds are
    /// numbered from 1 ([`Kinds`](super::Kinds)). Without kinds, all activations of a thread
    /// have one power in a window.
    pub fn kind(&mut self, node: u32, kind: u32, name: &str) {
        let (node, at) = (node as usize, kind as usize);
        if self.kinds.len() <= node {
            self.kinds.resize(node + 1, 0);
        }
        self.kinds[node] = kind;
        let Some(prices) = self.prices.as_mut().filter(|_| self.live.is_some()) else {
            return;
        };
        if prices.of_node.len() <= node {
            prices.of_node.resize(node + 1, 0);
        }
        prices.of_node[node] = kind;
        if prices.names.len() <= at {
            prices.names.resize(at + 1, String::new());
        }
        name.clone_into(&mut prices.names[at]);
    }

    /// Returns the split of one joule of a window's active energy by the rule, and its
    /// accounts by the live estimate. `None` if the window stays proportional.
    pub(super) fn live_prices(
        &mut self,
        at: usize,
        measured: &Measured,
        energy_j: f64,
        view: &WindowView,
    ) -> Option<(Split, SamplePrices)> {
        if !self.is_live(at) || self.is_late(measured) || self.coarse {
            return None;
        }
        let basis = self.basis(at, view.cpu, measured.start, measured.end);
        let (unit, domain) = self.divide(at, 1.0, measured, view);
        if device_domain(self.rails[at].row.kind).is_some() && !self.is_named(domain, measured) {
            return None;
        }
        let active_j = energy_j - self.idle_j(at, measured).unwrap_or(0.0);
        let part = |share: Option<f64>| share.map(|share| share * active_j);
        let (others_j, profiler_j) = (part(unit.others), part(unit.profiler));
        // The remainder of active time is excluded unless use by process was recorded.
        let unknown = unit.unknown.filter(|_| is_own_use_known(basis));
        let unknown_j = part(unknown);
        let non_program_j = [others_j, profiler_j, unknown_j];
        let times = self.times(domain.map_or(Scope::All, Scope::Of), view);
        let (rail, idle_w) = (self.rails[at].row.id, self.rails[at].baseline_w());
        let learning = self.live.as_mut()?.rails.entry(rail).or_default();
        if std::mem::replace(&mut learning.until, measured.end) != measured.start {
            learning.estimate.interrupt();
        }
        let accounts = learning.estimate.sample(&LiveSample {
            times: &times,
            seconds: (measured.end - measured.start) as f64 / 1e9,
            energy_j: energy_j - non_program_j.into_iter().flatten().sum::<f64>(),
            idle_w,
        });
        let Some(accounts) = accounts else {
            learning.proportional_windows += 1;
            return None;
        };
        learning.estimated_windows += 1;
        self.count(at, view);
        let mut kinds = accounts.kinds;
        let outside = kinds.pop_if(|(kind, _)| *kind == OUTSIDE);
        let outside_j = outside.map_or(0.0, |(_, energy)| energy);
        let prices = SamplePrices {
            idle_j: Some(accounts.idle_j),
            outside_j: unit.outside.map(|_| outside_j),
            others_j,
            profiler_j,
            unknown_j,
            kinds,
        };
        Some((unit, prices))
    }

    /// Whether a live estimate was requested, and any rail can be estimated.
    pub fn is_estimating(&self) -> bool {
        (0..self.rails.len()).any(|at| self.is_live(at))
    }

    fn is_live(&self, at: usize) -> bool {
        self.live.is_some() && self.rails[at].row.provenance != Provenance::Modelled
    }

    fn is_named(&self, domain: Option<Domain>, measured: &Measured) -> bool {
        domain.is_some_and(|domain| self.domain_from[domain as usize] < measured.end)
    }

    /// Returns seconds of kinds in a window, by kind; those outside spans come last.
    fn times(&self, scope: Scope, view: &WindowView) -> Vec<(u32, f64)> {
        let window = &view.window;
        let kind = |node| self.kind_of(node);
        let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
        if let Some(weights) = self.weights(scope, view) {
            for (&(node, _), weight) in window.cells().iter().zip(&weights.cells) {
                *sums.entry(kind(node)).or_default() += weight / 1e9;
            }
            sums.insert(OUTSIDE, weights.outside / 1e9);
            return sums.into_iter().collect();
        }
        let passes = in_domain(&self.stacks.nodes, scope.domain());
        for part in &window.threads {
            // Whole nanoseconds first, so that the sum does not depend on how pieces were cut.
            let mut times: BTreeMap<u32, i64> = BTreeMap::new();
            let stack = &self.stacks.threads[part.thread as usize];
            stack.each_piece(window.start, window.end, |_, _, key, ns| {
                if passes(key.node) && !key.waiting && ns > 0 {
                    *times.entry(kind(key.node)).or_default() += ns;
                }
            });
            for (kind, ns) in times {
                *sums.entry(kind).or_default() += ns as f64 / 1e9;
            }
        }
        sums.into_iter().collect()
    }

    /// Copies the current estimates of kinds into the prices, from which rows are made.
    pub(super) fn update_live_prices(&mut self) {
        let (Some(live), Some(prices)) = (&self.live, &mut self.prices) else {
            return;
        };
        for (&rail, learning) in &live.rails {
            if !learning.estimate.is_ready() {
                continue;
            }
            let estimate = |kind| {
                Some(KindEstimate {
                    interval: None,
                    extrapolated_j: 0.0,
                    power_w: Some(learning.estimate.power_w(kind)?),
                    basis: Basis::Fitted,
                    grouping: None,
                })
            };
            let kinds = (0..prices.names.len() as u32).map(estimate).collect();
            prices.rails.insert(
                rail,
                RailPrices {
                    kinds,
                    ..RailPrices::default()
                },
            );
        }
    }

    /// Returns the diagnostics of live estimates by rail; `None` without a live estimate.
    pub(super) fn live_diagnostics(&self) -> Option<Value> {
        let live = self.live.as_ref()?;
        let rails = self.rails.iter().filter_map(|rail| {
            let learning = live.rails.get(&rail.row.id)?;
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
        Some(rails.collect())
    }
}

/// Whether the program's own use of a device was recorded.
fn is_own_use_known(basis: SplitBasis) -> bool {
    matches!(basis, SplitBasis::DeviceUse(shares, _) if shares.own > 0.0)
}
