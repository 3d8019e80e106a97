//! Experiments: trials of several configurations in shuffled rounds. Each trial is a process of
//! its own, and its plan is in the recording.
//!
//! ```text
//! command line --> factors --> configurations --> plan, trials (tables) --> execute --> answer
//!                                                       ^                     |
//!                                                       +---- resume <--------+
//! ```

mod config;
mod factor;
mod factor_options;
mod options;
mod plan;
mod trial;
mod values;

pub use config::TrialConfig;
pub use factor_options::{ChosenFactor, FactorArgs, FactorOptions, LabelledConfig};
pub use options::SweepOptions;
pub use plan::ExperimentPlan;
pub use trial::{GivenTexts, Trial};
