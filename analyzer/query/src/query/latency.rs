//! Waiting times of requests, and the energies in them.
//!
//! ```text
//! request     |-------------------- inference ---------------------|
//! phases      | pre_inference | prefill |         decode           | post_inference
//! tokens                                |0|- 1 -|- 2 -|- ... -|n-1-|
//!             |------- first token -------|------- n - 1 further --|
//!
//! stream                                |0| 3 tokens  |4| ...  key of a span: its first token
//! ```
//!
//! Prefill computes the first token, and decode samples it. Its time therefore ends with the first
//! span of a token within decode, and its energy is that of the phases before decode plus that of this
//! span. The further tokens take the time from there to the end of the last span of a token: what
//! follows it, and requests without tokens, are not waits for a token. One span can hold several
//! tokens of a stream. Those of the first span have arrived with the first token, so they are not
//! further ones. Tools of the field call these times TTFT (time to first token) and TPOT (time per
//! output token).

use std::collections::{BTreeMap, BTreeSet};

use energy_data::interval_energy::{RailInterval, sum_known};
use energy_store::span_ids;
use serde::Serialize;

use super::interval::span_energy_over_rails;
use super::ledger::rails;
use super::phases::energy_of;
use super::{DECODE, INPUT, Phase, Recording, Run, Tokens};
use crate::error::Result;

/// Mean waiting times of the requests of a run: of its spans with the role `run`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Number of requests with a first token.
    pub requests: i64,
    /// Mean time from the begin of a request to the end of its first token.
    pub ttft_ns: Option<i64>,
    /// Mean energy in that time. `None` if it is unknown for a request.
    pub ttft_j: Option<f64>,
    /// Mean time per token of a sequence after those of the first span. `None` if all arrived with
    /// the first one.
    pub tpot_ns: Option<i64>,
    /// Mean energy of decode per such token, of all sequences.
    pub tpot_j: Option<f64>,
}

/// Reads the waiting times. `phases` are all phases of the run, on the rails for which energies are
/// requested: root rails, or the rail named `rail`.
///
/// # Errors
/// If the file cannot be read, or the run has no rail of that name.
pub fn latency(
    recording: &Recording,
    run: &Run,
    phases: &[Phase],
    rail: Option<&str>,
) -> Result<Latency> {
    let rails = rails(recording, run, rail)?;
    let Some(first_rail) = rails.first() else {
        return Ok(Latency::default());
    };
    let run = RequestedRun {
        no: run.no,
        attribution: run.attribution,
        rail: Some(*first_rail),
        tokens: Tokens::of(run),
    };
    let requests = requests(recording, &run)?;
    let firsts: Vec<&RequestSpan> = requests
        .iter()
        .filter_map(|one| one.first.as_ref())
        .collect();
    let mut first_j = Vec::new();
    for first in &firsts {
        first_j.push(span_energy(recording, &run, first, &rails)?);
    }
    // Phases are those of all requests, also of one that ended before its first token.
    let is_complete = firsts.len() == requests.len();
    let first_j = sum_known(first_j).filter(|_| is_complete);
    Ok(means(&run.tokens, phases, &requests, first_j))
}

/// What waiting times need of a run's row.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestedRun {
    /// Number.
    pub(super) no: i64,
    /// The shown attribution.
    pub(super) attribution: Option<i64>,
    /// Its first root rail.
    pub(super) rail: Option<i64>,
    /// Its tokens.
    pub(super) tokens: Tokens,
}

/// Reads the waiting times without their energies. `phases` are prefill and decode.
pub(super) fn waiting_times(
    recording: &Recording,
    run: &RequestedRun,
    phases: &[Phase],
) -> Result<Latency> {
    let requests = requests(recording, run)?;
    Ok(means(&run.tokens, phases, &requests, None))
}

/// One span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RequestSpan {
    id: i64,
    start_ns: i64,
    end_ns: i64,
}

/// A request and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Request {
    span: RequestSpan,
    first: Option<RequestSpan>,
    /// End of the last span of a token.
    last_end_ns: i64,
    /// Number of spans of tokens.
    spans: i64,
    /// Keys of the first two spans of tokens: the numbers of their first tokens.
    keys: [Option<i64>; 2],
}

