//! The operations that metrics name.

use std::collections::{HashMap, HashSet};

use energy_data::rows::RunStatus;

use crate::totals::{KindTotals, RunTotals};

/// Maximum number of operations that metrics name; the others are `(other)`.
pub const MAX_KINDS: usize = 256;
/// Name of the operations that are not named.
pub const OTHER: &str = "(other)";

/// Names of operations, by uuid of the run. An operation keeps its name while its run is recorded, and
/// one that was in `(other)` stays there: otherwise the counters of `(other)` would decrease.
#[derive(Debug, Default)]
pub struct NamedKinds(HashMap<String, RunNames>);

#[derive(Debug, Default)]
struct RunNames {
    names: HashSet<String>,
    /// Whether there was no place for an operation.
    is_full: bool,
}

/// An operation that may have a name.
struct Candidate {
    run: usize,
    kind: usize,
    is_running: bool,
    is_named: bool,
    self_j: f64,
}

impl NamedKinds {
    /// Keeps at most `most` operations of all `runs`: those of runs that are being recorded first, then
    /// those that have a name, then those with the highest energies. The others of each run become
    /// one operation `(other)`, so that sums stay the same.
    pub fn limit(&mut self, runs: &mut [RunTotals], most: usize) {
        let mut candidates = self.candidates(runs);
        candidates.sort_by(|a, b| {
            let key = |one: &Candidate| (one.is_running, one.is_named);
            key(b).cmp(&key(a)).then(b.self_j.total_cmp(&a.self_j))
        });
        candidates.truncate(most);
        let named: HashSet<(usize, usize)> =
            candidates.iter().map(|one| (one.run, one.kind)).collect();
        let mut before = std::mem::take(&mut self.0);
        for (at, run) in runs.iter_mut().enumerate() {
            let mut kept = Vec::new();
            let mut others = Vec::new();
            for (kind_at, kind) in run.kinds.drain(..).enumerate() {
                match named.contains(&(at, kind_at)) {
                    true => kept.push(kind),
                    false => others.push(kind),
                }
            }
            let was_full = before.remove(&run.uuid).is_some_and(|known| known.is_full);
            let known = RunNames {
                names: kept.iter().map(|kind| kind.kind.clone()).collect(),
                is_full: was_full || others.iter().any(|kind| kind.kind != OTHER),
            };
            self.0.insert(run.uuid.clone(), known);
            kept.extend(sum(&others));
            run.kinds = kept;
        }
    }

    fn candidates(&self, runs: &[RunTotals]) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (at, run) in runs.iter().enumerate() {
            let known = self.0.get(&run.uuid);
            let is_full = known.is_some_and(|known| known.is_full);
            for (kind_at, kind) in run.kinds.iter().enumerate() {
                let is_named = known.is_some_and(|known| known.names.contains(&kind.kind));
                if kind.kind != OTHER && (is_named || !is_full) {
                    candidates.push(Candidate {
                        run: at,
                        kind: kind_at,
                        is_running: run.status == RunStatus::Running.name(),
                        is_named,
                        self_j: kind.self_j(),
                    });
                }
            }
        }
        candidates
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
    use std::ops::Range;

    use energy_data::rows::Basis;

    use super::*;
    use crate::totals::KindEnergy;

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

    fn run(uuid: &str, kinds: Range<usize>) -> RunTotals {
        RunTotals {
            uuid: uuid.to_owned(),
            status: "running",
            kinds: kinds.map(kind).collect(),
            ..RunTotals::default()
        }
    }

    #[test]
    fn sums_stay_the_same_when_operations_are_limited() {
        let mut runs = [run("a", 0..300), run("b", 300..1_000), run("c", 0..0)];
        let total = |runs: &[RunTotals]| -> (f64, u64) {
            let kinds = || runs.iter().flat_map(|run| &run.kinds);
            (
                kinds().map(KindTotals::self_j).sum(),
                kinds().map(|kind| kind.activations).sum(),
            )
        };
        let before = total(&runs);
        NamedKinds::default().limit(&mut runs, MAX_KINDS);
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
    fn operations_of_equal_energy_do_not_exceed_the_limit() {
        let mut runs = [run("a", 0..600)];
        runs[0]
            .kinds
            .iter_mut()
            .for_each(|kind| kind.energies.clear());
        NamedKinds::default().limit(&mut runs, MAX_KINDS);
        assert_eq!(runs[0].kinds.len(), MAX_KINDS + 1);
    }

    #[test]
    fn counters_of_others_do_not_decrease_when_ranks_change() {
        let mut named = NamedKinds::default();
        let mut last = 0;
        for step in 0..20 {
            // The energies of the lower half grow beyond those of the upper half.
            let mut totals = run("a", 0..40);
            for (at, kind) in totals.kinds.iter_mut().enumerate() {
                kind.activations = (1 + step) * (40 - at as u64);
                kind.energies[0].self_j += ((40 - at) * usize::try_from(step).unwrap()) as f64;
            }
            // Another run begins and ends.
            let mut runs = vec![totals];
            if step % 3 == 1 {
                runs.push(run("b", 0..40));
            }
            named.limit(&mut runs, 10);
            let others = runs[0]
                .kinds
                .iter()
                .find(|kind| kind.kind == OTHER)
                .unwrap();
            assert!(others.activations >= last, "{step}");
            last = others.activations;
            assert_eq!(runs[0].kinds.len(), 11);
        }
        assert_eq!(last, 20 * (11..=40).sum::<u64>());
    }

    #[test]
    fn runs_that_are_being_recorded_have_names_first() {
        let mut ended = run("old", 20..40);
        ended.status = "complete";
        let mut named = NamedKinds::default();
        named.limit(&mut [ended.clone()], 10);
        let mut runs = [ended, run("new", 0..8)];
        named.limit(&mut runs, 10);
        assert_eq!(runs[1].kinds.len(), 8, "all of them have names");
        assert_eq!(runs[0].kinds.len(), 2 + 1);
    }
}
