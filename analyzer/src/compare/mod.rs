//! Do two sets of runs differ, and by how much?
//!
//! [`stats`] decides, from plain numbers: it knows no database.

pub mod stats;
