//! Selection of runs to delete by age, number and size.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use energy_store::Store;
use serde::Serialize;
use serde_json::json;

use crate::error::Result;
use crate::format::{Answer, Column, Sheet, bytes, counted};
use crate::query::{Recording, RunListEntry, list};

/// Tags that protect a run.
const SPARED: [&str; 2] = ["baseline", "keep"];

/// Returns whether a tag protects the run.
pub fn is_protected(run: &RunListEntry) -> bool {
    SPARED.iter().any(|tag| run.tags.contains_key(*tag))
}

/// Limits of pruning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneOptions {
    /// Number of newest runs that are always kept. Without other limits, all others are
    /// deleted.
    pub keep: Option<usize>,
    /// Delete runs that started longer ago than this, ns.
    pub older_than_ns: Option<i64>,
    /// Delete the oldest runs until at most this many bytes are used.
    pub max_bytes: Option<u64>,
    /// Whether to also delete runs with the tag `baseline` or `keep`.
    pub all: bool,
}

/// A run to delete.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PruneCandidate {
    /// Number of the run: the column `run` of every table.
    #[serde(skip)]
    pub no: i64,
    /// Id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// Wall-clock time of its start, ns since 1970.
    pub start_unix_ns: i64,
    /// Estimated size in bytes.
    pub bytes: Option<u64>,
    /// Reason for its deletion.
    pub reason: &'static str,
}

/// Runs to delete and the resulting sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct PrunePlan {
    /// Runs to delete, oldest first.
    pub runs: Vec<PruneCandidate>,
    /// Number of runs kept because of their tags.
    pub spared: usize,
    /// Number of runs kept because a destination has not received them.
    pub unsent: usize,
    /// Estimated number of freed bytes.
    pub freed_bytes: u64,
    /// Estimated number of bytes that stay in use.
    pub left_bytes: u64,
}

/// Names of options where the user writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitNames {
    /// Name of [`PruneOptions::all`].
    pub all: &'static str,
    /// Name of [`PruneOptions::max_bytes`].
    pub max_size: &'static str,
}

impl LimitNames {
    /// Names on the command line.
    pub const COMMAND: Self = Self {
        all: "--all",
        max_size: "--max-size",
    };
}

impl PrunePlan {
    /// Creates the plan for `runs` of `sizes` bytes in a file with `used_bytes` in use. Only
    /// ended runs are deleted, and none of the numbers in `unsent`.
    pub fn make(
        runs: &[RunListEntry],
        (sizes, unsent): (&BTreeMap<i64, u64>, &BTreeSet<i64>),
        used_bytes: u64,
        options: &PruneOptions,
        now_unix_ns: i64,
    ) -> Self {
        // Without a readable start the age of a run is unknown: it is kept.
        let ended = runs.iter().filter(|run| run.status != "running");
        let mut ended: Vec<(i64, &RunListEntry)> = ended
            .filter_map(|run| Some((run.start_unix_ns?, run)))
            .collect();
        ended.sort_by_key(|(start_unix_ns, run)| (*start_unix_ns, run.no));
        ended.truncate(ended.len().saturating_sub(options.keep.unwrap_or(0)));
        let mut plan = Self {
            runs: Vec::new(),
            spared: 0,
            unsent: 0,
            freed_bytes: 0,
            left_bytes: used_bytes,
        };
        for (start_unix_ns, run) in ended {
            let age_ns = now_unix_ns.saturating_sub(start_unix_ns);
            let Some(reason) = reason(age_ns, plan.left_bytes, options) else {
                continue;
            };
            if !options.all && is_protected(run) {
                plan.spared += 1;
                continue;
            }
            if unsent.contains(&run.no) {
                plan.unsent += 1;
                continue;
            }
            plan.add(PruneCandidate {
                no: run.no,
                id: run.id.clone(),
                name: run.name.clone(),
                start_unix_ns,
                bytes: sizes.get(&run.no).copied(),
                reason,
            });
        }
        plan
    }

