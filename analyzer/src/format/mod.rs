//! How figures, times, names and tables look in a terminal.

pub mod basis;
pub mod csv;
mod name;
mod quantity;
pub mod screen;
mod time;

pub use name::{escape, shorten};
pub use quantity::{UNKNOWN, count, energy, number, percent, power, time_span};
pub use time::utc;
