//! Times of phases and the confidence intervals of their energies.
//!
//! `span_energy` has rows for few spans, which include phases: it is read by range, and
//! spans are looked up by id, never scanned.

use std::collections::BTreeMap;

use energy_data::BasisSet;

use super::{NodeLedger, Recording, Run, rails, set_at, sum_known};
use crate::error::Result;

/// One activation of a phase.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseSpan {
    /// Node of the phase.
    pub node: i64,
    /// Start, run time.
    pub start_ns: i64,
    /// End; `None` while it is open.
    pub end_ns: Option<i64>,
    /// Lower end of the 90 % interval of its energy; `None` if unknown on a root rail.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Basis of its energy.
    pub basis: Option<BasisSet>,
}

/// Lower end, upper end and basis of a span's energy on one rail.
type PhaseEnds = (Option<f64>, Option<f64>, BasisSet);

/// Reads at most `limit` activations of the phases of `ledger`, in the order of their ids.
/// Interval ends of rails add, because edges of windows are the same for all rails of a
/// source.
///
/// # Errors
/// If the file cannot be read.
pub fn phase_spans(
    recording: &Recording,
    run: &Run,
    ledger: &NodeLedger,
    limit: usize,
) -> Result<Vec<PhaseSpan>> {
    let roots = rails(recording, run, None)?;
    let Some(first) = roots.first() else {
        return Ok(Vec::new());
    };
    let nodes: Vec<String> = ledger
        .phases()
        .iter()
        .map(|node| node.id.to_string())
        .collect();
    let sql = format!(
        "SELECT s.id, s.node, s.start_ns, s.end_ns
         FROM span_energy e CROSS JOIN spans s ON s.id = e.span
         WHERE e.span BETWEEN ?1 AND ?2 AND e.attribution = ?3 AND e.rail = ?4
           AND s.node IN ({}) LIMIT ?5",
        nodes.join(",")
    );
    let (from, to) = energy_store::span_ids(run.no);
    let mut statement = recording.connection().prepare(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((from, to, run.attribution, first, limit))?;
    let mut found = Vec::new();
    while let Some(r) = rows.next()? {
        let on = on_rails(recording, run, r.get(0)?, &roots)?;
        let whole = on.len() == roots.len();
        let ends = |of: fn(&PhaseEnds) -> Option<f64>| sum_known(on.values().map(of));
        found.push(PhaseSpan {
            node: r.get(1)?,
            start_ns: r.get(2)?,
            end_ns: r.get(3)?,
            lo_j: ends(|rail| rail.0).filter(|_| whole),
            hi_j: ends(|rail| rail.1).filter(|_| whole),
            basis: BasisSet::union(on.values().map(|rail| rail.2)),
        });
    }
    Ok(found)
}

/// Reads the ends by rail, for root rails only.
fn on_rails(
    recording: &Recording,
    run: &Run,
    span: i64,
    roots: &[i64],
) -> Result<BTreeMap<i64, PhaseEnds>> {
    let sql = "SELECT rail, lo_j, hi_j, basis FROM span_energy
               WHERE span = ?1 AND attribution = ?2";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map((span, run.attribution), |r| {
        Ok((r.get(0)?, (r.get(1)?, r.get(2)?, set_at(r, 3)?)))
    })?;
    let mut on = rows.collect::<rusqlite::Result<BTreeMap<i64, PhaseEnds>>>()?;
    on.retain(|rail, _| roots.contains(rail));
    Ok(on)
}
