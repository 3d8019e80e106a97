//! Merging of recordings.

use std::path::{Path, PathBuf};

use energy_store::{MergeSource, RunLiveness, Store, StoredRun};
use serde::Serialize;
use serde_json::json;

use crate::error::Result;
use crate::format::{Answer, Column, Sheet, counted};

/// Outcome for a run of a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeOutcome {
    /// It was copied.
    Merged,
    /// A run of that id exists in the target and was not changed.
    Present,
    /// It is being recorded and was skipped.
    Recording,
}

/// A run of a source file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Merged {
    /// Id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// Wall-clock time of its start, ns since 1970.
    pub start_unix_ns: i64,
    /// Source file.
    pub source: String,
    /// Outcome.
    pub outcome: MergeOutcome,
}

/// Result of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct MergeReport {
    into: PathBuf,
    /// All runs of the source files, in the order of their starts.
    pub runs: Vec<Merged>,
    /// Number of copied calibrations.
    pub calibrations: usize,
    /// Number of copied experiments.
    pub experiments: usize,
}

/// Copies all runs, calibrations and experiments of `sources` into the recording at `into`, which is
/// created if missing. Runs are copied oldest first, each atomically. Runs whose process died
/// are closed in `into` and attributed. `on_progress` is called with the number of finished
/// runs, the number of all runs and the next run's id.
///
/// # Errors
/// If a file cannot be read or written, is newer than this program, or a process records to
/// `into`. Nothing is written unless all sources can be opened; runs copied before a later
/// failure are kept.
pub fn merge(
    sources: &[PathBuf],
    into: &Path,
    on_progress: &mut dyn FnMut(usize, usize, &str),
) -> Result<MergeReport> {
    let folder = match into.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let sources = open(sources, into, folder)?;
    let mut runs = Vec::new();
    for source in &sources {
        runs.extend(source.runs()?.into_iter().map(|run| (source, run)));
    }
    runs.sort_by_key(|(_, (run, _))| run.row.start_unix_ns);
    let store = Store::create(into)?;
    store.ensure_not_recording()?;
    let mut merge = store.merge();
    let mut report = MergeReport {
        into: into.to_owned(),
        runs: Vec::with_capacity(runs.len()),
        calibrations: 0,
        experiments: 0,
    };
    let all = runs.len();
    for (source, (run, life)) in runs {
        on_progress(report.runs.len(), all, &run.row.uuid);
        let outcome = match life {
            RunLiveness::Alive | RunLiveness::Uncertain => MergeOutcome::Recording,
            _ => match merge.run(source, run.no)? {
                Some(_) => MergeOutcome::Merged,
                None => MergeOutcome::Present,
            },
        };
        report.runs.push(merged(source, run, outcome));
    }
    for source in &sources {
        report.calibrations += merge.calibrations(source)?;
        report.experiments += merge.experiments(source)?;
    }
    drop(merge);
    energy_store::repair_dead_runs(&store)?;
    Ok(report)
}

fn open(sources: &[PathBuf], into: &Path, folder: &Path) -> Result<Vec<MergeSource>> {
    let same = |path: &Path| match (path.canonicalize(), into.canonicalize()) {
        (Ok(path), Ok(into)) => path == into,
        _ => false,
    };
    let open = |path: &PathBuf| match same(path) {
        true => Err(crate::Error::Input {
            path: path.clone(),
            message: "it is the target of the merge; give other files".to_owned(),
        }),
        false => Ok(MergeSource::open(path, folder)?),
    };
    sources.iter().map(open).collect()
}

fn merged(source: &MergeSource, run: StoredRun, outcome: MergeOutcome) -> Merged {
    Merged {
        id: run.row.uuid,
        name: run.row.metadata.name,
        start_unix_ns: run.row.start_unix_ns,
        source: source.path().display().to_string(),
        outcome,
    }
}

impl MergeReport {
    /// Returns the number of runs with that outcome.
    pub fn count(&self, outcome: MergeOutcome) -> usize {
        self.runs
            .iter()
            .filter(|run| run.outcome == outcome)
            .count()
    }

    /// Converts the result to an answer.
    pub fn answer(&self) -> Answer {
        let [merged, present, recording] = [
            MergeOutcome::Merged,
            MergeOutcome::Present,
            MergeOutcome::Recording,
        ]
        .map(|one| self.count(one));
        let columns = vec![
            Column::id("id", "id"),
            Column::text("name", "name"),
            Column::date_time("start_unix_ns", "started"),
            Column::text("outcome", "outcome"),
            Column::text("source", "source"),
        ];
        let into = crate::format::escape(&self.into.display().to_string());
        let mut note = format!("{} merged into {into}", counted(merged, "run"));
        for (count, what) in [
            (present, "already present"),
            (recording, "skipped because being recorded"),
            (self.calibrations, "calibration(s) copied"),
            (self.experiments, "experiment(s) copied"),
        ] {
            if count > 0 {
                note.push_str(&format!(", {count} {what}"));
            }
        }
        Answer::new("merge", "")
            .with("into", json!(self.into.display().to_string()))
            .with("merged", json!(merged))
            .with("present", json!(present))
            .with("recording", json!(recording))
            .with("calibrations", json!(self.calibrations))
            .with("experiments", json!(self.experiments))
            .sheet(Sheet::new("runs", "", columns, self.runs.iter()))
            .note(note + ".")
    }
}
