//! Selection of runs by id, name, tag or group.

use std::collections::BTreeMap;

use super::{Recording, Run};
use crate::error::{Error, Result};

/// Tag shared by the repeats of one experiment.
const GROUP: &str = "group";

/// Runs selected together.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSelection {
    /// The selector.
    pub name: String,
    /// The runs, oldest first; at least one.
    pub runs: Vec<Run>,
}

impl From<Run> for RunSelection {
    /// Selects one run.
    fn from(run: Run) -> Self {
        Self {
            name: run.title(),
            runs: vec![run],
        }
    }
}

/// Returns the runs that match `selector`, tried in this order: `last`, a uuid or a name
/// (the newest with it); the tag `KEY=VALUE`; a group; a uuid prefix.
///
/// # Errors
/// If no run matches, or a uuid prefix is ambiguous; the message lists candidates.
pub fn select(recording: &Recording, selector: &str) -> Result<RunSelection> {
    let is_run =
        |run: &Run| run.row.uuid == selector || run.row.metadata.name.as_deref() == Some(selector);
    let of = |runs| RunSelection {
        name: selector.to_owned(),
        runs,
    };
    let all = oldest_first(recording)?;
    if selector == "last" || all.iter().any(is_run) {
        return Ok(of(vec![recording.run(selector)?]));
    }
    let tagged = selector.split_once('=');
    for (key, value) in tagged.into_iter().chain([(GROUP, selector)]) {
        let has_tag = |run: &&Run| tag(run, key) == Some(value);
        let found: Vec<Run> = all.iter().filter(has_tag).cloned().collect();
        if !found.is_empty() {
            return Ok(of(found));
        }
    }
    match tagged {
        Some((key, _)) if !all.is_empty() => Err(unknown_tag(&all, key, selector)),
        _ => Ok(of(vec![recording.run(selector)?])),
    }
}

/// Groups the runs of all `selections` (all runs of the file if empty) by the value of a
/// tag, and returns the runs without it separately. Groups are ordered by their oldest run.
///
/// # Errors
/// If the file cannot be read, or no run has the tag.
pub fn by_tag(
    recording: &Recording,
    selections: Vec<RunSelection>,
    key: &str,
) -> Result<(Vec<RunSelection>, Vec<Run>)> {
    let mut runs: Vec<Run> = selections.into_iter().flat_map(|one| one.runs).collect();
    if runs.is_empty() {
        runs = oldest_first(recording)?;
    }
    let (mut groups, mut without): (Vec<RunSelection>, Vec<Run>) = Default::default();
    for run in &runs {
        let Some(value) = tag(run, key) else {
            without.push(run.clone());
            continue;
        };
        match groups.iter_mut().find(|group| group.name == value) {
            Some(group) if group.runs.contains(run) => {}
            Some(group) => group.runs.push(run.clone()),
            None => groups.push(RunSelection {
                name: value.to_owned(),
                runs: vec![run.clone()],
            }),
        }
    }
    if groups.is_empty() {
        return Err(unknown_tag(&runs, key, key));
    }
    groups.sort_by_key(|group| group.runs.iter().map(|run| run.no).min());
    Ok((groups, without))
}

fn oldest_first(recording: &Recording) -> Result<Vec<Run>> {
    let mut runs = recording.runs()?;
    runs.reverse();
    Ok(runs)
}

fn tag<'r>(run: &'r Run, key: &str) -> Option<&'r str> {
    let tags = run.row.metadata.tags.iter();
    tags.into_iter()
        .find(|(of, _)| of == key)
        .map(|(_, value)| value.as_str())
}

/// Returns an error that lists the tag's values, or all tags if it has none.
fn unknown_tag(runs: &[Run], key: &str, name: &str) -> Error {
    let mut values: BTreeMap<&str, ()> = BTreeMap::new();
    let tags = || runs.iter().flat_map(|run| &run.row.metadata.tags);
    values.extend(
        tags()
            .filter(|(of, _)| of == key)
            .map(|(_, v)| (v.as_str(), ())),
    );
    let known = match values.is_empty() {
        false => join(values.keys().map(|value| format!("{key}={value}"))),
        true => {
            let keys: BTreeMap<&str, ()> = tags().map(|(of, _)| (of.as_str(), ())).collect();
            join(keys.keys().map(|key| (*key).to_owned()))
        }
    };
    Error::Unknown {
        what: "tag",
        name: crate::format::escape(name),
        known,
    }
}

/// Joins the first names of a list.
fn join(names: impl ExactSizeIterator<Item = String>) -> String {
    const LIMIT: usize = 10;
    let more = names.len().saturating_sub(LIMIT);
    let mut shown: Vec<String> = names
        .take(LIMIT)
        .map(|name| crate::format::escape(&crate::format::shorten(&name, 60)))
        .collect();
    match (shown.is_empty(), more) {
        (true, _) => return "(no run has tags)".to_owned(),
        (_, 0) => {}
        _ => shown.push(format!("and {more} more")),
    }
    shown.join(", ")
}
