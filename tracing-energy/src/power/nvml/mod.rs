//! NVIDIA GPUs through NVML, the driver's library, loaded at run time.
//!
//! | read, the first that works | what it is |
//! |---|---|
//! | total energy | a counter in mJ (Volta and later); moves every 10 to 100 ms |
//! | instantaneous power | a field value; sees a part of the time only on some models |
//! | power usage | on Ampere and later the mean of the last second |
//!
//! Each GPU is a rail of its own, so that those which rest are not taken for the one that
//! works; where `CUDA_VISIBLE_DEVICES` is set, only those it names are read, and all where
//! it is not sure which these are. With MIG the reading is that of the whole GPU, all
//! instances together. A GPU is never without power: where its energy counter stands
//! still, its power is read.
//!
//! The logic is tested on fakes of [`Gpus`].

#[cfg(not(target_os = "macos"))]
mod driver;
mod users;
mod visible;

use std::sync::Arc;

use crate::power::containment::Placement;
use crate::power::polled::{Polled, PolledSensor};
use crate::power::rail_reader::{RailReader, Raw, Read};
use crate::power::{Description, Kernel, LeftOut, Provenance, Rail, RailKind, SourceError};
use crate::units::Nanos;
use users::NvmlUsers;
pub use users::ProcessUse;
use visible::Selection;
pub use visible::Visible;

/// The averaging time of [`Gpus::average_mw`].
const AVERAGE: Nanos = Nanos::from_millis(1_000);

/// The driver's calls; a failure is its own words.
pub trait Gpus: Send + Sync {
    /// How many there are.
    ///
    /// # Errors
    /// As the driver says.
    fn count(&self) -> Result<u32, String>;
    /// What a GPU is.
    ///
    /// # Errors
    /// As the driver says.
    fn about(&self, gpu: u32) -> Result<About, String>;
    /// UUIDs of the instances of a GPU that is divided (`MIG-...`), as far as the driver
    /// names them.
    fn mig_uuids(&self, gpu: u32) -> Vec<String>;
    /// Energy since the driver was loaded, mJ.
    ///
    /// # Errors
    /// As the driver says; older models cannot tell.
    fn energy_mj(&self, gpu: u32) -> Result<u64, String>;
    /// Power now, mW.
    ///
    /// # Errors
    /// As the driver says; older drivers cannot tell.
    fn instant_mw(&self, gpu: u32) -> Result<f64, String>;
    /// Power, on newer models the mean of a second, mW.
    ///
    /// # Errors
    /// As the driver says.
    fn average_mw(&self, gpu: u32) -> Result<f64, String>;
    /// Utilisation by process, samples after `since_us` on the driver's clock.
    ///
    /// # Errors
    /// As the driver says: with MIG, on older models and under hypervisors it cannot.
    fn process_use(&self, gpu: u32, since_us: u64) -> Result<Vec<ProcessUse>, String> {
        let _ = (gpu, since_us);
        Err("not supported".to_owned())
    }
}

/// What a GPU is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// `GPU-...`.
    pub uuid: String,
    /// Whether it is divided into instances.
    pub has_mig: bool,
}

/// How a GPU's energy is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Energy,
    Instant,
    Average,
}

/// Opens the GPUs of this machine; there are none on a Mac. Those that are not read are
/// added to `left_out`.
///
/// # Errors
/// [`SourceError::NotPresent`] without the driver or a GPU that tells its power.
pub fn open(interval: Nanos, left_out: &mut Vec<LeftOut>) -> Result<Polled, SourceError> {
    open_with(driver()?, &Visible::from_environment(), interval, left_out)
}

/// GPUs that have a counter by their power, to check the counter against.
///
/// # Errors
/// As [`open`].
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

/// As [`open`], of a driver of one's own.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    gpus: Arc<dyn Gpus>,
    visible: &Visible,
    interval: Nanos,
    left_out: &mut Vec<LeftOut>,
) -> Result<Polled, SourceError> {
    open_by("nvml", best_way, gpus, visible, interval, left_out)
}

/// As [`open_power`], of a driver of one's own.
///
/// # Errors
/// As [`open`].
pub fn open_power_with(
    gpus: Arc<dyn Gpus>,
    visible: &Visible,
    interval: Nanos,
) -> Result<Polled, SourceError> {
    let way = |gpus: &dyn Gpus, gpu| gpus.energy_mj(gpu).and_then(|_| power_way(gpus, gpu));
    let left_out = &mut Vec::new();
    open_by("nvml power", way, gpus, visible, interval, left_out)
}

/// A GPU that is read, and how.
struct Found {
    gpu: u32,
    about: About,
    way: Way,
}

