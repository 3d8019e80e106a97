//! Reads the energies of phases.

use std::collections::BTreeMap;

use crate::cumulative::{PhaseKey, RailFacts, TotalEntry};
use crate::error::Result;
use crate::nanojoules::nanojoules;
use crate::query::{BETWEEN, Recording, Run};

/// Reads the phases of all rails. A call path that is no phase counts as time between phases.
pub(super) fn phases(
    recording: &Recording,
    run: &Run,
    rails: &BTreeMap<i64, RailFacts>,
) -> Result<Vec<TotalEntry<PhaseKey>>> {
    let sql = "
        SELECT p.rail, p.node, n.label, p.duration_ns, p.covered_ns, p.energy_j,
               p.extrapolated_j, p.idle_j, p.spans_j
        FROM phase_energy p
        LEFT JOIN nodes n ON n.run = p.run AND n.id = p.node AND EXISTS (
            SELECT 1 FROM callsites c
            WHERE c.run = n.run AND c.id = n.callsite AND c.role = 'phase')
        WHERE p.run = ?1 AND p.attribution = ?2 ORDER BY p.rail, p.node";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query((run.no, run.attribution))?;
    let mut all = Vec::new();
    while let Some(r) = rows.next()? {
        let Some(rail) = rails.get(&r.get(0)?) else {
            continue;
        };
        let label: Option<String> = r.get(2)?;
        let energy =
            |at| Ok::<_, rusqlite::Error>(r.get::<_, Option<f64>>(at)?.and_then(nanojoules));
        all.push(TotalEntry {
            key: PhaseKey {
                rail: rail.rail.clone(),
                node: r.get(1)?,
                phase: label.unwrap_or_else(|| BETWEEN.to_owned()),
            },
            values: vec![
                r.get(3)?,
                r.get(4)?,
                energy(5)?,
                energy(6)?,
                energy(7)?,
                energy(8)?,
            ],
            basis: None,
            interval: (None, None),
        });
    }
    Ok(all)
}
