//! Plots of experiments: scatter with fit, band and whiskers; Pareto front; heatmap of two factors.
//!
//! A [`Plot`] is plain data. The report and the dashboard draw it with the scripts in
//! `charts/assets`, and [`svg()`] writes a picture without scripts for papers.
//!
//! ```text
//! y                      whisker   interval of one value
//!  |   |        ....     curve     fit, with its band if it has one
//!  |   o   ...--         marker    a place on the x axis, with its interval
//!  |  ..o--    |         point     filled: selected (best, on the front); hollow: others
//!  +-----------^---- x
//! ```

mod data;
mod scale;
mod svg;
mod svg_grid;
mod svg_points;
mod svg_style;
mod svg_text;
mod ticks;

pub use data::{AxisScale, Curve, CurvePoint, Marker, Plot, PlotAxis, PlotPoint, PointSeries};
pub use data::{FactorGrid, Unit};
pub use svg::{LEAST_WIDTH, svg};
