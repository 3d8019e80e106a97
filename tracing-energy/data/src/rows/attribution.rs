//! All rows of one attribution.

use std::collections::HashSet;
use std::hash::Hash;

use super::balance::{BalanceRow, SampleBalanceRow};
use super::energy::{NodeEnergyRow, PhaseEnergyRow, SpanEnergyRow, WindowPowerRow};
use super::kinds::{KindEnergyRow, KindFitRow, KindGroupRow};

/// Rows of one attribution for closed windows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttributionRows {
    /// `attributions`; present in the first batch and again at the end.
    pub head: Option<AttributionRow>,
    /// `sample_balance`: new windows.
    pub sample_balance: Vec<SampleBalanceRow>,
    /// `window_power`: new windows.
    pub window_power: Vec<WindowPowerRow>,
    /// `span_energy`: activations with all windows closed (or at the end of the run).
    pub span_energy: Vec<SpanEnergyRow>,
    /// `phase_energy`: totals up to now; replaces.
    pub phase_energy: Vec<PhaseEnergyRow>,
    /// `node_energy`: totals up to now; replaces (changed nodes only).
    pub node_energy: Vec<NodeEnergyRow>,
    /// `balance`: totals up to now; replaces.
    pub balance: Vec<BalanceRow>,
    /// `kind_energy`: totals up to now; replaces. Estimating methods only.
    pub kind_energy: Vec<KindEnergyRow>,
    /// `kind_groups`: as `kind_energy`.
    pub kind_groups: Vec<KindGroupRow>,
    /// `kind_fits`: as `kind_energy`.
    pub kind_fits: Vec<KindFitRow>,
}

impl AttributionRows {
    /// Appends later rows. Totals replace earlier ones of the same key.
    pub fn append(&mut self, mut later: Self) {
        self.keep(&later);
        self.sample_balance.append(&mut later.sample_balance);
        self.window_power.append(&mut later.window_power);
        self.span_energy.append(&mut later.span_energy);
    }

    /// Keeps those later rows that replace earlier ones: the head and totals. Their number is
    /// bounded by that of nodes and kinds.
    pub fn keep(&mut self, later: &Self) {
        if later.head.is_some() {
            self.head.clone_from(&later.head);
        }
        replace(&mut self.phase_energy, &later.phase_energy, |r| {
            (r.node, r.rail)
        });
        replace(&mut self.node_energy, &later.node_energy, |r| {
            (r.node, r.rail)
        });
        replace(&mut self.balance, &later.balance, |r| r.rail);
        replace(&mut self.kind_energy, &later.kind_energy, |r| {
            (r.kind, r.rail)
        });
        replace(&mut self.kind_groups, &later.kind_groups, |r| {
            (r.grouping, r.rail)
        });
        replace(&mut self.kind_fits, &later.kind_fits, |r| r.rail);
    }
}

/// Appends `later` rows and removes earlier ones with the same key.
fn replace<R: Clone, K: Eq + Hash>(rows: &mut Vec<R>, later: &[R], key: impl Fn(&R) -> K) {
    if !rows.is_empty() && !later.is_empty() {
        let replaced: HashSet<K> = later.iter().map(&key).collect();
        rows.retain(|row| !replaced.contains(&key(row)));
    }
    rows.extend_from_slice(later);
}

/// `attributions`.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributionRow {
    /// Attribution id within the run.
    pub id: u32,
    /// `proportional`, `fitted`, `calibrated`.
    pub method: String,
    /// Version of the method.
    pub version: u32,
    /// Parameters, a JSON object.
    pub params: String,
    /// Clock offset between sensor and program in ns, if one was estimated.
    pub clock_offset_ns: Option<f64>,
    /// Diagnostics, a JSON object.
    pub diagnostics: String,
}
