//! Reads sensors of Linux' hwmon whose rails are known: AMD graphics, Jetson's INA3221, AMD
//! processors by `amd_energy` or `zenpower`. Tested on fake trees, never on real ones.
//!
//! | driver | files | rail |
//! |---|---|---|
//! | `amdgpu`, a card | `power1_average`, else `power1_input` | `gpu`, with the PCI address if there are several |
//! | `amdgpu`, an APU | the same; includes the CPU cores | `apu`, a package |
//! | `ina3221` | volts x amperes of each channel | its label; `VDD_IN` contains the others |
//! | `amd_energy` | `energyN_input` | `package-N`; cores are part of it and ignored |
//! | `zenpower` | `powerN_input` | its label, inside the package |
//!
//! Other drivers are reported but not used: it is unknown what they meter, and a sum could
//! count it twice. A sensor that cannot be read does not affect the others.

mod amdgpu;

use std::path::{Path, PathBuf};

use crate::containment::Placement;
use crate::error::SourceError;
use crate::polled::{Polled, PolledSensor};
use crate::rail::{Description, Rail, UnusedSensor};
use crate::rail_reader::RailReader;
use crate::sysfs::{number, text};
use crate::users::DeviceUsers;
#[cfg(target_os = "linux")]
use crate::users::drm::DrmUsers;
use crate::window_energy::{RawReading, ReadSensor};
use energy_data::units::Nanos;
use energy_data::{Kernel, Provenance, RailKind};

/// The kernel's folder of hwmon sensors.
pub const HWMON: &str = "/sys/class/hwmon";

/// Channel numbers to look for.
const CHANNELS: std::ops::RangeInclusive<u32> = 1..=32;

/// Opens the known sensors under `root`. Unknown and unreadable ones are added to
/// `left_out`.
///
/// # Errors
/// [`SourceError::NotPresent`] without a known sensor. If none can be read, the error of the
/// first one.
pub fn open(
    root: &Path,
    interval: Nanos,
    left_out: &mut Vec<UnusedSensor>,
) -> Result<Polled, SourceError> {
    let mut found = FoundSensors::default();
    for device in devices(root) {
        found.add(&device);
    }
    left_out.append(&mut found.left_out);
    if found.sensors.is_empty() {
        return Err(SourceError::NotPresent {
            what: format!("power sensors in {}", root.display()),
        });
    }
    let mut sensors = found.sensors;
    make_names_unique(&mut sensors);
    let description = Description {
        name: "hwmon".into(),
        rails: Vec::new(),
        interval,
        kernel: Kernel::Box,
        provenance: Provenance::Measured,
        limits: vec![
            "drivers' readings; power is interpolated linearly between two readings".to_owned(),
        ],
    };
    Polled::open(description, polled(sensors), left_out)
}

/// Returns the folders of sensors, in the order of their numbers.
fn devices(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut devices: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix("hwmon")?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    devices.sort_unstable();
    devices.into_iter().map(|(_, path)| path).collect()
}

/// Returns a reader of the use of a graphics device by process.
#[cfg(target_os = "linux")]
fn users(sensor: &HwmonSensor) -> Option<Box<dyn DeviceUsers>> {
    let users = DrmUsers::new("/proc", sensor.pci.clone()?);
    Some(Box::new(users))
}

#[cfg(not(target_os = "linux"))]
fn users(_: &HwmonSensor) -> Option<Box<dyn DeviceUsers>> {
    None
}

/// Returns the PCI address of a sensor's device.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn pci(device: &Path) -> Option<String> {
    let target = std::fs::canonicalize(device.join("device")).ok()?;
    let name = target.file_name()?.to_str()?;
    let is_address = name.split(':').count() == 3 && name.contains('.');
    is_address.then(|| name.to_owned())
}

struct HwmonSensor {
    name: String,
    /// PCI address of graphics; read on Linux only.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pci: Option<String>,
    /// Address of its device, which distinguishes sensors of the same name.
    place: String,
    kind: RailKind,
    unit: &'static str,
    placement: Placement,
    read: ReadSensor,
}

