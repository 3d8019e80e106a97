//! Options of a calibration. Defaults are the command line's.

use std::path::PathBuf;
use std::time::Duration;

use crate::run::{Depth, Requantize, RunOptions};

/// Options of a calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrateOptions {
    /// `smollm2` or the path of a GGUF file.
    pub model: String,
    /// Conversion of weights.
    pub requantize: Requantize,
    /// Depth of the spans: [`Depth::Module`] or [`Depth::Deep`].
    pub depth: Depth,
    /// `auto`, `powermetrics` or `rapl`.
    pub source: String,
    /// Requested time between power samples.
    pub interval: Duration,
    /// Duration of the measurement.
    pub budget: Duration,
    /// Database that stores the calibration.
    pub database: PathBuf,
}

impl Default for CalibrateOptions {
    fn default() -> Self {
        let RunOptions {
            model,
            requantize,
            depth,
            source,
            interval,
            database,
            ..
        } = RunOptions::default();
        Self {
            model,
            requantize,
            depth,
            source,
            interval,
            budget: Duration::from_secs(180),
            database,
        }
    }
}
