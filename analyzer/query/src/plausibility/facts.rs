//! Input of the rules, read from a recording.

use rusqlite::OptionalExtension;

use crate::error::Result;
use crate::query::{self, Balance, Recording, Run};
use energy_power::conditions::CORES;

/// Data of an ended run and its attribution.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) end_ns: i64,
    /// Number of processors of the machine, if recorded.
    pub(super) cores: Option<f64>,
    pub(super) rails: Vec<RailFacts>,
    pub(super) sums: Vec<SumFact>,
    pub(super) cpu: Vec<CpuFacts>,
    /// Tables with rows that end after the run, with their number.
    pub(super) after_end: Vec<(&'static str, i64)>,
    pub(super) phases: Vec<PhaseFacts>,
}

/// One rail over the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RailFacts {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) parent: Option<i64>,
    pub(super) measured_j: Option<f64>,
    pub(super) accounts: Vec<(&'static str, Option<f64>)>,
    pub(super) extrapolated_j: Option<f64>,
    pub(super) lo_j: Option<f64>,
    pub(super) hi_j: Option<f64>,
    pub(super) covered_ns: Option<i64>,
    pub(super) peak_w: Option<f64>,
    /// Highest mean power of a sample.
    pub(super) largest_w: Option<f64>,
    /// Number of windows of the attribution.
    pub(super) windows: i64,
    /// Standard deviation of their energies, estimated from differences of neighbours, so
    /// that changes of the load have little influence.
    pub(super) window_sd_j: f64,
    /// Number of samples of the idle baseline; 0 if it is configured.
    pub(super) baseline_samples: Option<i64>,
}

/// Parts that must sum to a whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SumFact {
    pub(super) what: String,
    pub(super) parts: f64,
    pub(super) whole: f64,
    /// Sum of the parts' absolute values.
    pub(super) scale: f64,
}

/// CPU time of a thread, the process or the machine in its busiest row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CpuFacts {
    pub(super) what: String,
    pub(super) is_thread: bool,
    pub(super) length_ns: f64,
    pub(super) busy_ns: f64,
}

/// Energy of a phase.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PhaseFacts {
    pub(super) name: String,
    pub(super) coverage: Option<f64>,
    pub(super) energy_j: Option<f64>,
    pub(super) has_measured: bool,
}

/// Reads the facts; `None` for a run that has not ended or was not attributed.
pub(super) fn read(recording: &Recording, run: &Run) -> Result<Option<Facts>> {
    let (Some(end_ns), Some(_)) = (run.row.end_ns, run.attribution) else {
        return Ok(None);
    };
    let balance = query::balance(recording, run)?;
    let has_lost_rows = has_lost_rows(recording, run)?;
    let rail = |balance: &Balance| {
        let mut rail = rail(recording, run, balance)?;
        // The largest sample may be among the lost ones.
        rail.largest_w = rail.largest_w.filter(|_| !has_lost_rows);
        Ok(rail)
    };
    let sums = match has_lost_rows {
        true => Vec::new(),
        false => sums(recording, run, &balance)?,
    };
    Ok(Some(Facts {
        end_ns,
        cores: cores(recording, run)?,
        rails: balance.iter().map(rail).collect::<Result<_>>()?,
        sums,
        cpu: cpu(recording, run)?,
        after_end: after_end(recording, run, end_ns)?,
        phases: phases(recording, run)?,
    }))
}

fn rail(recording: &Recording, run: &Run, balance: &Balance) -> Result<RailFacts> {
    let connection = recording.connection();
    let key = (run.no, balance.id);
    let largest = "SELECT max(energy_j * 1e9 / (end_ns - start_ns)) FROM samples
                   WHERE run = ?1 AND rail = ?2 AND end_ns > start_ns";
    let windows = "SELECT count(*), total(step * step) / max(2 * count(step), 1) FROM (
                       SELECT measured_j - lag(measured_j) OVER (ORDER BY start_ns) AS step
                       FROM sample_balance WHERE run = ?1 AND rail = ?2 AND attribution = ?3)";
    let baseline = "SELECT samples FROM baselines WHERE run = ?1 AND rail = ?2";
    let parent = "SELECT parent FROM rails WHERE run = ?1 AND id = ?2";
    let (count, variance): (i64, f64) = connection
        .prepare_cached(windows)?
        .query_row((run.no, balance.id, run.attribution), |r| {
            Ok((r.get(0)?, r.get(1)?))
        })?;
    Ok(RailFacts {
        id: balance.id,
        name: balance.rail.clone(),
        parent: connection
            .prepare_cached(parent)?
            .query_row(key, |r| r.get(0))?,
        measured_j: balance.measured_j,
        accounts: balance.accounts().to_vec(),
        extrapolated_j: balance.extrapolated_j,
        lo_j: balance.lo_j,
        hi_j: balance.hi_j,
        covered_ns: balance.covered_ns,
        peak_w: balance.peak_w,
        largest_w: connection
            .prepare_cached(largest)?
            .query_row(key, |r| r.get(0))?,
        windows: count,
        window_sd_j: variance.sqrt(),
        baseline_samples: connection
            .prepare_cached(baseline)?
            .query_row(key, |r| r.get(0))
            .optional()?,
    })
}

