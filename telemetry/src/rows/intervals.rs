//! Interval energies of spans.

use energy_data::interval_energy::{IntervalEnergy, RailInterval};
use energy_data::rows::Role;
use energy_query::Result;
use energy_query::query::{Recording, Run, span_energy_over_rails};
use energy_store::span_id;

/// Energy of a rail in the time of a span, and the ends of its interval.
type RailEnergy = (RailInterval, Option<f64>, Option<f64>);

/// Returns whether spans of a role have interval energies.
pub(super) fn has_interval(role: Option<Role>) -> bool {
    matches!(role, Some(Role::Run | Role::Phase | Role::Token))
}

/// Returns the energy of the root rails in the time of a span of that duration; all unknown if it is
/// not stored.
pub(super) fn interval_energy(
    recording: &Recording,
    run: &Run,
    (seq, duration_ns): (u64, i64),
) -> Result<IntervalEnergy> {
    let sql = "
        SELECT e.covered_ns, e.energy_j, e.idle_j, e.extrapolated_j, e.lo_j, e.hi_j
        FROM span_energy e
        JOIN rails l ON l.run = ?1 AND l.id = e.rail AND l.parent IS NULL
        WHERE e.span = ?2 AND e.attribution = ?3";
    let id = span_id(run.no, seq);
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map((run.no, id, run.attribution), |r| {
        let interval = RailInterval {
            duration_ns,
            covered_ns: r.get(0)?,
            measured_j: r.get(1)?,
            idle_j: r.get(2)?,
            extrapolated_j: r.get(3)?,
            ..RailInterval::default()
        };
        Ok((interval, r.get(4)?, r.get(5)?))
    })?;
    let rails = rows.collect::<rusqlite::Result<Vec<RailEnergy>>>()?;
    match rails.is_empty() {
        true => Ok(IntervalEnergy::default()),
        false => Ok(span_energy_over_rails(&rails)),
    }
}
