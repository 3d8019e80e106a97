//! Sensors of Linux' hwmon whose rails are known: AMD graphics, Jetson's INA3221, AMD
//! processors by `amd_energy` or `zenpower`. Tested on fake trees, never on real ones.
//!
//! | driver | read | rail |
//! |---|---|---|
//! | `amdgpu` | `power1_average`, else `power1_input` | `gpu`, by PCI address where there are several |
//! | `ina3221` | volts x amperes of each channel | its label; `VDD_IN` contains the others |
//! | `amd_energy` | `energyN_input` | `package-N`; cores lie inside and are left out |
//! | `zenpower` | `powerN_input` | its label |
//!
//! Other drivers are named and left out: what they meter is not known, and a sum would
//! count it twice.

use std::path::{Path, PathBuf};

use crate::power::polled::{Dial, Polled, Raw, Read};
use crate::power::sysfs::{number, text};
use crate::power::users::DeviceUsers;
#[cfg(target_os = "linux")]
use crate::power::users::drm::DrmUsers;
use crate::power::{Description, Kernel, Provenance, Rail, RailKind, SourceError};
use crate::units::Nanos;

/// Where the kernel shows them.
pub const HWMON: &str = "/sys/class/hwmon";

/// Channels that a driver may number.
const CHANNELS: std::ops::RangeInclusive<u32> = 1..=32;

/// Opens what is known under `root`.
///
/// # Errors
/// [`SourceError::NotPresent`] without a known sensor, else why the first one cannot be
/// read.
pub fn open(root: &Path, interval: Nanos) -> Result<Polled, SourceError> {
    let mut found = Found::default();
    for device in devices(root) {
        found.add(&device);
    }
    if found.sensors.is_empty() {
        return Err(SourceError::NotPresent {
            what: format!("power sensors in {}", root.display()),
        });
    }
    let mut sensors = found.sensors;
    name_apart(&mut sensors);
    let mut dials = Vec::new();
    for sensor in &mut sensors {
        let read = &mut sensor.read;
        read()?;
    }
    let rails = rails(&sensors);
    let users = users(&sensors);
    dials.extend(sensors.into_iter().map(|sensor| Dial::new(sensor.read)));
    let mut limits = vec![
        "drivers' readings; between two readings of a power it is taken to go straight".to_owned(),
    ];
    if !found.left_out.is_empty() {
        let names = found.left_out.join(", ");
        limits.push(format!(
            "left out, for what they meter is not known: {names}"
        ));
    }
    let description = Description {
        name: "hwmon".into(),
        rails,
        interval,
        kernel: Kernel::Box,
        provenance: Provenance::Measured,
        limits,
    };
    Ok(Polled::new(description, dials).with_users(users))
}

/// Folders of sensors, in the order of their numbers.
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

/// Readers of the use of graphics by process.
#[cfg(target_os = "linux")]
fn users(sensors: &[Sensor]) -> Vec<(usize, Box<dyn DeviceUsers>)> {
    let reader = |(at, sensor): (usize, &Sensor)| {
        let users = DrmUsers::new("/proc", sensor.pci.clone()?);
        Some((at, Box::new(users) as Box<dyn DeviceUsers>))
    };
    sensors.iter().enumerate().filter_map(reader).collect()
}

#[cfg(not(target_os = "linux"))]
fn users(_: &[Sensor]) -> Vec<(usize, Box<dyn DeviceUsers>)> {
    Vec::new()
}

/// The PCI address of the device that a sensor is of.
fn pci(device: &Path) -> Option<String> {
    let target = std::fs::canonicalize(device.join("device")).ok()?;
    let name = target.file_name()?.to_str()?;
    let is_address = name.split(':').count() == 3 && name.contains('.');
    is_address.then(|| name.to_owned())
}

struct Sensor {
    name: String,
    /// PCI address of graphics.
    pci: Option<String>,
    /// What tells it from another of the same name.
    place: String,
    kind: RailKind,
    unit: &'static str,
    /// Whether the others of its place lie inside it.
    is_whole: bool,
    read: Read,
}

#[derive(Default)]
struct Found {
    sensors: Vec<Sensor>,
    left_out: Vec<String>,
}

impl Found {
    fn add(&mut self, device: &Path) {
        let driver = text(&device.join("name")).unwrap_or_default();
        match driver.as_str() {
            "amdgpu" => self.amdgpu(device),
            "ina3221" => self.ina3221(device),
            "amd_energy" => self.amd_energy(device),
            "zenpower" => self.zenpower(device),
            _ if meters_power(device) => self.left_out.push(driver),
            _ => {}
        }
    }

    fn push(&mut self, device: &Path, name: &str, kind: RailKind, unit: &'static str, read: Read) {
        self.sensors.push(Sensor {
            name: name.to_owned(),
            pci: pci(device).filter(|_| kind == RailKind::Gpu),
            place: place(device),
            kind,
            unit,
            is_whole: kind == RailKind::System,
            read,
        });
    }

    fn amdgpu(&mut self, device: &Path) {
        let files = ["power1_average", "power1_input"].map(|file| device.join(file));
        if let Some(file) = files.into_iter().find(|file| file.exists()) {
            self.push(device, "gpu", RailKind::Gpu, "uW", microwatts(file));
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
            }
        }
    }
}

/// INA3221 may show a channel that adds the others up.
fn is_sum(label: &str) -> bool {
    label.to_lowercase().contains("sum of")
}

/// What a board's label says that it meters.
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

/// The device's address: `0000:03:00.0`, `1-0040`.
fn place(device: &Path) -> String {
    let target = std::fs::canonicalize(device.join("device"));
    let target = target.unwrap_or_else(|_| device.to_owned());
    let name = target
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_default()
}

