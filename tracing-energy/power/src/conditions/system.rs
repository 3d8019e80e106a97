//! The system that conditions are read from.

use std::path::PathBuf;

use super::keys::{CORES, KERNEL, USABLE_CORES};
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::linux;
#[cfg(target_os = "macos")]
use super::pmset;
use super::snapshot::{ConditionValues, Snapshot};
use crate::cpu_time;
use energy_host as host;

/// The system from which conditions are read.
#[derive(Debug, Clone)]
pub struct System {
    /// Root of the file system: `/` except in tests.
    pub root: PathBuf,
}

impl Default for System {
    fn default() -> Self {
        Self { root: "/".into() }
    }
}

impl System {
    /// Reads the conditions that may change during a run.
    pub fn read(&self) -> Snapshot {
        let mut snapshot = read(&self.root);
        let usable = std::thread::available_parallelism().ok();
        snapshot.set(CORES, Some(cpu_time::processors().to_string()));
        snapshot.set(USABLE_CORES, usable.map(|count| count.to_string()));
        snapshot
    }

    /// Reads the conditions that do not change while a program runs.
    pub fn read_once(&self) -> ConditionValues {
        let kernel = host::kernel().map(|release| (KERNEL, release));
        kernel.into_iter().collect()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn read(root: &std::path::Path) -> Snapshot {
    linux::read(root)
}

#[cfg(target_os = "macos")]
fn read(root: &std::path::Path) -> Snapshot {
    Snapshot {
        values: pmset::read(&root.join("usr/bin/pmset")),
        ..Snapshot::default()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
fn read(_root: &std::path::Path) -> Snapshot {
    Snapshot::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_cores_and_a_kernel() {
        let values = System::default().read().values;
        let cores: usize = values[CORES].parse().unwrap();
        let usable: usize = values[USABLE_CORES].parse().unwrap();
        assert!(cores >= 1 && usable >= 1);
        assert!(!System::default().read_once()[KERNEL].is_empty());
    }
}
