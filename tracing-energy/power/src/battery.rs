//! Reads the discharge of a laptop's battery: the power of the whole machine while it is not
//! on mains. It is the last choice among measured sources, because the gauge moves every 1
//! to 30 s and is smoothed. Tested on fake trees, never on real ones.

use std::path::{Path, PathBuf};

use crate::containment::Placement;
use crate::error::SourceError;
use crate::polled::{Polled, PolledSensor};
use crate::rail::{Description, Rail, UnusedSensor};
use crate::rail_reader::RailReader;
use crate::sysfs::{number, text};
use crate::window_energy::RawReading;
use energy_data::units::Nanos;
use energy_data::{Kernel, Provenance, RailKind};

/// The kernel's folder of batteries.
pub const POWER_SUPPLY: &str = "/sys/class/power_supply";

const FIX: &str =
    "allow your user to read it: `sudo chmod a+r` and the path (valid until the next boot)";

/// Opens the batteries under `root`, each as a rail.
///
/// # Errors
/// [`SourceError::NotPresent`] without a battery that reports its power, or while none of
/// them is discharging.
pub fn open(
    root: &Path,
    interval: Nanos,
    left_out: &mut Vec<UnusedSensor>,
) -> Result<Polled, SourceError> {
    let batteries = batteries(root);
    if batteries.is_empty() {
        return Err(SourceError::NotPresent {
            what: format!("a battery that reports its power in {}", root.display()),
        });
    }
    if !batteries.iter().any(|battery| is_discharging(battery)) {
        return Err(SourceError::NotPresent {
            what: "battery power (the machine is on mains)".to_owned(),
        });
    }
    let is_one = batteries.len() == 1;
    let rail = |battery: &PathBuf| Rail {
        name: match (is_one, battery.file_name()) {
            (false, Some(name)) => format!("battery-{}", name.to_string_lossy().to_lowercase()),
            _ => "battery".to_owned(),
        },
        kind: RailKind::System,
        parent: None,
        unit: "uW",
    };
    let description = Description {
        name: "battery".into(),
        rails: Vec::new(),
        interval,
        kernel: Kernel::Box,
        provenance: Provenance::Measured,
        limits: vec![
            "the whole machine, screen included, and nothing while it is on mains".to_owned(),
            "the gauge moves every 1 to 30 s: values for shorter times are not reliable".to_owned(),
        ],
    };
    let sensor = |battery: PathBuf| PolledSensor {
        rail: rail(&battery),
        placement: Placement::Unknown,
        reader: RailReader::new(Box::new(move || watts(&battery).map(RawReading::Watts))),
        users: None,
    };
    let sensors = batteries.into_iter().map(sensor);
    Polled::open(description, sensors.collect(), left_out)
}

fn batteries(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let is_battery = text(&path.join("type")).as_deref() == Some("Battery");
            // Peripherals such as mice have batteries, too.
            let is_own = text(&path.join("scope")).as_deref() != Some("Device");
            let mut files = ["power_now", "current_now"].iter();
            is_battery && is_own && files.any(|file| path.join(file).exists())
        })
        .collect();
    found.sort();
    found
}

fn is_discharging(battery: &Path) -> bool {
    text(&battery.join("status")).as_deref() == Some("Discharging")
}

/// Returns the power in watts. Some drivers report power, others current and voltage; the
/// sign while discharging differs.
fn watts(battery: &Path) -> Result<f64, SourceError> {
    if !is_discharging(battery) {
        return Err(SourceError::Retry {
            what: battery.display().to_string(),
            why: "it is not discharging: the machine is on mains".to_owned(),
        });
    }
    let power = battery.join("power_now");
    if power.exists() {
        return Ok((number::<f64>(&power, FIX)? / 1e6).abs());
    }
    let amperes = number::<f64>(&battery.join("current_now"), FIX)? / 1e6;
    let volts = number::<f64>(&battery.join("voltage_now"), FIX)? / 1e6;
    Ok((amperes * volts).abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::source::{PowerSource, Reading};

    fn set(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("{text}\n")).unwrap();
    }

    #[test]
    fn power_is_measured_while_discharging_and_unknown_on_mains() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for (file, text) in [
            ("BAT0/type", "Battery"),
            ("BAT0/status", "Discharging"),
            ("BAT0/current_now", "-1500000"),
            ("BAT0/voltage_now", "12000000"),
            ("hid-mouse/type", "Battery"),
            ("hid-mouse/scope", "Device"),
            ("hid-mouse/power_now", "1"),
            ("AC/type", "Mains"),
        ] {
            set(root, file, text);
        }
        let interval = Nanos::from_millis(1000);
        let mut source = open(root, interval, &mut Vec::new()).unwrap();
        assert_eq!(source.describe().rails.len(), 1);
        let clock = ManualClock::default();
        source.start(&clock).unwrap();
        let mut reading = Reading::default();
        for (at, status) in [(1, "Discharging"), (2, "Charging"), (3, "Charging")] {
            set(root, "BAT0/status", status);
            clock.set(Nanos::from_millis(at * 1000));
            source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
        }
        let energies = reading.samples.iter();
        let energies: Vec<_> = energies.map(|one| one.energy.map(|e| e.joules())).collect();
        assert_eq!(energies, [Some(18.0), None, None]);
        assert_eq!(reading.notices.len(), 1);
        assert!(reading.notices[0].message.contains("mains"));
        let on_mains = open(root, interval, &mut Vec::new());
        assert!(matches!(on_mains, Err(SourceError::NotPresent { .. })));
    }
}
