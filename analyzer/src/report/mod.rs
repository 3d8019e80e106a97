//! Reports of runs: charts, tables and a comparison in one HTML file.
//!
//! ```text
//! recording --summary, charts, compare--> Drawn --+--> sections (HTML, readable without scripts)
//!                                                 +--> one JSON block --> scripts of `charts`
//! ```
//!
//! Every chart is drawn from plain structs that sum to the run's balance or ledger. Data that
//! is too small or too numerous to draw is merged and counted, never dropped. The page loads
//! and sends nothing, which its content security policy enforces.

mod comparison;
mod content;
mod drawn;
mod embed;
mod experiment;
mod head;
mod markup;
mod options;
mod page;
mod sections;
mod tables;

pub use content::{HtmlReport, MAX_SELECTIONS};
pub use options::ReportOptions;
