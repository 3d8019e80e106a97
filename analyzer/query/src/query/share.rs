//! Energy of one kind, name or path.

use energy_data::BasisSet;
use serde::Serialize;

use super::average_w;
use super::interval::Spread;

/// The active self energy of one kind, name, path or group of kinds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// Name of the kind; those of a group are joined by `+`.
    pub name: String,
    /// Kinds that it includes; empty if it does not consist of kinds.
    pub kinds: Vec<String>,
    /// Active self energy in the sampled part of its time.
    pub energy_j: f64,
    /// Lower end of its 90 % interval; `None` for a sum over several kinds or nodes that are
    /// no group.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Estimate for its time without samples, not part of `energy_j`.
    pub extrapolated_j: f64,
    /// Self time, summed over threads.
    pub self_ns: i64,
    /// Self time covered by samples; all of it if unknown.
    pub covered_ns: i64,
    /// Bases of its parts, joined by `+`; `None` if it has no energy.
    pub basis: Option<BasisSet>,
}

impl Share {
    /// Returns the mean power over its self time, including extrapolated energy.
    pub fn avg_w(&self) -> Option<f64> {
        let energy_j = self.energy_j + self.extrapolated_j;
        average_w(Some(energy_j), Some(self.self_ns))
    }

    /// Adds the extrapolated energy, with the same relative uncertainty as the measured
    /// energy.
    #[must_use]
    pub fn whole(self) -> Self {
        let energy_j = self.energy_j + self.extrapolated_j;
        let scale = match self.energy_j > 0.0 {
            true => energy_j / self.energy_j,
            false => 1.0,
        };
        let spread = Spread::of(self.energy_j, self.lo_j, self.hi_j).scaled(scale);
        let (lo_j, hi_j) = spread.around(energy_j);
        Self {
            energy_j,
            lo_j,
            hi_j,
            ..self
        }
    }
}
