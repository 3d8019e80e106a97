//! A run, its metadata and its events.

/// Status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// Being recorded.
    Running,
    /// Finished normally.
    Complete,
    /// Ended by a signal or by the user.
    Cancelled,
    /// Its process died.
    Crashed,
}

impl RunStatus {
    /// Returns the name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::Crashed => "crashed",
        }
    }

    /// Returns the status with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Running,
            Self::Complete,
            Self::Cancelled,
            Self::Crashed,
        ]
        .into_iter()
        .find(|s| s.name() == name)
    }
}

/// User-supplied metadata of a run; all of it optional.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunMetadata {
    /// The run's name; need not be unique.
    pub name: Option<String>,
    /// The model that was run.
    pub model: Option<String>,
    /// The prompt.
    pub prompt: Option<String>,
    /// The response.
    pub response: Option<String>,
    /// The engine: `candle`, `llama.cpp`.
    pub engine: Option<String>,
    /// Number format of the weights: `q8_0`, `f32`.
    pub precision: Option<String>,
    /// Sequences processed together.
    pub batch: Option<i64>,
    /// Prompt tokens.
    pub input_tokens: Option<i64>,
    /// Generated tokens, including EOS.
    pub output_tokens: Option<i64>,
    /// The experiment the run belongs to.
    pub experiment: Option<String>,
    /// Tags: key and value.
    pub tags: Vec<(String, String)>,
    /// Anything else, a JSON object.
    pub config: Option<String>,
}

impl RunMetadata {
    /// Removes prompt and response.
    pub fn forget_texts(&mut self) {
        (self.prompt, self.response) = (None, None);
    }
}

/// `runs`.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Identifies the run everywhere.
    pub uuid: String,
    /// Running, complete, cancelled or crashed.
    pub status: RunStatus,
    /// Process that records.
    pub pid: u32,
    /// Start time of that process in the system's own unit, to distinguish reused pids.
    pub pid_start: Option<i64>,
    /// Identifies this boot of this machine.
    pub boot_id: Option<String>,
    /// Wall clock of run time zero, ns since 1970.
    pub start_unix_ns: i64,
    /// End of the run, run time.
    pub end_ns: Option<i64>,
    /// Identifies the machine; a hash, not the system's id.
    pub host_id: Option<String>,
    /// Host name.
    pub host: Option<String>,
    /// Operating system and version.
    pub os: Option<String>,
    /// Processor.
    pub chip: Option<String>,
    /// Version of this crate.
    pub version: String,
    /// Uuid of the parent run that this run is merged into when that run ends; `None` for
    /// an independent run.
    pub parent_run: Option<String>,
    /// Metadata supplied by the user.
    pub metadata: RunMetadata,
}

/// `events`: losses, gaps, restarts, warnings.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Run time.
    pub time_ns: i64,
    /// Stable kind of the event.
    pub kind: String,
    /// Number of occurrences.
    pub count: u64,
    /// Message.
    pub message: String,
}
