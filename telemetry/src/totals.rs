//! Totals of one run, from which metrics are made.

use std::collections::BTreeMap;

use energy_data::BasisSet;
use energy_data::rows::Role;

/// Totals of a run up to a point in time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunTotals {
    /// Uuid of the run.
    pub uuid: String,
    /// Its name.
    pub name: Option<String>,
    /// The service that it belongs to.
    pub service: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Number format of the model's weights.
    pub precision: Option<String>,
    /// Host name.
    pub host: Option<String>,
    /// Processor.
    pub chip: Option<String>,
    /// `running`, `complete`, `cancelled` or `crashed`.
    pub status: &'static str,
    /// Origin of the power.
    pub provenance: Option<String>,
    /// Start, ns since 1970.
    pub start_unix_ns: i64,
    /// End of the time that the energies cover, ns since 1970.
    pub end_unix_ns: i64,
    /// Time of the powers, ns since 1970: energies may be older.
    pub power_unix_ns: i64,
    /// Energy of the measured work as in summaries: measured plus extrapolated; `None` if unknown.
    pub energy_j: Option<f64>,
    /// Prompt tokens.
    pub input_tokens: Option<i64>,
    /// Generated tokens.
    pub output_tokens: Option<i64>,
    /// Rails, roots first.
    pub rails: Vec<RailTotals>,
    /// Operations.
    pub kinds: Vec<KindTotals>,
}

/// Totals of one rail.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RailTotals {
    /// `SOURCE/NAME`.
    pub id: String,
    /// Name within the source.
    pub name: String,
    /// Kind of the rail: `cpu`, `package`, ...
    pub kind: String,
    /// Whether no other rail contains it. Only root rails may be added.
    pub is_root: bool,
    /// Origin of the power.
    pub provenance: String,
    /// Energy that its sensor has measured; `None` without an attribution.
    pub measured_j: Option<f64>,
    /// Mean power of its latest sample; `None` if that is old.
    pub power_w: Option<f64>,
    /// Its accounts in the order of the balance; `None` where unknown.
    pub accounts: Vec<(&'static str, Option<f64>)>,
}

/// Totals of one operation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KindTotals {
    /// The operation: path of span names.
    pub kind: String,
    /// Role of its spans.
    pub role: Option<&'static str>,
    /// Self time, summed over threads.
    pub self_ns: i64,
    /// Number of entries.
    pub activations: u64,
    /// Active self energy by rail.
    pub energies: Vec<KindEnergy>,
    /// The costliest entry since the previous metrics.
    pub exemplar: Option<KindExemplar>,
}

/// Energy of an operation on one rail.
#[derive(Debug, Clone, PartialEq)]
pub struct KindEnergy {
    /// Id of the rail, which no other one contains.
    pub rail: String,
    /// Active self energy.
    pub self_j: f64,
    /// How it was determined.
    pub basis: Option<BasisSet>,
}

/// An entry into a span, as an example of its operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindExemplar {
    /// Trace of the span.
    pub trace_id: [u8; 16],
    /// Its id in that trace.
    pub span_id: [u8; 8],
    /// Its end, ns since 1970.
    pub unix_ns: i64,
    /// Its self energy.
    pub self_j: f64,
}

impl KindTotals {
    /// Returns its energy on all rails.
    pub fn self_j(&self) -> f64 {
        self.energies.iter().map(|energy| energy.self_j).sum()
    }

    /// Adds an energy on one rail. One that is no number is unknown, and left out.
    pub fn add_energy(&mut self, energy: KindEnergy) {
        if !energy.self_j.is_finite() {
            return;
        }
        match self.energies.iter_mut().find(|own| own.rail == energy.rail) {
            Some(own) => own.add(&energy),
            None => self.energies.push(energy),
        }
    }

    /// Adds another operation's totals.
    pub(crate) fn add(&mut self, other: &Self) {
        self.self_ns += other.self_ns;
        self.activations += other.activations;
        other
            .energies
            .iter()
            .cloned()
            .for_each(|energy| self.add_energy(energy));
    }
}

impl KindEnergy {
    fn add(&mut self, other: &Self) {
        self.self_j += other.self_j;
        self.basis = BasisSet::union([self.basis, other.basis].into_iter().flatten());
    }
}

/// Returns how long the power of a sample is shown, for a rail with that interval: a sensor that has
/// delivered nothing for longer has stopped.
pub(crate) fn power_valid_ns(interval_ns: i64) -> i64 {
    interval_ns.saturating_mul(5).max(10_000_000_000)
}

/// A row of `node_energy`: one call path on one rail.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NodeTotals {
    /// The call path.
    pub(crate) node: u32,
    /// Id of the rail; `None` if another rail contains it.
    pub(crate) root_rail: Option<String>,
    /// Active self energy.
    pub(crate) self_j: f64,
    /// Self time.
    pub(crate) self_ns: i64,
    /// Number of entries.
    pub(crate) activations: u64,
    /// How the energy was determined.
    pub(crate) basis: Option<BasisSet>,
}

/// Sums rows, which are ordered by call path, by operation. `name` returns the operation of a call path
/// and its role; rows of other call paths are left out.
pub(crate) fn sum_kinds<'n>(
    rows: impl IntoIterator<Item = NodeTotals>,
    name: impl Fn(u32) -> Option<(&'n str, Option<Role>)>,
) -> Vec<KindTotals> {
    let mut kinds: BTreeMap<&str, KindTotals> = BTreeMap::new();
    let mut counted = None;
    for row in rows {
        let Some((operation, role)) = name(row.node) else {
            continue;
        };
        let kind = kinds.entry(operation).or_insert_with(|| KindTotals {
            kind: operation.to_owned(),
            role: role.map(Role::name),
            ..KindTotals::default()
        });
        // Each rail has a row with the same time.
        if counted.replace(row.node) != Some(row.node) {
            kind.self_ns += row.self_ns;
            kind.activations += row.activations;
        }
        if let Some(rail) = row.root_rail {
            let (self_j, basis) = (row.self_j, row.basis);
            kind.add_energy(KindEnergy {
                rail,
                self_j,
                basis,
            });
        }
    }
    kinds.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_energy_that_is_no_number_is_left_out() {
        let mut kind = KindTotals::default();
        for self_j in [1.0, f64::NAN, f64::INFINITY, -0.5] {
            kind.add_energy(KindEnergy {
                rail: "a/x".to_owned(),
                self_j,
                basis: None,
            });
        }
        assert_eq!(kind.self_j(), 0.5);
    }
}
