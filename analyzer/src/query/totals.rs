//! What did the measured work cost, in all and for each token?
//!
//! Totals are sums over the phases and the time between them, which are the time
//! of the span with the role `run` (`inference`), or of the whole recording where
//! there is none. N is the number of tokens sampled, the end token included. The first
//! token of each sequence comes out of prefill and is only chosen in decode: N tokens of
//! one sequence take N - 1 passes of decode.

use rusqlite::OptionalExtension;
use serde::Serialize;

use super::attributions::EFFECTIVE;
use super::phases::whole;
use super::{Phase, Recording, Run, sum_known};
use crate::error::Result;

/// The phase that reads the prompt.
const PREFILL: &str = "prefill";
/// The phase whose passes make all tokens of a sequence but the first.
pub(crate) const DECODE: &str = "decode";
/// Phases whose energy is that of tokens read.
pub(crate) const INPUT: &[&str] = &["pre_inference", PREFILL];
/// Phases whose energy is that of tokens made by decode.
pub(crate) const OUTPUT: &[&str] = &[DECODE, "post_inference"];

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
    /// `energy_j - idle_j`, of each rail at least nothing.
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
    /// (decode + post_inference) over the tokens that decode made; none where it made none.
    pub j_per_output_token: Option<f64>,
    /// Tokens that decode made over its time.
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
    totals_for(&Tokens::of(run), phases)
}

/// Numbers of tokens of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Tokens read.
    pub(crate) input: Option<i64>,
    /// Tokens sampled.
    pub(crate) output: Option<i64>,
    /// Sequences that are decoded together.
    pub(crate) batch: Option<i64>,
}

impl Tokens {
    /// As the run's metadata hold them.
    pub(crate) fn of(run: &Run) -> Self {
        let metadata = &run.row.metadata;
        Self {
            input: metadata.input_tokens,
            output: metadata.output_tokens,
            batch: metadata.batch,
        }
    }

    /// Tokens read and sampled.
    pub(crate) fn all(&self) -> Option<i64> {
        self.input?.checked_add(self.output?)
    }

    /// Tokens that passes of decode made: those sampled without the first one of each
    /// sequence. None where no pass is left.
    pub(crate) fn decoded(&self, phases: &[Phase]) -> Option<i64> {
        let batch = self.batch.unwrap_or(1).max(1);
        let decoded = self
            .output?
            .checked_sub(prompts(phases).checked_mul(batch)?)?;
        (decoded > 0).then_some(decoded)
    }
}

/// Prompts of a run, or batches of them. Each has one `prefill` and one `decode`, of which
/// a program may enter the one once for each chunk, and the other once for each token.
fn prompts(phases: &[Phase]) -> i64 {
    let instances = |name: &str| {
        let named = phases.iter().filter(|phase| phase.phase == name);
        let count: i64 = named.filter_map(|phase| phase.instances).sum();
        (count > 0).then_some(count)
    };
    let counts = [PREFILL, DECODE].into_iter().filter_map(instances);
    counts.min().unwrap_or(1)
}

/// As [`totals_of`], of a run with these tokens.
pub(super) fn totals_for(tokens: &Tokens, phases: &[Phase]) -> Totals {
    let named = |names: &'static [&str]| {
        let is_named = move |phase: &&Phase| names.contains(&phase.phase.as_str());
        phases.iter().filter(is_named)
    };
    let of = |names| {
        let phases: Vec<Phase> = named(names).cloned().collect();
        whole(&phases).energy_j
    };
    let (sum, duration_ns) = (whole(phases), duration(phases.iter()));
    let energy_j = sum.energy_j;
    let decoded = tokens.decoded(phases);
    let sampled = phases.iter().filter(|phase| phase.measured_j.is_some());
    Totals {
        energy_j,
        lo_j: sum.lo_j,
        hi_j: sum.hi_j,
        measured_j: sum.measured_j,
        extrapolated_j: sum.extrapolated_j,
        coverage: sum.coverage,
        reason: sum.reason,
        active_j: sum.active_j,
        idle_j: sum.idle_j,
        spans_j: sum_known(sampled.map(|phase| phase.spans_j)),
        duration_ns,
        input_tokens: tokens.input,
        output_tokens: tokens.output,
        j_per_token: per(energy_j, tokens.all()),
        j_per_token_lo: per(sum.lo_j, tokens.all()),
        j_per_token_hi: per(sum.hi_j, tokens.all()),
        j_per_input_token: per(of(INPUT), tokens.input),
        j_per_output_token: per(of(OUTPUT), decoded),
        tokens_per_s: per(decoded.map(|n| n as f64 * 1e9), duration(named(&[DECODE]))),
        tokens_per_j: energy_j
            .filter(|e| *e > 0.0)
            .zip(tokens.output)
            .map(|(e, n)| n as f64 / e),
        energy_delay_js: energy_j.zip(duration_ns).map(|(e, ns)| e * ns as f64 / 1e9),
        basis: None,
    }
}

fn duration<'p>(phases: impl Iterator<Item = &'p Phase>) -> Option<i64> {
    let times: Option<Vec<i64>> = phases.map(|phase| phase.duration_ns).collect();
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
    let method = format!("SELECT max({EFFECTIVE}) FROM attributions a WHERE run = ?1 AND id = ?2");
    Ok(recording
        .connection()
        .prepare_cached(&method)?
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