#[derive(Default)]
struct FoundSensors {
    sensors: Vec<HwmonSensor>,
    left_out: Vec<UnusedSensor>,
}

impl FoundSensors {
    fn add(&mut self, device: &Path) {
        let driver = text(&device.join("name")).unwrap_or_default();
        match driver.as_str() {
            "amdgpu" => self.amdgpu(device),
            "ina3221" => self.ina3221(device),
            "amd_energy" => self.amd_energy(device),
            "zenpower" => self.zenpower(device),
            _ if meters_power(device) => self.leave_out(
                device,
                &driver,
                "it is unknown what it meters, and a sum could count it twice",
                false,
            ),
            _ => {}
        }
    }

    fn leave_out(&mut self, device: &Path, driver: &str, why: &str, is_fault: bool) {
        self.left_out.push(UnusedSensor {
            sensor: format!("hwmon {driver} ({})", place(device)),
            why: why.to_owned(),
            is_fault,
        });
    }

    fn push(
        &mut self,
        device: &Path,
        name: &str,
        kind: RailKind,
        unit: &'static str,
        read: ReadSensor,
    ) {
        self.sensors.push(HwmonSensor {
            name: name.to_owned(),
            pci: pci(device).filter(|_| kind == RailKind::Gpu),
            place: place(device),
            kind,
            unit,
            placement: Placement::Unknown,
            read,
        });
    }

    fn amdgpu(&mut self, device: &Path) {
        let files = ["power1_average", "power1_input"].map(|file| device.join(file));
        let files: Vec<PathBuf> = files.into_iter().filter(|file| file.exists()).collect();
        if files.is_empty() {
            let why = "it has neither power1_average nor power1_input";
            return self.leave_out(device, "amdgpu", why, false);
        }
        let placement = amdgpu::placement(device);
        let (name, kind) = match placement {
            Placement::WholeProcessor => ("apu", RailKind::Package),
            _ => ("gpu", RailKind::Gpu),
        };
        self.push(device, name, kind, "uW", first_of(files));
        if let Some(sensor) = self.sensors.last_mut() {
            sensor.placement = placement;
        }
    }

    fn ina3221(&mut self, device: &Path) {
        for channel in CHANNELS {
            let label = text(&device.join(format!("in{channel}_label")));
            let Some(label) = label.filter(|label| !is_sum(label)) else {
                continue;
            };
            let volts = device.join(format!("in{channel}_input"));
            let amperes = device.join(format!("curr{channel}_input"));
            if volts.exists() && amperes.exists() {
                let kind = kind_of(&label);
                let read = millivolts_times_milliamperes(volts, amperes);
                self.push(device, &label.to_lowercase(), kind, "mV x mA", read);
            }
        }
    }

    fn amd_energy(&mut self, device: &Path) {
        for channel in CHANNELS {
            let label = text(&device.join(format!("energy{channel}_label"))).unwrap_or_default();
            if let Some(socket) = label.strip_prefix("Esocket") {
                let read = microjoules(device.join(format!("energy{channel}_input")));
                let name = format!("package-{socket}");
                self.push(device, &name, RailKind::Package, "uJ", read);
            }
        }
    }

    fn zenpower(&mut self, device: &Path) {
        for channel in CHANNELS {
            let file = device.join(format!("power{channel}_input"));
            let label = text(&device.join(format!("power{channel}_label")));
            if let Some(label) = label.filter(|_| file.exists()) {
                let kind = kind_of(&label);
                self.push(device, &label.to_lowercase(), kind, "uW", microwatts(file));
                if let Some(sensor) = self.sensors.last_mut() {
                    sensor.placement = Placement::InPackage(socket(&sensor.place));
                }
            }
        }
    }
}

/// Returns the socket of an AMD processor's device: 0 at `0000:00:18.3`, 1 at
/// `0000:00:19.3`.
fn socket(place: &str) -> Option<u32> {
    let device = place.split(':').nth(2)?.split('.').next()?;
    u32::from_str_radix(device, 16).ok()?.checked_sub(0x18)
}