fn cores(recording: &Recording, run: &Run) -> Result<Option<f64>> {
    let sql = "SELECT value FROM conditions WHERE run = ?1 AND key = ?2 AND time_point = 'start'";
    let found: Option<String> = recording
        .connection()
        .prepare_cached(sql)?
        .query_row((run.no, CORES), |r| r.get(0))
        .optional()?;
    Ok(found.and_then(|text| text.parse().ok()))
}

/// Returns whether rows are missing because the file could not be written, so that sums are
/// incomplete.
fn has_lost_rows(recording: &Recording, run: &Run) -> Result<bool> {
    let sql = "SELECT count(*) > 0 FROM events WHERE run = ?1 AND kind = 'rows_dropped'";
    let mut statement = recording.connection().prepare_cached(sql)?;
    Ok(statement.query_row([run.no], |r| r.get(0))?)
}

/// Reads the sums of windows, nodes and phases of each rail with its totals.
fn sums(recording: &Recording, run: &Run, balance: &[Balance]) -> Result<Vec<SumFact>> {
    let queries = [
        (
            "windows",
            "SELECT sum(measured_j), total(abs(measured_j)) FROM sample_balance
             WHERE run = ?1 AND attribution = ?2 AND rail = ?3",
        ),
        (
            "nodes",
            "SELECT sum(self_j), total(abs(self_j)) FROM node_energy
             WHERE run = ?1 AND attribution = ?2 AND rail = ?3",
        ),
        (
            "phases and the time between",
            "SELECT sum(energy_j), total(abs(energy_j)) FROM phase_energy
             WHERE run = ?1 AND attribution = ?2 AND rail = ?3 AND NOT EXISTS (
                 SELECT 1 FROM nodes n JOIN callsites c ON c.run = n.run AND c.id = n.callsite
                 WHERE n.run = ?1 AND c.role = 'run')",
        ),
    ];
    let mut sums = Vec::new();
    for rail in balance {
        for (what, sql) in queries {
            let whole = match what {
                "nodes" => rail.spans_j,
                _ => rail.measured_j,
            };
            let (parts, scale): (Option<f64>, f64) = recording
                .connection()
                .prepare_cached(sql)?
                .query_row((run.no, run.attribution, rail.id), |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })?;
            let what = format!("{}: {what}", rail.rail);
            sums.extend(parts.zip(whole).map(|(parts, whole)| SumFact {
                what,
                parts,
                whole,
                scale,
            }));
        }
    }
    Ok(sums)
}

/// Reads the busiest row of each series, accounting for the clock's resolution.
fn cpu(recording: &Recording, run: &Run) -> Result<Vec<CpuFacts>> {
    let sql = "SELECT scope, thread, end_ns - start_ns, on_cpu_ns,
                      max((on_cpu_ns - 30000000.0) / (end_ns - start_ns))
               FROM cpu WHERE run = ?1 AND end_ns > start_ns GROUP BY scope, thread";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| {
        let (scope, thread): (String, i64) = (r.get(0)?, r.get(1)?);
        Ok(CpuFacts {
            is_thread: scope == "thread",
            what: match thread {
                0 => scope,
                _ => format!("{scope} {thread}"),
            },
            length_ns: r.get::<_, i64>(2)? as f64,
            busy_ns: r.get::<_, i64>(3)? as f64,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn after_end(recording: &Recording, run: &Run, end_ns: i64) -> Result<Vec<(&'static str, i64)>> {
    // Windows have times of the sensor's clock, which may be ahead.
    let windows = "WITH clock AS (
                       SELECT 1 + 1e6 * max(coalesce(abs(clock_offset_ns) / 1e6, 0), (
                           SELECT coalesce(max(abs(value ->> 'clock_offset_ms')), 0)
                           FROM json_each(diagnostics, '$.rails'))) AS ahead_ns
                       FROM attributions WHERE run = ?1 AND id = ?2)
                   SELECT count(*) FROM sample_balance, clock WHERE run = ?1 AND attribution = ?2
                     AND (end_ns > ?3 + ahead_ns OR start_ns < -ahead_ns)";
    let connection = recording.connection();
    let count = |sql: &str, values: (i64, i64, i64)| -> Result<i64> {
        Ok(connection
            .prepare_cached(sql)?
            .query_row(values, |r| r.get(0))?)
    };
    let attribution = run.attribution.unwrap_or_default();
    let counts = [
        ("spans", query::misplaced_spans(recording, run, end_ns)?),
        ("windows", count(windows, (run.no, attribution, end_ns))?),
    ];
    Ok(counts.into_iter().filter(|(_, count)| *count > 0).collect())
}

/// Reads the phases; the run's total is their sum.
fn phases(recording: &Recording, run: &Run) -> Result<Vec<PhaseFacts>> {
    let phases = query::phases(recording, run)?;
    Ok(phases
        .into_iter()
        .map(|phase| PhaseFacts {
            name: phase.phase,
            coverage: phase.coverage,
            energy_j: phase.energy_j,
            has_measured: phase.measured_j.is_some(),
        })
        .collect())
}
