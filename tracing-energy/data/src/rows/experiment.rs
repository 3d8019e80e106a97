//! Experiments: planned runs of several configurations.

/// `experiments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentRow {
    /// Identifies the experiment in every file: a UUID.
    pub id: String,
    /// Given by the user; need not be unique.
    pub name: String,
    /// Wall clock of its creation, ns since 1970.
    pub created_unix_ns: i64,
    /// Factors, common options and prompt: a JSON object.
    pub plan: String,
}

/// State of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrialStatus {
    /// It was not started.
    Pending,
    /// Its process was started.
    Running,
    /// Its run is complete.
    Complete,
    /// Its process failed, or its run is not complete.
    Failed,
    /// Its run is complete, but another trial was added in its place.
    Replaced,
}

impl TrialStatus {
    /// All states.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Complete,
        Self::Failed,
        Self::Replaced,
    ];

    /// Returns the stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Replaced => "replaced",
        }
    }

    /// Returns the state with that stored name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// `trials`: one planned or executed run of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialRow {
    /// Number within the experiment, from 1.
    pub no: i64,
    /// Number within the configuration, from 1.
    pub round: i64,
    /// Values that distinguish its configuration; empty if there is only one.
    pub configuration: String,
    /// Values of all factors: a JSON object.
    pub config: String,
    /// Order of execution, from 1.
    pub position: i64,
    /// State.
    pub status: TrialStatus,
    /// Id of its run; `None` before its first start.
    pub run_uuid: Option<String>,
    /// Wall clock of the latest start of its process, ns since 1970.
    pub start_unix_ns: Option<i64>,
    /// Time that its process took; `None` if it has not ended.
    pub duration_ns: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Conditions that affect its energy.
    pub warning: Option<String>,
}