    /// Reads the runs of a recording and plans which of them to delete.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(recording: &Recording, options: &PruneOptions, now_unix_ns: i64) -> Result<Self> {
        let space = recording.store().space()?;
        let sizes = space.runs.iter().map(|run| (run.run, run.bytes)).collect();
        let used = space.file_bytes - space.free_bytes;
        let unsent = recording.store().runs_to_send()?.into_iter().collect();
        let runs = list(recording)?;
        Ok(Self::make(
            &runs,
            (&sizes, &unsent),
            used,
            options,
            now_unix_ns,
        ))
    }

    /// Deletes the runs from the file at `db`. `on_progress` is called before each run with the
    /// number of deleted runs.
    ///
    /// # Errors
    /// If the file cannot be written; runs deleted before stay deleted.
    pub fn delete(
        &self,
        db: &Path,
        on_progress: &mut dyn FnMut(usize, &PruneCandidate),
    ) -> Result<()> {
        let store = Store::open_writable(db)?;
        for (done, run) in self.runs.iter().enumerate() {
            on_progress(done, run);
            store.delete_run(run.no)?;
        }
        Ok(())
    }

    /// Returns the list of runs and the sizes; `is_done` states that the runs were deleted. Notes
    /// mention options by `names`.
    pub fn answer(&self, options: &PruneOptions, is_done: bool, names: LimitNames) -> Answer {
        let columns = vec![
            Column::id("id", "id"),
            Column::text("name", "name"),
            Column::date_time("start_unix_ns", "started"),
            Column::text("reason", "reason"),
            Column::bytes("bytes", "size"),
        ];
        let (count, freed) = (self.runs.len(), bytes(Some(self.freed_bytes)));
        let runs = counted(count, "run");
        let left = bytes(Some(self.left_bytes));
        let note = match (count, is_done) {
            (0, _) => "No run to delete.".to_owned(),
            (_, false) => {
                format!("{runs} would be deleted and free about {freed}; about {left} stay in use.")
            }
            (_, true) => {
                format!("{runs} deleted, about {freed} freed; about {left} are in use.")
            }
        };
        let mut answer = Answer::new("prune", "")
            .with("deleted", json!(is_done))
            .with("freed_bytes", json!(self.freed_bytes))
            .with("left_bytes", json!(self.left_bytes))
            .with("spared", json!(self.spared))
            .with("unsent", json!(self.unsent))
            .sheet(Sheet::new("runs", "", columns, &self.runs))
            .note(note);
        if self.spared > 0 {
            let spared = counted(self.spared, "run");
            answer = answer.note(format!(
                "{spared} kept because of the tag `baseline` or `keep`; {} deletes them.",
                names.all
            ));
        }
        if self.unsent > 0 {
            let unsent = counted(self.unsent, "run");
            answer = answer.note(format!(
                "{unsent} kept because a destination has not received all of them; send them with \
                 `energy fleet push`, or remove the destination with `energy fleet forget`."
            ));
        }
        if options.max_bytes.is_some_and(|most| self.left_bytes > most) {
            answer = answer.note(format!(
                "More than {} stays in use, because the remaining runs are kept.",
                names.max_size
            ));
        }
        answer
    }

    fn add(&mut self, run: PruneCandidate) {
        let bytes = run.bytes.unwrap_or(0);
        self.freed_bytes += bytes;
        self.left_bytes = self.left_bytes.saturating_sub(bytes);
        self.runs.push(run);
    }
}

/// Returns why a run of this age is deleted while `used_bytes` are in use, or `None` if it is kept.
fn reason(age_ns: i64, used_bytes: u64, options: &PruneOptions) -> Option<&'static str> {
    match (options.older_than_ns, options.max_bytes) {
        (Some(limit_ns), _) if age_ns > limit_ns => Some("age"),
        (_, Some(most)) if used_bytes > most => Some("size"),
        (None, None) if options.keep.is_some() => Some("number"),
        _ => None,
    }
}

