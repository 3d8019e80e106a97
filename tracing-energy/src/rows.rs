//! The rows of a recording, one type for each table of the store.
//!
//! Times are ns since the run's start, energies joules; `None` is "not known",
//! never zero. Ids are dense, start at 1 and are local to the run.

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
    /// What the user told.
    pub metadata: RunMetadata,
}

/// `rails`.
#[derive(Debug, Clone, PartialEq)]
pub struct RailRow {
    /// Rail id.
    pub id: u32,
    /// Source it belongs to.
    pub source: String,
    /// Name within the source.
    pub name: String,
    /// Rail that contains it.
    pub parent: Option<u32>,
    /// What it meters.
    pub kind: crate::power::RailKind,
    /// The sensor's unit.
    pub unit: String,
    /// Wished-for time between samples.
    pub interval_ns: i64,
    /// Averaging window of the sensor.
    pub kernel: String,
    /// Measured, modelled or replayed.
    pub provenance: crate::power::Provenance,
}

/// Whose thread it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreadRole {
    /// The traced program's.
    Program,
    /// The recorder's own.
    Profiler,
}

impl ThreadRole {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Profiler => "profiler",
        }
    }
}

/// `threads`: threads that carry spans, and our own.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadRow {
    /// Thread id within the run.
    pub id: u32,
    /// The operating system's thread id.
    pub tid: i64,
    /// Its name.
    pub name: Option<String>,
    /// Program or profiler.
    pub role: ThreadRole,
}

/// Whose CPU time a [`CpuRow`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CpuOf {
    /// The thread with that id.
    Thread(u32),
    /// This whole process.
    Process,
    /// All processors of the machine, busy time of everyone.
    Machine,
    /// The child process of a power source.
    Sensor,
}

/// `cpu`: CPU time used in `[start_ns, end_ns)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuRow {
    /// Whose.
    pub of: CpuOf,
    /// Start of the interval.
    pub start_ns: i64,
    /// End of the interval.
    pub end_ns: i64,
    /// CPU time used in it, all processors added.
    pub on_cpu_ns: i64,
}

/// Which processor a callsite's work runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Domain {
    /// The CPU.
    #[default]
    Cpu,
    /// A GPU.
    Gpu,
    /// A neural engine.
    Ane,
}

impl Domain {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Ane => "ane",
        }
    }

    /// The domain with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Cpu, Self::Gpu, Self::Ane]
            .into_iter()
            .find(|d| d.name() == name)
    }
}

/// What a callsite's spans are in the structure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The whole of the measured work.
    Run,
    /// A phase of it.
    Phase,
    /// A section of a phase or token.
    Section,
    /// One token.
    Token,
    /// One layer.
    Layer,
    /// A component of a layer.
    Component,
    /// One operation.
    Op,
}

impl Role {
    /// All roles, outermost first.
    pub const ALL: [Self; 7] = [
        Self::Run,
        Self::Phase,
        Self::Section,
        Self::Token,
        Self::Layer,
        Self::Component,
        Self::Op,
    ];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Phase => "phase",
            Self::Section => "section",
            Self::Token => "token",
            Self::Layer => "layer",
            Self::Component => "component",
            Self::Op => "op",
        }
    }

    /// The role with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// `callsites`.
#[derive(Debug, Clone, PartialEq)]
pub struct CallsiteRow {
    /// Callsite id.
    pub id: u32,
    /// Span name.
    pub name: String,
    /// Target.
    pub target: String,
    /// Level, `TRACE` .. `ERROR`.
    pub level: String,
    /// Source file.
    pub file: Option<String>,
    /// Source line.
    pub line: Option<u32>,
    /// Which processor does its work.
    pub domain: Domain,
    /// Its role, if its name has one.
    pub role: Option<Role>,
}

/// `nodes`: a path in the calling-context tree.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRow {
    /// Node id.
    pub id: u32,
    /// Parent node.
    pub parent: Option<u32>,
    /// Callsite; none for `(other)` and `(unknown)`.
    pub callsite: Option<u32>,
    /// Span name with the values of its key fields: `layer 3`.
    pub label: String,
    /// 0 for a root.
    pub depth: u32,
}

/// `instances`: created spans. Only those that their activations do not tell
/// already have a row: entered several times, or never.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceRow {
    /// Instance id.
    pub id: u64,
    /// Callsite.
    pub callsite: u32,
    /// Parent instance.
    pub parent: Option<u64>,
    /// When it was created.
    pub created_ns: i64,
    /// When its last handle was dropped.
    pub closed_ns: Option<i64>,
}

