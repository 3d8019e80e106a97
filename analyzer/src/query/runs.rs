//! Which runs are in the file? A handful of queries for all of them together; the
//! figures are those of [`totals`](super::totals).

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;
use serde::Serialize;
use tracing_energy::store::Life;

use super::attributions::EFFECTIVE;
use super::phases::phases_of_all;
use super::totals::{Tokens, no_sensor, totals_for};
use super::{Recording, Totals};
use crate::error::Result;

/// The tag that repeats of one experiment share.
const GROUP: &str = "group";

/// One run of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// `run` in every table.
    #[serde(skip)]
    pub no: i64,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Running, complete, cancelled or crashed.
    pub status: String,
    /// Wall clock of its start, ns since 1970.
    pub start_unix_ns: i64,
    /// Length of the recording.
    pub duration_ns: Option<i64>,
    /// The model that was run.
    pub model: Option<String>,
    /// What ran it.
    pub engine: Option<String>,
    /// Number format of the weights.
    pub precision: Option<String>,
    /// Experiment it belongs to.
    pub experiment: Option<String>,
    /// Group of repeats it belongs to.
    pub group: Option<String>,
    /// Its tags, the group's included.
    pub tags: BTreeMap<String, String>,
    /// Tokens read.
    pub input_tokens: Option<i64>,
    /// Tokens sampled.
    pub output_tokens: Option<i64>,
    /// Sequences that were decoded together.
    #[serde(skip)]
    pub batch: Option<i64>,
    /// Energy of the measured work: the total of a summary.
    pub energy_j: Option<f64>,
    /// Lower end of its 90 % interval.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Share of its time that samples cover; none where it is not known.
    pub coverage: Option<f64>,
    /// Why its energy is not known, where samples are missing.
    pub reason: Option<String>,
    /// Of it, what is above idle power.
    pub active_j: Option<f64>,
    /// What root rails measured over the whole recording.
    pub recorded_j: Option<f64>,
    /// Energy of the measured work over all its tokens.
    pub j_per_token: Option<f64>,
    /// (decode + post_inference) over the tokens that decode made.
    pub j_per_output_token: Option<f64>,
    /// Tokens that decode made over its time.
    pub tokens_per_s: Option<f64>,
    /// Tokens sampled over the total energy.
    pub tokens_per_j: Option<f64>,
    /// How the figures were found.
    pub basis: Option<String>,
    /// Measured, modelled or replayed, with `+` where rails differ.
    pub provenance: Option<String>,
}

/// All runs of a recording, in the order of their numbers.
///
/// # Errors
/// When the file cannot be read.
pub fn list(recording: &Recording) -> Result<Vec<Listed>> {
    let mut statement = recording.connection().prepare_cached(&runs_sql())?;
    let runs = statement.query_map([], listed)?;
    let mut runs = runs.collect::<rusqlite::Result<Vec<Listed>>>()?;
    let mut tags = tags(recording)?;
    let phases = phases_of_all(recording)?;
    for run in &mut runs {
        let phases = phases.get(&run.no).map_or(&[][..], Vec::as_slice);
        let tokens = Tokens {
            input: run.input_tokens,
            output: run.output_tokens,
            batch: run.batch,
        };
        let totals = totals_for(&tokens, phases);
        run.figures(&totals);
        run.tags = tags.remove(&run.no).unwrap_or_default();
        run.group = run.tags.get(GROUP).cloned();
    }
    // Where their figures could not be shown.
    for (dead, _) in recording.store().unended()?.into_iter().filter(is_dead) {
        let same = runs.iter_mut().find(|run| run.no == dead.no);
        same.into_iter()
            .for_each(|run| run.status = dead.row.status.name().to_owned());
    }
    Ok(runs)
}

/// Numbers of the runs whose prompt holds `text`, in upper or lower case.
///
/// # Errors
/// When the file cannot be read.
pub fn with_prompt(recording: &Recording, text: &str) -> Result<BTreeSet<i64>> {
    let text = text.to_lowercase();
    let sql = "SELECT no, prompt FROM runs WHERE prompt IS NOT NULL";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut found = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let prompt = row.get_ref(1)?.as_bytes().map_err(rusqlite::Error::from)?;
        if String::from_utf8_lossy(prompt)
            .to_lowercase()
            .contains(&text)
        {
            found.insert(row.get(0)?);
        }
    }
    Ok(found)
}

