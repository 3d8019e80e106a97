//! Reads the rails of a run.

use std::collections::BTreeMap;

use crate::cumulative::RailFacts;
use crate::error::Result;
use crate::query::{Recording, Run};

/// Returns the rails by number.
pub(super) fn rails(recording: &Recording, run: &Run) -> Result<BTreeMap<i64, RailFacts>> {
    let sql = "
        SELECT l.id, l.source, l.name, l.kind, p.source || '/' || p.name, l.provenance,
               l.interval_ns, b.power_w
        FROM rails l
        LEFT JOIN rails p ON p.run = l.run AND p.id = l.parent
        LEFT JOIN baselines b ON b.run = l.run AND b.rail = l.id
        WHERE l.run = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| {
        let (source, name): (String, String) = (r.get(1)?, r.get(2)?);
        let facts = RailFacts {
            rail: format!("{source}/{name}"),
            source,
            name,
            kind: r.get(3)?,
            parent: r.get(4)?,
            provenance: r.get(5)?,
            interval_ns: r.get(6)?,
            idle_w: r.get(7)?,
        };
        Ok((r.get(0)?, facts))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
