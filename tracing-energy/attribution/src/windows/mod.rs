//! Windows of samples: what ran in each, and how its energy is divided.
//!
//! ```text
//! spans, CPU times, device use --> inputs --+
//! samples --> queue of each rail (measured) +--> builder --> view of one window
//!                 activity, CPU time, processes, basis --^
//! ```

pub(crate) mod activity;
pub(crate) mod basis;
pub(crate) mod builder;
pub(crate) mod device_use;
pub(crate) mod inputs;
pub(crate) mod measured;
pub(crate) mod pieces;
pub(crate) mod processes;
pub(crate) mod queue;
pub(crate) mod rail;
pub(crate) mod view;
pub(crate) mod weights;
pub(crate) mod window_cpu;
