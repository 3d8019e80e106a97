//! Reads NVIDIA GPUs through NVML, the driver's library, which is loaded at run time.
//!
//! | source, the first that works | description |
//! |---|---|
//! | total energy | a counter in mJ (Volta and later); moves every 10 to 100 ms |
//! | instantaneous power | a field value; on some models samples only part of the time |
//! | power usage | on Ampere and later the mean of the last second |
//!
//! Each GPU is a rail of its own, so that idle and busy GPUs stay separate. If
//! `CUDA_VISIBLE_DEVICES` is set, only the GPUs it names are read, or all if the names are
//! ambiguous. With MIG, the reading is that of the whole GPU with all its instances. A GPU
//! always draws power: if its energy counter does not move, its power is read instead.
//!
//! The logic is tested on fakes of [`Gpus`].

#[cfg(not(target_os = "macos"))]
mod driver;
mod gpus;
mod users;
mod visible;

use std::sync::Arc;

use crate::containment::Placement;
use crate::error::SourceError;
use crate::polled::{Polled, PolledSensor};
use crate::rail::{Description, Rail, UnusedSensor};
use crate::rail_reader::RailReader;
use crate::window_energy::{RawReading, ReadSensor};
use energy_data::units::Nanos;
use energy_data::{Kernel, Provenance, RailKind};
pub use gpus::{GpuInfo, Gpus, ProcessUse};
use users::NvmlUsers;
use visible::GpuSelection;
pub use visible::Visible;

/// The averaging time of [`Gpus::average_mw`].
const AVERAGE: Nanos = Nanos::from_millis(1_000);

/// The driver call that a GPU's energy is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadMethod {
    Energy,
    Instant,
    Average,
}

/// Opens the GPUs of this machine (none on macOS). GPUs that are not read are added to
/// `left_out`.
///
/// # Errors
/// [`SourceError::NotPresent`] without the driver or a GPU that reports its power.
pub fn open(interval: Nanos, left_out: &mut Vec<UnusedSensor>) -> Result<Polled, SourceError> {
    open_with(driver()?, &Visible::from_environment(), interval, left_out)
}

/// Opens the power readings of the GPUs that have an energy counter, to validate the
/// counter.
///
/// # Errors
/// The same as those of [`open`].
pub fn open_power(interval: Nanos) -> Result<Polled, SourceError> {
    open_power_with(driver()?, &Visible::from_environment(), interval)
}

#[cfg(not(target_os = "macos"))]
fn driver() -> Result<Arc<dyn Gpus>, SourceError> {
    let driver = driver::Driver::load().map_err(|why| absent(&why))?;
    Ok(Arc::new(driver))
}

#[cfg(target_os = "macos")]
fn driver() -> Result<Arc<dyn Gpus>, SourceError> {
    Err(absent("there is no driver for macOS"))
}

/// Opens the GPUs of a given driver; see [`open`].
///
/// # Errors
/// The same as those of [`open`].
pub fn open_with(
    gpus: Arc<dyn Gpus>,
    visible: &Visible,
    interval: Nanos,
    left_out: &mut Vec<UnusedSensor>,
) -> Result<Polled, SourceError> {
    open_by("nvml", best_method, gpus, visible, interval, left_out)
}

/// Opens the power readings of a given driver; see [`open_power`].
///
/// # Errors
/// The same as those of [`open`].
pub fn open_power_with(
    gpus: Arc<dyn Gpus>,
    visible: &Visible,
    interval: Nanos,
) -> Result<Polled, SourceError> {
    let method = |gpus: &dyn Gpus, gpu| gpus.energy_mj(gpu).and_then(|_| power_method(gpus, gpu));
    let left_out = &mut Vec::new();
    open_by("nvml power", method, gpus, visible, interval, left_out)
}

/// A GPU that is read, and the method.
struct SelectedGpu {
    gpu: u32,
    info: GpuInfo,
    method: ReadMethod,
}

fn open_by(
    name: &str,
    method: fn(&dyn Gpus, u32) -> Result<ReadMethod, String>,
    gpus: Arc<dyn Gpus>,
    visible: &Visible,
    interval: Nanos,
    left_out: &mut Vec<UnusedSensor>,
) -> Result<Polled, SourceError> {
    let count = gpus.count().map_err(|why| absent(&why))?;
    let first_left = left_out.len();
    let known = identify(&*gpus, count, left_out);
    let GpuSelection {
        gpus: visible,
        warning,
    } = visible::select(visible, &known, &*gpus);
    let mut found = Vec::new();
    for (gpu, info) in known {
        if !visible.contains(&gpu) {
            left_out.push(unused(
                gpu,
                &info,
                "CUDA_VISIBLE_DEVICES does not name it",
                false,
            ));
            continue;
        }
        match method(&*gpus, gpu) {
            Ok(method) => found.push(SelectedGpu { gpu, info, method }),
            Err(why) => {
                let why = format!("it reports no power: {why}");
                left_out.push(unused(gpu, &info, &why, true));
            }
        }
    }
    if found.is_empty() {
        let why = left_out.get(first_left);
        let why = why.map(|one| format!("{}: {}", one.sensor, one.why));
        return Err(absent(why.as_deref().unwrap_or("there is no GPU")));
    }
    let averages = found.iter().any(|one| one.method == ReadMethod::Average);
    let description = Description {
        name: name.to_owned(),
        rails: Vec::new(),
        interval,
        kernel: if averages {
            Kernel::Trailing(AVERAGE)
        } else {
            Kernel::Box
        },
        provenance: Provenance::Measured,
        limits: found.iter().map(limit).collect(),
    };
    // A single visible GPU needs no number.
    let is_one = found.len() == 1;
    let sensors = found.iter().map(|one| sensor(&gpus, one, is_one));
    let source = Polled::open(description, sensors.collect(), left_out)?;
    Ok(source.warning(warning))
}

