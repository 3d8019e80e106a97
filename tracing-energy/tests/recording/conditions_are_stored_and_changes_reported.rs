//! A simulated laptop (a folder) that is unplugged while its program works.
//!
//! ```text
//! run        |start ...................... end|
//! adapter    online            ^ offline
//! governor   performance       ^ powersave
//! ```
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::waiting::until;
use energy_data::rows::{ConditionRow, ConditionTime};
use energy_power::SourceChoice;
use energy_power::conditions::*;
use energy_store::Store;
use tracing::info_span;
use tracing_energy::{EnergyLayer, RunSummary};
use tracing_subscriber::prelude::*;

const ADAPTER: &str = "class/power_supply/AC/online";
const GOVERNOR_FILE: &str = "devices/system/cpu/cpufreq/policy0/scaling_governor";

struct Laptop(tempfile::TempDir);

impl Laptop {
    fn new() -> Self {
        let laptop = Self(tempfile::tempdir().expect("a folder"));
        for (file, text) in [
            ("class/power_supply/AC/type", "Mains\n"),
            (ADAPTER, "1\n"),
            ("class/power_supply/BAT0/type", "Battery\n"),
            ("class/power_supply/BAT0/capacity", "55\n"),
            (GOVERNOR_FILE, "performance\n"),
            ("firmware/acpi/platform_profile", "balanced\n"),
        ] {
            laptop.write(file, text);
        }
        laptop
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path().join("sys").join(file);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    fn database(&self) -> PathBuf {
        self.0.path().join("energy.db")
    }

    fn has_at_start(&self, key: &str) -> bool {
        value(&conditions(&self.database()), ConditionTime::Start, key).is_some()
    }

    /// Records `work`, which starts once the start conditions are in the file.
    fn record(&self, work: impl FnOnce()) -> RunSummary {
        let (layer, guard) = EnergyLayer::builder()
            .database(self.database())
            .source(SourceChoice::Modelled)
            .system_root(self.0.path())
            .flush_interval(Duration::from_millis(20))
            .build()
            .expect("a recording");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            info_span!("work").in_scope(|| {
                until("the start conditions", || self.has_at_start(CORES));
                work();
            });
        });
        guard.finish()
    }
}

/// Conditions of the newest run; none before the file exists.
fn conditions(path: &Path) -> Vec<ConditionRow> {
    let read = || {
        let store = Store::open(path)?;
        let run = store.find_run("last")?.no;
        store.conditions(run)?.all()
    };
    read().unwrap_or_default()
}

fn value<'r>(rows: &'r [ConditionRow], time_point: ConditionTime, key: &str) -> Option<&'r str> {
    let mut found = rows.iter();
    let found = found.find(|row| row.time_point == time_point && row.key == key)?;
    Some(&found.value)
}

/// Messages of events of that kind.
fn events(path: &Path, kind: &str) -> Vec<String> {
    let store = Store::open(path).expect("readable");
    let run = store.find_run("last").expect("a run").no;
    let events = store.events(run).and_then(|rows| rows.all());
    let events = events.expect("readable").into_iter();
    let of_kind = events.filter(|event| event.kind == kind);
    of_kind.map(|event| event.message).collect()
}

#[test]
fn unplugging_a_laptop_is_reported() {
    let laptop = Laptop::new();
    let summary = laptop.record(|| {
        laptop.write(ADAPTER, "0\n");
        laptop.write(GOVERNOR_FILE, "powersave\n");
    });
    let rows = conditions(&laptop.database());
    let both = |key| {
        (
            value(&rows, ConditionTime::Start, key),
            value(&rows, ConditionTime::End, key),
        )
    };
    assert_eq!(both(POWER), (Some("mains"), Some("battery")));
    assert_eq!(both(GOVERNOR), (Some("performance"), Some("powersave")));
    assert_eq!(both(LOW_POWER_MODE), (Some("off"), Some("off")));
    assert_eq!(both(BATTERY_PERCENT), (Some("55"), Some("55")));
    assert_eq!(both(THERMAL_PRESSURE), (None, None), "no source reports it");
    assert_eq!(both(THROTTLED_SAMPLES), (None, None));
    assert!(both(KERNEL).0.is_some() && both(KERNEL).1.is_none());
    let threads = both(THREADS).1.expect("counted");
    assert!(threads.parse::<usize>().expect("a number") >= 1);

    let reported = events(&laptop.database(), "conditions_changed");
    assert_eq!(reported.len(), 2, "{reported:?}");
    assert!(
        reported[0].contains("from mains to battery"),
        "{reported:?}"
    );
    assert!(
        reported[1].contains("from performance to powersave"),
        "{reported:?}"
    );
    for message in &reported {
        assert!(summary.warnings.contains(message), "{:?}", summary.warnings);
    }
}

#[test]
fn unchanged_conditions_are_not_reported() {
    let laptop = Laptop::new();
    let summary = laptop.record(|| ());
    assert_eq!(events(&laptop.database(), "conditions_changed"), [""; 0]);
    let changed = |text: &String| text.contains("changed during the run");
    assert!(!summary.warnings.iter().any(changed));
}

#[test]
fn the_binary_is_the_one_that_ran() {
    let laptop = Laptop::new();
    // Hashed at a tenth of a processor: some seconds for a test's binary at the most.
    laptop.record(|| until("the checksum", || laptop.has_at_start(BINARY_SHA256)));
    let rows = conditions(&laptop.database());
    let reported = value(&rows, ConditionTime::Start, BINARY_SHA256).expect("hashed");
    let own = std::env::current_exe().expect("a path");
    let output = std::process::Command::new("sha256sum").arg(own).output();
    let output = output.expect("sha256sum, a part of every Linux");
    let expected = String::from_utf8_lossy(&output.stdout);
    assert_eq!(Some(reported), expected.split_whitespace().next());
}

#[test]
fn the_programs_threads_are_counted_without_the_recorders() {
    let laptop = Laptop::new();
    let (layer, guard) = EnergyLayer::builder()
        .database(laptop.database())
        .source(SourceChoice::Modelled)
        .build()
        .expect("a recording");
    drop(layer);
    std::thread::scope(|scope| {
        let (sender, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
        for _ in 0..12 {
            let wait = std::sync::Arc::clone(&wait);
            scope.spawn(move || {
                let _ = wait.lock().map(|wait| wait.recv());
            });
        }
        guard.finish();
        drop(sender);
    });
    let rows = conditions(&laptop.database());
    let threads = value(&rows, ConditionTime::End, THREADS).expect("counted");
    // Ours and the harness's; other tests' threads may be there, too.
    let threads: usize = threads.parse().expect("a number");
    assert!(threads >= 14, "{threads}");
}
