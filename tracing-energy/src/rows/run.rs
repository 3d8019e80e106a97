//! What a run is, and what happened in it.

/// Whether a run is going on or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// Being recorded.
    Running,
    /// Finished in order.
    Complete,
    /// Ended by a signal or by the user.
    Cancelled,
    /// Its process died.
    Crashed,
}

impl RunStatus {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::Crashed => "crashed",
        }
    }

    /// The status with that [name](Self::name).
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

/// What the user tells about a run; all of it optional.
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
    /// Tokens read.
    pub input_tokens: Option<i64>,
    /// Tokens sampled, EOS included.
    pub output_tokens: Option<i64>,
    /// The experiment the run belongs to.
    pub experiment: Option<String>,
    /// Tags: key and value.
    pub tags: Vec<(String, String)>,
    /// Anything else, a JSON object.
    pub config: Option<String>,
}

impl RunMetadata {
    /// Takes prompt and response out.
    pub(crate) fn forget_texts(&mut self) {
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
    /// When that process started, in the system's own unit (tells reused pids apart).
    pub pid_start: Option<i64>,
    /// Identifies this boot of this machine.
    pub boot_id: Option<String>,
    /// Wall clock of run time zero, ns since 1970.
    pub start_unix_ns: i64,
    /// End of the run, run time.
    pub end_ns: Option<i64>,
    /// Host name.
    pub host: Option<String>,
    /// Operating system and version.
    pub os: Option<String>,
    /// Processor.
    pub chip: Option<String>,
    /// Version of this crate.
    pub version: String,
    /// The uuid of the run of another process into which this one goes, where it is
    /// recorded for that one.
    pub joins: Option<String>,
    /// What the user told.
    pub metadata: RunMetadata,
}

/// `events`: losses, gaps, restarts, warnings.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// When.
    pub time_ns: i64,
    /// A stable word.
    pub kind: String,
    /// How many, where it counts something.
    pub count: u64,
    /// In words.
    pub message: String,
}
