//! Choices of a mixture of experts, from its spans.

use serde::Serialize;

use super::{Recording, Run};
use crate::error::Result;

/// How often an expert was chosen, summed over layers and passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExpertChoices {
    /// Index of the expert.
    pub expert: i64,
    /// Tokens that chose it.
    pub tokens: i64,
}

/// Returns the choices of a run by expert: the sums of the field `tokens` of spans `expert`. The label
/// of a span's node contains the index of the expert. Empty for a run without such spans.
///
/// # Errors
/// If the file cannot be read.
pub fn expert_choices(recording: &Recording, run: &Run) -> Result<Vec<ExpertChoices>> {
    // Spans have no index by node, and there is a node for each expert of each layer: all spans are
    // read once instead of once for each node.
    let sql = "SELECT CAST(substr(n.label, length(c.name) + 2) AS INTEGER),
                      sum(json_extract(f.json, '$.tokens'))
               FROM spans s
               CROSS JOIN nodes n ON n.run = ?1 AND n.id = s.node
               CROSS JOIN callsites c ON c.run = ?1 AND c.id = n.callsite
               CROSS JOIN span_fields f ON f.span = s.id
               WHERE s.id >= ?1 << 40 AND s.id < (?1 + 1) << 40
                 AND s.node IN (SELECT e.id FROM callsites o
                                CROSS JOIN nodes e ON e.run = o.run AND e.callsite = o.id
                                WHERE o.run = ?1 AND o.name = 'expert'
                                  AND e.label GLOB 'expert [0-9]*')
                 AND json_type(f.json, '$.tokens') = 'integer'
               GROUP BY 1 ORDER BY 1";
    // Most runs have no experts; finding that out must not read their spans.
    let known = "SELECT count(*) FROM callsites WHERE run = ?1 AND name = 'expert'";
    let connection = recording.connection();
    let callsites: i64 = connection.query_row(known, [run.no], |row| row.get(0))?;
    if callsites == 0 {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |row| {
        Ok(ExpertChoices {
            expert: row.get(0)?,
            tokens: row.get(1)?,
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}
