//! Totals of a run up to a time, in whole nanojoules, and differences between two such times.
//!
//! ```text
//! time         0 ---------- 1 ---------- 2 ------ end
//! cumulative   0           C1           C2        C3
//! bucket          C1 - 0      C2 - C1     C3 - C2      their sum is C3
//! ```
//!
//! Identities that hold for cumulative totals hold for differences: both are sums of integers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Totals of a run up to a time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cumulative {
    /// Its rails.
    pub rails: Vec<RailFacts>,
    /// Accounts of rails, in the order of the columns from `duration_ns` to `extrapolated_nj`.
    pub accounts: Vec<TotalEntry<AccountKey>>,
    /// Operations: `self_nj`, `idle_nj`, `self_ns`, `covered_ns`, `activations`, `instances`.
    pub kinds: Vec<TotalEntry<KindKey>>,
    /// Phases, in the order of the columns from `duration_ns` to `spans_nj`.
    pub phases: Vec<TotalEntry<PhaseKey>>,
    /// Call paths, as operations; empty unless they are requested.
    pub nodes: Vec<TotalEntry<NodeKey>>,
    /// Descriptions of the call paths.
    pub node_facts: Vec<NodeFacts>,
    /// Entries of spans with the role `run`; `None`: there is no such span.
    pub requests: Option<i64>,
}

/// A rail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RailFacts {
    /// `SOURCE/NAME`.
    pub rail: String,
    /// Source.
    pub source: String,
    /// Name within the source.
    pub name: String,
    /// Part of the machine.
    pub kind: String,
    /// Rail that contains it, as `SOURCE/NAME`.
    pub parent: Option<String>,
    /// Provenance.
    pub provenance: String,
    /// Requested time between samples.
    pub interval_ns: i64,
    /// Idle power.
    pub idle_w: Option<f64>,
}

impl RailFacts {
    /// Returns whether no rail contains it: only root rails may be summed.
    pub fn is_root(&self) -> bool {
        self.parent.is_none()
    }
}

/// A call path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// Its number.
    pub node: i64,
    /// Its parent.
    pub parent: Option<i64>,
    /// Span name with the values of its key fields.
    pub label: String,
    /// Operation.
    pub kind: Option<String>,
    /// Role of its spans.
    pub role: Option<String>,
    /// 0: a root.
    pub depth: i64,
}

/// Key of accounts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountKey {
    /// Rail.
    pub rail: String,
}

/// Key of an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KindKey {
    /// Rail.
    pub rail: String,
    /// Operation.
    pub kind: String,
    /// Role of its spans.
    pub role: Option<String>,
}

/// Key of a phase.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PhaseKey {
    /// Rail.
    pub rail: String,
    /// Call path; `None`: time outside of phases.
    pub node: Option<i64>,
    /// Name.
    pub phase: String,
}

/// Key of a call path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeKey {
    /// Rail.
    pub rail: String,
    /// Number of the call path.
    pub node: i64,
}

/// Totals with the same key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TotalEntry<K> {
    /// What they are totals of.
    pub key: K,
    /// The totals; `None`: unknown, which counts as zero in sums.
    pub values: Vec<Option<i64>>,
    /// How the energy was determined.
    pub basis: Option<String>,
    /// Lower and upper end of the interval of the energy over the whole run.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub interval: (Option<i64>, Option<i64>),
}

fn is_unknown(interval: &(Option<i64>, Option<i64>)) -> bool {
    *interval == (None, None)
}

impl Cumulative {
    /// Returns the totals of the time between `earlier` and this. Operations, phases and call paths
    /// without any change are left out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            rails: self.rails.clone(),
            accounts: difference(&self.accounts, &earlier.accounts),
            kinds: changed(difference(&self.kinds, &earlier.kinds)),
            phases: changed(difference(&self.phases, &earlier.phases)),
            nodes: changed(difference(&self.nodes, &earlier.nodes)),
            node_facts: self.node_facts.clone(),
            requests: subtract(self.requests, earlier.requests),
        }
    }

    /// Returns whether the rail is one that may be summed.
    pub fn is_root(&self, rail: &str) -> bool {
        let of_name = |facts: &&RailFacts| facts.rail == rail;
        self.rails
            .iter()
            .find(of_name)
            .is_some_and(RailFacts::is_root)
    }
}

