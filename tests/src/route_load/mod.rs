//! A service under load with a known CPU time for each route.
//!
//! ```text
//! request   |burn|--sleep--|burn on the pool|--sleep--|burn|     burn: exactly measured CPU time
//! ```
//!
//! Each burn reads the CPU clock of its thread before and after, so that the truth does not depend on
//! spans, samples or the recorder.

mod burn;
mod load;
mod truth;

pub use load::{LoadOptions, run};
pub use truth::RouteTruth;
