//! The energy of nodes, activations and phases.

/// How an energy was determined.
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
    /// All bases.
    pub(crate) const ALL: [Self; 7] = [
        Self::Measured,
        Self::Fitted,
        Self::Calibrated,
        Self::Grouped,
        Self::Proportional,
        Self::Modelled,
        Self::Replayed,
    ];

    /// Returns the basis with that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.name() == name)
    }

    /// Returns the name in tables.
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

/// `window_power`: mean power of a thread's activations in one window; their energy there
/// is this power times their time. With a kind, it is the power of the self time of nodes
/// of that kind only. An attribution may have rows of both forms; their powers add up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowPowerRow {
    /// Rail.
    pub rail: u32,
    /// Start of the window.
    pub start_ns: i64,
    /// End of the window.
    pub end_ns: i64,
    /// Thread, or `None` for all.
    pub thread: Option<u32>,
    /// Kind, or `None` for all.
    pub kind: Option<u32>,
    /// Power.
    pub power_w: f64,
}

/// `node_energy`: energy of one node on one rail.
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
    /// The part of it that samples cover.
    pub covered_ns: i64,
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
    /// How it was determined.
    pub basis: Basis,
}

/// `span_energy`: energy of one activation's interval on one rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanEnergyRow {
    /// Activation.
    pub span: u64,
    /// Rail.
    pub rail: u32,
    /// Energy that the rail measured in its time.
    pub energy_j: Option<f64>,
    /// Idle part of `energy_j`.
    pub idle_j: Option<f64>,
    /// Active energy of its spans, nested ones included.
    pub spans_j: Option<f64>,
    /// Lower end of the 90 % interval of `energy_j + extrapolated_j`.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Highest mean power of a sample in its time.
    pub peak_w: Option<f64>,
    /// How it was determined.
    pub basis: Basis,
    /// The part of its time that samples cover.
    pub covered_ns: i64,
    /// Energy estimated for the remainder of its time.
    pub extrapolated_j: f64,
}

/// `phase_energy`: energy of one phase node's interval on one rail. Where phases overlap in
/// time, each moment is divided equally among them, so that phases sum to the run's totals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseEnergyRow {
    /// Phase node, or `None` for `(between)`: run time outside every phase.
    pub node: Option<u32>,
    /// Rail.
    pub rail: u32,
    /// Its time (its share of each moment).
    pub duration_ns: i64,
    /// Energy that the rail measured in its time.
    pub energy_j: Option<f64>,
    /// Idle part of `energy_j`.
    pub idle_j: Option<f64>,
    /// Active energy of its spans, nested ones included.
    pub spans_j: Option<f64>,
    /// Highest mean power of a sample in its time.
    pub peak_w: Option<f64>,
    /// The part of its time that samples cover.
    pub covered_ns: i64,
    /// Energy estimated for the remainder of its time; `None` if the rail has no sample.
    pub extrapolated_j: Option<f64>,
    /// Lower end of the 90 % interval of `energy_j + extrapolated_j`.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Half of the 90 % interval of `extrapolated_j`; independent between phases.
    pub gap_j: Option<f64>,
    /// Energy that windows across its edges probably gave to its neighbours (positive) or
    /// took from them (negative). Part of the interval, not of `energy_j`.
    pub edge_j: Option<f64>,
}
