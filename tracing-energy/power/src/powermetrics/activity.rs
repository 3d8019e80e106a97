//! Reads the activity of processors from a document: mean frequencies while active, and the
//! share of the time in which they were idle.
//!
//! A cluster's own idle ratio is the time in which all its cores idle at once. It is zero on
//! some chips whose cores idle most of the time. Therefore a cluster's idle ratio is computed
//! here as the mean of its cores, including those powered off.

use plist::{Dictionary, Value};

use super::number::number;
use crate::rail::SensorMetric;
use energy_data::units::Nanos;

/// More clusters, or cores in a cluster, than any chip has.
const MOST_PARTS: usize = 64;

/// Limit for the length of a metric's name, which may come from a file.
const LONGEST_NAME: usize = 32;

/// A metric of one document. Its window may differ slightly from the document's.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// `gpu_freq_mhz`, `gpu_idle_ratio`, `p0_cluster_freq_mhz`, ...
    pub name: String,
    /// Value in the unit of the name; ratios are from 0 to 1.
    pub value: f64,
}

impl Figure {
    /// Returns the metric over a window.
    pub(crate) fn over(&self, start: Nanos, end: Nanos) -> SensorMetric {
        SensorMetric {
            name: self.name.clone(),
            start,
            end,
            value: self.value,
        }
    }
}

/// The mean number of active processors, as far as a document reports it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ProcessorActivity {
    /// Processor cores; a cluster counts as one if its cores are not listed.
    pub cpu: Option<f64>,
    /// The share of the time in which the GPU was active.
    pub gpu: Option<f64>,
}

/// Reads the activity of the processors.
pub(super) fn active(top: &Dictionary) -> ProcessorActivity {
    let processor = top.get("processor").and_then(Value::as_dictionary);
    let clusters = processor
        .into_iter()
        .flat_map(|part| parts(part, "clusters"));
    let gpu = top.get("gpu").and_then(Value::as_dictionary);
    ProcessorActivity {
        cpu: clusters.filter_map(active_cores).reduce(|a, b| a + b),
        gpu: gpu.and_then(inactive).map(|idle| 1.0 - idle),
    }
}

fn active_cores(cluster: &Dictionary) -> Option<f64> {
    let active = |part: &Dictionary| inactive(part).map(|idle| 1.0 - idle);
    let cores = parts(cluster, "cpus").filter_map(active);
    cores.reduce(|a, b| a + b).or_else(|| active(cluster))
}

/// Reads the metrics, the GPU's first.
pub(super) fn figures(top: &Dictionary) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut put = |of: &str, what: &str, value: Option<f64>| {
        let name = format!("{of}_{what}");
        figures.extend(value.map(|value| Figure { name, value }));
    };
    if let Some(gpu) = top.get("gpu").and_then(Value::as_dictionary) {
        // The key is `freq_hz`, but the value is in MHz.
        put("gpu", "freq_mhz", known_number(gpu, "freq_hz"));
        put("gpu", "idle_ratio", ratio(gpu, "idle_ratio"));
    }
    let processor = top.get("processor").and_then(Value::as_dictionary);
    for cluster in processor
        .into_iter()
        .flat_map(|part| parts(part, "clusters"))
    {
        let Some(name) = cluster.get("name").and_then(Value::as_string) else {
            continue;
        };
        let name = column_name(name);
        put(
            &name,
            "freq_mhz",
            known_number(cluster, "freq_hz").map(|hz| hz / 1e6),
        );
        put(&name, "idle_ratio", idle_of(cluster));
    }
    figures
}

/// Returns the mean idle ratio of the cores, or the cluster's own if no core reports one.
fn idle_of(cluster: &Dictionary) -> Option<f64> {
    let cores: Vec<f64> = parts(cluster, "cpus").filter_map(inactive).collect();
    match cores.len() {
        0 => inactive(cluster),
        all => Some(cores.iter().sum::<f64>() / all as f64),
    }
}

/// Returns the share of the time in which it was idle or powered off.
fn inactive(part: &Dictionary) -> Option<f64> {
    let off = ratio(part, "down_ratio").unwrap_or(0.0);
    ratio(part, "idle_ratio").map(|idle| (idle + off).min(1.0))
}

/// Returns the dictionaries of a list.
fn parts<'a>(of: &'a Dictionary, key: &str) -> impl Iterator<Item = &'a Dictionary> {
    let list = of.get(key).and_then(Value::as_array);
    let parts = list.into_iter().flatten().filter_map(Value::as_dictionary);
    parts.take(MOST_PARTS)
}

fn known_number(part: &Dictionary, key: &str) -> Option<f64> {
    number(part, key).flatten()
}

fn ratio(part: &Dictionary, key: &str) -> Option<f64> {
    known_number(part, key).filter(|ratio| *ratio <= 1.0)
}

/// Converts `P0-Cluster` to `p0_cluster`.
fn column_name(name: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '_',
    };
    name.chars().take(LONGEST_NAME).map(plain).collect()
}
