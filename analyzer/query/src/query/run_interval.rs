//! Confidence interval of the energy of the whole measured work.

use energy_data::BasisSet;
use rusqlite::OptionalExtension;

use super::ledger::rails;
use super::phases::whole;
use super::{Recording, Run, phases_on, set_at};
use crate::error::Result;

/// Confidence interval of the energy of the measured work.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunInterval {
    /// Lower end; `None` if unknown on a rail.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Basis of the energy.
    pub basis: Option<BasisSet>,
}

/// Reads the interval on root rails or on the named rail. It reflects gaps or, if there are
/// none, sampling windows across the ends of the run's span. Ends of rails add because edges
/// and gaps are the same for all rails of a source.
///
/// # Errors
/// If the file cannot be read, or the run has no rail of that name.
pub fn run_interval(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<RunInterval> {
    let sum = whole(&phases_on(recording, run, rail)?);
    let of_span = run_span_interval(recording, run, rail)?;
    let has_gap = sum.coverage.is_some_and(|coverage| coverage < 1.0);
    Ok(match has_gap {
        true => RunInterval {
            lo_j: sum.lo_j,
            hi_j: sum.hi_j,
            ..of_span
        },
        false => of_span,
    })
}

fn run_span_interval(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<RunInterval> {
    let rails = rails(recording, run, rail)?;
    let Some(span) = run_span(recording, run)? else {
        return Ok(RunInterval::default());
    };
    let sql = "SELECT rail, lo_j, hi_j, basis FROM span_energy
               WHERE span = ?1 AND attribution = ?2 ORDER BY rail";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map((span, run.attribution), |r| {
        Ok((r.get::<_, i64>(0)?, (r.get(1)?, r.get(2)?), set_at(r, 3)?))
    })?;
    let mut rows = rows.collect::<rusqlite::Result<Vec<(i64, (_, _), BasisSet)>>>()?;
    rows.retain(|(rail, ..)| rails.contains(rail));
    Ok(RunInterval {
        lo_j: super::sum_known(rows.iter().map(|(_, (lo, _), _)| *lo)),
        hi_j: super::sum_known(rows.iter().map(|(_, (_, hi), _)| *hi)),
        basis: BasisSet::union(rows.iter().map(|(.., basis)| *basis)),
    })
}

/// Returns the first span of role `run` with a row in `span_energy`. That table is searched
/// instead of `spans` because it has few rows and this one is among the first.
fn run_span(recording: &Recording, run: &Run) -> Result<Option<i64>> {
    let (first, last) = energy_store::span_ids(run.no);
    let sql = "SELECT e.span FROM span_energy e CROSS JOIN spans s ON s.id = e.span
               WHERE e.span BETWEEN ?1 AND ?2 AND s.node = (
                   SELECT n.id FROM nodes n
                   JOIN callsites c ON c.run = n.run AND c.id = n.callsite AND c.role = 'run'
                   WHERE n.run = ?3 ORDER BY n.id LIMIT 1)
               ORDER BY e.span LIMIT 1";
    Ok(recording
        .connection()
        .prepare_cached(sql)?
        .query_row((first, last, run.no), |r| r.get(0))
        .optional()?)
}
