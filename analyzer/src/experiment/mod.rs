//! Experiments: trials of several configurations in shuffled rounds. Each trial is a process of
//! its own, and its plan is in the recording.
//!
//! ```text
//! command line --> factors --> configurations --> plan, trials (tables) --> execute --> answer
//!                                                       ^                     |
//!                                                       +---- resume <--------+
//! ```

mod answer;
mod chosen_factor;
mod config;
mod configurations;
mod cooldown;
mod cpu_time;
mod durations;
mod estimate;
mod event;
mod execute;
mod factor;
mod factor_options;
mod labels;
mod lock;
mod options;
mod plan;
mod program_change;
mod stored;
mod trial;
mod trial_conditions;
mod trial_fault;
mod values;

pub use answer::answer;
pub use chosen_factor::ChosenFactor;
pub use config::TrialConfig;
pub use cooldown::CooldownEnd;
pub use cpu_time::CpuTimes;
pub use estimate::{SweepEstimate, estimate};
pub use event::{OnSweepEvent, SweepEvent};
pub use execute::Executed;
pub use factor_options::{FactorArgs, FactorOptions, LabelledConfig};
pub use options::SweepOptions;
pub use plan::ExperimentPlan;
pub use stored::Experiment;
pub use trial::{GivenTexts, Trial};
