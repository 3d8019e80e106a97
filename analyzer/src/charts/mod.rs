//! Data of the charts of one run, and the scripts and styles that draw them.
//!
//! ```text
//! recording --query, summary--> RunCharts --JSON--> scripts: (run, width, across) -> elements
//! ```
//!
//! Each chart is a plain struct. Its parts sum to the run's balance or ledger. Data that is
//! too small or too numerous to draw is merged and counted, never dropped. A page embeds
//! [`STYLES`] and [`SCRIPTS`], and calls `charts.NAME` for each chart.

mod accounts;
mod assets;
mod cells;
mod flows;
mod matrix;
mod name;
mod operations;
mod part;
mod phases;
mod run;
mod series;
mod timeline;
mod timeline_part;
mod token_axes;
mod token_parts;
mod token_spans;
mod tree;

pub use accounts::{Account, RailAccounts, accounts};
pub use assets::{SCRIPTS, STYLES, THEME};
pub use cells::{CellMetric, CellsHeader, TokenCells};
pub use flows::{Flow, FlowNode, Flows, flows};
pub use matrix::{Matrix, MatrixCell, matrix};
pub use name::{NameTable, name};
pub use operations::{TokenOperation, operations_of, token_operations};
pub use part::{NodePlace, NodePlaces, OWN, REMAINDER};
pub use phases::{PhaseBar, phase_bars};
pub use run::{RunCharts, provenance};
pub use series::{TokenBar, TokenSeries, series};
pub use timeline::{
    Band, PowerTimeline, RailLine, TimelineInput, TimelineRange, TimelineStep, timeline,
};
pub use timeline_part::{MarkedToken, PowerPeak, TimelinePart};
pub use token_axes::PartAxes;
pub use token_parts::{PartSum, TokenParts};
pub use token_spans::{TokenSpan, token_spans};
pub use tree::{TreeChart, tree};
