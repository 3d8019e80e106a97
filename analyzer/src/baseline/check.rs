//! A check: executions in turn, looks, and a verdict.

use tracing_energy::store::Store;

use super::{CHECK_TAG, Limits, Outcome, Saved, Verdict, looks};
use crate::compare::{CompareOptions, Compared, Estimates, Side, sides};
use crate::error::{Error, Result};
use crate::format::stamp;
use crate::program::{Interrupt, Program};
use crate::query::Recording;

/// How a check is made.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckOptions {
    /// Executions before the first look.
    pub repeat: usize,
    /// Executions after which it is over.
    pub max_repeat: usize,
    /// What is allowed.
    pub limits: Limits,
    /// How runs are compared; its confidence is that of one look, set by the check.
    pub compare: CompareOptions,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            repeat: 5,
            max_repeat: 10,
            limits: Limits::default(),
            compare: CompareOptions::default(),
        }
    }
}

/// A check that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The baseline.
    pub baseline: String,
    /// The group of the runs that were checked.
    pub group: String,
    /// The comparison at the last look.
    pub compared: Compared,
    /// What it said.
    pub verdict: Verdict,
    /// Looks that were made, and that could have been.
    pub looks: (usize, usize),
    /// What was allowed.
    pub limits: Limits,
}

/// Checks `program` against a baseline; with `old`, against fresh runs of the old
/// program, which are made in turn with it. `tell` hears of each execution before it
/// begins.
///
/// # Errors
/// When an execution fails, or runs cannot be compared; runs that were made by then
/// stay, in their group.
pub fn check(
    saved: &Saved,
    program: &Program,
    old: Option<&Program>,
    options: &CheckOptions,
    interrupt: &Interrupt,
    mut tell: impl FnMut(usize),
) -> Result<Checked> {
    let (counts, confidence) = looks(options.repeat, options.max_repeat);
    let group = format!("check-{}-{}", saved.name, stamp());
    let base = match old {
        Some(_) => format!("{group}-base"),
        None => format!("{}={}", super::TAG, saved.name),
    };
    let (mut turn, mut estimates) = (0, Estimates::default());
    for (at, count) in counts.iter().enumerate() {
        while turn < *count {
            tell(turn);
            if let Some(old) = old {
                mark(old, old.execute(interrupt)?, &saved.name, &base)?;
            }
            mark(program, program.execute(interrupt)?, &saved.name, &group)?;
            turn += 1;
        }
        let compared = compare(
            program,
            [&base, &group],
            confidence,
            options,
            &mut estimates,
        )?;
        let verdict = judge(&compared, &options.limits)?;
        let is_last = at + 1 == counts.len();
        if is_last || verdict.is_settled(&options.limits) {
            return Ok(Checked {
                baseline: saved.name.clone(),
                group,
                compared,
                verdict,
                looks: (at + 1, counts.len()),
                limits: options.limits,
            });
        }
    }
    Err(Error::Baseline("no look was planned".into()))
}

/// Judges runs that are recorded already: one look.
///
/// # Errors
/// As [`check`].
pub fn check_runs(
    recording: &Recording,
    saved: &Saved,
    selector: &str,
    options: &CheckOptions,
) -> Result<Checked> {
    let base = format!("{}={}", super::TAG, saved.name);
    let (sides, _) = sides(recording, &[base, selector.to_owned()], None)?;
    let compare = CompareOptions {
        estimate: true,
        ..options.compare.clone()
    };
    let compared = Compared::read(recording, sides, &compare)?;
    let verdict = judge(&compared, &options.limits)?;
    Ok(Checked {
        baseline: saved.name.clone(),
        group: selector.to_owned(),
        compared,
        verdict,
        looks: (1, 1),
        limits: options.limits,
    })
}

fn judge(compared: &Compared, limits: &Limits) -> Result<Verdict> {
    Verdict::of(compared, limits)
        .ok_or_else(|| Error::Baseline("there is nothing to compare".into()))
}

fn mark(program: &Program, run: i64, name: &str, group: &str) -> Result<()> {
    let store = Store::open_writable(&program.database)?;
    store.set_tag(&[run], CHECK_TAG, name)?;
    store.set_tag(&[run], "group", group)?;
    Ok(())
}

fn compare(
    program: &Program,
    [base, group]: [&str; 2],
    confidence: f64,
    options: &CheckOptions,
    estimates: &mut Estimates,
) -> Result<Compared> {
    let recording = Recording::open(&program.database)?;
    let selectors = [base.to_owned(), format!("group={group}")];
    let (sides, _): (Vec<Side>, _) = sides(&recording, &selectors, None)?;
    let mut compare = options.compare.clone();
    compare.stats.confidence = confidence;
    compare.estimate = true;
    Compared::read_again(&recording, sides, &compare, estimates)
}

impl Checked {
    /// What it comes to.
    pub fn outcome(&self) -> Outcome {
        self.verdict.outcome
    }
}
