//! What an earlier look at this machine's sensors has shown: how often they move, and in
//! which steps. Kept in a small file in the user's cache folder, by host, for a home
//! may be that of many machines.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::host::Host;
use crate::power::characterise::Seen;
use crate::power::{Description, Provenance};
use crate::units::{Energy, Nanos};

/// A window shorter than so many periods of its sensor is coarse: it holds one more or
/// one less of its steps.
const PERIODS: f64 = 3.0;

/// A rail as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownRail {
    /// Name of the source.
    pub source: String,
    /// Name of the rail.
    pub rail: String,
    /// Between two moves.
    pub period: Option<Nanos>,
    /// The smallest step.
    pub resolution: Option<Energy>,
}

/// The file; none where the system has no such folder.
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

/// What is known of this host; nothing where the file is not there or makes no sense.
pub fn read(path: &Path) -> Vec<KnownRail> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let hosts: Value = serde_json::from_str(&text).unwrap_or_default();
    let rails = hosts[host()].as_array().cloned().unwrap_or_default();
    let rail = |value: &Value| {
        Some(KnownRail {
            source: value["source"].as_str()?.to_owned(),
            rail: value["rail"].as_str()?.to_owned(),
            period: value["period_ns"].as_i64().map(Nanos::from_nanos),
            resolution: value["resolution_j"].as_f64().map(Energy::from_joules),
        })
    };
    rails.iter().filter_map(rail).collect()
}

/// Keeps what was seen of measured sources; entries of other sources and hosts stay.
///
/// # Errors
/// When the file cannot be written.
pub fn add<'s>(
    path: &Path,
    seen: impl Iterator<Item = (&'s Description, &'s Seen)>,
) -> std::io::Result<()> {
    let measured = seen.filter(|(of, _)| of.provenance == Provenance::Measured);
    let rails = measured.flat_map(|(description, seen)| {
        let rails = description.rails.iter().zip(&seen.rails);
        rails.map(|(rail, seen)| {
            json!({
                "source": description.name,
                "rail": rail.name,
                "period_ns": seen.period.map(Nanos::nanos),
                "resolution_j": seen.resolution.map(Energy::joules),
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
    // Whole or not at all: the program may end while this is written.
    let aside = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&aside, Value::from(hosts).to_string())?;
    std::fs::rename(&aside, path)
}

fn host() -> String {
    Host::here().name.unwrap_or_default()
}

/// Whether all rails of a source were looked at.
pub fn knows(known: &[KnownRail], description: &Description) -> bool {
    let is_known = |name: &String| {
        let mut known = known.iter();
        known.any(|known| known.source == description.name && known.rail == *name)
    };
    description.rails.iter().all(|rail| is_known(&rail.name))
}

/// Rails of a source that move too seldom for its interval, in words.
pub fn doubts(description: &Description, known: &[KnownRail]) -> Vec<String> {
    if description.provenance != Provenance::Measured {
        return Vec::new();
    }
    let of = |name: &str| {
        let mut known = known.iter();
        known.find(|known| known.source == description.name && known.rail == name)
    };
    let doubt = |name: &str| {
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
        .filter_map(|rail| doubt(&rail.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::power::characterise::Character;
    use crate::power::{Kernel, Rail, RailKind};

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
    fn what_was_seen_is_known_later_and_coarse_windows_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/sensors.json");
        assert_eq!(read(&path), []);
        let seen = Seen {
            rails: vec![Character {
                samples: 9,
                period: Some(Nanos::from_millis(20)),
                resolution: Some(Energy::from_microjoules(61.0)),
                ..Character::default()
            }],
            ..Seen::default()
        };
        let measured = description(100, Provenance::Measured);
        add(&path, [(&measured, &seen)].into_iter()).unwrap();
        let known = read(&path);
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].period, Some(Nanos::from_millis(20)));
        assert_eq!(doubts(&measured, &known), [""; 0]);
        let coarse = doubts(&description(50, Provenance::Measured), &known);
        assert_eq!(coarse.len(), 1);
        assert!(coarse[0].contains("moves every 20 ms"), "{coarse:?}");
        assert_eq!(
            doubts(&description(50, Provenance::Modelled), &known),
            [""; 0]
        );

        // Nothing measured takes nothing away, and what makes no sense is nothing.
        let modelled = description(100, Provenance::Modelled);
        add(&path, [(&modelled, &seen)].into_iter()).unwrap();
        assert_eq!(read(&path), known);
        let other = Description {
            name: "hwmon".into(),
            ..measured.clone()
        };
        add(&path, [(&other, &seen)].into_iter()).unwrap();
        add(&path, [(&measured, &seen)].into_iter()).unwrap();
        let sources = read(&path).into_iter().map(|rail| rail.source);
        assert_eq!(sources.collect::<Vec<_>>(), ["rapl", "hwmon"]);
        std::fs::write(&path, "no json").unwrap();
        assert_eq!(read(&path), []);
    }
}
