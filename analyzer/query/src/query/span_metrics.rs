//! Statistics of activations and attention, which a program emits as events of its spans.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{Recording, Run};
use crate::error::Result;

/// Statistics of the output of a component, or means over several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ActivationStatistics {
    /// Mean of the absolute values.
    pub mean_abs: Option<f64>,
    /// Standard deviation.
    pub std: Option<f64>,
    /// Largest absolute value.
    pub max_abs: Option<f64>,
    /// Share of values near zero.
    pub sparsity: Option<f64>,
    /// Entropy of the weights of an attention head, in nats.
    pub entropy: Option<f64>,
}

/// One event with statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanMetrics {
    /// Time, run time.
    pub time_ns: i64,
    /// Node of the span.
    pub node: i64,
    /// Its statistics.
    pub of: ActivationStatistics,
}

impl ActivationStatistics {
    /// Returns its values, in the order of the fields.
    pub fn values(&self) -> [Option<f64>; 5] {
        [
            self.mean_abs,
            self.std,
            self.max_abs,
            self.sparsity,
            self.entropy,
        ]
    }

    fn is_empty(&self) -> bool {
        self.values().iter().all(Option::is_none)
    }
}

/// Passes the statistics of a run in a range of time to `visit`, in the order they were written.
///
/// # Errors
/// If the file cannot be read.
pub fn span_metrics(
    recording: &Recording,
    run: &Run,
    (from_ns, until_ns): (i64, i64),
    mut visit: impl FnMut(SpanMetrics),
) -> Result<()> {
    let sql = "SELECT e.time_ns, s.node, e.json
               FROM span_events e CROSS JOIN spans s ON s.id = e.span
               WHERE e.run = ?1 AND e.time_ns >= ?2 AND e.time_ns < ?3
               ORDER BY e.seq";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query([run.no, from_ns, until_ns])?;
    while let Some(r) = rows.next()? {
        let json = r.get_ref(2)?.as_str().unwrap_or_default();
        let Ok(of) = serde_json::from_str::<ActivationStatistics>(json) else {
            continue;
        };
        if !of.is_empty() {
            visit(SpanMetrics {
                time_ns: r.get(0)?,
                node: r.get(1)?,
                of,
            });
        }
    }
    Ok(())
}

/// Returns mean statistics by span name of the component.
///
/// # Errors
/// If the file cannot be read.
pub fn component_statistics(
    recording: &Recording,
    run: &Run,
) -> Result<BTreeMap<String, ActivationStatistics>> {
    let mut sums: HashMap<i64, [(f64, u64); 5]> = HashMap::new();
    span_metrics(recording, run, (i64::MIN, i64::MAX), |metrics| {
        let sums = sums.entry(metrics.node).or_default();
        for (sum, value) in sums.iter_mut().zip(metrics.of.values()) {
            if let Some(value) = value {
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
    })?;
    if sums.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut by_name: BTreeMap<String, [(f64, u64); 5]> = BTreeMap::new();
    for (node, name) in component_names(recording, run)? {
        let Some(of_node) = sums.get(&node) else {
            continue;
        };
        let of_name = by_name.entry(name).or_default();
        for (sum, more) in of_name.iter_mut().zip(of_node) {
            *sum = (sum.0 + more.0, sum.1 + more.1);
        }
    }
    let mean = |(sum, count): (f64, u64)| (count > 0).then(|| sum / count as f64);
    let means = by_name.into_iter().map(|(name, sums)| {
        let [mean_abs, std, max_abs, sparsity, entropy] = sums.map(mean);
        let of = ActivationStatistics {
            mean_abs,
            std,
            max_abs,
            sparsity,
            entropy,
        };
        (name, of)
    });
    Ok(means.collect())
}

/// Returns nodes inside of components with the span name of the component.
fn component_names(recording: &Recording, run: &Run) -> Result<Vec<(i64, String)>> {
    let sql = "SELECT n.id, coalesce(c.name, h.label)
               FROM nodes n JOIN nodes h ON h.run = n.run AND h.id = n.component
               LEFT JOIN callsites c ON c.run = h.run AND c.id = h.callsite
               WHERE n.run = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let names = statement.query_map([run.no], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}
