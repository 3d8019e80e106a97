//! Files of recordings.

use std::path::Path;

use energy_data::rows::RunStatus;
use energy_data::rows::{CalibrationKey, CalibrationKindRow, CalibrationRow};
use energy_store::{SqliteSink, Store};
use tracing_energy::{Batch, Sink};

use super::rows::MS;
use super::{attribution, recording};

/// The recording with its attribution.
pub fn attributed(uuid: &str) -> Batch {
    Batch {
        attribution: attribution(),
        ..recording(uuid)
    }
}

/// The recording of a run that has ended.
pub fn ended(uuid: &str) -> Batch {
    let mut batch = attributed(uuid);
    let run = batch.run.as_mut().expect("a run");
    (run.status, run.end_ns) = (RunStatus::Complete, Some(400 * MS));
    batch
}

/// The power of one kind on this machine.
pub fn calibration(watts: f64, created_unix_ns: i64) -> CalibrationRow {
    let kind = CalibrationKindRow {
        rail: "package".into(),
        kind: "matmul".into(),
        watts,
        relative_sd: 0.1,
        rounds: 3,
        busy_ns: 1000,
    };
    CalibrationRow {
        created_unix_ns,
        key: calibration_key(),
        details: "{}".into(),
        kinds: vec![kind],
    }
}

/// The key of [`calibration`].
pub fn calibration_key() -> CalibrationKey {
    CalibrationKey {
        machine: "here, a chip".into(),
        model: "0123".repeat(16),
        precision: "q8_0".into(),
        threads: 2,
        device: "cpu".into(),
        depth: "module".into(),
        source: "rapl".into(),
    }
}

/// Writes a run into the file at `path`, which is created if needed.
pub fn write(path: &Path, run: &Batch) {
    let mut sink = SqliteSink::create(path).expect("opens");
    sink.write(run).expect("written");
    sink.finish().expect("finished");
}

/// Writes runs into the file at `path` and opens it.
pub fn file(path: &Path, runs: &[Batch]) -> Store {
    runs.iter().for_each(|run| write(path, run));
    Store::create(path).expect("opens")
}

/// One number of a file.
pub fn number(store: &Store, sql: &str) -> f64 {
    let found = store.connection().query_row(sql, [], |row| row.get(0));
    found.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// How many spans of a run are in the file.
pub fn spans(store: &Store, run: i64) -> usize {
    let spans = store.spans(run).and_then(|rows| rows.all());
    spans.expect("readable").len()
}
