//! What did the measured work cost, in all and for each token?
//!
//! Totals are sums over the phases and the time between them, which are the time
//! of the span with the role `run` (`inference`), or of the whole recording where
//! there is none. N is the number of tokens sampled, the end token included.

use rusqlite::OptionalExtension;
use serde::Serialize;

use super::phases::whole;
use super::{Phase, Recording, Run, sum_known};
use crate::error::Result;

/// Totals of the measured work. J/token figures are gross: idle power included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// All that the root rails used: measured plus extrapolated. Not known where
    /// samples cover less than half of its time.
    pub energy_j: Option<f64>,
    /// Lower end of its 90 % interval.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// The part of `energy_j` that the sensors read.
    pub measured_j: Option<f64>,
    /// The part that is estimated for time without samples.
    pub extrapolated_j: Option<f64>,
    /// Share of its time that samples cover; none where it is not known.
    pub coverage: Option<f64>,
    /// Why its energy is not known, where samples are missing.
    pub reason: Option<String>,
    /// `energy_j - idle_j`.
    pub active_j: Option<f64>,
    /// Idle part of `energy_j`.
    pub idle_j: Option<f64>,
    /// What is in the ledger of its spans.
    pub spans_j: Option<f64>,
    /// Its time.
    pub duration_ns: Option<i64>,
    /// Tokens read.
    pub input_tokens: Option<i64>,
    /// Tokens sampled.
    pub output_tokens: Option<i64>,
    /// Total over all tokens.
    pub j_per_token: Option<f64>,
    /// Lower end of its 90 % interval.
    pub j_per_token_lo: Option<f64>,
    /// Upper end.
    pub j_per_token_hi: Option<f64>,
    /// (pre_inference + prefill) over tokens read.
    pub j_per_input_token: Option<f64>,
    /// (decode + post_inference) over tokens sampled.
    pub j_per_output_token: Option<f64>,
    /// Tokens sampled over the time of decode.
    pub tokens_per_s: Option<f64>,
    /// Tokens sampled over the total energy.
    pub tokens_per_j: Option<f64>,
    /// Energy x time.
    pub energy_delay_js: Option<f64>,
    /// How the figures were found: `measured`, `proportional`, `modelled`, ...
    pub basis: Option<String>,
}

/// The totals that `phases` sum to.
///
/// # Errors
/// When the file cannot be read.
pub fn totals(recording: &Recording, run: &Run, phases: &[Phase]) -> Result<Totals> {
    Ok(Totals {
        basis: basis(recording, run)?,
        ..totals_of(run, phases)
    })
}

/// As [`totals`], without their basis, for which the file would have to be read.
pub(crate) fn totals_of(run: &Run, phases: &[Phase]) -> Totals {
    let tokens = &run.row.metadata;
    totals_for(tokens.input_tokens, tokens.output_tokens, phases)
}

/// As [`totals_of`], of a run that read and sampled so many tokens.
pub(super) fn totals_for(input: Option<i64>, output: Option<i64>, phases: &[Phase]) -> Totals {
    let of = |names: [&str; 2]| {
        let is_named = |phase: &&Phase| names.contains(&phase.phase.as_str());
        let named: Vec<Phase> = phases.iter().filter(is_named).cloned().collect();
        whole(&named).energy_j
    };
    let (sum, duration_ns) = (whole(phases), duration(phases));
    let energy_j = sum.energy_j;
    let all_tokens = input.zip(output).map(|(input, output)| input + output);
    let decode_ns = phases.iter().find(|phase| phase.phase == "decode");
    let decode_ns = decode_ns.and_then(|phase| phase.duration_ns);
    Totals {
        energy_j,
        lo_j: sum.lo_j,
        hi_j: sum.hi_j,
        measured_j: sum.measured_j,
        extrapolated_j: sum.extrapolated_j,
        coverage: sum.coverage,
        reason: sum.reason,
        active_j: energy_j.zip(sum.idle_j).map(|(energy, idle)| energy - idle),
        idle_j: sum.idle_j,
        spans_j: sum_known(phases.iter().map(|phase| phase.spans_j)),
        duration_ns,
        input_tokens: input,
        output_tokens: output,
        j_per_token: per(energy_j, all_tokens),
        j_per_token_lo: per(sum.lo_j, all_tokens),
        j_per_token_hi: per(sum.hi_j, all_tokens),
        j_per_input_token: per(of(["pre_inference", "prefill"]), input),
        j_per_output_token: per(of(["decode", "post_inference"]), output),
        tokens_per_s: per(output.map(|n| n as f64 * 1e9), decode_ns),
        tokens_per_j: energy_j
            .filter(|e| *e > 0.0)
            .zip(output)
            .map(|(e, n)| n as f64 / e),
        energy_delay_js: energy_j.zip(duration_ns).map(|(e, ns)| e * ns as f64 / 1e9),
        basis: None,
    }
}

fn duration(phases: &[Phase]) -> Option<i64> {
    let times: Option<Vec<i64>> = phases.iter().map(|phase| phase.duration_ns).collect();
    times
        .filter(|times| !times.is_empty())
        .map(|times| times.iter().sum())
}

/// Nothing where there is nothing to divide by.
fn per(amount: Option<f64>, count: Option<i64>) -> Option<f64> {
    let count = count.filter(|count| *count > 0)?;
    Some(amount? / count as f64)
}

/// The basis of the run span's figures; where no span has the role `run`, of the
/// shown attribution.
fn basis(recording: &Recording, run: &Run) -> Result<Option<String>> {
    let Some(provenance) = &run.provenance else {
        return Ok(None);
    };
    if let Some(word) = no_sensor(provenance) {
        return Ok(Some(word.to_owned()));
    }
    if let Some(basis) = basis_of_run_span(recording, run)? {
        return Ok(Some(basis));
    }
    let method = "SELECT max(method) FROM attributions WHERE run = ?1 AND id = ?2";
    Ok(recording
        .connection()
        .prepare_cached(method)?
        .query_row((run.no, run.attribution), |r| r.get(0))?)
}

/// What figures are called that no sensor read during the run.
pub(super) fn no_sensor(provenance: &str) -> Option<&'static str> {
    ["modelled", "replayed"]
        .into_iter()
        .find(|word| provenance.contains(word))
}

/// Looks at the first span of the role `run` only: it begins early, so that few
/// spans are read.
fn basis_of_run_span(recording: &Recording, run: &Run) -> Result<Option<String>> {
    let node = "SELECT n.id FROM nodes n
                JOIN callsites c ON c.run = n.run AND c.id = n.callsite AND c.role = 'run'
                WHERE n.run = ?1 ORDER BY n.id LIMIT 1";
    let connection = recording.connection();
    let Some(node) = connection
        .query_row(node, [run.no], |r| r.get::<_, i64>(0))
        .optional()?
    else {
        return Ok(None);
    };
    let (first, last) = tracing_energy::store::span_ids(run.no);
    let sql = "SELECT max(e.basis) FROM span_energy e
               JOIN rails l ON l.run = ?1 AND l.id = e.rail AND l.parent IS NULL
               WHERE e.attribution = ?5
                 AND e.span = (SELECT id FROM spans WHERE id BETWEEN ?2 AND ?3 AND node = ?4
                               ORDER BY id LIMIT 1)";
    Ok(connection
        .prepare_cached(sql)?
        .query_row((run.no, first, last, node, run.attribution), |r| r.get(0))?)
}
