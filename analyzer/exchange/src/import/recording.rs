//! Imports a power recording without spans as a run. There are no CPU times to attribute energy
//! with.

use std::path::{Path, PathBuf};

use clap::Args;
use energy_attribution::batches::merge;
use energy_data::AttributeOptions;
use energy_data::rows::{
    EventRow, RailRow, RunMetadata, RunRow, RunStatus, SampleRow, SensorMetricRow,
};
use energy_data::sink::{Batch, Sink};
use energy_host as host;
use energy_power::{Kernel, Provenance, Recording};
use energy_store::SqliteSink;

use super::imported::{Imported, warn_of_gaps};
use crate::error::{Error, Result};
use crate::options::IMPORT_NAME_HELP;

/// Input file and the name of its run.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct PowerOptions {
    /// Power recording to import: plist or text of powermetrics, or CSV
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,
    /// Name of the run; `None` uses the file's name.
    #[arg(long, value_name = "NAME", help = IMPORT_NAME_HELP)]
    pub name: Option<String>,
}

/// Imports a power recording into the recording at `db`, which is created if needed.
///
/// # Errors
/// Fails if the file is invalid; nothing is written then. Also fails if the recording cannot be
/// written.
pub fn import_power(db: &Path, options: &PowerOptions) -> Result<Imported> {
    let recording = Recording::open(&options.recording).map_err(crate::Error::recording)?;
    let row = row(options, &recording);
    let uuid = row.uuid.clone();
    let mut sink = SqliteSink::create(db)?;
    let mut rails = rails(&recording);
    let (samples, batched) = merge(&rails, samples(&recording), || None);
    let mut events = events(&recording);
    for one in &batched {
        if let Some(rail) = rails.iter_mut().find(|rail| rail.id == one.rail) {
            rail.interval_ns = one.period.nanos();
            events.push(EventRow {
                time_ns: 0,
                kind: "batched".to_owned(),
                count: 1,
                message: one.message(&rail.name),
            });
        }
    }
    let batch = Batch {
        run: Some(row),
        rails,
        samples,
        sensor_metrics: sensor_metrics(&recording),
        events,
        heartbeat_unix_ns: host::unix_ns(),
        time_ns: recording.length.nanos(),
        ..Batch::default()
    };
    sink.write(&batch).map_err(Error::from)?;
    sink.finish().map_err(Error::from)?;
    energy_store::reattribute(db, &uuid, &AttributeOptions::default())?;
    let warnings = batch.events.into_iter().map(|row| row.message);
    let mut imported = Imported {
        uuid,
        spans: 0,
        samples: recording.samples.len(),
        notes: vec![recorded_at(&recording)],
        warnings: warnings.collect(),
    };
    warn_of_gaps(db, &mut imported)?;
    Ok(imported)
}

/// Describes when it was recorded.
fn recorded_at(recording: &Recording) -> String {
    match recording.wall {
        Some(wall) => format!(
            "recorded from {} (to within {:.2} s)",
            crate::format::utc(wall.start_unix_ns),
            wall.uncertainty.nanos() as f64 / 1e9
        ),
        None => "the file does not contain the time of the recording".to_owned(),
    }
}

fn rails(recording: &Recording) -> Vec<RailRow> {
    let rail = |(at, rail): (usize, &energy_power::Rail)| RailRow {
        id: at as u32 + 1,
        source: "replay".to_owned(),
        name: rail.name.clone(),
        parent: rail.parent.map(|parent| parent as u32 + 1),
        kind: rail.kind,
        unit: rail.unit.to_owned(),
        interval_ns: recording.interval().nanos(),
        kernel: Kernel::Box,
        provenance: Provenance::Replayed,
    };
    recording.rails.iter().enumerate().map(rail).collect()
}

fn samples(recording: &Recording) -> Vec<SampleRow> {
    let sample = |sample: &energy_power::Sample| SampleRow {
        rail: sample.rail as u32 + 1,
        start_ns: sample.start.nanos(),
        end_ns: sample.end.nanos(),
        energy_j: sample.energy.map(|energy| energy.joules()),
    };
    recording.samples.iter().map(sample).collect()
}

fn sensor_metrics(recording: &Recording) -> Vec<SensorMetricRow> {
    let metric = |metric: &energy_power::SensorMetric| SensorMetricRow {
        name: metric.name.clone(),
        start_ns: metric.start.nanos(),
        end_ns: metric.end.nanos(),
        value: metric.value,
    };
    recording.metrics.iter().map(metric).collect()
}

fn events(recording: &Recording) -> Vec<EventRow> {
    let event = |notice: &energy_power::Notice| EventRow {
        time_ns: notice.time.nanos(),
        kind: notice.kind.to_owned(),
        count: 1,
        message: notice.message.clone(),
    };
    recording.notices.iter().map(event).collect()
}

/// Builds the run's row. The measured machine is unknown.
fn row(options: &PowerOptions, recording: &Recording) -> RunRow {
    let wall = recording.wall;
    let config = serde_json::json!({
        "recording": options.recording.display().to_string(),
        "start_uncertainty_ns": wall.map(|wall| wall.uncertainty.nanos()),
        "start_is_known": wall.is_some(),
    });
    let file = options.recording.file_stem();
    let name = file.map(|name| name.to_string_lossy().into_owned());
    RunRow {
        uuid: uuid::Uuid::new_v4().to_string(),
        status: RunStatus::Complete,
        pid: std::process::id(),
        pid_start: host::process_start(std::process::id()),
        boot_id: host::Host::here().boot_id,
        start_unix_ns: wall.map_or_else(host::unix_ns, |wall| wall.start_unix_ns),
        end_ns: Some(recording.length.nanos()),
        host_id: None,
        host: None,
        os: None,
        chip: None,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        parent_run: None,
        metadata: RunMetadata {
            name: options.name.clone().or(name),
            engine: Some("import".to_owned()),
            config: Some(config.to_string()),
            ..RunMetadata::default()
        },
    }
}
