//! Chart: power over a part of a run, with phases, tokens and peaks.

use serde::Serialize;

use super::accounts::accounts;
use super::run::PHASES;
use super::timeline::{PowerTimeline, RailLine, TimelineInput, TimelineRange, timeline};
use crate::error::Result;
use crate::query::{self, Recording, Run};

/// Maximum number of tokens that are marked.
const TOKENS: usize = 2000;

/// Power over a part of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelinePart {
    /// Start of the part, run time.
    pub from_ns: i64,
    /// End of the part.
    pub to_ns: i64,
    /// Power of rails and times of phases; `None` if nothing was measured.
    #[serde(flatten)]
    pub power: Option<PowerTimeline>,
    /// Highest mean power of a step's sample on each rail, of samples of at least half of the usual
    /// length.
    pub peaks: Vec<PowerPeak>,
    /// Tokens generated in the part.
    pub tokens: Vec<MarkedToken>,
    /// Whether there are more tokens than are marked.
    pub tokens_cut: bool,
}

/// The highest power of a rail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerPeak {
    /// Rail.
    pub rail: String,
    /// Mean power of the sample.
    pub power_w: f64,
    /// Start of the step that contains the sample, run time.
    pub start_ns: i64,
    /// End of the step.
    pub end_ns: i64,
}

/// Time of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MarkedToken {
    /// Index in the order of time.
    pub index: usize,
    /// Number as recorded.
    pub token: Option<i64>,
    /// Start, run time.
    pub start_ns: i64,
    /// End; `None` while it is open.
    pub end_ns: Option<i64>,
}

impl TimelinePart {
    /// Reads a part of a run.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(recording: &Recording, run: &Run, part: TimelineRange) -> Result<Self> {
        let ledger = query::ledger(recording, run, None)?;
        let balance = query::balance(recording, run)?;
        let powers = query::rail_powers(recording, run, &balance)?;
        let idle_w = query::idle_powers(recording, run)?;
        let attributions = query::attributions(recording, run)?;
        let power = timeline(&TimelineInput {
            recording,
            run,
            ledger: &ledger,
            balance: &balance,
            accounts: &accounts(&balance, &powers, &idle_w),
            attribution: attributions.iter().find(|one| one.is_shown),
            phases: &query::phase_spans(recording, run, &ledger, PHASES)?,
            part: Some(part),
        })?;
        let (tokens, tokens_cut) = tokens(recording, run, part)?;
        let rails = power.iter().flat_map(|power| &power.rails);
        Ok(Self {
            from_ns: part.from_ns,
            to_ns: match &power {
                Some(power) if part.to_ns == i64::MAX => power.end_ns,
                _ => part.to_ns,
            },
            peaks: rails.filter_map(peak).collect(),
            power,
            tokens,
            tokens_cut,
        })
    }
}

fn peak(line: &RailLine) -> Option<PowerPeak> {
    let steps = line.steps.iter().filter(|step| !step.is_short);
    let highest = steps.max_by(|a, b| a.max_w.total_cmp(&b.max_w))?;
    Some(PowerPeak {
        rail: line.rail.clone(),
        power_w: highest.max_w,
        start_ns: highest.start_ns,
        end_ns: highest.end_ns,
    })
}

fn tokens(
    recording: &Recording,
    run: &Run,
    part: TimelineRange,
) -> Result<(Vec<MarkedToken>, bool)> {
    let times = query::token_times(recording, run)?;
    let is_inside =
        |(_, time): &(usize, query::TokenTime)| part.overlaps(time.start_ns, time.end_ns);
    let inside: Vec<(usize, query::TokenTime)> =
        times.into_iter().enumerate().filter(is_inside).collect();
    let mark = |(index, time): &(usize, query::TokenTime)| MarkedToken {
        index: *index,
        token: time.token,
        start_ns: time.start_ns,
        end_ns: time.end_ns,
    };
    let marked = inside.iter().take(TOKENS).map(mark).collect();
    Ok((marked, inside.len() > TOKENS))
}