/// Parses `500MB`, `2GB`, `1.5GiB`.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_bytes(text: &str) -> std::result::Result<u64, String> {
    let units = [
        ("KiB", 1_024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("kB", 1e3),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("B", 1.0),
    ];
    let known = units.into_iter().find_map(|(unit, size)| {
        let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        let bytes = number * size;
        (number >= 0.0 && bytes < 1e18).then_some(bytes as u64)
    });
    known.ok_or_else(|| format!("`{text}` is not a size; write 500MB or 2GB"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(no: i64, start_unix_ns: i64, status: &str, tag: Option<&str>) -> RunListEntry {
        let tags = tag.map(|tag| (tag.to_owned(), String::new()));
        RunListEntry {
            no,
            id: no.to_string(),
            status: status.to_owned(),
            start_unix_ns: Some(start_unix_ns),
            tags: tags.into_iter().collect(),
            ..RunListEntry::default()
        }
    }

    #[test]
    fn sizes_need_a_unit() {
        assert_eq!(parse_bytes("500MB"), Ok(500_000_000));
        assert_eq!(parse_bytes("1.5GiB"), Ok(1_610_612_736));
        assert_eq!(parse_bytes("0B"), Ok(0));
        for wrong in ["", "500", "MB", "-1MB", "nanGB", "1e99GB", "5 bytes"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_oldest_runs_are_deleted_until_the_size_fits() {
        let runs: Vec<RunListEntry> = (0..5).map(|no| run(no, no, "complete", None)).collect();
        let sizes = (0..5).map(|no| (no, 10)).collect();
        let options = PruneOptions {
            max_bytes: Some(75),
            ..PruneOptions::default()
        };
        let unsent = BTreeSet::from([1]);
        let plan = PrunePlan::make(&runs, (&sizes, &unsent), 100, &options, 0);
        let deleted: Vec<i64> = plan.runs.iter().map(|run| run.no).collect();
        assert_eq!(
            (deleted, plan.freed_bytes, plan.left_bytes, plan.unsent),
            (vec![0, 2, 3], 30, 70, 1)
        );
    }

    fn some_runs() -> impl Strategy<Value = Vec<RunListEntry>> {
        let status = prop::sample::select(vec!["complete", "running", "crashed", "cancelled"]);
        let tag = prop::sample::select(vec![None, Some("keep"), Some("baseline"), Some("gpu")]);
        prop::collection::vec((0..50_i64, status, tag), 0..20).prop_map(|runs| {
            let numbered = runs.into_iter().enumerate();
            numbered
                .map(|(no, (start, status, tag))| run(no as i64, start, status, tag))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn only_permitted_runs_are_deleted_and_all_required_ones(
            runs in some_runs(),
            keep in prop::option::of(0..10_usize),
            older_than_ns in prop::option::of(0..60_i64),
            max_bytes in prop::option::of(0..250_u64),
            all: bool,
        ) {
            let options = PruneOptions { keep, older_than_ns, max_bytes, all };
            let sizes: BTreeMap<i64, u64> = runs.iter().map(|run| (run.no, 10)).collect();
            let (used, now) = (10 * runs.len() as u64 + 5, 55);
            let plan = PrunePlan::make(&runs, (&sizes, &BTreeSet::new()), used, &options, now);
            let is_deleted = |run: &RunListEntry| plan.runs.iter().any(|deleted| deleted.no == run.no);
            let is_spared = |run: &RunListEntry| {
                !all && (run.tags.contains_key("keep") || run.tags.contains_key("baseline"))
            };
            let newer = |run: &RunListEntry| {
                let ended = runs.iter().filter(|other| other.status != "running");
                let at = (run.start_unix_ns, run.no);
                ended.filter(|other| (other.start_unix_ns, other.no) > at).count()
            };
            let has_limit = keep.is_some() || older_than_ns.is_some() || max_bytes.is_some();
            for run in &runs {
                let may = run.status != "running" && !is_spared(run)
                    && newer(run) >= keep.unwrap_or(0);
                let age = older_than_ns.is_some_and(|limit| now - run.start_unix_ns.unwrap() > limit);
                prop_assert!(!is_deleted(run) || (may && has_limit));
                prop_assert!(!(may && age) || is_deleted(run));
                let only_kept = older_than_ns.is_none() && max_bytes.is_none() && keep.is_some();
                prop_assert!(!(may && only_kept) || is_deleted(run));
            }
            prop_assert_eq!(plan.freed_bytes, 10 * plan.runs.len() as u64);
            prop_assert_eq!(plan.left_bytes, used - plan.freed_bytes);
            prop_assert!(plan.runs.is_sorted_by_key(|run| (run.start_unix_ns, run.no)));
            let could = runs.iter().filter(|run| {
                !is_deleted(run) && run.status != "running" && !is_spared(run)
                    && newer(run) >= keep.unwrap_or(0)
            });
            if max_bytes.is_some_and(|most| plan.left_bytes > most) {
                prop_assert_eq!(could.count(), 0);
            }
        }
    }
}
