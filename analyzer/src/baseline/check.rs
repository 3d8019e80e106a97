//! Checks against a baseline: interleaved executions, interim analyses, and a verdict.

use clap::Args;
use energy_store::Store;

use super::tags::{CHECK_TAG, TAG};
use super::{CheckOutcome, CheckVerdict, Limits, Saved, analyses};
use crate::compare::{CompareOptions, ComparedEnergy, ComparedSides, Estimates, Side, sides};
use crate::error::{Error, Result};
use crate::format::stamp;
use crate::program::{Interrupt, Program};
use crate::query::Recording;

/// Options of a check.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CheckOptions {
    /// Number of executions before the first interim analysis
    #[arg(long, value_name = "N", default_value_t = Self::default().repeat)]
    pub repeat: usize,
    /// Maximum number of executions
    #[arg(long, value_name = "N", default_value_t = Self::default().max_repeat)]
    pub max_repeat: usize,
    /// Allowed increases.
    #[command(flatten)]
    pub limits: Limits,
    /// The compared energies.
    #[command(flatten)]
    pub energy: ComparedEnergy,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            repeat: 5,
            max_repeat: 10,
            limits: Limits::default(),
            energy: ComparedEnergy::default(),
        }
    }
}

impl CheckOptions {
    /// Returns the options of the comparison.
    fn compare(&self) -> CompareOptions {
        CompareOptions {
            energy: self.energy.clone(),
            estimate: true,
            ..CompareOptions::default()
        }
    }
}

/// Result of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Name of the baseline.
    pub baseline: String,
    /// Group of the checked runs.
    pub group: String,
    /// Comparison of the last analysis.
    pub compared: ComparedSides,
    /// Its verdict.
    pub verdict: CheckVerdict,
    /// Numbers of performed and planned analyses.
    pub analyses: (usize, usize),
    /// Allowed increases.
    pub limits: Limits,
}

/// Checks `program` against a baseline, or with `old` against new runs of the old program,
/// interleaved with it. `on_progress` is called before each execution with the number of
/// finished ones.
///
/// # Errors
/// If an execution fails, or runs cannot be compared. Runs recorded before are kept in their
/// group.
pub fn check(
    saved: &Saved,
    program: &Program,
    old: Option<&Program>,
    options: &CheckOptions,
    interrupt: &Interrupt,
    mut on_progress: impl FnMut(usize),
) -> Result<Checked> {
    let (counts, confidence) = analyses(options.repeat, options.max_repeat);
    let group = format!("check-{}-{}", saved.name, stamp());
    let base = match old {
        Some(_) => format!("{group}-base"),
        None => format!("{}={}", TAG, saved.name),
    };
    let (mut done, mut estimates) = (0, Estimates::default());
    for (at, count) in counts.iter().enumerate() {
        while done < *count {
            on_progress(done);
            if let Some(old) = old {
                mark(old, old.execute(interrupt)?, &saved.name, &base)?;
            }
            mark(program, program.execute(interrupt)?, &saved.name, &group)?;
            done += 1;
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
                analyses: (at + 1, counts.len()),
                limits: options.limits,
            });
        }
    }
    Err(Error::Baseline("no analysis was planned".into()))
}

/// Checks existing runs with a single analysis.
///
/// # Errors
/// Same as [`check`].
pub fn check_runs(
    recording: &Recording,
    saved: &Saved,
    selector: &str,
    options: &CheckOptions,
) -> Result<Checked> {
    let base = format!("{}={}", TAG, saved.name);
    let (sides, _) = sides(recording, &[base, selector.to_owned()], None)?;
    let compare = options.compare();
    let compared = ComparedSides::read(recording, sides, &compare)?;
    let verdict = judge(&compared, &options.limits)?;
    Ok(Checked {
        baseline: saved.name.clone(),
        group: selector.to_owned(),
        compared,
        verdict,
        analyses: (1, 1),
        limits: options.limits,
    })
}

fn judge(compared: &ComparedSides, limits: &Limits) -> Result<CheckVerdict> {
    CheckVerdict::of(compared, limits)
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
) -> Result<ComparedSides> {
    let recording = Recording::open_repaired(&program.database)?;
    let selectors = [base.to_owned(), format!("group={group}")];
    let (sides, _): (Vec<Side>, _) = sides(&recording, &selectors, None)?;
    let compare = CompareOptions {
        confidence,
        ..options.compare()
    };
    ComparedSides::read_with_estimates(&recording, sides, &compare, estimates)
}

impl Checked {
    /// Returns the outcome.
    pub fn outcome(&self) -> CheckOutcome {
        self.verdict.outcome
    }
}
