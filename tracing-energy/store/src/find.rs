//! Finds a run by user input.

use std::path::Path;

use super::StoredRun;
use crate::Error;
use crate::store::Store;

impl Store {
    /// Returns the run selected by `which`: `last` (the newest), else an exact uuid, else
    /// an exact name (the newest with it), else a prefix of a uuid.
    ///
    /// # Errors
    /// When no run or more than one matches; the message lists the candidates.
    pub fn find_run(&self, which: &str) -> Result<StoredRun, Error> {
        if which == "last" {
            let found = self.newest("parent_run IS NULL", "")?;
            return found.ok_or_else(|| no_run(&self.path, "it holds no run".to_owned()));
        }
        for condition in ["uuid = ?1", "name = ?1"] {
            if let Some(found) = self.newest(condition, which)? {
                return Ok(found);
            }
        }
        let mut found = self.runs_where("substr(uuid, 1, length(?1)) = ?1 ORDER BY no", which)?;
        if found.len() > 1 {
            return Err(ambiguous(&self.path, which, &found));
        }
        match found.pop() {
            Some(run) if !which.is_empty() => Ok(run),
            _ => Err(self.unknown(which)),
        }
    }

    /// Returns the newest run that fulfils `condition`.
    fn newest(&self, condition: &str, value: &str) -> Result<Option<StoredRun>, Error> {
        let newest = format!("{condition} ORDER BY no DESC");
        match self.runs_where(&format!("{newest} LIMIT 1"), value)?.pop() {
            Some(run) => Ok(Some(run)),
            // The newest row may be one that cannot be read.
            None => Ok(self.runs_where(&newest, value)?.into_iter().next()),
        }
    }

    fn unknown(&self, which: &str) -> Error {
        let selected = "uuid = ?1 OR name = ?1 OR (?1 <> '' AND substr(uuid, 1, length(?1)) = ?1)";
        let unreadable = self.unreadable_where(selected, which).unwrap_or_default();
        if let Some((uuid, what)) = unreadable.into_iter().next() {
            return Error::UnreadableRun {
                path: self.path.clone(),
                message: format!(
                    "run {uuid} cannot be read: {what}; correct the value in the table `runs` with \
                     `sqlite3`. Other runs are not affected"
                ),
            };
        }
        let runs = self.runs().unwrap_or_default();
        let message = match runs.len() {
            0 => format!("no run `{which}`: it holds no run"),
            _ => format!("no run `{which}`; it holds {}", list(&runs)),
        };
        no_run(&self.path, message)
    }
}

fn no_run(path: &Path, message: String) -> Error {
    Error::NoRun {
        path: path.to_owned(),
        message,
    }
}

fn ambiguous(path: &Path, which: &str, found: &[StoredRun]) -> Error {
    Error::AmbiguousRun {
        path: path.to_owned(),
        message: format!(
            "`{which}` matches more than one run: {}; give more of the uuid",
            list(found)
        ),
    }
}

/// Lists the newest of `runs` as uuids with names.
fn list(runs: &[StoredRun]) -> String {
    const MOST: usize = 10;
    let named = |run: &StoredRun| match &run.row.metadata.name {
        Some(name) => format!("{} ({})", run.row.uuid, plain(name)),
        None => run.row.uuid.clone(),
    };
    let mut text: Vec<String> = runs.iter().rev().take(MOST).map(named).collect();
    if runs.len() > MOST {
        text.push(format!("and {} more", runs.len() - MOST));
    }
    text.join(", ")
}

/// Returns the start of a name with control characters escaped.
fn plain(name: &str) -> String {
    const MOST: usize = 60;
    let escaped = name.chars().take(MOST).flat_map(|c| match c {
        c if c.is_control() => c.escape_unicode().collect::<Vec<char>>(),
        c => vec![c],
    });
    escaped.collect()
}
