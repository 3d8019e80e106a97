//! Opens a recording and finds runs in it.

use std::path::Path;
use std::time::Duration;

use energy_data::rows::RunRow;
use energy_data::{Provenance, ProvenanceSet};
use energy_store::{RunLiveness, Store, StoredRun};
use rusqlite::Connection;

use super::bad_values::is_bad_value;
use super::checkpoints::Checkpoints;
use super::optional_set_at;
use crate::error::{Error, Result};

/// Time without writes after which a run whose process cannot be looked up is shown up to
/// its last write.
const SILENCE: Duration = Duration::from_secs(60);

/// An opened recording file.
#[derive(Debug)]
pub struct Recording {
    store: Store,
    /// Notes about runs that have no end.
    pub notes: Vec<String>,
    pub(super) checkpoints: Checkpoints,
    /// Numbers of the runs without an end when the file was opened; `None` if they were not read.
    unended: Option<Vec<i64>>,
}

/// A run with its number in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Number of the run: the column `run` of every table.
    pub no: i64,
    /// The stored run. A run whose process died has the status crashed.
    pub row: RunRow,
    /// Provenance of its root rails: `measured`, `modelled`, `replayed` or several joined by
    /// `+`; `None` without a rail.
    pub provenance: Option<ProvenanceSet>,
    /// The shown attribution; `None` if the run is not attributed.
    pub attribution: Option<i64>,
}

impl Recording {
    /// Opens the file for reading, without changing it. Runs whose process died appear as
    /// crashed; their energies are those that the process wrote.
    ///
    /// # Errors
    /// If the file doesn't exist, or it is no recording of this version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        ensure_exists(path)?;
        Ok(Self::of(Store::open(path)?))
    }

    fn of(store: Store) -> Self {
        Self {
            store,
            notes: Vec::new(),
            checkpoints: Checkpoints::default(),
            unended: None,
        }
    }

    /// Repairs the file, then opens it, and completes runs without an end for this connection.
    ///
    /// # Errors
    /// See [`repair`] and [`Recording::open`].
    pub fn open_repaired(path: impl AsRef<Path>) -> Result<Self> {
        let mut recording = Self::of(repaired(path.as_ref())?);
        let unusual = recording.store.unusual_runs()?;
        recording.complete(&unusual.unended);
        recording.unended = Some(unusual.unended);
        let unreadable = recording.store.unreadable_among(&unusual.doubtful)?;
        let unreadable = unreadable.into_iter();
        recording.notes.extend(unreadable.map(|(uuid, what)| {
            format!(
                "run {uuid} cannot be read: {what}. Lists show what is known of it, and comparisons \
                 leave it out; other runs are not affected"
            )
        }));
        Ok(recording)
    }

    /// Uses checkpoints that other connections to the same file use, too, so that the file is
    /// searched only once.
    pub fn share_checkpoints(&mut self, checkpoints: Checkpoints) {
        self.checkpoints = checkpoints;
    }

    /// Returns the run selected by `last`, a uuid, a name (the newest with it), or a uuid
    /// prefix.
    ///
    /// # Errors
    /// If no run or more than one matches; the message lists the candidates.
    pub fn run(&self, selector: &str) -> Result<Run> {
        let found = self.store.find_run(selector)?;
        let living = self.store.liveness_of(found.no)?;
        let row = living.map_or(found.row, |(run, _)| run.row);
        Ok(Run {
            no: found.no,
            row,
            provenance: self.provenance(found.no)?,
            attribution: self.newest(found.no)?,
        })
    }

    /// Returns the connection for queries.
    pub fn connection(&self) -> &Connection {
        self.store.connection()
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// Converts into the connection.
    pub fn into_connection(self) -> Connection {
        self.store.into_connection()
    }

    /// Returns the underlying store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Reads all runs with a readable row, newest first.
    pub fn runs(&self) -> Result<Vec<Run>> {
        let with_provenance = |(run, _): (StoredRun, RunLiveness)| {
            let provenance = self.provenance(run.no)?;
            Ok(Run {
                no: run.no,
                row: run.row,
                provenance,
                attribution: self.newest(run.no)?,
            })
        };
        self.store
            .runs_with_liveness()?
            .into_iter()
            .rev()
            .map(with_provenance)
            .filter(|run| !matches!(run, Err(error) if is_bad_value(error)))
            .collect()
    }

    fn provenance(&self, run: i64) -> Result<Option<ProvenanceSet>> {
        let sql = "SELECT group_concat(provenance, '+') FROM (
                       SELECT DISTINCT provenance FROM rails
                       WHERE run = ?1 AND parent IS NULL ORDER BY provenance)";
        Ok(self
            .connection()
            .prepare_cached(sql)?
            .query_row([run], |r| optional_set_at(r, 0))?)
    }

    /// Returns the newest attribution, which is shown by default.
    fn newest(&self, run: i64) -> Result<Option<i64>> {
        Ok(self.store.shown_attribution(run)?.map(i64::from))
    }

    /// Returns the runs that [`Recording::complete_unended`] would complete: their numbers and the
    /// times of their last writes. Call it on a connection that has not completed them.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn incomplete_runs(&self) -> Result<Vec<(i64, i64)>> {
        let silent = energy_store::silent_unended(&self.store, SILENCE)?;
        let key = |(run, _): (StoredRun, RunLiveness)| (run.no, run.heartbeat_unix_ns);
        Ok(silent.into_iter().map(key).collect())
    }

    /// Attributes runs without an end whose process died, or does not write any more, up to
    /// their last write. The results belong to this connection: the file is not changed. Notes
    /// name the runs.
    pub fn complete_unended(&mut self) {
        let shown = energy_store::show_unended(&self.store, SILENCE);
        self.note_completed(shown);
    }

    /// Completes those of the runs with these numbers that have no end.
    fn complete(&mut self, unended: &[i64]) {
        let shown = energy_store::show_unended_among(&self.store, unended, SILENCE);
        self.note_completed(shown);
    }

    /// Returns the runs that have no end, and whether their processes live. A run that was recorded since
    /// this recording was opened and repaired is left out: its process lives.
    pub(super) fn unended(&self) -> Result<Vec<(StoredRun, RunLiveness)>> {
        Ok(match &self.unended {
            Some(numbers) => self.store.unended_among(numbers)?,
            None => self.store.unended()?,
        })
    }

    fn note_completed(
        &mut self,
        shown: std::result::Result<Vec<(StoredRun, RunLiveness)>, energy_store::Error>,
    ) {
        let shown = match shown {
            Ok(shown) => shown,
            Err(error) => {
                let note = format!(
                    "runs of dead processes have no energies ({error}): complete them with \
                     `energy attribute`"
                );
                self.notes.push(note);
                return;
            }
        };
        self.notes.extend(shown.iter().map(|(run, life)| {
            let uuid = &run.row.uuid;
            let next = format!("`energy attribute {uuid}` completes it in the file");
            match life {
                RunLiveness::Uncertain => format!(
                    "run {uuid}: no writes for {} s, and it is unknown whether {} still records \
                     it; energies are those up to the last write. If it has ended, {next}",
                    run.silence(energy_host::unix_ns()).as_secs(),
                    run.row.host.as_deref().unwrap_or("another machine"),
                ),
                _ => format!(
                    "run {uuid}: its process died; energies are those up to its last write; \
                     {next}"
                ),
            }
        }));
    }
}

