//! What a document tells of how the processors ran, besides their energy: mean
//! frequencies while active, and the part of the time in which they were idle.
//!
//! A cluster's own idle time is that of all its cores together, and zero on some chips
//! whose cores idle most of the time: here a cluster's idle time is the mean of its
//! cores', powered off or not.

use plist::{Dictionary, Value};

use super::document::number;
use crate::power::Extra;
use crate::units::Nanos;

/// No chip has as many clusters, or cores in one.
const MOST_PARTS: usize = 64;

/// A figure's name may come from a file: as long as any real one.
const LONGEST_NAME: usize = 32;

/// One figure over a window that is near the document's, not the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// `gpu_freq_mhz`, `gpu_idle_ratio`, `p0_cluster_freq_mhz`, ...
    pub name: String,
    /// In the unit of the name; ratios are from 0 to 1.
    pub value: f64,
}

/// What is told, the GPU first.
impl Figure {
    /// As a figure over a window.
    pub(crate) fn over(&self, start: Nanos, end: Nanos) -> Extra {
        Extra {
            name: self.name.clone(),
            start,
            end,
            value: self.value,
        }
    }
}

/// How many processors were active on average, where a document reports it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Active {
    /// Processor cores; clusters count as one where their cores are not listed.
    pub cpu: Option<f64>,
    /// The share of the time in which the GPU was active.
    pub gpu: Option<f64>,
}

/// Reads how active processors were.
pub(super) fn active(top: &Dictionary) -> Active {
    let processor = top.get("processor").and_then(Value::as_dictionary);
    let clusters = processor
        .into_iter()
        .flat_map(|part| parts(part, "clusters"));
    let gpu = top.get("gpu").and_then(Value::as_dictionary);
    Active {
        cpu: clusters.filter_map(active_cores).reduce(|a, b| a + b),
        gpu: gpu.and_then(inactive).map(|idle| 1.0 - idle),
    }
}

fn active_cores(cluster: &Dictionary) -> Option<f64> {
    let active = |part: &Dictionary| inactive(part).map(|idle| 1.0 - idle);
    let cores = parts(cluster, "cpus").filter_map(active);
    cores.reduce(|a, b| a + b).or_else(|| active(cluster))
}

pub(super) fn figures(top: &Dictionary) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut put = |of: &str, what: &str, value: Option<f64>| {
        let name = format!("{of}_{what}");
        figures.extend(value.map(|value| Figure { name, value }));
    };
    if let Some(gpu) = top.get("gpu").and_then(Value::as_dictionary) {
        // MHz, though the key says Hz.
        put("gpu", "freq_mhz", told(gpu, "freq_hz"));
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
            told(cluster, "freq_hz").map(|hz| hz / 1e6),
        );
        put(&name, "idle_ratio", idle_of(cluster));
    }
    figures
}

/// The mean of the cores' idle time; the cluster's own where no core tells.
fn idle_of(cluster: &Dictionary) -> Option<f64> {
    let cores: Vec<f64> = parts(cluster, "cpus").filter_map(inactive).collect();
    match cores.len() {
        0 => inactive(cluster),
        all => Some(cores.iter().sum::<f64>() / all as f64),
    }
}

/// The part of the time in which it was idle or powered off.
fn inactive(part: &Dictionary) -> Option<f64> {
    let off = ratio(part, "down_ratio").unwrap_or(0.0);
    ratio(part, "idle_ratio").map(|idle| (idle + off).min(1.0))
}

/// The dictionaries of a list.
fn parts<'a>(of: &'a Dictionary, key: &str) -> impl Iterator<Item = &'a Dictionary> {
    let list = of.get(key).and_then(Value::as_array);
    let parts = list.into_iter().flatten().filter_map(Value::as_dictionary);
    parts.take(MOST_PARTS)
}

fn told(part: &Dictionary, key: &str) -> Option<f64> {
    number(part, key).flatten()
}

fn ratio(part: &Dictionary, key: &str) -> Option<f64> {
    told(part, key).filter(|ratio| *ratio <= 1.0)
}

/// `P0-Cluster` as `p0_cluster`.
fn column_name(name: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '_',
    };
    name.chars().take(LONGEST_NAME).map(plain).collect()
}
