//! First start and last end of the spans of nodes.

use std::collections::HashMap;

use super::{NodeLedger, Recording, Run, rails};
use crate::error::Result;

/// Roles for which each span has a row of energies. The rows find these spans without reading all.
const ROLES: [&str; 4] = ["run", "phase", "section", "token"];

/// Time from the first start to the last end of several spans, run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanTimes {
    /// First start.
    pub start_ns: i64,
    /// Last end.
    pub end_ns: i64,
}

impl SpanTimes {
    /// Returns the time that contains both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            start_ns: self.start_ns.min(other.start_ns),
            end_ns: self.end_ns.max(other.end_ns),
        }
    }
}

/// Reads the times of the nodes of `ledger` with the role run, phase, section or token, by node.
/// Spans that are open are not included.
///
/// # Errors
/// If the file cannot be read.
pub fn span_times(
    recording: &Recording,
    run: &Run,
    ledger: &NodeLedger,
) -> Result<HashMap<i64, SpanTimes>> {
    let Some(rail) = rails(recording, run, None)?.first().copied() else {
        return Ok(HashMap::new());
    };
    let has_role = |role: &str| ROLES.contains(&role);
    let nodes = ledger.nodes.iter();
    let nodes = nodes.filter(|node| node.role.as_deref().is_some_and(has_role));
    let nodes: Vec<String> = nodes.map(|node| node.id.to_string()).collect();
    let sql = format!(
        "SELECT s.node, min(s.start_ns), max(s.end_ns)
         FROM span_energy e CROSS JOIN spans s ON s.id = e.span
         WHERE e.span BETWEEN ?1 AND ?2 AND e.attribution = ?3 AND e.rail = ?4
           AND s.end_ns IS NOT NULL AND s.node IN ({})
         GROUP BY s.node",
        nodes.join(",")
    );
    let (first, last) = energy_store::span_ids(run.no);
    let mut statement = recording.connection().prepare(&sql)?;
    let times = statement.query_map((first, last, run.attribution, rail), |r| {
        let times = SpanTimes {
            start_ns: r.get(1)?,
            end_ns: r.get(2)?,
        };
        Ok((r.get(0)?, times))
    })?;
    Ok(times.collect::<rusqlite::Result<_>>()?)
}