fn open_by(
    name: &str,
    way: fn(&dyn Gpus, u32) -> Result<Way, String>,
    gpus: Arc<dyn Gpus>,
    visible: &Visible,
    interval: Nanos,
    left_out: &mut Vec<LeftOut>,
) -> Result<Polled, SourceError> {
    let count = gpus.count().map_err(|why| absent(&why))?;
    let first_left = left_out.len();
    let known = known(&*gpus, count, left_out);
    let Selection {
        gpus: visible,
        doubt,
    } = visible::select(visible, &known, &*gpus);
    let mut found = Vec::new();
    for (gpu, about) in known {
        if !visible.contains(&gpu) {
            left_out.push(left(
                gpu,
                &about,
                "CUDA_VISIBLE_DEVICES does not name it",
                false,
            ));
            continue;
        }
        match way(&*gpus, gpu) {
            Ok(way) => found.push(Found { gpu, about, way }),
            Err(why) => {
                let why = format!("it tells no power: {why}");
                left_out.push(left(gpu, &about, &why, true));
            }
        }
    }
    if found.is_empty() {
        let why = left_out.get(first_left);
        let why = why.map(|one| format!("{}: {}", one.sensor, one.why));
        return Err(absent(why.as_deref().unwrap_or("there is no GPU")));
    }
    let averages = found.iter().any(|one| one.way == Way::Average);
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
    // Alone, but for those that are hidden, it needs no number.
    let is_one = found.len() == 1;
    let sensors = found.iter().map(|one| sensor(&gpus, one, is_one));
    let source = Polled::open(description, sensors.collect(), left_out)?;
    Ok(source.warning(doubt))
}

/// What the GPUs are; one that is lost takes no other one with it.
fn known(gpus: &dyn Gpus, count: u32, left_out: &mut Vec<LeftOut>) -> Vec<(u32, About)> {
    let mut known = Vec::new();
    for gpu in 0..count {
        match gpus.about(gpu) {
            Ok(about) => known.push((gpu, about)),
            Err(why) => left_out.push(LeftOut {
                sensor: format!("nvml GPU {gpu}"),
                why,
                is_fault: true,
            }),
        }
    }
    known
}

fn left(gpu: u32, about: &About, why: &str, is_fault: bool) -> LeftOut {
    LeftOut {
        sensor: format!("nvml GPU {gpu} ({})", about.name),
        why: why.to_owned(),
        is_fault,
    }
}

fn sensor(gpus: &Arc<dyn Gpus>, found: &Found, is_one: bool) -> PolledSensor {
    let Found { gpu, way, .. } = *found;
    let reader = RailReader::new(read(Arc::clone(gpus), gpu, way));
    let power = match way {
        Way::Energy => power_way(&**gpus, gpu).ok(),
        Way::Instant | Way::Average => None,
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
        reader: match (way, power) {
            (Way::Energy, power) => {
                let power = power.unwrap_or(Way::Average);
                reader.with_second_way(read(Arc::clone(gpus), gpu, power))
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

fn limit(found: &Found) -> String {
    let Found { gpu, about, way } = found;
    let how = match way {
        Way::Energy => "its energy counter",
        Way::Instant => "instantaneous power, which may see a part of the time only",
        Way::Average => "the mean power of the last second",
    };
    let mig = match about.has_mig {
        true => "; it is divided (MIG), and read as a whole",
        false => "",
    };
    format!("GPU {gpu}, {}: by {how}{mig}", about.name)
}

/// The best way that works.
fn best_way(gpus: &dyn Gpus, gpu: u32) -> Result<Way, String> {
    let energy = gpus.energy_mj(gpu).map(|_| Way::Energy);
    energy.or_else(|_| power_way(gpus, gpu))
}

/// The best way that tells power.
fn power_way(gpus: &dyn Gpus, gpu: u32) -> Result<Way, String> {
    let instant = gpus.instant_mw(gpu).map(|_| Way::Instant);
    instant.or_else(|_| gpus.average_mw(gpu).map(|_| Way::Average))
}

fn read(gpus: Arc<dyn Gpus>, gpu: u32, way: Way) -> Read {
    Box::new(move || {
        let raw = match way {
            Way::Energy => gpus
                .energy_mj(gpu)
                .map(|mj| Raw::Microjoules(mj.saturating_mul(1_000))),
            Way::Instant => gpus.instant_mw(gpu).map(|mw| Raw::Watts(mw / 1e3)),
            Way::Average => gpus.average_mw(gpu).map(|mw| Raw::Watts(mw / 1e3)),
        };
        raw.map_err(|why| SourceError::Retry {
            what: format!("GPU {gpu}"),
            why,
        })
    })
}

#[cfg(test)]
mod tests;