impl Request {
    fn new(span: RequestSpan) -> Self {
        Self {
            span,
            first: None,
            last_end_ns: span.start_ns,
            spans: 0,
            keys: [None; 2],
        }
    }

    fn add_token(&mut self, span: RequestSpan, key: Option<i64>) {
        self.first.get_or_insert(span);
        if let Some(known) = usize::try_from(self.spans)
            .ok()
            .and_then(|at| self.keys.get_mut(at))
        {
            *known = key;
        }
        self.last_end_ns = self.last_end_ns.max(span.end_ns);
        self.spans += 1;
    }

    /// Returns the time from the first token to the last one.
    fn further_ns(&self) -> i64 {
        self.first
            .map_or(0, |first| self.last_end_ns.saturating_sub(first.end_ns))
            .max(0)
    }

    /// Returns the number of tokens in the first span: one, if keys do not show more.
    fn tokens_of_first(&self) -> i64 {
        let between = match self.keys {
            [Some(first), Some(second)] => second.checked_sub(first),
            _ => None,
        };
        let least = i64::from(self.spans > 0);
        between.unwrap_or(least).max(least)
    }
}

/// Nodes of requests, and of tokens within decode.
#[derive(Debug, Default)]
struct RequestNodes {
    requests: BTreeSet<i64>,
    tokens: BTreeSet<i64>,
}

impl RequestNodes {
    fn read(recording: &Recording, run: i64) -> Result<Self> {
        let sql = "SELECT n.id, n.parent, c.role, n.label FROM nodes n
                   LEFT JOIN callsites c ON c.run = n.run AND c.id = n.callsite
                   WHERE n.run = ?1 ORDER BY n.id";
        let mut statement = recording.connection().prepare_cached(sql)?;
        let mut rows = statement.query([run])?;
        let (mut nodes, mut in_decode) = (Self::default(), BTreeSet::new());
        while let Some(r) = rows.next()? {
            let (id, parent): (i64, Option<i64>) = (r.get(0)?, r.get(1)?);
            let role = r.get_ref(2)?.as_str_or_null();
            let role = role.map_err(rusqlite::Error::from)?;
            let label = r.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
            // Parents come before their children.
            let is_within = parent.is_some_and(|parent| in_decode.contains(&parent));
            match role {
                Some("run") => drop(nodes.requests.insert(id)),
                Some("token") if is_within => drop(nodes.tokens.insert(id)),
                _ => {}
            }
            let is_decode = role == Some("phase") && label == DECODE;
            // A token within a token is a part of it.
            if is_decode || is_within && role != Some("token") {
                in_decode.insert(id);
            }
        }
        Ok(nodes)
    }
}

/// Reads the requests with their tokens. A token belongs to the latest request on its thread that
/// has begun and not ended.
fn requests(recording: &Recording, run: &RequestedRun) -> Result<Vec<Request>> {
    let Some(rail) = run.rail else {
        return Ok(Vec::new());
    };
    let nodes = RequestNodes::read(recording, run.no)?;
    if nodes.requests.is_empty() || nodes.tokens.is_empty() {
        return Ok(Vec::new());
    }
    // `span_energy` has rows for few spans, among them those of requests and tokens.
    let sql = "SELECT s.id, s.node, s.thread, s.start_ns, s.end_ns, s.token
               FROM span_energy e CROSS JOIN spans s ON s.id = e.span
               WHERE e.span BETWEEN ?1 AND ?2 AND e.attribution = ?3 AND e.rail = ?4
               ORDER BY e.span";
    let (from, to) = span_ids(run.no);
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query((from, to, run.attribution, rail))?;
    let mut requests: Vec<Request> = Vec::new();
    let mut latest: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    while let Some(r) = rows.next()? {
        let (node, thread): (i64, i64) = (r.get(1)?, r.get(2)?);
        let (start_ns, end_ns): (i64, Option<i64>) = (r.get(3)?, r.get(4)?);
        // An open span has no time.
        let Some(end_ns) = end_ns.filter(|end_ns| *end_ns >= start_ns) else {
            continue;
        };
        let span = RequestSpan {
            id: r.get(0)?,
            start_ns,
            end_ns,
        };
        let open = latest.entry(thread).or_default();
        if nodes.requests.contains(&node) {
            open.push(requests.len());
            requests.push(Request::new(span));
        } else if nodes.tokens.contains(&node) {
            while let Some(request) = open.last().and_then(|at| requests.get_mut(*at)) {
                if request.span.end_ns >= end_ns {
                    request.add_token(span, r.get(5)?);
                    break;
                }
                open.pop();
            }
        }
    }
    Ok(requests)
}

