//! Callsites and the calling-context tree.

/// Processor on which a callsite's work runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
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
    /// Returns the name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Ane => "ane",
        }
    }

    /// Returns the domain with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Cpu, Self::Gpu, Self::Ane]
            .into_iter()
            .find(|d| d.name() == name)
    }
}

/// Role of a callsite's spans in the structure of a run.
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

    /// Returns the name in tables.
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

    /// Returns the role with that [name](Self::name).
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
    /// Processor on which its work runs.
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
    /// Callsite; `None` for `(other)` and `(unknown)`.
    pub callsite: Option<u32>,
    /// Span name with the values of its key fields: `layer 3`.
    pub label: String,
    /// 0 for a root.
    pub depth: u32,
    /// Its kind. `None` when it is written: the path of span names from the root, which is
    /// stored then.
    pub kind: Option<String>,
}

/// `node_windows`: totals of one node on one thread in `[start_ns, end_ns)`, for levels of
/// detail without a row per activation.
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
    /// Self time in it; below zero where an earlier window counted too much, because a record
    /// was read late.
    pub self_ns: i64,
    /// Activations that ended in it.
    pub activations: u64,
}
