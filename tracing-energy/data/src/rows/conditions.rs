//! Conditions of a run.

/// Time at which a condition was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionTime {
    /// At the run's start.
    Start,
    /// At its end; missing if the process died.
    End,
}

impl ConditionTime {
    /// Returns the name in tables: `start`, `end`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
        }
    }

    /// Returns the time with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Start, Self::End]
            .into_iter()
            .find(|time| time.name() == name)
    }
}

/// `conditions`. Unknown conditions have no row. The keys are those of
/// the module `conditions` of `tracing-energy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionRow {
    /// Start or end of the run.
    pub time_point: ConditionTime,
    /// Which condition.
    pub key: String,
    /// Its value, as text.
    pub value: String,
}
