//! An experiment and its trials.

use energy_data::rows::{ExperimentRow, TrialRow, TrialStatus};

/// Id of [`experiment`].
pub const EXPERIMENT: &str = "0b3c8a52-6d3b-4b57-9c0e-5a4c6a5f0001";

/// A pending trial with that number.
pub fn trial(no: i64) -> TrialRow {
    TrialRow {
        no,
        round: 1,
        configuration: format!("batch {no}"),
        config: format!("{{\"batch\":{no}}}"),
        position: no,
        status: TrialStatus::Pending,
        run_uuid: None,
        start_unix_ns: None,
        duration_ns: None,
        error: None,
        warning: None,
    }
}

/// An experiment.
pub fn experiment() -> ExperimentRow {
    ExperimentRow {
        id: EXPERIMENT.to_owned(),
        name: "batches".to_owned(),
        created_unix_ns: 7,
        plan: "{}".to_owned(),
    }
}
