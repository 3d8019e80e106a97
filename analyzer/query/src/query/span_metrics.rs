//! Statistics of activations and attention, which a program emits as events of its spans.
//!
//! An event is one with statistics if its target is `span_metrics` or ends in `::span_metrics`, as
//! in the view `span_metrics`, and if its fields contain one of them. Live messages follow the same
//! rule.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{Recording, Run};
use crate::error::Result;

/// Target of the events, or the last part of it.
const TARGET: &str = "span_metrics";

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

    /// Reads the fields of an event; `None` if they contain no statistic.
    pub fn parse(json: &str) -> Option<Self> {
        let found: Self = serde_json::from_str(json).ok()?;
        let is_empty = found.values().iter().all(Option::is_none);
        (!is_empty).then_some(found)
    }
}

/// Returns whether events with that target have statistics.
pub fn has_statistics(target: &str) -> bool {
    target == TARGET
        || target
            .strip_suffix(TARGET)
            .is_some_and(|path| path.ends_with("::"))
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
    let callsites = statistics_callsites(recording, run)?;
    if callsites.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT e.time_ns, s.node, e.json
         FROM span_events e CROSS JOIN spans s ON s.id = e.span
         WHERE e.run = ?1 AND e.time_ns >= ?2 AND e.time_ns < ?3 AND e.callsite IN ({})
         ORDER BY e.seq",
        callsites.join(",")
    );
    let mut statement = recording.connection().prepare_cached(&sql)?;
    let mut rows = statement.query([run.no, from_ns, until_ns])?;
    while let Some(r) = rows.next()? {
        let json = r.get_ref(2)?.as_str().unwrap_or_default();
        if let Some(of) = ActivationStatistics::parse(json) {
            visit(SpanMetrics {
                time_ns: r.get(0)?,
                node: r.get(1)?,
                of,
            });
        }
    }
    Ok(())
}

/// Returns the ids of callsites of events with statistics.
fn statistics_callsites(recording: &Recording, run: &Run) -> Result<Vec<String>> {
    let sql = "SELECT id, target FROM callsites WHERE run = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query([run.no])?;
    let mut found = Vec::new();
    while let Some(r) = rows.next()? {
        if has_statistics(r.get_ref(1)?.as_str().unwrap_or_default()) {
            found.push(r.get::<_, i64>(0)?.to_string());
        }
    }
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_recognized_by_target_and_fields() {
        for target in [
            "span_metrics",
            "energy_models::span_metrics",
            "a::b::span_metrics",
        ] {
            assert!(has_statistics(target), "{target}");
        }
        for target in [
            "",
            "span_metrics2",
            "my_span_metrics",
            "span_metrics::a",
            "a:span_metrics",
        ] {
            assert!(!has_statistics(target), "{target}");
        }
        let found = ActivationStatistics::parse(r#"{"std":0.5,"head":1}"#);
        assert_eq!(found.and_then(|of| of.std), Some(0.5));
        for json in [
            "{}",
            r#"{"head":1}"#,
            r#"{"std":null}"#,
            r#"{"std":"a"}"#,
            "no",
        ] {
            assert_eq!(ActivationStatistics::parse(json), None, "{json}");
        }
    }
}