/// Returns whether an INA3221 channel is the sum of the others.
fn is_sum(label: &str) -> bool {
    label.to_lowercase().contains("sum of")
}

/// Returns the kind of rail that a board's label suggests.
fn kind_of(label: &str) -> RailKind {
    let label = label.to_uppercase();
    let has = |part: &str| label.contains(part);
    match () {
        () if has("VDD_IN") || has("5V_IN") => RailKind::System,
        () if has("CPU") && has("GPU") => RailKind::Package,
        () if has("GPU") => RailKind::Gpu,
        () if has("CPU") || has("CORE") => RailKind::Cpu,
        () if has("DDR") || has("DRAM") => RailKind::Dram,
        () => RailKind::Other,
    }
}

fn meters_power(device: &Path) -> bool {
    let entries = std::fs::read_dir(device).into_iter().flatten().flatten();
    let is_meter = |name: &str| {
        let stem = ["power", "energy"]
            .iter()
            .any(|stem| name.starts_with(stem));
        stem && (name.ends_with("_input") || name.ends_with("_average"))
    };
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.any(|name| is_meter(&name))
}

/// Returns the device's address: `0000:03:00.0`, `1-0040`.
fn place(device: &Path) -> String {
    let target = std::fs::canonicalize(device.join("device"));
    let target = target.unwrap_or_else(|_| device.to_owned());
    let name = target
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_default()
}

/// Appends the device's address to names that are not unique: `gpu-0000:03:00.0`.
fn make_names_unique(sensors: &mut [HwmonSensor]) {
    let names: Vec<String> = sensors.iter().map(|sensor| sensor.name.clone()).collect();
    for sensor in sensors {
        if names.iter().filter(|name| **name == sensor.name).count() > 1 {
            sensor.name = format!("{}-{}", sensor.name, sensor.place);
        }
    }
}

/// Converts sensors to rails. The rails of one board lie in its input rail.
fn polled(sensors: Vec<HwmonSensor>) -> Vec<PolledSensor> {
    let wholes: Vec<(usize, String)> = (0..)
        .zip(&sensors)
        .filter(|(_, sensor)| sensor.kind == RailKind::System)
        .map(|(at, sensor)| (at, sensor.place.clone()))
        .collect();
    let sensor = |(at, sensor): (usize, HwmonSensor)| {
        let whole = wholes.iter().find(|whole| whole.1 == sensor.place);
        PolledSensor {
            users: users(&sensor),
            rail: Rail {
                name: sensor.name,
                kind: sensor.kind,
                parent: whole.map(|whole| whole.0).filter(|&whole| whole != at),
                unit: sensor.unit,
            },
            placement: sensor.placement,
            reader: RailReader::new(sensor.read),
        }
    };
    sensors.into_iter().enumerate().map(sensor).collect()
}

const FIX: &str =
    "allow your user to read it: `sudo chmod a+r` and the path (valid until the next boot)";

fn microwatts(file: PathBuf) -> ReadSensor {
    Box::new(move || Ok(RawReading::Watts(number::<f64>(&file, FIX)? / 1e6)))
}

/// Reads the first readable file. Which one that is may change between readings.
fn first_of(files: Vec<PathBuf>) -> ReadSensor {
    Box::new(move || {
        let mut failure = None;
        for file in &files {
            match number::<f64>(file, FIX) {
                Ok(watts) => return Ok(RawReading::Watts(watts / 1e6)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| SourceError::NotPresent {
            what: "power of a GPU".to_owned(),
        }))
    })
}

fn microjoules(file: PathBuf) -> ReadSensor {
    Box::new(move || Ok(RawReading::Microjoules(number(&file, FIX)?)))
}

fn millivolts_times_milliamperes(volts: PathBuf, amperes: PathBuf) -> ReadSensor {
    Box::new(move || {
        let (volts, amperes) = (number::<f64>(&volts, FIX)?, number::<f64>(&amperes, FIX)?);
        Ok(RawReading::Watts(volts * amperes / 1e6))
    })
}

#[cfg(test)]
mod tests;
