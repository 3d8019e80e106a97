//! Energy accounts of each rail.

use energy_data::interval_energy::{RailInterval, is_enough};
use energy_data::rows::ACCOUNT_NAMES;
use rusqlite::Row;
use serde::Serialize;

use super::{Recording, Run};
use crate::error::Result;

/// Largest rounding error of an account, relative to the rail's energy.
const ROUNDING: f64 = 1e-9;

/// The accounts of one rail over the whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Balance {
    /// Rail id.
    #[serde(skip)]
    pub id: i64,
    /// Rail name; with its source if two sources use the same name.
    pub rail: String,
    /// Rail name without its source.
    #[serde(skip)]
    pub name: String,
    /// Kind of the rail as stored.
    #[serde(skip)]
    pub kind: String,
    /// Whether the rail counts towards totals: no other rail contains it.
    pub is_root: bool,
    /// Rail that contains it.
    pub parent: Option<String>,
    /// Source that read it.
    pub source: String,
    /// Measured, modelled or replayed.
    pub provenance: String,
    /// Energy measured by the sensor.
    pub measured_j: Option<f64>,
    /// Baseline power times duration.
    pub idle_j: Option<f64>,
    /// Self energy of spans.
    pub spans_j: Option<f64>,
    /// Unattributed: this process while no span was active.
    pub unattributed_j: Option<f64>,
    /// Other processes.
    pub other_processes_j: Option<f64>,
    /// The recorder and the sensor's helper.
    pub profiler_j: Option<f64>,
    /// Difference to the measured energy; signed.
    pub residual_j: Option<f64>,
    /// Work that cannot be assigned to a process. `None` on rails where that cannot occur
    /// or if coverage is not known.
    pub unknown_j: Option<f64>,
    /// Estimate for time without samples, not part of `measured_j`. `None` if samples cover
    /// less than half of the time.
    pub extrapolated_j: Option<f64>,
    /// Lower end of the 90 % interval of `measured_j + extrapolated_j`; `None` without gaps.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Time covered by samples.
    pub covered_ns: Option<i64>,
    /// Share of the run's time covered by samples, if known.
    pub coverage: Option<f64>,
    /// Highest mean power of a sample of at least half of the usual length.
    pub peak_w: Option<f64>,
    /// Time of the peak, run time.
    pub peak_ns: Option<i64>,
    /// Usual length of its samples.
    #[serde(skip)]
    pub interval_ns: i64,
}

impl Balance {
    /// Returns `source/name`, the rail's name in estimates.
    pub fn qualified(&self) -> String {
        format!("{}/{}", self.source, self.name)
    }

    /// Returns whether the rail is divided by CPU time although not only processors draw
    /// from it.
    pub fn is_assumed(&self) -> bool {
        let is_other = matches!(self.kind.as_str(), "dram" | "system" | "other");
        self.profiler_j.is_some() && is_other && self.provenance != "modelled"
    }

