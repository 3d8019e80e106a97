//! Reads the table of samples.

use std::path::Path;

use energy_attribution::batches::{BatchActivity, merge};
use energy_data::rows::{RailRow, SampleRow};
use energy_data::units::Energy;
use energy_power::{Kernel, Provenance, Recording, Wall};

use super::anomaly::Anomaly;
use crate::error::{Error, Result};

/// Source name of imported rails.
const SOURCE: &str = "import";

/// A power recording.
#[derive(Debug)]
pub(super) struct PowerRecording {
    /// Time of the file's clock at the first sample's start, and the wall-clock time of that if
    /// recorded.
    pub(super) first_ns: i64,
    pub(super) wall: Option<Wall>,
    pub(super) rails: Vec<RailRow>,
    /// By the clock of the file, until they are moved.
    pub(super) samples: Vec<SampleRow>,
    pub(super) anomalies: Vec<Anomaly>,
}

impl PowerRecording {
    /// Moves all samples so that the first one starts at `first_ns`.
    pub(super) fn begin_at(&mut self, first_ns: i64) {
        self.move_by(first_ns - self.first_ns);
    }

    /// Merges readings that arrived in batches; `activity` is when spans ran, if known by the
    /// samples' clock.
    pub(super) fn merge_batches(&mut self, activity: impl FnOnce() -> Option<BatchActivity>) {
        let samples = std::mem::take(&mut self.samples);
        let (samples, batched) = merge(&self.rails, samples, activity);
        self.samples = samples;
        for one in batched {
            if let Some(rail) = self.rails.iter_mut().find(|rail| rail.id == one.rail) {
                rail.interval_ns = one.period.nanos();
                self.anomalies.push(Anomaly {
                    kind: "batched",
                    count: 1,
                    message: one.message(&rail.name),
                });
            }
        }
    }

    /// Shifts all samples in time.
    pub(super) fn move_by(&mut self, ns: i64) {
        self.first_ns += ns;
        for sample in &mut self.samples {
            sample.start_ns += ns;
            sample.end_ns += ns;
        }
    }
}

/// Reads the samples in `path`; `kernels` are averaging windows by name of the rail.
///
/// # Errors
/// Fails if the file cannot be read or is invalid, or if it lacks a rail of `kernels`.
pub(super) fn read(path: &Path, kernels: &[(String, Kernel)]) -> Result<PowerRecording> {
    let recording = Recording::open(path).map_err(crate::Error::recording)?;
    let known = |name: &str| recording.rails.iter().any(|rail| rail.name == name);
    if let Some((name, _)) = kernels.iter().find(|(name, _)| !known(name)) {
        let rails: Vec<_> = recording
            .rails
            .iter()
            .map(|rail| rail.name.as_str())
            .collect();
        let message = format!(
            "{}: it has no rail `{name}` for --kernel; its rails: {}",
            path.display(),
            rails.join(", ")
        );
        return Err(Error::Request(message));
    }
    let anomalies = recording.notices.iter().map(|notice| Anomaly {
        kind: notice.kind,
        count: 1,
        message: notice.message.clone(),
    });
    Ok(PowerRecording {
        first_ns: recording.first.nanos(),
        wall: recording.wall,
        rails: rails(&recording, kernels),
        anomalies: anomalies.collect(),
        samples: samples(&recording),
    })
}

fn rails(recording: &Recording, kernels: &[(String, Kernel)]) -> Vec<RailRow> {
    let interval_ns = recording.interval().nanos();
    (1..)
        .zip(&recording.rails)
        .map(|(id, rail)| RailRow {
            id,
            source: SOURCE.to_owned(),
            name: rail.name.clone(),
            parent: rail.parent.map(|parent| parent as u32 + 1),
            kind: rail.kind,
            unit: rail.unit.to_owned(),
            interval_ns,
            kernel: kernels
                .iter()
                .rev()
                .find(|(name, _)| *name == rail.name)
                .map_or(Kernel::Box, |(_, kernel)| *kernel),
            provenance: Provenance::Replayed,
        })
        .collect()
}

fn samples(recording: &Recording) -> Vec<SampleRow> {
    let first = recording.first;
    let samples = recording.samples.iter().map(|sample| SampleRow {
        rail: sample.rail as u32 + 1,
        start_ns: (first + sample.start).nanos(),
        end_ns: (first + sample.end).nanos(),
        energy_j: sample.energy.map(Energy::joules),
    });
    samples.collect()
}
