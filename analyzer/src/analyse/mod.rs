//! Analyses of recorded runs: which batch, context, quantization, model or engine needs the least
//! energy per token, and how certain that is.
//!
//! ```text
//! recordings -> facts of runs -> configurations -> series: equal in all but one factor
//!                                                     |
//!                     energy-statistics  <- levels ---+-> findings -> answer, JSON, plot
//! ```
//!
//! An [`Analysis`] is one file and one line of [`ANALYSES`]. Each returns findings: a sentence, its
//! numbers with their intervals, and the rows behind it. What cannot be estimated is a finding, too,
//! with the reason and the next step. Commands, server, report and dashboard show the same findings.

mod analysis;
mod answer;
mod answer_lengths;
mod attention;
mod batch;
mod context;
mod different_conditions;
mod engine_verdicts;
mod engines;
mod experts;
mod factor_grid;
mod finding;
mod level_words;
mod levels;
mod list;
mod mean;
mod model_groups;
mod models;
mod options;
mod parameters;
mod pareto;
mod quantization;
mod read;
mod series;
mod series_name;
mod shape;
mod trend;
mod words;

pub use analysis::{Analysis, AnalysisResult, PerToken};
pub use answer::Analysed;
pub use different_conditions::{different_conditions, disturbed_runs};
pub use finding::{Finding, FindingRow, FindingVerdict, NamedEstimate};
pub use list::{ANALYSES, analysis};
pub use mean::{MeanInterval, mean_interval};
pub use options::AnalyseOptions;
pub use read::{Latencies, ReadConfigurations, read_configurations};
pub use series_name::names_of;
pub use words::{list_of, relative};
