//! The live estimate in the engine: prices each window by what the ones before it
//! taught.
//!
//! ```text
//! window - others - profiler --+
//! seconds of kinds in it ------+--> LiveRail --> idle + kinds --> placed on nodes
//! idle power, if known --------+        `-> learns for the next window
//! ```
//!
//! Seconds are those that the offline fit sees: CPU time that a kind's nodes answer
//! for, or active time where CPU times are not known or not a matter of the rail.
//! A window is the sensor's and the program's at once: the clocks' offset is taken
//! to be 0. Rails stay proportional while too little is known, and modelled ones for
//! ever: their energy is a function of CPU time.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::power::Provenance;
use crate::rows::{Basis, Domain};

use super::engine::Engine;
use super::estimate::VERSION;
use super::live::{LiveRail, LiveSample};
use super::observe::Scope;
use super::prices::{Head, KindEstimate, Prices, RailPrices, SamplePrices};
use super::rails::Measured;
use super::rule::{Split, SplitBasis};
use super::split::{View, device_domain};
use super::windows::in_domain;

/// Stands for the process outside its spans among kinds.
const OUTSIDE: u32 = u32::MAX;

/// Live estimates, by rail id.
#[derive(Debug, Default)]
pub(super) struct Live {
    rails: HashMap<u32, Learning>,
}

/// A rail's estimate and what it did not serve for.
#[derive(Debug, Default)]
struct Learning {
    estimate: LiveRail,
    /// End of the last window that it was told.
    until: i64,
    estimated_windows: u64,
    proportional_windows: u64,
}

impl Engine {
    /// Accounts for windows by a live estimate of the power of kinds, where there is
    /// something to estimate: method `fitted`, as it is while a run goes on. Tell the
    /// kinds of nodes by [`Engine::kind`].
    pub fn estimating_live(mut self) -> Self {
        self.live = Some(Live::default());
        self.prices = Some(Prices {
            head: Head {
                method: "fitted".to_owned(),
                version: VERSION,
                params: json!({"live": true}).to_string(),
                offset_ms: None,
                rails: Value::Null,
            },
            names: vec![String::new()],
            ..Prices::default()
        });
        self
    }

    /// The kind of a node; before the node's activations. Kinds are numbered from 1
    /// ([`Kinds`](super::Kinds)). Without kinds, all activations of a thread have
    /// one power in a window.
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

    /// What a live estimate says of a window, and the rule's split of one joule of
    /// its active energy.
    pub(super) fn live_prices(
        &mut self,
        at: usize,
        measured: &Measured,
        energy_j: f64,
        view: &View,
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
        // What active time leaves is no use by anybody that was seen.
        let unknown = unit.unknown.filter(|_| is_own_seen(basis));
        let unknown_j = part(unknown);
        let not_ours_j = [others_j, profiler_j, unknown_j];
        let times = self.times(domain.map_or(Scope::All, Scope::Of), view);
        let (rail, idle_w) = (self.rails[at].row.id, self.rails[at].baseline_w());
        let learning = self.live.as_mut()?.rails.entry(rail).or_default();
        if std::mem::replace(&mut learning.until, measured.end) != measured.start {
            learning.estimate.interrupt();
        }
        let accounts = learning.estimate.sample(&LiveSample {
            times: &times,
            seconds: (measured.end - measured.start) as f64 / 1e9,
            energy_j: energy_j - not_ours_j.into_iter().flatten().sum::<f64>(),
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

    /// Whether a live estimate was asked for, and some rail can be estimated.
    pub fn is_estimating(&self) -> bool {
        (0..self.rails.len()).any(|at| self.is_live(at))
    }

    fn is_live(&self, at: usize) -> bool {
        self.live.is_some() && self.rails[at].row.provenance != Provenance::Modelled
    }

    fn is_named(&self, domain: Option<Domain>, measured: &Measured) -> bool {
        domain.is_some_and(|domain| self.domain_from[domain as usize] < measured.end)
    }

    /// Seconds of kinds in a window, by kind; those outside of spans come last.
    fn times(&self, scope: Scope, view: &View) -> Vec<(u32, f64)> {
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
            // Whole nanoseconds first: their sum does not depend on how pieces were cut.
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

    /// Puts what is known of kinds now where rows are made from.
    pub(super) fn tell_live(&mut self) {
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

    /// What live estimates say of themselves, rail after rail.
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
                    "estimated while it was recorded: the sensor's clock is taken to be the \
                     program's, and there are no intervals",
                ],
            }))
        });
        Some(rails.collect())
    }
}

/// Whether the program's own use of a device was seen.
fn is_own_seen(basis: SplitBasis) -> bool {
    matches!(basis, SplitBasis::DeviceUse(shares, _) if shares.own > 0.0)
}
