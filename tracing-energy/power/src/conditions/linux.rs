//! Conditions from sysfs, below a root that tests replace.
//!
//! ```text
//! sys/class/power_supply/*/{type,scope,online,status,capacity}
//! sys/firmware/acpi/platform_profile
//! sys/devices/system/cpu/cpufreq/policy*/{scaling_governor,energy_performance_preference}
//! sys/devices/system/cpu/cpu*/thermal_throttle/{core,package}_throttle_count
//! sys/class/thermal/thermal_zone*/{mode,temp,trip_point_*_type,trip_point_*_temp}
//! sys/class/thermal/cooling_device*/{type,cur_state}
//! sys/class/powercap/intel-rapl:N/{name,constraint_0_max_power_uw}
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::keys::{
    BATTERY_PERCENT, ENERGY_PREFERENCE, GOVERNOR, LOW_POWER_MODE, NOMINAL, POWER, TDP_W,
    THERMAL_PRESSURE,
};
use super::snapshot::Snapshot;

/// Longest file of sysfs in bytes.
const MAX_FILE_BYTES: u64 = 4_096;

pub(super) fn read(root: &Path) -> Snapshot {
    let supplies = Supplies::read(root);
    let policies = policies(root);
    let mut snapshot = Snapshot::default();
    snapshot.set(POWER, supplies.power().map(str::to_owned));
    snapshot.set(BATTERY_PERCENT, supplies.percent());
    snapshot.set(LOW_POWER_MODE, low_power_mode(root).map(str::to_owned));
    snapshot.set(GOVERNOR, distinct(&policies, "scaling_governor"));
    snapshot.set(
        ENERGY_PREFERENCE,
        distinct(&policies, "energy_performance_preference"),
    );
    snapshot.set(THERMAL_PRESSURE, pressure(root).map(str::to_owned));
    snapshot.set(TDP_W, tdp_w(root));
    snapshot.throttles = throttles(root);
    snapshot
}

/// Power supplies of the machine.
#[derive(Debug, Default)]
struct Supplies {
    /// Whether any adapter is online; `None` without an adapter.
    adapter: Option<bool>,
    /// Status and charge of the machine's own batteries.
    batteries: Vec<(Option<String>, Option<f64>)>,
}

impl Supplies {
    fn read(root: &Path) -> Self {
        let mut supplies = Self::default();
        for supply in entries(&root.join("sys/class/power_supply"), "") {
            match text(&supply.join("type")).as_deref() {
                // A mouse's battery has the scope "Device".
                Some("Battery") if text(&supply.join("scope")).as_deref() != Some("Device") => {
                    let status = text(&supply.join("status"));
                    supplies
                        .batteries
                        .push((status, number(&supply.join("capacity"))));
                }
                Some("Battery") | None => {}
                Some(_) => {
                    if let Some(online) = number(&supply.join("online")) {
                        let others = supplies.adapter.unwrap_or(false);
                        supplies.adapter = Some(others || online > 0.0);
                    }
                }
            }
        }
        supplies
    }

    fn power(&self) -> Option<&'static str> {
        let has = |wanted: &[&str]| {
            let mut known = self.batteries.iter().flat_map(|(status, _)| status);
            known.any(|status| wanted.contains(&status.as_str()))
        };
        match self.adapter {
            Some(true) => Some("mains"),
            _ if has(&["Discharging"]) => Some("battery"),
            Some(false) if !self.batteries.is_empty() => Some("battery"),
            _ if has(&["Charging", "Full", "Not charging"]) => Some("mains"),
            _ => None,
        }
    }

    fn percent(&self) -> Option<String> {
        let known: Vec<f64> = self
            .batteries
            .iter()
            .filter_map(|battery| battery.1)
            .collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        (!known.is_empty()).then(|| format!("{mean:.0}"))
    }
}

/// Returns the thermal design power of all packages in watts: the highest limit of the long-term
/// constraint, which the processor reports as its thermal specification. Unknown if a package does
/// not report it.
fn tdp_w(root: &Path) -> Option<String> {
    let mut sum_uw = 0.0;
    for zone in entries(&root.join("sys/class/powercap"), "intel-rapl:") {
        if !text(&zone.join("name"))?.starts_with("package-") {
            continue;
        }
        let most_uw = number(&zone.join("constraint_0_max_power_uw"));
        sum_uw += most_uw.filter(|uw| *uw > 0.0)?;
    }
    (sum_uw > 0.0).then(|| (sum_uw / 1e6).to_string())
}