fn difference<K: Ord + Clone>(
    later: &[TotalEntry<K>],
    earlier: &[TotalEntry<K>],
) -> Vec<TotalEntry<K>> {
    let mut before: BTreeMap<&K, &TotalEntry<K>> = BTreeMap::new();
    before.extend(earlier.iter().map(|entry| (&entry.key, entry)));
    let mut all: Vec<TotalEntry<K>> = Vec::with_capacity(later.len());
    for entry in later {
        let values = match before.remove(&entry.key) {
            Some(earlier) => subtract_all(&entry.values, &earlier.values),
            None => entry.values.clone(),
        };
        all.push(TotalEntry {
            values,
            ..entry.clone()
        });
    }
    // Keys that have disappeared are counted back.
    all.extend(before.into_values().map(|entry| TotalEntry {
        values: subtract_all(&vec![None; entry.values.len()], &entry.values),
        ..entry.clone()
    }));
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
}

fn subtract_all(later: &[Option<i64>], earlier: &[Option<i64>]) -> Vec<Option<i64>> {
    let pairs = later.iter().zip(earlier);
    pairs
        .map(|(later, earlier)| subtract(*later, *earlier))
        .collect()
}

/// Returns the difference. A total that became unknown is counted back, so that sums stay exact.
fn subtract(later: Option<i64>, earlier: Option<i64>) -> Option<i64> {
    match (later, earlier) {
        (None, None) => None,
        (later, earlier) => Some(later.unwrap_or(0).saturating_sub(earlier.unwrap_or(0))),
    }
}

fn changed<K>(mut entries: Vec<TotalEntry<K>>) -> Vec<TotalEntry<K>> {
    entries.retain(|entry| {
        entry
            .values
            .iter()
            .any(|value| value.is_some_and(|v| v != 0))
    });
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(no: u8, values: Vec<Option<i64>>) -> TotalEntry<KindKey> {
        TotalEntry {
            key: KindKey {
                rail: "rapl/cpu".to_owned(),
                kind: no.to_string(),
                role: None,
            },
            values,
            basis: None,
            interval: (None, None),
        }
    }

    fn totals() -> impl Strategy<Value = Cumulative> {
        let values = prop::collection::vec(prop::option::of(-1000..1_000_000_i64), 6);
        let kinds = prop::collection::btree_map(0..8_u8, values, 0..8);
        kinds.prop_map(|kinds| Cumulative {
            kinds: kinds
                .into_iter()
                .map(|(no, values)| kind(no, values))
                .collect(),
            ..Cumulative::default()
        })
    }

    fn add(sums: &mut BTreeMap<KindKey, Vec<i64>>, totals: &Cumulative) {
        for entry in &totals.kinds {
            let sum = sums.entry(entry.key.clone()).or_insert_with(|| vec![0; 6]);
            for (sum, value) in sum.iter_mut().zip(&entry.values) {
                *sum += value.unwrap_or(0);
            }
        }
    }

    proptest! {
        #[test]
        fn buckets_sum_to_the_last_totals(all in prop::collection::vec(totals(), 1..8)) {
            let mut sums = BTreeMap::new();
            let mut before = Cumulative::default();
            for totals in &all {
                add(&mut sums, &totals.since(&before));
                before = totals.clone();
            }
            let mut expected = BTreeMap::new();
            add(&mut expected, &before);
            let is_known = |values: &Vec<i64>| values.iter().any(|value| *value != 0);
            sums.retain(|_, values| is_known(values));
            expected.retain(|_, values| is_known(values));
            prop_assert_eq!(sums, expected);
        }
    }
}