/// `spans`: activations, one outermost enter..exit of a span on one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanRow {
    /// Number within the run, from 1, ascending with `start_ns`.
    pub seq: u64,
    /// Node.
    pub node: u32,
    /// Instance, where it has a row in `instances`; else the activation is the
    /// only one of its instance.
    pub instance: Option<u64>,
    /// The activation it ran in.
    pub parent: Option<u64>,
    /// Thread.
    pub thread: u32,
    /// Entered.
    pub start_ns: i64,
    /// Left; none while open.
    pub end_ns: Option<i64>,
    /// Value of its field `token`.
    pub token: Option<i64>,
}

/// `span_fields`: the data fields of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldsRow {
    /// The first activation of the instance that has the fields.
    pub span: u64,
    /// The fields, a JSON object.
    pub json: String,
}

/// `node_windows`: totals of one node on one thread in `[start_ns, end_ns)`,
/// for details that keep no row for each activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeWindowRow {
    /// Node.
    pub node: u32,
    /// Thread.
    pub thread: u32,
    /// Start of the window.
    pub start_ns: i64,
    /// End of the window.
    pub end_ns: i64,
    /// Self time in it.
    pub self_ns: i64,
    /// Activations that ended in it.
    pub activations: u64,
}

/// `links`: `follows_from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRow {
    /// Activation (or the latest of the instance) that follows.
    pub span: u64,
    /// Activation it follows from.
    pub follows: u64,
}

/// `marks`: `tracing` events.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkRow {
    /// When.
    pub time_ns: i64,
    /// Thread.
    pub thread: u32,
    /// The activation it happened in.
    pub span: Option<u64>,
    /// Callsite.
    pub callsite: u32,
    /// Its fields, a JSON object; `message` is one of them.
    pub json: String,
}

/// `samples`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRow {
    /// Rail.
    pub rail: u32,
    /// Start of the window.
    pub start_ns: i64,
    /// End of the window.
    pub end_ns: i64,
    /// Energy; none where the device gave none.
    pub energy_j: Option<f64>,
}

/// `baselines`: idle power of a rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineRow {
    /// Rail.
    pub rail: u32,
    /// Start of the idle time.
    pub start_ns: i64,
    /// End of the idle time.
    pub end_ns: i64,
    /// Mean power over whole samples in it, or the configured idle power.
    pub power_w: f64,
    /// Samples used; 0 for a configured one.
    pub samples: u32,
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

/// Rows of one attribution, as far as its windows have closed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttributionRows {
    /// `attributions`; present in the first batch and again at the end.
    pub head: Option<AttributionRow>,
    /// `sample_balance`: new windows.
    pub sample_balance: Vec<SampleBalanceRow>,
    /// `window_power`: new windows.
    pub window_power: Vec<WindowPowerRow>,
    /// `span_energy`: activations all of whose windows closed (or the run ended).
    pub span_energy: Vec<SpanEnergyRow>,
    /// `phase_energy`: totals up to now, replaces (at each flush that changed it).
    pub phase_energy: Vec<PhaseEnergyRow>,
    /// `node_energy`: totals up to now, replaces (changed nodes only).
    pub node_energy: Vec<NodeEnergyRow>,
    /// `balance`: totals up to now, replaces.
    pub balance: Vec<BalanceRow>,
}

/// `attributions`.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributionRow {
    /// Attribution id within the run.
    pub id: u32,
    /// `proportional`, `fitted`, `calibrated`.
    pub method: String,
    /// Version of the method.
    pub version: u32,
    /// Parameters, a JSON object.
    pub params: String,
    /// Clock offset between sensor and program, where one was estimated.
    pub offset_ms: Option<f64>,
    /// Diagnostics, a JSON object.
    pub diagnostics: String,
}

/// The accounts of a measured energy:
/// `measured = idle + spans + outside + others + profiler + residual`.
/// `None` is "cannot be told apart here" and counts as zero in the sum.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Accounts {
    /// What the sensor gave.
    pub measured_j: f64,
    /// Baseline power x time.
    pub idle_j: Option<f64>,
    /// Self energy of nodes.
    pub spans_j: f64,
    /// This process while no span was active.
    pub outside_j: Option<f64>,
    /// Other processes.
    pub others_j: Option<f64>,
    /// Our own threads and the sensor's child.
    pub profiler_j: Option<f64>,
    /// What the model does not explain; signed.
    pub residual_j: f64,
}

