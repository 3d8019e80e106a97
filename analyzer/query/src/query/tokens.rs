//! Interval energies of tokens: all energy measured by the rails while they were generated.
//!
//! `span_energy` has rows for few spans, which include tokens: it is read by range, and
//! spans are looked up by id, never scanned.

use std::collections::{HashMap, HashSet};

use energy_data::BasisSet;
use energy_data::interval_energy::{IntervalEnergy, RailInterval};
use energy_store::span_ids;
use rusqlite::{OptionalExtension, Row};
use serde::Serialize;

use super::coverage;
use super::interval::span_energy_over_rails;
use super::phases::is_above;
use super::{DECODE, NodeLedger, Recording, Run, average_w, rails, set_at};
use crate::error::Result;

/// Note of the first token of a sequence: prefill computed its logits, and decode only
/// sampled it, so its energy is not that of a decode pass.
pub const SAMPLING_ONLY: &str = "sampling only";

/// One token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Token {
    /// Its number in the run, from its span.
    pub token: Option<i64>,
    /// Its text; `None` if it was not stored.
    pub text: Option<String>,
    /// Phase in which it was generated.
    pub phase: Option<String>,
    /// Start, run time.
    pub start_ns: i64,
    /// Duration; `None` while it is open.
    pub duration_ns: Option<i64>,
    /// Energy of the rails in its time: measured plus extrapolated. `None` if samples cover
    /// less than half of it.
    pub energy_j: Option<f64>,
    /// Lower end of its 90 % interval.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Part of `energy_j` that is estimated for time without samples.
    pub extrapolated_j: Option<f64>,
    /// Share of its time covered by samples, if known.
    pub coverage: Option<f64>,
    /// Why its energy is unknown, if samples are missing.
    pub reason: Option<String>,
    /// Idle part of `energy_j`.
    pub idle_j: Option<f64>,
    /// `energy_j - idle_j`, clamped to 0 on each rail.
    pub active_j: Option<f64>,
    /// Energy over time.
    pub avg_w: Option<f64>,
    /// Highest mean power of a sample in its time; `None` with several rails, whose peaks
    /// are at different times.
    pub peak_w: Option<f64>,
    /// Energy-delay product in joule-seconds.
    pub energy_delay_js: Option<f64>,
    /// Bases of its energy, joined by `+` if rails differ.
    pub basis: Option<BasisSet>,
    /// [`SAMPLING_ONLY`] or `None`.
    pub note: Option<&'static str>,
    #[serde(skip)]
    span: i64,
}

/// Reads the tokens in order of time: spans of role token among the nodes of `ledger`.
///
/// # Errors
/// If the file cannot be read, or the run has no rail of that name.
pub fn tokens(
    recording: &Recording,
    run: &Run,
    ledger: &NodeLedger,
    rail: Option<&str>,
) -> Result<Vec<Token>> {
    let rails = rails(recording, run, rail)?;
    let Some(first) = rails.first() else {
        return Ok(Vec::new());
    };
    let phase_of = phases(ledger);
    let mut tokens = unpriced_tokens(recording, run, *first, &phase_of)?;
    let places: HashMap<i64, usize> = tokens.iter().map(|t| t.span).zip(0..).collect();
    let mut parts: Vec<Vec<TokenOnRail>> = vec![Vec::new(); tokens.len()];
    for rail in &rails {
        parts_on(recording, run, *rail, &places, &mut parts)?;
    }
    for (token, parts) in tokens.iter_mut().zip(&parts) {
        token.sum(parts, rails.len());
    }
    texts(recording, &mut tokens)?;
    tokens.iter_mut().for_each(Token::annotate);
    tokens.sort_by_key(|token| (token.start_ns, token.span));
    Ok(tokens)
}

/// Returns the nodes of tokens with the label of their phase.
fn phases(ledger: &NodeLedger) -> HashMap<i64, Option<String>> {
    let heads: HashSet<i64> = ledger.phases().iter().map(|node| node.id).collect();
    let mut above: HashMap<i64, Option<i64>> = HashMap::new();
    let mut tokens = HashMap::new();
    for node in &ledger.nodes {
        let parent = node.parent.and_then(|id| above.get(&id).copied().flatten());
        let phase = parent.or_else(|| heads.contains(&node.id).then_some(node.id));
        above.insert(node.id, phase);
        if node.role.as_deref() == Some("token") {
            let label = phase
                .and_then(|id| ledger.node(id))
                .map(|phase| phase.label.clone());
            tokens.insert(node.id, label);
        }
    }
    tokens
}

/// Reads tokens without energies, from the spans that have a row for a rail.
fn unpriced_tokens(
    recording: &Recording,
    run: &Run,
    rail: i64,
    phase_of: &HashMap<i64, Option<String>>,
) -> Result<Vec<Token>> {
    let sql = "SELECT s.id, s.node, s.token, s.start_ns, s.end_ns
               FROM span_energy e CROSS JOIN spans s ON s.id = e.span
               WHERE e.span BETWEEN ?1 AND ?2 AND e.attribution = ?3 AND e.rail = ?4";
    let (first, last) = span_ids(run.no);
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query((first, last, run.attribution, rail))?;
    let mut tokens = Vec::new();
    while let Some(r) = rows.next()? {
        if let Some(phase) = phase_of.get(&r.get(1)?) {
            tokens.push(token(r, phase.clone())?);
        }
    }
    Ok(tokens)
}

