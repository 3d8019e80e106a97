//! Estimates of an attribution for kinds of nodes.

use super::energy::Basis;

/// `kind_energy`: active self energy of one kind on one rail.
#[derive(Debug, Clone, PartialEq)]
pub struct KindEnergyRow {
    /// Rail.
    pub rail: u32,
    /// Kind, as in [`WindowPowerRow::kind`](super::WindowPowerRow::kind).
    pub kind: u32,
    /// Its name.
    pub name: String,
    /// Active self energy inside samples.
    pub self_j: f64,
    /// Lower end of the 90 % interval of `self_j`.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Estimated energy of its self time outside of samples; never part of `self_j`.
    pub extrapolated_j: f64,
    /// Self time, all threads added.
    pub self_ns: i64,
    /// The part of it that samples cover; `None` if not known.
    pub covered_ns: Option<i64>,
    /// Estimated power before the estimates were scaled to the measured energy; `None`
    /// without an estimate.
    pub power_w: Option<f64>,
    /// How it was determined.
    pub basis: Basis,
    /// The group of indistinguishable kinds; from 1.
    pub grouping: Option<u32>,
}

/// `kind_groups`: sums of indistinguishable kinds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindGroupRow {
    /// Rail.
    pub rail: u32,
    /// The group; from 1.
    pub grouping: u32,
    /// Active self energy of its kinds inside samples.
    pub self_j: f64,
    /// Lower end of the 90 % interval of the sum.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
}

/// `kind_fits`: an estimate that later runs may start from.
#[derive(Debug, Clone, PartialEq)]
pub struct KindFitRow {
    /// Rail.
    pub rail: u32,
    /// Names of the kinds.
    pub kinds: Vec<String>,
    /// Natural logarithm of each one's power in watts.
    pub ln_power: Vec<f64>,
    /// Their covariance, row by row.
    pub covariance: Vec<f64>,
}