    /// Returns the accounts in display order.
    pub fn accounts(&self) -> [(&'static str, Option<f64>); 7] {
        let energies = [
            self.idle_j,
            self.spans_j,
            self.unattributed_j,
            self.other_processes_j,
            self.profiler_j,
            self.residual_j,
            self.unknown_j,
        ];
        std::array::from_fn(|at| (ACCOUNT_NAMES[at], energies[at]))
    }

    /// Returns the accounts as they are displayed: rounding errors of differences are 0.
    pub fn displayed_accounts(&self) -> [(&'static str, Option<f64>); 7] {
        let rounding_j = ROUNDING * self.measured_j.unwrap_or(0.0).abs();
        self.accounts().map(|(name, energy_j)| {
            let is_rounding = energy_j.is_some_and(|energy_j| energy_j.abs() <= rounding_j);
            (name, if is_rounding { Some(0.0) } else { energy_j })
        })
    }

    /// Returns the energy over the whole run: measured plus extrapolated.
    pub fn total_j(&self) -> Option<f64> {
        Some(self.measured_j? + self.extrapolated_j?)
    }

    /// Returns the difference between the sum of accounts and the measured energy, or `None`
    /// if it is within rounding.
    pub fn fault_j(&self) -> Option<f64> {
        let measured = self.measured_j?;
        let parts = self.accounts().map(|(_, energy)| energy.unwrap_or(0.0));
        let fault = parts.iter().sum::<f64>() - measured;
        let scale: f64 = measured.abs() + parts.iter().map(|part| part.abs()).sum::<f64>();
        let rounding = ROUNDING * scale;
        // Negated so that a NaN is a fault.
        let is_rounding = fault.abs() <= rounding;
        (!is_rounding).then_some(fault)
    }
}

/// Returns the name of the energy that the accounts of `rails` sum to: `measured`, `modelled`
/// or `replayed`; `sampled` if it differs between rails.
pub fn sampled_name(rails: &[Balance]) -> &str {
    match rails {
        [first, others @ ..]
            if others
                .iter()
                .all(|rail| rail.provenance == first.provenance) =>
        {
            &first.provenance
        }
        _ => "sampled",
    }
}

/// Reads each rail's accounts, roots first; `None` values if nothing was attributed.
///
/// # Errors
/// If the file cannot be read.
pub fn balance(recording: &Recording, run: &Run) -> Result<Vec<Balance>> {
    let sql = "
        SELECT l.id AS rail_id, l.name, l.source, l.provenance, l.kind, l.interval_ns,
               CASE WHEN l.parent = l.id THEN '(not counted)' ELSE p.name END AS parent,
               (SELECT count(*) FROM rails o WHERE o.run = l.run AND o.name = l.name) AS namesakes,
               b.*
        FROM rails l
        LEFT JOIN rails p ON p.run = l.run AND p.id = l.parent
        LEFT JOIN balance b ON b.run = l.run AND b.rail = l.id
             AND b.attribution = ?2
        WHERE l.run = ?1
        ORDER BY l.parent IS NOT NULL, l.id";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map((run.no, run.attribution), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(r: &Row<'_>) -> rusqlite::Result<Balance> {
    let covered_ns: Option<i64> = r.get("covered_ns")?;
    let (name, source): (String, String) = (r.get("name")?, r.get("source")?);
    let parent: Option<String> = r.get("parent")?;
    let is_only = r.get::<_, i64>("namesakes")? == 1;
    let interval = RailInterval {
        covered_ns,
        duration_ns: r.get::<_, Option<i64>>("duration_ns")?.unwrap_or(0),
        ..RailInterval::default()
    };
    let coverage = interval.coverage();
    let has_gap = covered_ns.is_some_and(|covered| covered < interval.duration_ns);
    // Extrapolating over mostly uncovered time would be arbitrary.
    let is_known = coverage.is_none_or(is_enough);
    let estimate = |column: &str| -> rusqlite::Result<Option<f64>> {
        let value: Option<f64> = r.get(column)?;
        Ok(value.filter(|_| is_known))
    };
    Ok(Balance {
        id: r.get("rail_id")?,
        rail: match is_only {
            true => name.clone(),
            false => format!("{source}/{name}"),
        },
        name,
        is_root: parent.is_none(),
        parent,
        source,
        kind: r.get("kind")?,
        provenance: r.get("provenance")?,
        measured_j: r.get("measured_j")?,
        idle_j: r.get("idle_j")?,
        spans_j: r.get("spans_j")?,
        unattributed_j: r.get("unattributed_j")?,
        other_processes_j: r.get("other_processes_j")?,
        profiler_j: r.get("profiler_j")?,
        residual_j: r.get("residual_j")?,
        unknown_j: r.get("unknown_j")?,
        extrapolated_j: estimate("extrapolated_j")?,
        lo_j: estimate("lo_j")?.filter(|_| has_gap),
        hi_j: estimate("hi_j")?.filter(|_| has_gap),
        covered_ns,
        coverage,
        peak_w: r.get("peak_w")?,
        peak_ns: r.get("peak_ns")?,
        interval_ns: r.get("interval_ns")?,
    })
}