/// Returns the identities of the GPUs. A GPU that fails is added to `left_out`.
fn identify(gpus: &dyn Gpus, count: u32, left_out: &mut Vec<UnusedSensor>) -> Vec<(u32, GpuInfo)> {
    let mut known = Vec::new();
    for gpu in 0..count {
        match gpus.info(gpu) {
            Ok(info) => known.push((gpu, info)),
            Err(why) => left_out.push(UnusedSensor {
                sensor: format!("nvml GPU {gpu}"),
                why,
                is_fault: true,
            }),
        }
    }
    known
}

fn unused(gpu: u32, info: &GpuInfo, why: &str, is_fault: bool) -> UnusedSensor {
    UnusedSensor {
        sensor: format!("nvml GPU {gpu} ({})", info.name),
        why: why.to_owned(),
        is_fault,
    }
}

fn sensor(gpus: &Arc<dyn Gpus>, found: &SelectedGpu, is_one: bool) -> PolledSensor {
    let SelectedGpu { gpu, method, .. } = *found;
    let reader = RailReader::new(read(Arc::clone(gpus), gpu, method));
    let power = match method {
        ReadMethod::Energy => power_method(&**gpus, gpu).ok(),
        ReadMethod::Instant | ReadMethod::Average => None,
    };
    PolledSensor {
        rail: Rail {
            name: if is_one {
                "gpu".to_owned()
            } else {
                format!("gpu-{gpu}")
            },
            kind: RailKind::Gpu,
            parent: None,
            unit: "mJ",
        },
        placement: Placement::Discrete,
        users: Some(Box::new(NvmlUsers::new(
            Arc::clone(gpus),
            gpu,
            users::is_here,
        ))),
        reader: match (method, power) {
            (ReadMethod::Energy, power) => {
                let power = power.unwrap_or(ReadMethod::Average);
                reader.with_power_fallback(read(Arc::clone(gpus), gpu, power))
            }
            _ => reader,
        },
    }
}

fn absent(why: &str) -> SourceError {
    SourceError::NotPresent {
        what: format!("NVIDIA GPUs: {why}"),
    }
}

fn limit(found: &SelectedGpu) -> String {
    let SelectedGpu { gpu, info, method } = found;
    let how = match method {
        ReadMethod::Energy => "its energy counter",
        ReadMethod::Instant => "instantaneous power, which may cover a part of the time only",
        ReadMethod::Average => "the mean power of the last second",
    };
    let mig = match info.has_mig {
        true => "; it is divided (MIG), and read as a whole",
        false => "",
    };
    format!("GPU {gpu}, {}: by {how}{mig}", info.name)
}

/// Returns the best supported method.
fn best_method(gpus: &dyn Gpus, gpu: u32) -> Result<ReadMethod, String> {
    let energy = gpus.energy_mj(gpu).map(|_| ReadMethod::Energy);
    energy.or_else(|_| power_method(gpus, gpu))
}

/// Returns the best supported method that reads power.
fn power_method(gpus: &dyn Gpus, gpu: u32) -> Result<ReadMethod, String> {
    let instant = gpus.instant_mw(gpu).map(|_| ReadMethod::Instant);
    instant.or_else(|_| gpus.average_mw(gpu).map(|_| ReadMethod::Average))
}

fn read(gpus: Arc<dyn Gpus>, gpu: u32, method: ReadMethod) -> ReadSensor {
    Box::new(move || {
        let raw = match method {
            ReadMethod::Energy => gpus
                .energy_mj(gpu)
                .map(|mj| RawReading::Microjoules(mj.saturating_mul(1_000))),
            ReadMethod::Instant => gpus.instant_mw(gpu).map(|mw| RawReading::Watts(mw / 1e3)),
            ReadMethod::Average => gpus.average_mw(gpu).map(|mw| RawReading::Watts(mw / 1e3)),
        };
        raw.map_err(|why| SourceError::Retry {
            what: format!("GPU {gpu}"),
            why,
        })
    })
}

#[cfg(test)]
mod tests;
