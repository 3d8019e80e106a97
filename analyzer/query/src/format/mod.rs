//! Formatting of quantities, times, names and tables, and the output formats of commands.

mod alignment;
mod answer;
pub mod basis;
pub mod csv;
mod fit;
pub mod html;
pub mod json;
pub mod label;
mod markdown;
mod name;
mod precision;
mod quantity;
pub mod screen;
mod sheet;
mod time;
mod time_range;

pub use answer::{Answer, SCHEMA};
pub use csv::quote as csv_text;
pub use name::{escape, shorten, shorten_path};
pub use precision::{precision_name, used_precision};
pub use quantity::{
    UNKNOWN, bytes, count, counted, energy, mass, number, percent, power, time_span,
};
pub use sheet::{Column, Sheet};
pub use time::{from_civil, rfc3339, stamp, utc};
pub use time_range::{TimeRange, parse_age, parse_moment, parse_time_range};

/// Output format of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Text tables that fit the terminal
    #[default]
    Table,
    /// One JSON value
    Json,
    /// Comma-separated values
    Csv,
    /// Markdown tables
    Markdown,
}
