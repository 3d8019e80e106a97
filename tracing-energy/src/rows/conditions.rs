//! Under which conditions a run took place.

/// When a condition was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// At the run's start.
    Start,
    /// At its end; a run whose process died has none of these.
    End,
}

impl Moment {
    /// The name in tables: `start`, `end`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
        }
    }

    /// The moment with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Start, Self::End]
            .into_iter()
            .find(|moment| moment.name() == name)
    }
}

/// `conditions`: what is not known has no row. The keys are those of
/// [`crate::conditions`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionRow {
    /// Start or end of the run.
    pub moment: Moment,
    /// Which condition.
    pub key: String,
    /// Its value, as text.
    pub value: String,
}
