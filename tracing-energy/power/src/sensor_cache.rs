//! Caches the period and resolution of this machine's sensors, as measured by an earlier
//! probe. The file lies in the user's cache folder. Entries are kept by host, because
//! several machines may share a home folder.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::characteristics::SourceObservation;
use crate::rail::Description;
use energy_data::Provenance;
use energy_data::units::{Energy, Nanos};
use energy_host::Host;

/// A window shorter than this number of sensor periods is coarse: its energy is uncertain
/// by one step of the sensor.
const PERIODS: f64 = 3.0;

/// The cached characteristics of a rail.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedRail {
    /// Name of the source.
    pub source: String,
    /// Name of the rail.
    pub rail: String,
    /// Time between two moves of the counter.
    pub period: Option<Nanos>,
    /// The smallest step.
    pub resolution: Option<Energy>,
}

/// Returns the path of the cache, or `None` if the user has no cache folder.
pub fn path() -> Option<PathBuf> {
    let of = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || of("HOME").map(PathBuf::from);
    let folder = match of("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None if cfg!(target_os = "macos") => home()?.join("Library/Caches"),
        None if cfg!(windows) => PathBuf::from(of("LOCALAPPDATA")?),
        None => home()?.join(".cache"),
    };
    Some(folder.join("tracing-energy/sensors.json"))
}

/// Returns the cached rails of this host. The list is empty if the file is missing or
/// invalid.
pub fn read(path: &Path) -> Vec<CachedRail> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let hosts: Value = serde_json::from_str(&text).unwrap_or_default();
    let rails = hosts[host()].as_array().cloned().unwrap_or_default();
    let rail = |value: &Value| {
        Some(CachedRail {
            source: value["source"].as_str()?.to_owned(),
            rail: value["rail"].as_str()?.to_owned(),
            period: value["period_ns"].as_i64().map(Nanos::from_nanos),
            resolution: value["resolution_j"].as_f64().map(Energy::from_joules),
        })
    };
    rails.iter().filter_map(rail).collect()
}

/// Stores the observations of measured sources. Entries of other sources and hosts stay.
///
/// # Errors
/// When the file cannot be written.
pub fn add<'s>(
    path: &Path,
    observations: impl Iterator<Item = (&'s Description, &'s SourceObservation)>,
) -> std::io::Result<()> {
    let is_measured = |one: &(&Description, _)| one.0.provenance == Provenance::Measured;
    let measured = observations.filter(is_measured);
    let rails = measured.flat_map(|(description, observation)| {
        let rails = description.rails.iter().zip(&observation.rails);
        rails.map(|(rail, found)| {
            json!({
                "source": description.name,
                "rail": rail.name,
                "period_ns": found.period.map(Nanos::nanos),
                "resolution_j": found.resolution.map(Energy::joules),
            })
        })
    });
    let mut rails: Vec<Value> = rails.collect();
    if rails.is_empty() {
        return Ok(());
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut hosts: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    let before = hosts.get(&host()).and_then(Value::as_array);
    let is_new = |old: &Value| rails.iter().any(|new| new["source"] == old["source"]);
    let kept = before.into_iter().flatten().filter(|old| !is_new(old));
    let kept: Vec<Value> = kept.cloned().collect();
    rails.extend(kept);
    hosts.insert(host(), Value::from(rails));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Renaming is atomic: the program may end during the write.
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&draft, Value::from(hosts).to_string())?;
    std::fs::rename(&draft, path)
}

fn host() -> String {
    Host::here().name.unwrap_or_default()
}

/// Returns whether the cache contains all rails of a source.
pub fn contains(cached: &[CachedRail], description: &Description) -> bool {
    let is_cached = |name: &String| {
        let mut cached = cached.iter();
        cached.any(|one| one.source == description.name && one.rail == *name)
    };
    description.rails.iter().all(|rail| is_cached(&rail.name))
}

/// Returns a message for each rail of a source that moves too rarely for its interval.
pub fn warnings(description: &Description, cached: &[CachedRail]) -> Vec<String> {
    if description.provenance != Provenance::Measured {
        return Vec::new();
    }
    let of = |name: &str| {
        let mut cached = cached.iter();
        cached.find(|one| one.source == description.name && one.rail == name)
    };
    let warning = |name: &str| {
        let period = of(name)?.period?;
        let is_coarse = description.interval.seconds() < PERIODS * period.seconds();
        let ms = |time: Nanos| time.nanos() as f64 / 1e6;
        is_coarse.then(|| {
            format!(
                "{} {name} moves every {:.0} ms here: single windows of {:.0} ms are coarse",
                description.name,
                ms(period),
                ms(description.interval)
            )
        })
    };
    description
        .rails
        .iter()
        .filter_map(|rail| warning(&rail.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characteristics::RailCharacteristics;
    use crate::rail::Rail;
    use energy_data::{Kernel, RailKind};

    fn description(interval_ms: i64, provenance: Provenance) -> Description {
        Description {
            name: "rapl".into(),
            rails: vec![Rail {
                name: "package-0".into(),
                kind: RailKind::Package,
                parent: None,
                unit: "uJ",
            }],
            interval: Nanos::from_millis(interval_ms),
            kernel: Kernel::Box,
            provenance,
            limits: Vec::new(),
        }
    }

    #[test]
    fn observations_are_cached_and_coarse_windows_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/sensors.json");
        assert_eq!(read(&path), []);
        let observation = SourceObservation {
            rails: vec![RailCharacteristics {
                samples: 9,
                period: Some(Nanos::from_millis(20)),
                resolution: Some(Energy::from_microjoules(61.0)),
                ..RailCharacteristics::default()
            }],
            ..SourceObservation::default()
        };
        let measured = description(100, Provenance::Measured);
        add(&path, [(&measured, &observation)].into_iter()).unwrap();
        let known = read(&path);
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].period, Some(Nanos::from_millis(20)));
        assert_eq!(warnings(&measured, &known), [""; 0]);
        let coarse = warnings(&description(50, Provenance::Measured), &known);
        assert_eq!(coarse.len(), 1);
        assert!(coarse[0].contains("moves every 20 ms"), "{coarse:?}");
        assert_eq!(
            warnings(&description(50, Provenance::Modelled), &known),
            [""; 0]
        );

        // Modelled sources remove no entry, and an invalid file reads as empty.
        let modelled = description(100, Provenance::Modelled);
        add(&path, [(&modelled, &observation)].into_iter()).unwrap();
        assert_eq!(read(&path), known);
        let other = Description {
            name: "hwmon".into(),
            ..measured.clone()
        };
        add(&path, [(&other, &observation)].into_iter()).unwrap();
        add(&path, [(&measured, &observation)].into_iter()).unwrap();
        let sources = read(&path).into_iter().map(|rail| rail.source);
        assert_eq!(sources.collect::<Vec<_>>(), ["rapl", "hwmon"]);
        std::fs::write(&path, "no json").unwrap();
        assert_eq!(read(&path), []);
    }
}
