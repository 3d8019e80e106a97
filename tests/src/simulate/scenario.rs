//! The programs that can be simulated, by name.

use std::fmt;
use std::str::FromStr;

use super::{SensorModel, Settings, SimulateError};

/// A program to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A language model: prefill, then 64 tokens; 30 layers of 20 ops on one thread.
    Llm,
    /// The same for 6 tokens without a prefill, about two seconds.
    Short,
    /// [`Scenario::Llm`] with kinds for each layer.
    LlmFine,
    /// A server: four threads, requests of 5 to 15 ops of 50 kinds.
    Web,
    /// Two kinds that alternate in a fixed ratio, so that samples cannot separate them, and
    /// two others.
    Adversarial,
    /// Ten kinds in changing proportions, and one long span that occurs once.
    Once,
    /// Launches and kernels: a CPU, a GPU and a memory rail.
    Gpu,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Llm,
        Self::Short,
        Self::LlmFine,
        Self::Web,
        Self::Adversarial,
        Self::Once,
        Self::Gpu,
    ];

    /// Its name in files and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Llm => "llm",
            Self::Short => "short",
            Self::LlmFine => "llm_fine",
            Self::Web => "web",
            Self::Adversarial => "adv",
            Self::Once => "once",
            Self::Gpu => "gpu",
        }
    }

    /// Returns its default settings.
    #[must_use]
    pub fn settings(self) -> Settings {
        let usual = Settings::default();
        match self {
            Self::Short => Settings {
                preroll_s: 0.3,
                ..usual
            },
            Self::LlmFine => Settings {
                kinds_per_layer: true,
                ..usual
            },
            Self::Gpu => Settings {
                sensor: SensorModel::Multi,
                idle_w: 6.0,
                ..usual
            },
            _ => usual,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = SimulateError;

    fn from_str(name: &str) -> Result<Self, SimulateError> {
        let found = Self::ALL.into_iter().find(|one| one.name() == name);
        found.ok_or_else(|| SimulateError::UnknownScenario {
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}
