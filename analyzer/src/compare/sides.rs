//! Assigns runs to sides.

use energy_data::rows::RunStatus;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::format::{escape, shorten};
use crate::query::{self, Recording, Run, RunSelection};

/// Maximum number of sides: tables with more would be too wide.
const MAX_SIDES: usize = 4;
const LABELS: [&str; MAX_SIDES] = ["A", "B", "C", "D"];

/// Returns the label of a side by index.
pub(super) fn label(at: usize) -> &'static str {
    LABELS.get(at).copied().unwrap_or("?")
}

/// Runs that are compared, as a group, with those of other sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// `A` for base, then `B`, `C`, `D`.
    pub label: &'static str,
    /// The selector of its runs, or the shared value of the tag.
    pub name: String,
    /// Its runs, oldest first; at least one.
    pub runs: Vec<Run>,
}

/// A run that was selected but cannot be compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOut {
    /// The run's id.
    pub run: String,
    /// Name and short id.
    #[serde(skip)]
    pub title: String,
    /// The reason.
    pub why: String,
}

impl Side {
    /// Returns label and name.
    pub fn title(&self) -> String {
        format!("{}: {}", self.label, shorten(&escape(&self.name), 30))
    }
}

/// Returns one side for each of `selectors`. With `by`, groups the selected runs (all runs of
/// the file if there are no selectors) by the value of that tag instead. Runs that are
/// incomplete, no results or without energy are left out; a run that is no result is kept if it is
/// selected alone.
///
/// # Errors
/// Fails if there are fewer than two sides or more than four, a side has no runs, or a run is
/// on two sides.
pub fn sides(
    recording: &Recording,
    selectors: &[String],
    by: Option<&str>,
) -> Result<(Vec<Side>, Vec<LeftOut>)> {
    let selected = selectors.iter().map(|one| query::select(recording, one));
    let selected = selected.collect::<Result<Vec<RunSelection>>>()?;
    let mut out = Vec::new();
    let groups = match by {
        None => selected,
        Some(key) => {
            let (groups, without) = query::by_tag(recording, selected, key)?;
            let missing = format!("it has no tag `{}`", escape(key));
            out.extend(without.iter().map(|run| left_out(run, missing.clone())));
            groups
        }
    };
    let mut kept = Vec::new();
    for group in groups {
        let is_alone = by.is_none() && is_one_run(&group);
        let (runs, faulty) = usable(group.runs, is_alone);
        out.extend(faulty);
        // A tag value of unusable runs only is dropped; a selector without usable runs is an
        // error.
        if by.is_none() || !runs.is_empty() {
            kept.push((group.name, runs));
        }
    }
    check(&kept, by)?;
    let sides = LABELS.into_iter().zip(kept);
    let sides = sides.map(|(label, (name, runs))| Side { label, name, runs });
    Ok((sides.collect(), out))
}

/// Moves the sides of these names to the front, in that order: the first one is the base.
pub fn put_first(sides: &mut [Side], names: &[&str]) {
    let place = |side: &Side| names.iter().position(|name| *name == side.name);
    sides.sort_by_key(|side| place(side).unwrap_or(usize::MAX));
    for (side, label) in sides.iter_mut().zip(LABELS) {
        side.label = label;
    }
}

/// Returns whether the selector is the name or id of its only run, not a tag or a group.
fn is_one_run(group: &RunSelection) -> bool {
    let [run] = group.runs.as_slice() else {
        return false;
    };
    let name = group.name.as_str();
    name == "last"
        || run.row.uuid.starts_with(name)
        || run.row.metadata.name.as_deref() == Some(name)
}

/// Divides runs into those that can be compared and others. `is_alone` keeps a run that is no result.
fn usable(runs: Vec<Run>, is_alone: bool) -> (Vec<Run>, Vec<LeftOut>) {
    let (mut good, mut out) = (Vec::new(), Vec::new());
    for run in runs {
        let tags = run
            .row
            .metadata
            .tags
            .iter()
            .map(|(key, value)| (key, value));
        let no_result = query::NoResult::of(tags).filter(|_| !is_alone);
        let why = if let Some(why) = no_result {
            why.words().to_owned()
        } else if run.row.status != RunStatus::Complete {
            format!("it is {}, not complete", run.row.status.name())
        } else if run.provenance.is_none() {
            "it has no power".to_owned()
        } else if run.attribution.is_none() {
            "it is not attributed; run `energy attribute`".to_owned()
        } else {
            good.push(run);
            continue;
        };
        out.push(left_out(&run, why));
    }
    (good, out)
}

fn left_out(run: &Run, why: String) -> LeftOut {
    LeftOut {
        run: run.row.uuid.clone(),
        title: run.title(),
        why,
    }
}

fn check(sides: &[(String, Vec<Run>)], by: Option<&str>) -> Result<()> {
    let names = || -> Vec<String> { sides.iter().map(|(name, _)| quoted(name)).collect() };
    let fault = |text: String| Err(Error::Request(text));
    if let Some((name, _)) = sides.iter().find(|(_, runs)| runs.is_empty()) {
        return fault(format!(
            "{}: none of its runs is complete and has power; check with `energy runs`",
            quoted(name)
        ));
    }
    if sides.len() < 2 {
        return fault(match by {
            Some(key) => format!(
                "the runs with tag {} that can be compared have one value: {}; choose more runs",
                quoted(key),
                names().join(", ")
            ),
            None => "give two to four runs or groups, or --by tag=KEY".to_owned(),
        });
    }
    if sides.len() > MAX_SIDES {
        return fault(format!(
            "{} sides are too many ({}); choose the runs of at most {MAX_SIDES}",
            sides.len(),
            names().join(", ")
        ));
    }
    check_disjoint(sides)
}

/// Fails if a run is on two sides: comparing a run with itself would seem to prove equality.
fn check_disjoint(sides: &[(String, Vec<Run>)]) -> Result<()> {
    for (at, (name, runs)) in sides.iter().enumerate() {
        for (other, others) in &sides[at + 1..] {
            let shared = |run: &&Run| others.iter().any(|one| one.no == run.no);
            let Some(run) = runs.iter().find(shared) else {
                continue;
            };
            let [name, other] = [name, other].map(|name| quoted(name));
            return Err(Error::Request(match runs == others {
                true if name == other => {
                    format!("{name} is given twice; give a different run or group")
                }
                true => format!("{name} and {other} select the same runs; give different ones"),
                false => format!(
                    "run {} is on both {name} and {other}; select each run for one side only",
                    escape(&run.title())
                ),
            }));
        }
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("`{}`", shorten(&escape(name), 40))
}
