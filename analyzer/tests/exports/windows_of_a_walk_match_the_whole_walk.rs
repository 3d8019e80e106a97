//! A walk over a time window visits exactly the span entries of the whole walk that overlap the
//! window, cut at its edges. Windows that divide a run divide the energy of each entry.

use std::collections::BTreeMap;
use std::path::Path;

use crate::fixture::spanned::{open, spanned};
use energy_analyzer::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkFilter, walk};
use tracing_energy::Method;

/// Visited span entries by number.
#[derive(Default)]
struct Visited {
    entered: Vec<u64>,
    ended: BTreeMap<u64, (PricedActivation, EntryCost)>,
}

impl ActivationVisitor for Visited {
    fn enter(&mut self, activation: &PricedActivation) -> Result<(), energy_analyzer::Error> {
        self.entered.push(activation.row.seq);
        Ok(())
    }

    fn exit(
        &mut self,
        activation: &PricedActivation,
        cost: &EntryCost,
    ) -> Result<(), energy_analyzer::Error> {
        let known = self
            .ended
            .insert(activation.row.seq, (activation.clone(), *cost));
        assert!(known.is_none(), "visited twice");
        Ok(())
    }
}

fn visited(db: &Path, window: Option<(i64, i64)>) -> Visited {
    let (recording, run) = open(db);
    let filter = WalkFilter {
        window,
        least_j: None,
    };
    let mut visited = Visited::default();
    walk(&recording, &run, &filter, &mut visited).unwrap();
    visited
}

/// Edges before, at and within span entries, between them, and after the run.
const EDGES: [i64; 8] = [
    -1,
    1_000_000_000,
    1_002_000_000,
    1_102_000_000,
    1_733_000_001,
    3_000_000_000,
    4_999_999_999,
    90_000_000_000,
];

/// Recordings attributed by each method, one of them with gaps in its numbers, and with outer
/// span entries without an end.
fn recordings() -> Vec<(tempfile::TempDir, std::path::PathBuf)> {
    let mut all = Vec::new();
    for (method, sql) in [
        (Method::Proportional, ""),
        (Method::Fitted, ""),
        (
            Method::Proportional,
            "UPDATE spans SET end_ns = NULL WHERE id & 1099511627775 IN (1, 2);
             DELETE FROM spans WHERE id % 7 = 5;
             INSERT INTO span_fields SELECT id, '{\"n\":' || id || '}' FROM spans WHERE id % 3 = 0;",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let db = spanned(folder.path(), method);
        let connection = rusqlite::Connection::open(&db).unwrap();
        connection.execute_batch(sql).unwrap();
        all.push((folder, db));
    }
    all
}

#[test]
fn a_window_holds_the_overlapping_span_entries_cut_at_its_edges() {
    for (_folder, db) in recordings() {
        let whole = visited(&db, None);
        for (at, from_ns) in EDGES.into_iter().enumerate() {
            for until_ns in EDGES.into_iter().skip(at + 1).chain([i64::MAX]) {
                let part = visited(&db, Some((from_ns, until_ns)));
                let overlaps = |activation: &PricedActivation| {
                    let begins = (from_ns..until_ns).contains(&activation.row.start_ns);
                    begins || activation.start_ns < from_ns && activation.end_ns > from_ns
                };
                let expected: Vec<PricedActivation> = whole
                    .ended
                    .values()
                    .map(|(activation, _)| activation)
                    .filter(|activation| overlaps(activation))
                    .map(|activation| PricedActivation {
                        start_ns: activation.start_ns.max(from_ns),
                        end_ns: activation.end_ns.min(until_ns),
                        ..activation.clone()
                    })
                    .collect();
                let found: Vec<PricedActivation> = part
                    .ended
                    .values()
                    .map(|(activation, _)| activation.clone())
                    .collect();
                assert_eq!(found, expected, "{from_ns}..{until_ns}");
                assert!(part.entered.is_sorted(), "in the order of their starts");
            }
        }
    }
}

#[test]
fn windows_that_divide_the_run_divide_each_energy() {
    for (_folder, db) in recordings() {
        let whole = visited(&db, None);
        let edges = [&[i64::MIN][..], &EDGES, &[i64::MAX]].concat();
        let mut sums: BTreeMap<u64, (f64, i64)> = BTreeMap::new();
        for window in edges.windows(2) {
            for (seq, (_, cost)) in visited(&db, Some((window[0], window[1]))).ended {
                let sum = sums.entry(seq).or_default();
                sum.0 += cost.self_j.unwrap_or(0.0);
                sum.1 += cost.self_ns;
            }
        }
        assert_eq!(sums.len(), whole.ended.len());
        for (seq, (_, cost)) in &whole.ended {
            let (self_j, self_ns) = sums[seq];
            assert_eq!(self_ns, cost.self_ns, "time of {seq}");
            let Some(expected_j) = cost.self_j else {
                continue;
            };
            assert!(
                (self_j - expected_j).abs() < 1e-9,
                "energy of {seq}: {self_j} for {expected_j}"
            );
        }
    }
}