/// `sample_balance`: the accounts of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleBalanceRow {
    /// Rail.
    pub rail: u32,
    /// Start of the sample's part inside the run.
    pub start_ns: i64,
    /// End of it.
    pub end_ns: i64,
    /// Its accounts.
    pub accounts: Accounts,
    /// The phase node that was active longest in it.
    pub phase: Option<u32>,
}

/// `balance`: the accounts of one rail over the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalanceRow {
    /// Rail.
    pub rail: u32,
    /// Sum over its samples.
    pub accounts: Accounts,
    /// Energy supposed for run time without samples; never part of measured.
    pub extrapolated_j: f64,
    /// Highest mean power of a sample.
    pub peak_w: Option<f64>,
    /// Middle of that sample.
    pub peak_ns: Option<i64>,
}

/// `window_power`: mean power of a thread's activations in one window: their
/// energy there is this times their time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowPowerRow {
    /// Rail.
    pub rail: u32,
    /// Start of the window.
    pub start_ns: i64,
    /// End of the window.
    pub end_ns: i64,
    /// Thread, or none for all.
    pub thread: Option<u32>,
    /// Kind, or none for all.
    pub kind: Option<u32>,
    /// Power.
    pub power_w: f64,
}

/// How an energy figure was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Covers at least ten whole windows.
    Measured,
    /// Estimated by the fit.
    Fitted,
    /// Estimated with calibrated priors.
    Calibrated,
    /// Estimated as a group.
    Grouped,
    /// Split by time.
    Proportional,
    /// From modelled power.
    Modelled,
    /// From a replayed recording.
    Replayed,
}

impl Basis {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Fitted => "fitted",
            Self::Calibrated => "calibrated",
            Self::Grouped => "grouped",
            Self::Proportional => "proportional",
            Self::Modelled => "modelled",
            Self::Replayed => "replayed",
        }
    }
}

/// `node_energy`: the ledger reading of one node on one rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeEnergyRow {
    /// Node.
    pub node: u32,
    /// Rail.
    pub rail: u32,
    /// Active self energy.
    pub self_j: f64,
    /// Lower end of its 90 % interval.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Active energy of the node and all below it.
    pub inclusive_j: f64,
    /// Its share of the idle energy (self).
    pub idle_j: Option<f64>,
    /// Self time, all threads added.
    pub self_ns: i64,
    /// Activations.
    pub activations: u64,
    /// Instances.
    pub instances: u64,
    /// Lowest mean power in a window.
    pub min_w: Option<f64>,
    /// Self energy over self time.
    pub avg_w: Option<f64>,
    /// Highest mean power in a window.
    pub peak_w: Option<f64>,
    /// How it was found.
    pub basis: Basis,
}

/// `span_energy`: the interval reading of one activation on one rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanEnergyRow {
    /// Activation.
    pub span: u64,
    /// Rail.
    pub rail: u32,
    /// All that the rail measured in its time.
    pub energy_j: Option<f64>,
    /// Idle part.
    pub idle_j: Option<f64>,
    /// Its inclusive share of the ledger.
    pub spans_j: Option<f64>,
    /// Lower end of the interval of `energy_j`.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Highest mean power of a sample in its time.
    pub peak_w: Option<f64>,
    /// How it was found.
    pub basis: Basis,
}

/// `phase_energy`: the interval reading of one phase node on one rail. Where
/// phases overlap in time, each moment is divided equally among them, so that
/// phases sum to the run's totals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseEnergyRow {
    /// Phase node; none is `(between)`: run time outside every phase.
    pub node: Option<u32>,
    /// Rail.
    pub rail: u32,
    /// Its time (its share of each moment).
    pub duration_ns: i64,
    /// All that the rail measured in its time.
    pub energy_j: Option<f64>,
    /// Idle part.
    pub idle_j: Option<f64>,
    /// Its inclusive share of the ledger.
    pub spans_j: Option<f64>,
    /// Highest mean power of a sample in its time.
    pub peak_w: Option<f64>,
}

impl AttributionRows {
    /// Adds later rows.
    pub fn append(&mut self, mut later: Self) {
        self.head = later.head.take().or(self.head.take());
        self.sample_balance.append(&mut later.sample_balance);
        self.window_power.append(&mut later.window_power);
        self.span_energy.append(&mut later.span_energy);
        self.phase_energy.append(&mut later.phase_energy);
        self.node_energy.append(&mut later.node_energy);
        self.balance.append(&mut later.balance);
    }
}
