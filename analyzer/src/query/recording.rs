//! Opens a recording and finds a run in it.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tracing_energy::rows::RunRow;
use tracing_energy::store::{Life, Store};

use crate::error::{Error, Result};

/// A run whose process cannot be looked up has figures once it was not seen for so long.
const SILENCE: Duration = Duration::from_secs(60);

/// An opened recording file.
#[derive(Debug)]
pub struct Recording {
    store: Store,
    /// What to know of runs that have no end, for people.
    pub notes: Vec<String>,
}

/// A run with its number in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// `run` in every table.
    pub no: i64,
    /// The run. A run whose process died reads as crashed.
    pub row: RunRow,
    /// How its root rails' figures came to be: `measured`, `modelled`, `replayed`
    /// or several with `+`; none where there is no rail.
    pub provenance: Option<String>,
    /// The attribution whose figures are shown; none where it was not attributed.
    pub attribution: Option<i64>,
}

impl Recording {
    /// Opens the file for reading. Runs whose process died read as crashed, with the figures
    /// that they have up to then; nothing is written to the file.
    ///
    /// # Errors
    /// When there is no such file, or it is no recording of a known version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let store = open(path)?;
        let mut recording = Self {
            store,
            notes: Vec::new(),
        };
        recording.show_unended();
        Ok(recording)
    }

    /// The run that `which` means: `last`, a uuid, a name (the newest with it), or
    /// the beginning of a uuid.
    ///
    /// # Errors
    /// When no run or more than one is meant; the message lists the candidates.
    pub fn run(&self, which: &str) -> Result<Run> {
        let found = self.store.find_run(which)?;
        let living = self.store.life_of(found.no)?;
        let row = living.map_or(found.row, |(run, _)| run.row);
        Ok(Run {
            no: found.no,
            row,
            provenance: self.provenance(found.no)?,
            attribution: self.newest(found.no)?,
        })
    }

    /// The same run as an earlier attribution shows it.
    ///
    /// # Errors
    /// When the run has no attribution with that id; the message lists those it has.
    pub fn shown_by(&self, run: Run, attribution: i64) -> Result<Run> {
        let known = super::attributions(self, &run)?;
        if known.iter().any(|one| one.id == attribution) {
            let attribution = Some(attribution);
            return Ok(Run { attribution, ..run });
        }
        let known: Vec<String> = known.iter().map(|one| one.listed()).collect();
        if known.is_empty() {
            return Err(run.not_attributed());
        }
        Err(Error::Unknown {
            what: "attribution",
            name: attribution.to_string(),
            known: known.join(", "),
        })
    }

    /// The connection, for queries.
    pub fn connection(&self) -> &Connection {
        self.store.connection()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// The connection by itself.
    pub(crate) fn into_connection(self) -> Connection {
        self.store.into_connection()
    }

    /// The store below, for what is no query.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// All runs, newest first.
    pub(crate) fn runs(&self) -> Result<Vec<Run>> {
        let with_provenance = |(run, _): (tracing_energy::store::StoredRun, Life)| {
            let provenance = self.provenance(run.no)?;
            Ok(Run {
                no: run.no,
                row: run.row,
                provenance,
                attribution: self.newest(run.no)?,
            })
        };
        self.store
            .runs_with_life()?
            .into_iter()
            .rev()
            .map(with_provenance)
            .collect()
    }

    fn provenance(&self, run: i64) -> Result<Option<String>> {
        let sql = "SELECT group_concat(provenance, '+') FROM (
                       SELECT DISTINCT provenance FROM rails
                       WHERE run = ?1 AND parent IS NULL ORDER BY provenance)";
        Ok(self
            .connection()
            .prepare_cached(sql)?
            .query_row([run], |r| r.get(0))?)
    }

    /// The attribution that is shown where none is asked for.
    fn newest(&self, run: i64) -> Result<Option<i64>> {
        Ok(self.store.shown_attribution(run)?.map(i64::from))
    }

    /// Shows runs whose process died with their figures up to then.
    fn show_unended(&mut self) {
        let shown = match tracing_energy::show_unended(&self.store, SILENCE) {
            Ok(shown) => shown,
            Err(error) => {
                let note = format!(
                    "runs whose process died have no figures ({error}): `energy attribute` \
                     completes them"
                );
                self.notes.push(note);
                return;
            }
        };
        self.notes.extend(shown.iter().map(|(run, life)| {
            let uuid = &run.row.uuid;
            let completes = format!("`energy attribute {uuid}` completes it in the file");
            match life {
                Life::Uncertain => format!(
                    "run {uuid}: not seen for {} s, and whether {} still records it cannot be \
                     told from here; figures are those up to then. If it has ended, {completes}",
                    run.silence(tracing_energy::host::unix_ns()).as_secs(),
                    run.row.host.as_deref().unwrap_or("another machine"),
                ),
                _ => format!(
                    "run {uuid}: its process died; figures are those up to when it was last \
                     seen; {completes}"
                ),
            }
        }));
    }
}

/// For reading; a file with tables of an older version is brought up to date.
fn open(path: &Path) -> Result<Store> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NoRecording(path.to_owned()));
        }
        _ => {}
    }
    match Store::open(path) {
        Ok(store) => Ok(store),
        Err(error) if is_empty(path) => Err(error.into()),
        Err(error) => Store::open_writable(path).map_err(|_| error.into()),
    }
}

/// An empty file would become a recording by being opened for writing.
fn is_empty(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0)
}

impl Run {
    pub(crate) fn not_attributed(&self) -> Error {
        self.missing("it was not attributed", "do it with `energy attribute`")
    }

    /// What the run does not hold, and what to do about it.
    pub(crate) fn missing(&self, missing: &str, next: &str) -> Error {
        Error::Missing {
            run: self.row.uuid.clone(),
            missing: missing.to_owned(),
            next: next.to_owned(),
        }
    }

    /// The first eight characters of the id.
    pub fn short_id(&self) -> &str {
        self.row.uuid.get(..8).unwrap_or(&self.row.uuid)
    }

    /// Name, or the short id of a run without one.
    pub fn title(&self) -> String {
        match &self.row.metadata.name {
            Some(name) => format!("{name} ({})", self.short_id()),
            None => self.short_id().to_owned(),
        }
    }

    /// Said wherever figures stand that no sensor read during the run.
    pub fn caveat(&self) -> Option<&'static str> {
        self.provenance.as_deref().and_then(caveat)
    }
}

/// What must be said of figures that came to be so.
pub(crate) fn caveat(provenance: &str) -> Option<&'static str> {
    let has = |word| provenance.contains(word);
    match (has("modelled"), has("replayed"), has("measured")) {
        (true, false, false) => Some("modelled, not measured"),
        (true, _, _) => Some("partly modelled, not measured"),
        (false, true, false) => Some("replayed from a recording"),
        (false, true, true) => Some("partly replayed from a recording"),
        _ => None,
    }
}
