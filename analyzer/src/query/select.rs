//! Which runs are meant by a selector?

use std::collections::BTreeMap;

use super::{Recording, Run};
use crate::error::{Error, Result};

/// The tag that repeats of one experiment share.
const GROUP: &str = "group";

/// Runs that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// What selected them.
    pub name: String,
    /// Oldest first; at least one.
    pub runs: Vec<Run>,
}

impl From<Run> for Selection {
    /// One run, by itself.
    fn from(run: Run) -> Self {
        Self {
            name: run.title(),
            runs: vec![run],
        }
    }
}

/// The runs that `selector` means: `last`, a uuid or a name (the newest with it); else
/// those with the tag `KEY=VALUE`; else those of the group of that name; else the run
/// whose uuid begins so.
///
/// # Errors
/// When no run is meant, or the beginning of several; the message lists candidates.
pub fn select(recording: &Recording, selector: &str) -> Result<Selection> {
    let is_run =
        |run: &Run| run.row.uuid == selector || run.row.metadata.name.as_deref() == Some(selector);
    let of = |runs| Selection {
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

/// The runs of all `selections` (all runs of the file where there is none), by the
/// value of a tag, and those that lack it. Groups with the oldest run come first.
///
/// # Errors
/// When the file cannot be read, or no run has the tag.
pub fn by_tag(
    recording: &Recording,
    selections: Vec<Selection>,
    key: &str,
) -> Result<(Vec<Selection>, Vec<Run>)> {
    let mut runs: Vec<Run> = selections.into_iter().flat_map(|one| one.runs).collect();
    if runs.is_empty() {
        runs = oldest_first(recording)?;
    }
    let (mut groups, mut without): (Vec<Selection>, Vec<Run>) = Default::default();
    for run in &runs {
        let Some(value) = tag(run, key) else {
            without.push(run.clone());
            continue;
        };
        match groups.iter_mut().find(|group| group.name == value) {
            Some(group) if group.runs.contains(run) => {}
            Some(group) => group.runs.push(run.clone()),
            None => groups.push(Selection {
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

/// Names the values that the tag has, or the tags there are.
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

/// The first of many names.
fn join(names: impl ExactSizeIterator<Item = String>) -> String {
    const MOST: usize = 10;
    let more = names.len().saturating_sub(MOST);
    let mut shown: Vec<String> = names
        .take(MOST)
        .map(|name| crate::format::escape(&crate::format::shorten(&name, 60)))
        .collect();
    match (shown.is_empty(), more) {
        (true, _) => return "(no run has tags)".to_owned(),
        (_, 0) => {}
        _ => shown.push(format!("and {more} more")),
    }
    shown.join(", ")
}