/// `gpu` where it is the only one, else `gpu-0000:03:00.0`.
fn name_apart(sensors: &mut [Sensor]) {
    let names: Vec<String> = sensors.iter().map(|sensor| sensor.name.clone()).collect();
    for sensor in sensors {
        if names.iter().filter(|name| **name == sensor.name).count() > 1 {
            sensor.name = format!("{}-{}", sensor.name, sensor.place);
        }
    }
}

fn rails(sensors: &[Sensor]) -> Vec<Rail> {
    let whole = |place: &str| {
        let mut wholes = sensors.iter();
        wholes.position(|sensor| sensor.is_whole && sensor.place == place)
    };
    let rail = |(at, sensor): (usize, &Sensor)| Rail {
        name: sensor.name.clone(),
        kind: sensor.kind,
        parent: whole(&sensor.place).filter(|&whole| whole != at),
        unit: sensor.unit,
    };
    sensors.iter().enumerate().map(rail).collect()
}

const FIX: &str = "let your user read it: `sudo chmod a+r` and the path, until the next boot";

fn microwatts(file: PathBuf) -> Read {
    Box::new(move || Ok(Raw::Watts(number::<f64>(&file, FIX)? / 1e6)))
}

fn microjoules(file: PathBuf) -> Read {
    Box::new(move || Ok(Raw::Microjoules(number(&file, FIX)?)))
}

fn millivolts_times_milliamperes(volts: PathBuf, amperes: PathBuf) -> Read {
    Box::new(move || {
        let (volts, amperes) = (number::<f64>(&volts, FIX)?, number::<f64>(&amperes, FIX)?);
        Ok(Raw::Watts(volts * amperes / 1e6))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::power::{PowerSource, Reading};

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{text}\n")).unwrap();
        }
        root
    }

    const MS_100: Nanos = Nanos::from_millis(100);

    fn described(source: &Polled) -> Vec<(String, &'static str, Option<usize>)> {
        let rails = source.describe().rails.into_iter();
        rails
            .map(|rail| (rail.name, rail.kind.name(), rail.parent))
            .collect()
    }

    #[test]
    fn a_jetson_has_its_input_with_its_parts_inside() {
        let root = tree(&[
            ("hwmon1/name", "ina3221"),
            ("hwmon1/in1_label", "VDD_IN"),
            ("hwmon1/in1_input", "5000"),
            ("hwmon1/curr1_input", "2000"),
            ("hwmon1/in2_label", "VDD_CPU_GPU_CV"),
            ("hwmon1/in2_input", "5000"),
            ("hwmon1/curr2_input", "800"),
            ("hwmon1/in3_label", "VDD_SOC"),
            ("hwmon1/in3_input", "5000"),
            ("hwmon1/curr3_input", "300"),
            ("hwmon1/in7_label", "sum of shunt voltages"),
            ("hwmon1/in7_input", "12"),
            ("hwmon0/name", "coretemp"),
            ("hwmon0/temp1_input", "40000"),
            ("hwmon2/name", "corsairpsu"),
            ("hwmon2/power1_input", "90000000"),
        ]);
        let mut source = open(root.path(), MS_100).unwrap();
        let (system, package, soc) = ("vdd_in", "vdd_cpu_gpu_cv", "vdd_soc");
        assert_eq!(
            described(&source),
            [
                (system.to_owned(), "system", None),
                (package.to_owned(), "package", Some(0)),
                (soc.to_owned(), "other", Some(0)),
            ]
        );
        let limits = source.describe().limits;
        assert!(
            limits.iter().any(|limit| limit.contains("corsairpsu")),
            "{limits:?}"
        );

        let clock = ManualClock::default();
        source.start(&clock).unwrap();
        clock.set(MS_100);
        let mut reading = Reading::default();
        source.stop(&clock, &mut reading);
        let joules = reading
            .samples
            .iter()
            .map(|sample| sample.energy.unwrap().joules());
        let joules: Vec<f64> = joules.collect();
        assert!(
            (joules[0] - 1.0).abs() < 1e-12 && (joules[1] - 0.4).abs() < 1e-12,
            "{joules:?}"
        );
    }

    #[test]
    fn several_cards_are_told_apart_and_sockets_counted() {
        let root = tree(&[
            ("hwmon3/name", "amdgpu"),
            ("hwmon3/power1_average", "25000000"),
            ("hwmon3/device/x", ""),
            ("hwmon10/name", "amdgpu"),
            ("hwmon10/power1_input", "30000000"),
            ("hwmon4/name", "amd_energy"),
            ("hwmon4/energy1_label", "Ecore000"),
            ("hwmon4/energy1_input", "5"),
            ("hwmon4/energy17_label", "Esocket0"),
            ("hwmon4/energy17_input", "7000000"),
        ]);
        let source = open(root.path(), MS_100).unwrap();
        let names: Vec<String> = described(&source).into_iter().map(|rail| rail.0).collect();
        assert_eq!(names, ["gpu-device", "package-0", "gpu-hwmon10"]);
    }

    #[test]
    fn nothing_known_is_not_present_and_nonsense_is_told() {
        let root = tree(&[("hwmon0/name", "coretemp")]);
        let none = open(root.path(), MS_100);
        assert!(matches!(none, Err(SourceError::NotPresent { .. })));
        let root = tree(&[("hwmon0/name", "amdgpu"), ("hwmon0/power1_average", "N/A")]);
        let Err(error) = open(root.path(), MS_100) else {
            panic!("opened")
        };
        assert!(error.to_string().contains("is no number"), "{error}");
    }
}
