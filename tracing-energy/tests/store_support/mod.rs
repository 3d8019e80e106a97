//! A small recording made by hand, and files of it.
//!
//! ```text
//! thread 1   |inference----------------------------------|
//!              |prefill----| |decode--------------------|
//!                |layer 0|     |token 0----| |token 1--|
//!                                |layer 0|     |layer 1|
//! ```

#![allow(dead_code, unreachable_pub, unused_imports)]

mod attribution;
mod experiments;
mod files;
mod recording;
pub mod rows;

pub use attribution::attribution;
pub use experiments::{EXPERIMENT, experiment, trial};
pub use files::{attributed, calibration, calibration_key, ended, file, number, spans, write};
pub use recording::{recording, run_row, span};
pub use rows::MS;
