//! Activations with their energies, and the visitor that receives them.

use energy_data::rows::SpanRow;

use crate::error::Result;

/// One activation.
#[derive(Debug, Clone, PartialEq)]
pub struct PricedActivation {
    /// The recorded row.
    pub row: SpanRow,
    /// Start, clipped to the selected window.
    pub start_ns: i64,
    /// End. For an open activation, the time of the run's last heartbeat. For one that ended
    /// after its enclosing activation, the end of that one, because viewers require nesting.
    pub end_ns: i64,
    /// Data fields: a JSON object.
    pub fields: Option<String>,
    /// Number of open activations around it.
    pub depth: usize,
}

/// Active energy of an activation on its own thread, summed over root rails.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EntryCost {
    /// Energy in joules including nested activations; `None` if less than 99 % of its time was
    /// measured on some root rail.
    pub inclusive_j: Option<f64>,
    /// Self energy in joules, without nested activations; `None` as above.
    pub self_j: Option<f64>,
    /// Self time.
    pub self_ns: i64,
}

/// Receives activations.
pub trait ActivationVisitor {
    /// Called when an activation starts. Its nested activations on the thread follow before its
    /// exit.
    ///
    /// # Errors
    /// Fails if the visitor cannot write.
    fn enter(&mut self, activation: &PricedActivation) -> Result<()> {
        let _ = activation;
        Ok(())
    }

    /// Called when an activation has ended.
    ///
    /// # Errors
    /// Fails if the visitor cannot write.
    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()>;
}

/// Statistics of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WalkStats {
    /// Number of emitted activations.
    pub emitted: u64,
    /// Number of activations dropped for too little energy.
    pub below_minimum: u64,
    /// Energy of all emitted activations, each joule once.
    pub self_j: f64,
    /// Number of activations whose end was clipped to that of the enclosing one.
    pub clipped: u64,
}
