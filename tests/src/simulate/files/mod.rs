//! Traces as files, one folder for each:
//!
//! | file | columns |
//! |---|---|
//! | `spans.csv` | `span_id,parent_id,thread,kind,start_ns,end_ns,rail` |
//! | `samples.csv` | `t_start_ns,t_end_ns,rail,energy_mj` |
//! | `truth.csv` | `span_id,energy_mj` |
//! | `truth_kinds.csv` | `kind,rail,energy_mj,self_time_ns,count` |
//! | `truth.json` | scenario, seed, clock offset, rails, settings, powers of kinds |
//!
//! Energies in tables have six decimals, times are exact, and figures in the document
//! are so to their last digit.

mod read;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::trace::{RailTruth, SimulatedRail};
use super::{Scenario, Settings, SimulateError, SimulatedTrace};

const SPANS: (&str, &str) = (
    "spans.csv",
    "span_id,parent_id,thread,kind,start_ns,end_ns,rail",
);
const SAMPLES: (&str, &str) = ("samples.csv", "t_start_ns,t_end_ns,rail,energy_mj");
const TRUTH: (&str, &str) = ("truth.csv", "span_id,energy_mj");
const KINDS: (&str, &str) = ("truth_kinds.csv", "kind,rail,energy_mj,self_time_ns,count");
const DOCUMENT: &str = "truth.json";

/// `truth.json`.
#[derive(Serialize, Deserialize)]
struct TruthDocument {
    scenario: String,
    seed: u64,
    clock_offset_ms: f64,
    rails: BTreeMap<SimulatedRail, RailTruth>,
    config: Settings,
    #[serde(default)]
    powers_w: BTreeMap<String, BTreeMap<SimulatedRail, f64>>,
}