fn token(r: &Row<'_>, phase: Option<String>) -> rusqlite::Result<Token> {
    let (start_ns, end_ns): (i64, Option<i64>) = (r.get(3)?, r.get(4)?);
    Ok(Token {
        token: r.get(2)?,
        text: None,
        phase,
        start_ns,
        // A token cannot end before its start.
        duration_ns: end_ns.map(|end| end - start_ns).filter(|ns| *ns >= 0),
        energy_j: None,
        lo_j: None,
        hi_j: None,
        extrapolated_j: None,
        coverage: None,
        reason: None,
        idle_j: None,
        active_j: None,
        avg_w: None,
        peak_w: None,
        energy_delay_js: None,
        basis: None,
        note: None,
        span: r.get(0)?,
    })
}

/// Energies of a token on one rail.
#[derive(Debug, Clone)]
struct TokenOnRail {
    interval: RailInterval,
    lo_j: Option<f64>,
    hi_j: Option<f64>,
    peak_w: Option<f64>,
    basis: BasisSet,
}

fn parts_on(
    recording: &Recording,
    run: &Run,
    rail: i64,
    places: &HashMap<i64, usize>,
    parts: &mut [Vec<TokenOnRail>],
) -> Result<()> {
    let sql = "SELECT span, energy_j, idle_j, lo_j, hi_j, peak_w, basis, covered_ns, extrapolated_j
               FROM span_energy
               WHERE span BETWEEN ?1 AND ?2 AND attribution = ?3 AND rail = ?4";
    let (first, last) = span_ids(run.no);
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query((first, last, run.attribution, rail))?;
    while let Some(r) = rows.next()? {
        let Some(at) = places.get(&r.get(0)?) else {
            continue;
        };
        let interval = RailInterval {
            measured_j: r.get(1)?,
            idle_j: r.get(2)?,
            covered_ns: r.get(7)?,
            extrapolated_j: r.get(8)?,
            ..RailInterval::default()
        };
        parts[*at].push(TokenOnRail {
            interval,
            lo_j: r.get(3)?,
            hi_j: r.get(4)?,
            peak_w: r.get(5)?,
            basis: set_at(r, 6)?,
        });
    }
    Ok(())
}

impl Token {
    /// Returns whether a decode pass generated it.
    pub fn is_decoded(&self) -> bool {
        self.note != Some(SAMPLING_ONLY)
    }

    fn annotate(&mut self) {
        let is_first = self.token == Some(0) && self.phase.as_deref() == Some(DECODE);
        self.note = is_first.then_some(SAMPLING_ONLY);
    }

    /// Sums its energies over rails; unknown if a rail's is.
    fn sum(&mut self, parts: &[TokenOnRail], rails: usize) {
        let duration_ns = self.duration_ns.unwrap_or(0);
        let timed = |part: &TokenOnRail| {
            let interval = RailInterval {
                duration_ns,
                ..part.interval
            };
            (interval, part.lo_j, part.hi_j)
        };
        let sum = match parts.len() == rails {
            true => span_energy_over_rails(&parts.iter().map(timed).collect::<Vec<_>>()),
            false => IntervalEnergy::default(),
        };
        (self.lo_j, self.hi_j) = (sum.lo_j, sum.hi_j);
        (self.energy_j, self.idle_j) = (sum.energy_j, sum.idle_j);
        self.extrapolated_j = sum.extrapolated_j;
        (self.coverage, self.reason) = (sum.coverage, coverage::missing(&sum));
        self.active_j = sum.active_j;
        self.basis = BasisSet::union(parts.iter().map(|part| part.basis));
        let time = self.duration_ns.filter(|ns| *ns > 0);
        self.avg_w = average_w(self.energy_j, self.duration_ns);
        self.peak_w = match parts {
            [only] => only.peak_w.filter(|peak_w| !is_above(self.avg_w, *peak_w)),
            _ => None,
        };
        self.energy_delay_js = self.energy_j.zip(time).map(|(j, ns)| j * ns as f64 / 1e9);
    }
}

/// Reads the texts of tokens from the fields of their spans.
fn texts(recording: &Recording, tokens: &mut [Token]) -> Result<()> {
    for token in tokens {
        let (text, number) = text_and_number(recording, token.span)?;
        token.text = text;
        token.token = token.token.or(number);
    }
    Ok(())
}

/// Returns the text of a token, and its number if that is a field of its span instead of a key.
pub(super) fn text_and_number(
    recording: &Recording,
    span: i64,
) -> Result<(Option<String>, Option<i64>)> {
    let sql = "SELECT json FROM span_fields WHERE span = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let json: Option<String> = statement.query_row([span], |r| r.get(0)).optional()?;
    let fields: serde_json::Value = json
        .and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default();
    let text = fields["text"].as_str().map(str::to_owned);
    Ok((text, fields["token"].as_i64()))
}
