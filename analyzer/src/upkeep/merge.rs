//! Many recordings made one.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use tracing_energy::store::{Life, MergeSource, Store, StoredRun};

use crate::error::Result;
use crate::format::{Answer, Column, Sheet, counted};

/// What became of a run of another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is in the file now.
    Merged,
    /// A run of that id was there already, and stays as it was.
    Present,
    /// It is being recorded, and was left out.
    Recording,
}

/// A run of another file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Merged {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Wall clock of its start, ns since 1970.
    pub start_unix_ns: i64,
    /// The file it is from.
    pub source: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a merge did.
#[derive(Debug, Clone, PartialEq)]
pub struct MergeReport {
    into: PathBuf,
    /// All runs of the other files, in the order of their starts.
    pub runs: Vec<Merged>,
    /// Calibrations that were copied.
    pub calibrations: usize,
}

/// Copies all runs of `sources` into the recording at `into`, which is made where there
/// is none; the oldest first, each whole or not at all. Calibrations come along. Runs whose
/// process died are closed in `into` and attributed.
/// `told` hears how many of how many runs are done, and which is next.
///
/// # Errors
/// When a file cannot be read or written, is newer than this program, or somebody
/// records to `into`. Nothing is written unless all sources can be opened; runs that
/// were copied before a later failure stay.
pub fn merge(
    sources: &[PathBuf],
    into: &Path,
    told: &mut dyn FnMut(usize, usize, &str),
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
    store.must_be_quiet()?;
    let mut merge = store.merge();
    let mut report = MergeReport {
        into: into.to_owned(),
        runs: Vec::with_capacity(runs.len()),
        calibrations: 0,
    };
    let all = runs.len();
    for (source, (run, life)) in runs {
        told(report.runs.len(), all, &run.row.uuid);
        let outcome = match life {
            Life::Alive | Life::Uncertain => Outcome::Recording,
            _ => match merge.run(source, run.no)? {
                Some(_) => Outcome::Merged,
                None => Outcome::Present,
            },
        };
        report.runs.push(merged(source, run, outcome));
    }
    for source in &sources {
        report.calibrations += merge.calibrations(source)?;
    }
    drop(merge);
    tracing_energy::repair_dead_runs(&store)?;
    Ok(report)
}

fn open(sources: &[PathBuf], into: &Path, folder: &Path) -> Result<Vec<MergeSource>> {
    let same = |path: &Path| match (path.canonicalize(), into.canonicalize()) {
        (Ok(path), Ok(into)) => path == into,
        _ => false,
    };
    let open = |path: &PathBuf| match same(path) {
        true => Err(tracing_energy::Error::Input {
            path: path.clone(),
            message: "it is the file that is merged into; name others".to_owned(),
        }),
        false => MergeSource::open(path, folder),
    };
    let opened: std::result::Result<Vec<MergeSource>, _> = sources.iter().map(open).collect();
    Ok(opened?)
}

fn merged(source: &MergeSource, run: StoredRun, outcome: Outcome) -> Merged {
    Merged {
        id: run.row.uuid,
        name: run.row.metadata.name,
        start_unix_ns: run.row.start_unix_ns,
        source: source.path().display().to_string(),
        outcome,
    }
}

impl MergeReport {
    /// How many runs had that outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.runs
            .iter()
            .filter(|run| run.outcome == outcome)
            .count()
    }

    /// As an answer.
    pub fn answer(&self) -> Answer {
        let [merged, present, recording] =
            [Outcome::Merged, Outcome::Present, Outcome::Recording].map(|one| self.count(one));
        let columns = vec![
            Column::id("id", "id"),
            Column::text("name", "name"),
            Column::moment("start_unix_ns", "started"),
            Column::text("outcome", "outcome"),
            Column::text("source", "from"),
        ];
        let into = crate::format::escape(&self.into.display().to_string());
        let mut told = format!("{} merged into {into}", counted(merged, "run"));
        for (count, what) in [
            (present, "there already"),
            (recording, "left out: being recorded"),
            (self.calibrations, "calibration(s) copied"),
        ] {
            if count > 0 {
                told.push_str(&format!(", {count} {what}"));
            }
        }
        Answer::new("merge", "")
            .with("into", json!(self.into.display().to_string()))
            .with("merged", json!(merged))
            .with("present", json!(present))
            .with("recording", json!(recording))
            .with("calibrations", json!(self.calibrations))
            .sheet(Sheet::new("runs", "", columns, self.runs.iter()))
            .note(told + ".")
    }
}
