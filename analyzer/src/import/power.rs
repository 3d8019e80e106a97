//! Reads the table of samples.

use std::path::Path;

use tracing_energy::power::batches::{Activity, merge};
use tracing_energy::power::{Kernel, Provenance, Recording, Wall};
use tracing_energy::rows::{RailRow, SampleRow};
use tracing_energy::units::Energy;

use super::{Oddity, bad};
use crate::error::Result;

/// The source of imported rails.
const SOURCE: &str = "import";

/// All that was measured.
#[derive(Debug)]
pub(super) struct Power {
    /// What the clock of the file reads at the first sample's start, and when that was
    /// where it tells.
    pub(super) first_ns: i64,
    pub(super) wall: Option<Wall>,
    pub(super) rails: Vec<RailRow>,
    /// By the clock of the file, until they are moved.
    pub(super) samples: Vec<SampleRow>,
    pub(super) oddities: Vec<Oddity>,
}

impl Power {
    /// Moves all samples so that the first one starts at `first_ns`.
    pub(super) fn begin_at(&mut self, first_ns: i64) {
        self.move_by(first_ns - self.first_ns);
    }

    /// Merges readings that came in batches; `activity` is when spans ran, where that is
    /// known by the clock of the samples.
    pub(super) fn merge_batches(&mut self, activity: impl FnOnce() -> Option<Activity>) {
        let samples = std::mem::take(&mut self.samples);
        let (samples, batched) = merge(&self.rails, samples, activity);
        self.samples = samples;
        for one in batched {
            if let Some(rail) = self.rails.iter_mut().find(|rail| rail.id == one.rail) {
                rail.interval_ns = one.period.nanos();
                self.oddities.push(Oddity {
                    kind: "batched",
                    count: 1,
                    message: one.message(&rail.name),
                });
            }
        }
    }

    /// Moves all samples.
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
/// When the file cannot be read or understood, or has no such rail.
pub(super) fn read(path: &Path, kernels: &[(String, Kernel)]) -> Result<Power> {
    let recording = Recording::open(path).map_err(tracing_energy::Error::from)?;
    let known = |name: &str| recording.rails.iter().any(|rail| rail.name == name);
    if let Some((name, _)) = kernels.iter().find(|(name, _)| !known(name)) {
        let rails: Vec<_> = recording
            .rails
            .iter()
            .map(|rail| rail.name.as_str())
            .collect();
        let message = format!(
            "it has no rail `{name}` for --kernel, but {}",
            rails.join(", ")
        );
        return Err(bad(path, message));
    }
    let oddities = recording.notices.iter().map(|notice| Oddity {
        kind: notice.kind,
        count: 1,
        message: notice.message.clone(),
    });
    Ok(Power {
        first_ns: recording.first.nanos(),
        wall: recording.wall,
        rails: rails(&recording, kernels),
        oddities: oddities.collect(),
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
