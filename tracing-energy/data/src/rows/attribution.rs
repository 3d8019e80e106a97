//! All rows of one attribution.

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
    /// `phase_energy`: totals up to now; replaces (at each flush with changes).
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
    /// Removes the rows of totals, which are written once, at the end.
    pub fn without_totals(mut self) -> Self {
        self.node_energy.clear();
        self.phase_energy.clear();
        self.balance.clear();
        self
    }

    /// Appends later rows.
    pub fn append(&mut self, mut later: Self) {
        self.head = later.head.take().or(self.head.take());
        self.sample_balance.append(&mut later.sample_balance);
        self.window_power.append(&mut later.window_power);
        self.span_energy.append(&mut later.span_energy);
        self.phase_energy.append(&mut later.phase_energy);
        self.node_energy.append(&mut later.node_energy);
        self.balance.append(&mut later.balance);
        self.kind_energy.append(&mut later.kind_energy);
        self.kind_groups.append(&mut later.kind_groups);
        self.kind_fits.append(&mut later.kind_fits);
    }

    /// Appends those later rows that are written only once: the head, and the totals at the
    /// end of a run.
    pub fn keep(&mut self, later: &Self) {
        if later.head.is_some() {
            self.head.clone_from(&later.head);
        }
        self.phase_energy.extend_from_slice(&later.phase_energy);
        self.node_energy.extend_from_slice(&later.node_energy);
        self.balance.extend_from_slice(&later.balance);
        self.kind_energy.extend_from_slice(&later.kind_energy);
        self.kind_groups.extend_from_slice(&later.kind_groups);
        self.kind_fits.extend_from_slice(&later.kind_fits);
    }
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