/// Low-power mode by the name of the firmware's profile.
fn low_power_mode(root: &Path) -> Option<&'static str> {
    let profile = text(&root.join("sys/firmware/acpi/platform_profile"))?;
    Some(if profile == "low-power" { "on" } else { "off" })
}

/// Folders of frequency domains; old kernels have them in each processor's folder only.
fn policies(root: &Path) -> Vec<PathBuf> {
    let policies = entries(&root.join("sys/devices/system/cpu/cpufreq"), "policy");
    if !policies.is_empty() {
        return policies;
    }
    let of_cpu = |cpu: PathBuf| cpu.join("cpufreq");
    cpus(root).into_iter().map(of_cpu).collect()
}

fn cpus(root: &Path) -> Vec<PathBuf> {
    let mut cpus = entries(&root.join("sys/devices/system/cpu"), "cpu");
    cpus.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        let digits = name.and_then(|name| name.strip_prefix("cpu"));
        digits.is_some_and(|digits| digits.parse::<u32>().is_ok())
    });
    cpus
}

/// Returns the distinct values of one file in all folders, comma-separated.
fn distinct(folders: &[PathBuf], file: &str) -> Option<String> {
    let values: BTreeSet<String> = folders
        .iter()
        .filter_map(|folder| text(&folder.join(file)))
        .collect();
    let values: Vec<String> = values.into_iter().collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn throttles(root: &Path) -> BTreeMap<PathBuf, u64> {
    let mut counts = BTreeMap::new();
    for cpu in cpus(root) {
        for name in ["core_throttle_count", "package_throttle_count"] {
            let file = cpu.join("thermal_throttle").join(name);
            if let Some(count) = text(&file).and_then(|text| text.parse().ok()) {
                counts.insert(file, count);
            }
        }
    }
    counts
}

/// Returns whether the machine is throttled; `None` if neither a zone nor a cooling device
/// reports it.
fn pressure(root: &Path) -> Option<&'static str> {
    let thermal = root.join("sys/class/thermal");
    let zones = entries(&thermal, "thermal_zone").into_iter();
    let devices = entries(&thermal, "cooling_device").into_iter();
    let readings = zones
        .filter_map(|zone| is_hot(&zone))
        .chain(devices.filter_map(|device| is_slowing(&device)));
    let any = readings.reduce(|one, other| one || other)?;
    Some(if any { "throttled" } else { NOMINAL })
}

/// Whether a zone has reached its passive trip point, at which processors are slowed down.
fn is_hot(zone: &Path) -> Option<bool> {
    if text(&zone.join("mode")).as_deref() == Some("disabled") {
        return None;
    }
    let is_passive = |at: &u32| {
        let kind = text(&zone.join(format!("trip_point_{at}_type")));
        kind.as_deref() == Some("passive")
    };
    let trips = (0..16)
        .filter(is_passive)
        .filter_map(|at| number(&zone.join(format!("trip_point_{at}_temp"))));
    // Firmware writes 0 or less where it has no such point.
    let trip = trips.filter(|trip| *trip > 0.0).reduce(f64::min)?;
    Some(number(&zone.join("temp"))? >= trip)
}

/// Whether a cooling device slows a processor down; `None` for other devices, such as fans.
fn is_slowing(device: &Path) -> Option<bool> {
    let kind = text(&device.join("type"))?;
    let slows = ["Processor", "thermal-cpufreq", "cpufreq"];
    let slows = slows.iter().any(|name| kind.starts_with(name));
    let state = slows.then(|| number(&device.join("cur_state")))?;
    state.map(|state| state > 0.0)
}

/// Entries of a folder whose names begin with `prefix`, sorted by name.
fn entries(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(found) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = found
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

fn text(file: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(file).ok()?;
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn number(file: &Path) -> Option<f64> {
    let number: f64 = text(file)?.parse().ok()?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests;
