//! Values by which lists of runs are sorted and filtered. They are computed from the phases of a run;
//! only the columns that a value needs are read, because a file may have thousands of runs.

use std::collections::BTreeMap;

use energy_data::interval_energy::RailInterval;
use rusqlite::Row;

use super::bad_values::is_bad_value;
use super::phases::{IS_PHASE, ROOT_RAIL, phases_of_several, shown_phases, whole_of};
use super::totals::{DECODE, PREFILL};
use super::{Phase, Recording};
use crate::error::Result;

/// Runs of which values are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadRuns<'n> {
    /// Their numbers.
    pub(super) numbers: &'n [i64],
    /// Whether these are all runs in the file.
    pub(super) are_all: bool,
}

/// Reads the phases of runs. Runs with a value of a wrong type have none.
pub(super) fn readable_phases(
    recording: &Recording,
    runs: ReadRuns<'_>,
) -> Result<BTreeMap<i64, Vec<Phase>>> {
    readable(runs, |only| phases_of_several(recording, only))
}

/// Reads the energies of runs: those of their totals. Runs with a value of a wrong type have none.
pub(super) fn energies(recording: &Recording, runs: ReadRuns<'_>) -> Result<BTreeMap<i64, f64>> {
    readable(runs, |only| energies_of_several(recording, only))
}

/// Reads prefill and decode of runs: their numbers of entries and durations, without energies. Runs
/// with a value of a wrong type have none.
pub(super) fn token_phases(
    recording: &Recording,
    runs: ReadRuns<'_>,
) -> Result<BTreeMap<i64, Vec<Phase>>> {
    readable(runs, |only| token_phases_of_several(recording, only))
}

/// Reads a value of all runs at once, or one by one if that of a run cannot be read.
fn readable<T>(
    runs: ReadRuns<'_>,
    read: impl Fn(Option<&[i64]>) -> Result<BTreeMap<i64, T>>,
) -> Result<BTreeMap<i64, T>> {
    match read((!runs.are_all).then_some(runs.numbers)) {
        Err(error) if is_bad_value(&error) => {}
        found => return found,
    }
    let mut all = BTreeMap::new();
    for no in runs.numbers {
        match read(Some(&[*no])) {
            Err(error) if is_bad_value(&error) => {}
            found => all.extend(found?),
        }
    }
    Ok(all)
}

/// One phase on one rail.
struct PhaseRow {
    run: i64,
    node: Option<i64>,
    rail: i64,
    interval: RailInterval,
}

fn energies_of_several(recording: &Recording, only: Option<&[i64]>) -> Result<BTreeMap<i64, f64>> {
    let sql = format!(
        "SELECT p.run, p.node, p.rail, p.duration_ns, p.covered_ns, p.energy_j, p.extrapolated_j
         FROM {} CROSS JOIN {ROOT_RAIL}",
        shown_phases(only)
    );
    let mut statement = recording.connection().prepare(&sql)?;
    let read = |r: &Row<'_>| {
        Ok(PhaseRow {
            run: r.get(0)?,
            node: r.get(1)?,
            rail: r.get(2)?,
            interval: RailInterval {
                duration_ns: r.get(3)?,
                covered_ns: r.get(4)?,
                measured_j: r.get(5)?,
                extrapolated_j: r.get(6)?,
                ..RailInterval::default()
            },
        })
    };
    let rows = statement.query_map([], read)?;
    let mut rows = rows.collect::<rusqlite::Result<Vec<PhaseRow>>>()?;
    // In the order of phases; the time between them is last.
    rows.sort_by_key(|row| (row.run, row.node.is_none(), row.node, row.rail));
    let energy = |rows: &[PhaseRow]| {
        let phases = rows.chunk_by(|a, b| a.node == b.node);
        let rails = phases.map(|phase| phase.iter().map(|row| row.interval).collect::<Vec<_>>());
        let rails: Vec<Vec<RailInterval>> = rails.collect();
        let rails: Vec<&[RailInterval]> = rails.iter().map(Vec::as_slice).collect();
        Some((rows.first()?.run, whole_of(&rails).energy_j?))
    };
    let runs = rows.chunk_by(|a, b| a.run == b.run);
    Ok(runs.filter_map(energy).collect())
}

fn token_phases_of_several(
    recording: &Recording,
    only: Option<&[i64]>,
) -> Result<BTreeMap<i64, Vec<Phase>>> {
    // All rails of a phase have its duration; the longest is used.
    let sql = format!(
        "SELECT p.run, n.id, p.duration_ns, n.label,
                (SELECT max(e.instances) FROM node_energy e
                 WHERE e.run = p.run AND e.attribution = p.attribution AND e.node = n.id)
         FROM {}
         CROSS JOIN nodes n ON n.run = p.run AND n.id = p.node
              AND n.label IN ('{PREFILL}', '{DECODE}') AND {IS_PHASE}
         CROSS JOIN {ROOT_RAIL}",
        shown_phases(only)
    );
    let mut statement = recording.connection().prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut all: BTreeMap<i64, Vec<Phase>> = BTreeMap::new();
    let mut last = None;
    while let Some(r) = rows.next()? {
        let (run, node): (i64, i64) = (r.get(0)?, r.get(1)?);
        let (duration_ns, instances): (i64, Option<i64>) = (r.get(2)?, r.get(4)?);
        let phases = all.entry(run).or_default();
        // Rows of a phase are adjacent: they are read by the key of the table.
        match phases.last_mut().filter(|_| last == Some((run, node))) {
            Some(phase) => phase.duration_ns = phase.duration_ns.max(Some(duration_ns)),
            None => phases.push(Phase {
                phase: r.get(3)?,
                instances: instances.filter(|count| *count > 0),
                duration_ns: Some(duration_ns),
                ..Phase::default()
            }),
        }
        last = Some((run, node));
    }
    for phase in all.values_mut().flatten() {
        // A phase cannot end before its start.
        phase.duration_ns = phase.duration_ns.filter(|ns| *ns >= 0);
    }
    Ok(all)
}