impl Listed {
    fn figures(&mut self, totals: &Totals) {
        self.energy_j = totals.energy_j;
        (self.lo_j, self.hi_j) = (totals.lo_j, totals.hi_j);
        self.coverage = totals.coverage;
        self.reason.clone_from(&totals.reason);
        self.active_j = totals.active_j;
        self.j_per_token = totals.j_per_token;
        self.j_per_output_token = totals.j_per_output_token;
        self.tokens_per_s = totals.tokens_per_s;
        self.tokens_per_j = totals.tokens_per_j;
    }
}

fn is_dead((_, life): &(tracing_energy::store::StoredRun, Life)) -> bool {
    *life == Life::Dead
}

/// Prompts and responses stay where they are: they may be long. `run_span` is the
/// first span of the role `run`, as in [`totals`](super::totals).
fn runs_sql() -> String {
    format!(
        "
    WITH shown AS (
        SELECT a.run, a.id, {EFFECTIVE} AS method FROM attributions a
        WHERE a.id = (SELECT max(l.id) FROM attributions l WHERE l.run = a.run)),
    run_span AS MATERIALIZED (
        SELECT r.no AS run,
               (SELECT s.id FROM spans s
                WHERE s.id BETWEEN r.no << 40 AND (r.no << 40 | 1099511627775)
                  AND s.node = (SELECT n.id FROM nodes n
                                JOIN callsites c ON c.run = n.run AND c.id = n.callsite
                                     AND c.role = 'run'
                                WHERE n.run = r.no ORDER BY n.id LIMIT 1)
                ORDER BY s.id LIMIT 1) AS span
        FROM runs r)
    SELECT r.no, r.uuid, r.name, r.status, r.start_unix_ns, r.end_ns, r.model, r.engine,
           r.precision, r.experiment, r.input_tokens, r.output_tokens, r.batch,
           (SELECT sum(b.measured_j) FROM balance b
            JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
            WHERE b.run = r.no AND b.attribution = a.id) AS recorded_j,
           (SELECT group_concat(provenance, '+') FROM (
                SELECT DISTINCT l.provenance FROM rails l
                WHERE l.run = r.no AND l.parent IS NULL ORDER BY l.provenance)) AS provenance,
           (SELECT max(e.basis) FROM run_span s
            CROSS JOIN span_energy e ON e.span = s.span AND e.attribution = a.id
            CROSS JOIN rails l ON l.run = r.no AND l.id = e.rail AND l.parent IS NULL
            WHERE s.run = r.no) AS basis,
           a.method
    FROM runs r LEFT JOIN shown a ON a.run = r.no
    ORDER BY r.no"
    )
}

fn listed(r: &Row<'_>) -> rusqlite::Result<Listed> {
    let provenance: Option<String> = r.get("provenance")?;
    let (of_span, method): (Option<String>, Option<String>) = (r.get("basis")?, r.get("method")?);
    let basis = provenance.as_deref().and_then(|provenance| {
        let no_sensor = no_sensor(provenance).map(str::to_owned);
        no_sensor.or(of_span).or(method)
    });
    Ok(Listed {
        no: r.get("no")?,
        id: r.get("uuid")?,
        name: r.get("name")?,
        status: r.get("status")?,
        start_unix_ns: r.get("start_unix_ns")?,
        duration_ns: r.get("end_ns")?,
        model: r.get("model")?,
        engine: r.get("engine")?,
        precision: r.get("precision")?,
        experiment: r.get("experiment")?,
        group: None,
        tags: BTreeMap::new(),
        input_tokens: r.get("input_tokens")?,
        output_tokens: r.get("output_tokens")?,
        batch: r.get("batch")?,
        energy_j: None,
        lo_j: None,
        hi_j: None,
        coverage: None,
        reason: None,
        active_j: None,
        recorded_j: r.get("recorded_j")?,
        j_per_token: None,
        j_per_output_token: None,
        tokens_per_s: None,
        tokens_per_j: None,
        basis,
        provenance,
    })
}

fn tags(recording: &Recording) -> Result<BTreeMap<i64, BTreeMap<String, String>>> {
    let sql = "SELECT run, key, value FROM run_tags";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut tags: BTreeMap<i64, BTreeMap<String, String>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let of_run = tags.entry(row.get(0)?).or_default();
        of_run.insert(row.get(1)?, row.get(2)?);
    }
    Ok(tags)
}
