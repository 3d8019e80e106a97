//! Keys that determine which runs a calibration is valid for.

use energy_data::rows::{CalibrationKey, RunRow};
use energy_host::Host;

use crate::query::StoredConfig;

/// Returns the name of this machine in keys.
pub fn machine() -> String {
    let here = Host::here();
    named(here.name.as_deref(), here.chip.as_deref())
}

fn named(host: Option<&str>, chip: Option<&str>) -> String {
    let unknown = "(unknown)";
    format!("{}, {}", host.unwrap_or(unknown), chip.unwrap_or(unknown))
}

/// Returns the key of calibrations that are valid for a run with rails of `source`.
///
/// # Errors
/// If the recording lacks a part of the key: runs of other programs and of earlier versions
/// have no calibration.
pub fn key_of_run(run: &RunRow, source: &str) -> Result<CalibrationKey, String> {
    let missing = |what: &str| {
        format!(
            "the recording has no {what}, so no stored calibration matches; give a file with --prior"
        )
    };
    let config = StoredConfig::of(&run.metadata);
    let precision = run.metadata.precision.clone();
    Ok(CalibrationKey {
        machine: named(run.host.as_deref(), run.chip.as_deref()),
        model: config
            .model_sha256
            .ok_or_else(|| missing("model's checksum"))?,
        precision: precision.ok_or_else(|| missing("precision"))?,
        threads: config.threads.ok_or_else(|| missing("number of threads"))?,
        device: config.device.ok_or_else(|| missing("device"))?,
        depth: config.depth.ok_or_else(|| missing("depth of spans"))?,
        source: source.to_owned(),
    })
}
