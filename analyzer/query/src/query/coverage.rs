//! Coverage of runs by samples, and texts about it. The rule by which an energy is known is
//! that of [`energy_data::interval_energy`].

use energy_data::interval_energy::{
    IntervalEnergy, KNOWN_FROM, RailInterval, is_reported, least_coverage,
};

use energy_data::rows::RunStatus;

use super::{Recording, Run};
use crate::error::Result;
use crate::format::{percent, time_span};

/// Returns why the energy is unknown if samples are missing; `None` if coverage is not the
/// reason.
pub(super) fn missing(energy: &IntervalEnergy) -> Option<String> {
    let coverage = energy.insufficient_coverage?;
    Some(format!(
        "samples cover {} of it, {} are needed",
        percent(Some(coverage)),
        percent(Some(KNOWN_FROM))
    ))
}

/// Reads the share of the run's time that samples of every root rail cover, if known.
///
/// # Errors
/// If the file cannot be read.
pub fn run_coverage(recording: &Recording, run: &Run) -> Result<Option<f64>> {
    let sql = "SELECT b.covered_ns, b.duration_ns
               FROM balance b
               JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
               WHERE b.run = ?1 AND b.attribution = ?2
                 AND (b.covered_ns IS NULL OR b.duration_ns > 0)";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rails = statement.query_map((run.no, run.attribution), |r| {
        let interval = RailInterval {
            covered_ns: r.get(0)?,
            duration_ns: r.get::<_, Option<i64>>(1)?.unwrap_or(0),
            ..RailInterval::default()
        };
        Ok(interval.coverage())
    })?;
    Ok(least_coverage(rails.collect::<rusqlite::Result<Vec<_>>>()?))
}

/// Returns the note about low coverage, if it must be reported.
pub fn coverage_note(coverage: Option<f64>) -> Option<String> {
    is_reported(coverage).then(|| {
        format!(
            "Samples cover {} of the time: totals are extrapolated, spans are not.",
            percent(coverage)
        )
    })
}

/// Returns the time of a run that is being recorded up to which its totals are known: recorders write
/// them less often than spans. `None` for other runs, and without totals.
///
/// # Errors
/// If the file cannot be read.
pub fn totals_until_ns(recording: &Recording, run: &Run) -> Result<Option<i64>> {
    if run.row.status != RunStatus::Running {
        return Ok(None);
    }
    let sql = "SELECT max(b.duration_ns)
               FROM balance b
               JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
               WHERE b.run = ?1 AND b.attribution = ?2";
    let mut statement = recording.connection().prepare_cached(sql)?;
    Ok(statement.query_row((run.no, run.attribution), |r| r.get(0))?)
}

/// Returns the note about totals of a run that is being recorded.
pub fn running_note(totals_until_ns: Option<i64>) -> Option<String> {
    let time = time_span(Some(totals_until_ns?));
    Some(format!(
        "The run is being recorded: totals are those of its first {time}."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_names_the_coverage_of_the_least_covered_rail() {
        let rail = |covered_ns| RailInterval {
            duration_ns: 100,
            covered_ns: Some(covered_ns),
            ..RailInterval::default()
        };
        let known = IntervalEnergy::over_rails(&[rail(50)]);
        assert_eq!(missing(&known), None);
        let unknown = IntervalEnergy::over_rails(&[rail(90), rail(49)]);
        assert!(missing(&unknown).is_some_and(|text| text.contains("49.0 %")));
    }
}
