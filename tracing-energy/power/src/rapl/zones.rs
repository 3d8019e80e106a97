//! Finds powercap zones and their tree.
//!
//! ```text
//! intel-rapl:0      package-0        psys contains every package;
//! intel-rapl:0:0      core           core and uncore lie inside their package;
//! intel-rapl:0:1      uncore         dram lies outside
//! intel-rapl:0:2    dram
//! intel-rapl:1      psys
//! ```

use std::path::{Path, PathBuf};

use crate::rail::Rail;
use energy_data::RailKind;

/// How to allow other users than root to read the counters.
pub(super) const FIX: &str = "run `energy doctor --fix`, which writes a udev rule, or (valid until the next \
     boot) `sudo chmod -R a+r /sys/class/powercap/intel-rapl/`";

/// One zone of the powercap tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    /// `intel-rapl`, also on AMD; `intel-rapl-mmio` and others repeat some zones.
    control: String,
    /// Numbers in the directory name: `[0, 2]` for `intel-rapl:0:2`.
    id: Vec<u32>,
    /// The kernel's name: `package-0`, `core`, `dram`.
    name: String,
    pub(super) directory: PathBuf,
}

/// The control type that is preferred if several report the same zone.
const FIRST: &str = "intel-rapl";

/// Maximum depth of zones.
const DEEPEST: usize = 4;

/// Returns all zones under `root`, each package before its parts. Zones that another control
/// type repeats under the same name are omitted, because they would count twice.
pub(super) fn find(root: &Path) -> Vec<Zone> {
    let mut zones = Vec::new();
    visit(root, &mut zones, 0);
    let key = |zone: &Zone| (zone.control != FIRST, zone.control.clone(), zone.id.clone());
    zones.sort_by_key(key);
    zones.dedup_by(|a, b| (&a.control, &a.id) == (&b.control, &b.id));
    let mut kept: Vec<Zone> = Vec::new();
    for zone in zones {
        let is_duplicate = |known: &Zone| known.control != zone.control && known.name == zone.name;
        if !kept.iter().any(is_duplicate) {
            kept.push(zone);
        }
    }
    kept
}

/// The kernel lists nested zones both flat and inside their parent.
fn visit(directory: &Path, zones: &mut Vec<Zone>, depth: usize) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let Some(zone) = zone(&path) else { continue };
        zones.push(zone);
        if depth < DEEPEST {
            visit(&path, zones, depth + 1);
        }
    }
}

fn zone(directory: &Path) -> Option<Zone> {
    let file_name = directory.file_name()?.to_str()?;
    let (control, numbers) = file_name.split_once(':')?;
    if !directory.join("energy_uj").exists() {
        return None;
    }
    let id = numbers
        .split(':')
        .map(|number| number.parse().ok())
        .collect::<Option<Vec<u32>>>()?;
    let name = std::fs::read_to_string(directory.join("name")).ok()?;
    Some(Zone {
        control: control.to_owned(),
        id,
        name: name.trim().to_owned(),
        directory: directory.to_owned(),
    })
}

/// Returns the rails of `zones`, with unique names and parents.
pub(super) fn rails(zones: &[Zone]) -> Vec<Rail> {
    zones
        .iter()
        .map(|zone| Rail {
            name: unique_name(zone, zones),
            kind: kind(&zone.name),
            parent: parent(zone, zones),
            unit: "uJ",
        })
        .collect()
}

/// Returns `core` if the name is unique, else `core-1` for the core of `package-1`. A zone's
/// own number is not that of its package, because psys may be numbered between packages.
fn unique_name(zone: &Zone, zones: &[Zone]) -> String {
    let shared = zones.iter().filter(|other| other.name == zone.name).count() > 1;
    if !shared {
        return zone.name.clone();
    }
    let package = zone.package(zones).map(|at| zones[at].name.as_str());
    let number = package.and_then(|name| name.strip_prefix("package-"));
    match (number, zone.id.first()) {
        (Some(number), _) => format!("{}-{number}", zone.name),
        (None, Some(first)) => format!("{}-{first}", zone.name),
        (None, None) => zone.name.clone(),
    }
}

impl Zone {
    /// Returns the index of the zone that contains this one.
    fn package(&self, zones: &[Self]) -> Option<usize> {
        zones.iter().position(|other| {
            let is_above = self.id.len() > 1 && other.id[..] == self.id[..1];
            is_above && other.control == self.control
        })
    }

    /// Returns whether two zones are dies of one package, such as `package-0-die-0` and
    /// `package-0-die-1`.
    pub(super) fn is_other_die_of(&self, other: &Self) -> bool {
        let package = |zone: &Self| {
            let (package, die) = zone.name.split_once("-die-")?;
            Some((package.to_owned(), die.to_owned()))
        };
        match (package(self), package(other)) {
            (Some(own), Some(other)) => own.0 == other.0 && own.1 != other.1,
            _ => false,
        }
    }
}

fn kind(name: &str) -> RailKind {
    match name {
        "core" => RailKind::Cpu,
        "uncore" => RailKind::Gpu,
        "dram" => RailKind::Dram,
        "psys" => RailKind::System,
        name if name.starts_with("package") => RailKind::Package,
        _ => RailKind::Other,
    }
}

fn parent(zone: &Zone, zones: &[Zone]) -> Option<usize> {
    let psys = || zones.iter().position(|other| other.name == "psys");
    let package = || zone.package(zones);
    match kind(&zone.name) {
        RailKind::System => None,
        RailKind::Package | RailKind::Dram => psys(),
        _ => package().or_else(psys),
    }
}
