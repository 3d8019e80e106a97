//! How figures, times, names and tables look in a terminal, and the formats that
//! every command can write.

mod answer;
pub mod basis;
pub mod csv;
mod fit;
pub mod html;
pub mod json;
mod markdown;
mod name;
mod quantity;
pub mod screen;
mod sheet;
mod side;
mod time;

pub use answer::{Answer, SCHEMA};
pub(crate) use csv::quote as csv_text;
pub use name::{escape, shorten, shorten_path};
pub use quantity::{
    UNKNOWN, bytes, count, counted, energy, mass, number, percent, power, time_span,
};
pub use sheet::{Column, Sheet};
pub use time::{from_civil, stamp, utc};

/// How figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people, fitted to the terminal.
    #[default]
    Table,
    /// For programs: one JSON value.
    Json,
    /// For spreadsheets.
    Csv,
    /// For documents and comments on changes.
    Markdown,
}
