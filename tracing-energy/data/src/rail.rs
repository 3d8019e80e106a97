//! Properties of rails.

/// The domain that a rail meters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RailKind {
    /// CPU cores and their caches.
    Cpu,
    /// A graphics processor.
    Gpu,
    /// A neural engine.
    Ane,
    /// Memory.
    Dram,
    /// A processor package or system on chip, including its parts.
    Package,
    /// The whole machine.
    System,
    /// Anything else.
    Other,
}

impl RailKind {
    /// Returns the name in tables: `cpu`, `gpu`, `ane`, `dram`, `package`, `system`, `other`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Ane => "ane",
            Self::Dram => "dram",
            Self::Package => "package",
            Self::System => "system",
            Self::Other => "other",
        }
    }

    /// Returns the kind with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Cpu,
            Self::Gpu,
            Self::Ane,
            Self::Dram,
            Self::Package,
            Self::System,
            Self::Other,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// The origin of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// Read from a sensor during the run.
    Measured,
    /// Computed from CPU time and configured watts.
    Modelled,
    /// Read from a recording of another run.
    Replayed,
}

impl Provenance {
    /// Returns the name in tables: `measured`, `modelled`, `replayed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Modelled => "modelled",
            Self::Replayed => "replayed",
        }
    }

    /// Returns the provenance with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Measured, Self::Modelled, Self::Replayed]
            .into_iter()
            .find(|p| p.name() == name)
    }
}
