//! Chart: what each phase cost, the interval reading.

use serde::Serialize;

use super::name::name;
use crate::query::{Ledger, Phase, PhaseSpan};

/// One phase, all its activations together, or the time between phases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PhaseBar {
    /// Its name.
    pub(super) phase: String,
    /// All that the root rails measured in its time.
    pub(super) energy_j: Option<f64>,
    /// Lower end of the 90 % interval; none where it ran several times.
    pub(super) lo_j: Option<f64>,
    /// Upper end.
    pub(super) hi_j: Option<f64>,
    /// Idle part.
    pub(super) idle_j: Option<f64>,
    /// The rest of it.
    pub(super) active_j: Option<f64>,
    /// Its time.
    pub(super) duration_ns: Option<i64>,
    /// Energy over time.
    pub(super) avg_w: Option<f64>,
    /// Highest mean power of a sample in its time, of any root rail.
    pub(super) peak_w: Option<f64>,
    /// Its part of all phases.
    pub(super) share: Option<f64>,
    /// How its energy was found.
    pub(super) basis: Option<String>,
}

/// Bars of phases. `whole` says that `spans` are all there are.
pub(super) fn phase_bars(
    phases: &[Phase],
    ledger: &Ledger,
    spans: &[PhaseSpan],
    whole: bool,
) -> Vec<PhaseBar> {
    let label = |span: &&PhaseSpan| ledger.node(span.node).map(|node| node.label.as_str());
    let only = |phase: &Phase| {
        let mut of = spans
            .iter()
            .filter(|span| label(span) == Some(phase.phase.as_str()));
        let one = of.next().filter(|_| whole)?;
        of.next().is_none().then_some(one)
    };
    let bar = |phase: &Phase| PhaseBar {
        phase: name(&phase.phase),
        energy_j: phase.energy_j,
        lo_j: only(phase).and_then(|span| span.lo_j),
        hi_j: only(phase).and_then(|span| span.hi_j),
        idle_j: phase.idle_j,
        active_j: phase.active_j,
        duration_ns: phase.duration_ns,
        avg_w: phase.avg_w,
        peak_w: phase.peak_w,
        share: phase.share,
        basis: only(phase).and_then(|span| span.basis.as_deref().map(name)),
    };
    phases.iter().map(bar).collect()
}
