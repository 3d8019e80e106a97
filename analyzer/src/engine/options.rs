//! Options of engines other than candle.

use clap::Args;
use serde::{Deserialize, Serialize};

/// Options of engines. They are the same for all trials of an experiment and are stored with its
/// plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineOptions {}
