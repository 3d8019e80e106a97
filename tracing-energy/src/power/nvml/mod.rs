//! NVIDIA GPUs through NVML, the driver's library, loaded at run time.
//!
//! | read, the first that works | what it is |
//! |---|---|
//! | total energy | a counter in mJ (Volta and later); moves every 10 to 100 ms |
//! | instantaneous power | a field value; sees a part of the time only on some models |
//! | power usage | on Ampere and later the mean of the last second |
//!
//! Each GPU is a rail of its own, so that those which rest are not taken for the one that
//! works; where `CUDA_VISIBLE_DEVICES` is set, only those it names are read. With MIG the
//! reading is that of the whole GPU, all instances together.
//!
//! The logic is tested on fakes of [`Gpus`].

#[cfg(not(target_os = "macos"))]
mod driver;
mod users;

use std::sync::Arc;

use crate::power::polled::{Dial, Polled, Raw, Read};
use crate::power::users::DeviceUsers;
use crate::power::{Description, Kernel, Provenance, Rail, RailKind, SourceError};
use crate::units::Nanos;

use users::NvmlUsers;
pub use users::ProcessUse;

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

/// Opens the GPUs of this machine; there are none on a Mac.
///
/// # Errors
/// [`SourceError::NotPresent`] without the driver or a GPU that tells its power.
pub fn open(interval: Nanos) -> Result<Polled, SourceError> {
    open_with(driver()?, visible().as_deref(), interval)
}

/// GPUs that have a counter by their power, to check the counter against.
///
/// # Errors
/// As [`open`].
pub fn open_power(interval: Nanos) -> Result<Polled, SourceError> {
    open_power_with(driver()?, visible().as_deref(), interval)
}

fn visible() -> Option<String> {
    std::env::var("CUDA_VISIBLE_DEVICES").ok()
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

/// As [`open`], of a driver of one's own; `visible` is what `CUDA_VISIBLE_DEVICES` says.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    gpus: Arc<dyn Gpus>,
    visible: Option<&str>,
    interval: Nanos,
) -> Result<Polled, SourceError> {
    open_by("nvml", best_way, gpus, visible, interval)
}

/// As [`open_power`], of a driver of one's own.
///
/// # Errors
/// As [`open`].
pub fn open_power_with(
    gpus: Arc<dyn Gpus>,
    visible: Option<&str>,
    interval: Nanos,
) -> Result<Polled, SourceError> {
    let way = |gpus: &dyn Gpus, gpu| gpus.energy_mj(gpu).and_then(|_| power_way(gpus, gpu));
    open_by("nvml power", way, gpus, visible, interval)
}

fn open_by(
    name: &str,
    way: fn(&dyn Gpus, u32) -> Result<Way, String>,
    gpus: Arc<dyn Gpus>,
    visible: Option<&str>,
    interval: Nanos,
) -> Result<Polled, SourceError> {
    let count = gpus.count().map_err(|why| absent(&why))?;
    let mut found = Vec::new();
    let mut silent = Vec::new();
    let mut hidden = 0;
    for gpu in 0..count {
        let about = gpus.about(gpu).map_err(|why| absent(&why))?;
        if !is_visible(visible, gpu, &about.uuid) {
            hidden += 1;
            continue;
        }
        match way(&*gpus, gpu) {
            Ok(way) => found.push((gpu, about, way)),
            Err(why) => silent.push(format!("GPU {gpu} ({}) tells no power: {why}", about.name)),
        }
    }
    if found.is_empty() {
        let why = silent.first().map_or("there is no GPU", String::as_str);
        return Err(absent(why));
    }
    let is_one = found.len() == 1;
    let rail = |(gpu, ..): &(u32, About, Way)| Rail {
        name: if is_one {
            "gpu".to_owned()
        } else {
            format!("gpu-{gpu}")
        },
        kind: RailKind::Gpu,
        parent: None,
        unit: "mJ",
    };
    let averages = found.iter().any(|(.., way)| *way == Way::Average);
    let mut limits: Vec<String> = found.iter().map(limit).collect();
    limits.append(&mut silent);
    if hidden > 0 {
        limits.push(format!(
            "{hidden} GPUs are not in CUDA_VISIBLE_DEVICES and left out"
        ));
    }
    let description = Description {
        name: name.to_owned(),
        rails: found.iter().map(rail).collect(),
        interval,
        kernel: if averages {
            Kernel::Trailing(AVERAGE)
        } else {
            Kernel::Box
        },
        provenance: Provenance::Measured,
        limits,
    };
    let user = |(at, (gpu, ..)): (usize, &(u32, About, Way))| {
        let users = NvmlUsers::new(Arc::clone(&gpus), *gpu, users::is_here);
        (at, Box::new(users) as Box<dyn DeviceUsers>)
    };
    let users = found.iter().enumerate().map(user).collect();
    let dial = |(gpu, _, way)| Dial::new(read(Arc::clone(&gpus), gpu, way));
    let dials = found.into_iter().map(dial).collect();
    Ok(Polled::new(description, dials).with_users(users))
}

fn absent(why: &str) -> SourceError {
    SourceError::NotPresent {
        what: format!("NVIDIA GPUs: {why}"),
    }
}

fn limit((gpu, about, way): &(u32, About, Way)) -> String {
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

/// Indices or beginnings of UUIDs, up to the first that makes no sense, as CUDA reads it.
fn is_visible(visible: Option<&str>, gpu: u32, uuid: &str) -> bool {
    let Some(list) = visible.map(str::trim).filter(|list| !list.is_empty()) else {
        return true;
    };
    let names = list.split(',').map(str::trim);
    let mut valid = names.take_while(|name| {
        let is_number = name.parse::<u32>().is_ok();
        is_number || name.starts_with("GPU-") || name.starts_with("MIG-")
    });
    valid.any(|name| name.parse() == Ok(gpu) || uuid.starts_with(name) || name.starts_with("MIG-"))
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
