//! A fake of Linux's energy counters of a processor (powercap).

use std::path::{Path, PathBuf};

use crate::write_whole;

/// One zone of the tree `/sys/class/powercap`.
#[derive(Debug)]
pub struct FakeZone {
    /// Path of the counter.
    pub counter: PathBuf,
}

impl FakeZone {
    /// A zone `intel-rapl:0` that is called `label` and wraps beyond `range_uj`.
    pub fn new(powercap: &Path, zone: &str, label: &str, range_uj: u64) -> Self {
        let zone = powercap.join(zone);
        std::fs::create_dir_all(&zone).expect("a folder");
        std::fs::write(zone.join("name"), label).expect("written");
        std::fs::write(zone.join("max_energy_range_uj"), range_uj.to_string()).expect("written");
        let counter = zone.join("energy_uj");
        Self { counter }
    }

    /// Sets the counter's value.
    pub fn show(&self, uj: u64) {
        write_whole(&self.counter, &format!("{uj}\n"));
    }
}