/// Returns the energy of a span, summed over rails; `None` if it is unknown on one of them.
fn span_energy(
    recording: &Recording,
    run: &RequestedRun,
    span: &RequestSpan,
    rails: &[i64],
) -> Result<Option<f64>> {
    let sql = "SELECT energy_j, idle_j, covered_ns, extrapolated_j FROM span_energy
               WHERE span = ?1 AND attribution = ?2 AND rail = ?3";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut parts = Vec::new();
    for rail in rails {
        let mut rows = statement.query((span.id, run.attribution, rail))?;
        let Some(r) = rows.next()? else {
            return Ok(None);
        };
        let interval = RailInterval {
            duration_ns: span.end_ns - span.start_ns,
            measured_j: r.get(0)?,
            idle_j: r.get(1)?,
            covered_ns: r.get(2)?,
            extrapolated_j: r.get(3)?,
            ..RailInterval::default()
        };
        parts.push((interval, None, None));
    }
    Ok(span_energy_over_rails(&parts).energy_j)
}

/// Computes the means; `first_j` is the energy of all first tokens.
fn means(tokens: &Tokens, phases: &[Phase], requests: &[Request], first_j: Option<f64>) -> Latency {
    let with_first = requests.iter().filter_map(|one| Some((one, one.first?)));
    let waits: Vec<i64> = with_first
        .clone()
        .map(|(request, first)| first.end_ns - request.span.start_ns)
        .collect();
    if waits.is_empty() {
        return Latency::default();
    }
    let count = i64::try_from(waits.len()).unwrap_or(i64::MAX);
    let further_ns = requests.iter().map(Request::further_ns);
    let further_ns = further_ns.fold(0, i64::saturating_add);
    let further = further_tokens(tokens, requests);
    // One span may be a step of several sequences.
    let is_batch = tokens.batch.is_some_and(|batch| batch > 1);
    let further_of_all = match is_batch {
        true => tokens.decoded(phases),
        false => further,
    };
    let input_j = energy_of(phases, INPUT);
    let decode_j = energy_of(phases, &[DECODE])
        .zip(first_j)
        .map(|(all, first)| all - first);
    Latency {
        requests: count,
        ttft_ns: mean(Some(waits.iter().sum::<i64>() as f64), Some(count)).map(rounded),
        ttft_j: mean(
            input_j.zip(first_j).map(|(input, first)| input + first),
            Some(count),
        ),
        tpot_ns: mean(Some(further_ns as f64), further).map(rounded),
        tpot_j: mean(decode_j, further_of_all),
    }
}

/// Returns the number of tokens of one sequence after those of the first spans; `None` if no token
/// followed them.
fn further_tokens(tokens: &Tokens, requests: &[Request]) -> Option<i64> {
    if tokens.are_joined() {
        return None;
    }
    let steps: i64 = requests.iter().map(|one| (one.spans - 1).max(0)).sum();
    let is_batch = tokens.batch.is_some_and(|batch| batch > 1);
    match tokens.output {
        // Without a second span, all tokens have arrived with the first one.
        _ if steps == 0 => None,
        Some(output) if !is_batch => {
            let first = requests.iter().map(Request::tokens_of_first);
            let first = first.fold(0, i64::saturating_add);
            // Every further span has a token: otherwise keys are no numbers of tokens, but for
            // example ids of a vocabulary.
            let are_numbers = first
                .checked_add(steps)
                .is_some_and(|least| least <= output);
            let with_first = requests.iter().filter(|one| one.spans > 0).count();
            let spans = i64::try_from(with_first).unwrap_or(i64::MAX);
            output.checked_sub(if are_numbers { first } else { spans })
        }
        _ => Some(steps),
    }
}

/// Divides, or returns `None` if the count is not above 0 or the sum is below 0.
fn mean(sum: Option<f64>, count: Option<i64>) -> Option<f64> {
    let count = count.filter(|count| *count > 0)?;
    Some(sum.filter(|sum| *sum >= 0.0)? / count as f64)
}

fn rounded(ns: f64) -> i64 {
    ns.round() as i64
}
