//! Totals of one run, from which metrics are made.

use energy_data::BasisSet;

/// Maximum number of operations that metrics name; the others are `(other)`.
pub const MAX_KINDS: usize = 256;
/// Name of the operations that are not named.
pub const OTHER: &str = "(other)";

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
    /// End of the time that the totals cover, ns since 1970.
    pub end_unix_ns: i64,
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
    /// Id of the rail that contains it. Only rails without one may be added.
    pub parent: Option<String>,
    /// Origin of the power.
    pub provenance: String,
    /// Energy that its sensor has measured; `None` without an attribution.
    pub measured_j: Option<f64>,
    /// Mean power of its latest sample.
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
    /// Id of the rail, a root.
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

impl RailTotals {
    /// Returns whether no other rail contains it.
    pub fn is_root(&self) -> bool {
        self.parent.is_none()
    }
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
    fn add(&mut self, other: &Self) {
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

/// Keeps the operations with the highest energies over all `runs`, `most` in total. The others of
/// each run become one operation `(other)`, so that sums stay the same.
pub fn limit_kinds(runs: &mut [RunTotals], most: usize) {
    let count: usize = runs.iter().map(|run| run.kinds.len()).sum();
    if count <= most {
        return;
    }
    let kinds = runs.iter().flat_map(|run| &run.kinds);
    let mut energies: Vec<f64> = kinds.map(KindTotals::self_j).collect();
    energies.sort_by(|a, b| b.total_cmp(a));
    let least = energies[most];
    for run in runs {
        let named = |kind: &KindTotals| kind.self_j() > least && kind.kind != OTHER;
        let (kept, others): (Vec<_>, Vec<_>) = run.kinds.drain(..).partition(named);
        run.kinds = kept;
        run.kinds.extend(sum(&others));
    }
}

fn sum(others: &[KindTotals]) -> Option<KindTotals> {
    let mut sum = KindTotals {
        kind: OTHER.to_owned(),
        ..KindTotals::default()
    };
    others.iter().for_each(|kind| sum.add(kind));
    (!others.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use energy_data::rows::Basis;

    use super::*;

    fn kind(at: usize) -> KindTotals {
        let energy = |rail: &str, self_j| KindEnergy {
            rail: rail.to_owned(),
            self_j,
            basis: Some(
                if at.is_multiple_of(2) {
                    Basis::Measured
                } else {
                    Basis::Fitted
                }
                .into(),
            ),
        };
        KindTotals {
            kind: format!("kind {at}"),
            self_ns: 1,
            activations: 2,
            energies: vec![energy("a/x", at as f64), energy("a/y", -0.25)],
            ..KindTotals::default()
        }
    }

    #[test]
    fn sums_stay_the_same_when_operations_are_limited() {
        let run = |from: usize, to: usize| RunTotals {
            kinds: (from..to).map(kind).collect(),
            ..RunTotals::default()
        };
        let mut runs = [run(0, 300), run(300, 1_000), RunTotals::default()];
        let total = |runs: &[RunTotals]| -> (f64, u64) {
            let kinds = || runs.iter().flat_map(|run| &run.kinds);
            (
                kinds().map(KindTotals::self_j).sum(),
                kinds().map(|kind| kind.activations).sum(),
            )
        };
        let before = total(&runs);
        limit_kinds(&mut runs, MAX_KINDS);
        assert_eq!(total(&runs), before);
        assert_eq!(runs[0].kinds.len(), 1, "all of it is below the others");
        assert_eq!(runs[1].kinds.len(), MAX_KINDS + 1);
        let other = runs[1].kinds.last().unwrap();
        assert_eq!(other.kind, OTHER);
        let basis = other.energies[0].basis.unwrap();
        assert_eq!(basis.to_string(), "fitted+measured");
        assert!(runs[2].kinds.is_empty());
    }

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

    #[test]
    fn operations_of_equal_energy_do_not_exceed_the_limit() {
        let mut runs = [RunTotals {
            kinds: (0..600).map(|_| kind(1)).collect(),
            ..RunTotals::default()
        }];
        limit_kinds(&mut runs, MAX_KINDS);
        assert!(runs[0].kinds.len() <= MAX_KINDS + 1);
    }
}
