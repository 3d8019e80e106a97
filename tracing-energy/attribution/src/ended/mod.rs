//! Energies of ended activations while a run is recorded: for outputs that are written at once.
//!
//! ```text
//! batches of rows --> EndedActivations --> EndedActivation: span, fields, energies
//!                       waits until windows cover the activation
//! ```

mod nested;
mod pending;
mod present;

pub use pending::{EndedActivation, EndedActivations};
