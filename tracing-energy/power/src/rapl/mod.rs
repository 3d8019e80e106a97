//! Reads RAPL counters through Linux' powercap tree.
//!
//! Limits: a rail covers a whole socket, including other programs. The counters move about
//! once a millisecond and wrap at `max_energy_range_uj` (262 kJ, or 22 minutes at 200 W).
//! Since 2020 only root may read them, because fine-grained power readings leak secrets
//! (PLATYPUS); the error contains the fix. `uncore` is the graphics part on client processors
//! and often stays zero.

mod mirror;
mod zones;

use std::path::Path;

use crate::containment::Placement;
use crate::error::SourceError;
use crate::polled::{Polled, PolledSensor};
use crate::rail::{Description, Rail, UnusedSensor};
use crate::rail_reader::RailReader;
use crate::sysfs;
use crate::users::DeviceUsers;
#[cfg(target_os = "linux")]
use crate::users::drm::DrmUsers;
use crate::window_energy::RawReading;
use energy_data::units::Nanos;
use energy_data::{Kernel, Provenance, RailKind};
use zones::{FIX, Zone};

/// The kernel's folder of RAPL counters.
pub const POWERCAP: &str = "/sys/class/powercap";

/// PCI address of the graphics in a package.
#[cfg(target_os = "linux")]
const GRAPHICS: &str = "0000:00:02.0";

/// Opens all zones under `root`, normally [`POWERCAP`]. Unreadable zones are added to
/// `left_out`.
///
/// # Errors
/// [`SourceError::NotPresent`] without zones, [`SourceError::NotPermitted`] with the fix if
/// none of them may be read.
pub fn open(
    root: &Path,
    interval: Nanos,
    left_out: &mut Vec<UnusedSensor>,
) -> Result<Polled, SourceError> {
    let zones = zones::find(root);
    if zones.is_empty() {
        return Err(SourceError::NotPresent {
            what: format!("RAPL counters in {}", root.display()),
        });
    }
    let mirrors = mirror::find(&zones);
    let rails = zones::rails(&zones);
    let is_graphics = |rail: &Rail| rail.kind == RailKind::Gpu;
    let mut users = rails.iter().any(is_graphics).then(graphics_users).flatten();
    let sensors = rails
        .into_iter()
        .zip(&zones)
        .zip(mirrors)
        .map(|((rail, zone), mirror)| {
            let placement = mirror.map_or(Placement::Unknown, Placement::Repeats);
            PolledSensor {
                // Only the first package's graphics have this PCI address.
                users: users.take_if(|_| is_graphics(&rail)),
                rail,
                placement,
                reader: reader(zone),
            }
        });
    let description = Description {
        name: "rapl".into(),
        rails: Vec::new(),
        interval,
        kernel: Kernel::Box,
        provenance: Provenance::Measured,
        limits: vec![
            "covers whole sockets, other programs included".into(),
            "counters move about once a millisecond".into(),
        ],
    };
    Polled::open(description, sensors.collect(), left_out)
}

/// Returns a reader of the use of a package's graphics by process.
#[cfg(target_os = "linux")]
fn graphics_users() -> Option<Box<dyn DeviceUsers>> {
    Some(Box::new(DrmUsers::new("/proc", GRAPHICS)))
}

#[cfg(not(target_os = "linux"))]
fn graphics_users() -> Option<Box<dyn DeviceUsers>> {
    None
}

fn reader(zone: &Zone) -> RailReader {
    let range = sysfs::text(&zone.directory.join("max_energy_range_uj"));
    let range = range.and_then(|text| text.parse().ok());
    let file = zone.directory.join("energy_uj");
    let read = move || sysfs::number(&file, FIX).map(RawReading::Microjoules);
    RailReader::new(Box::new(read)).wrapping(range)
}