/// Migrates a file of an older schema version. Files of this version are not changed.
///
/// # Errors
/// If the file doesn't exist, or is no recording.
pub fn repair(path: &Path) -> Result<()> {
    repaired(path).map(drop)
}

/// Opens a file for reading; migrates it first if its schema version is older.
fn repaired(path: &Path) -> Result<Store> {
    ensure_exists(path)?;
    match Store::open(path) {
        Ok(store) => Ok(store),
        Err(error) if is_empty(path) => Err(error.into()),
        Err(error) => match Store::open_writable(path) {
            Ok(migrated) => {
                drop(migrated);
                Ok(Store::open(path)?)
            }
            Err(_) => Err(error.into()),
        },
    }
}

fn ensure_exists(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::NoRecording(path.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Returns whether the file is empty. Opening it for writing would make it a recording.
fn is_empty(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0)
}

impl Run {
    /// Returns the error for a run without an attribution.
    pub fn not_attributed(&self) -> Error {
        self.missing("it was not attributed", "run `energy attribute`")
    }

    /// Returns the error for a view of spans if the run has none.
    pub fn without_spans(&self) -> Error {
        self.missing(
            "it has no spans",
            "see its power with `energy power`, or record a program that uses EnergyLayer",
        )
    }

    /// Returns an error for data that the run lacks, with the next step.
    pub fn missing(&self, missing: &str, next: &str) -> Error {
        Error::Missing {
            run: self.row.uuid.clone(),
            missing: missing.to_owned(),
            next: next.to_owned(),
        }
    }

    /// Returns the first eight characters of the id.
    pub fn short_id(&self) -> &str {
        self.row.uuid.get(..8).unwrap_or(&self.row.uuid)
    }

    /// Returns name and short id, or the short id of a run without a name.
    pub fn title(&self) -> String {
        match &self.row.metadata.name {
            Some(name) => format!("{name} ({})", self.short_id()),
            None => self.short_id().to_owned(),
        }
    }

    /// Returns whether the run was imported: the process that wrote it did not record it.
    pub fn is_imported(&self) -> bool {
        self.row.metadata.engine.as_deref() == Some("import")
    }

    /// Returns the caveat to show with energies that no sensor measured during the run.
    pub fn caveat(&self) -> Option<&'static str> {
        self.provenance.and_then(caveat)
    }
}

/// Returns the caveat for a provenance.
pub fn caveat(provenance: ProvenanceSet) -> Option<&'static str> {
    let has = |one| provenance.contains(one);
    let is_measured = has(Provenance::Measured);
    match (
        has(Provenance::Modelled),
        has(Provenance::Replayed),
        is_measured,
    ) {
        (true, false, false) => Some("modelled, not measured"),
        (true, _, _) => Some("partly modelled, not measured"),
        (false, true, false) => Some("replayed from a recording"),
        (false, true, true) => Some("partly replayed from a recording"),
        _ => None,
    }
}
