//! Use of devices by process: which processes kept a GPU or a neural engine busy, where
//! the system reports it.
//!
//! | system | what is read | permission |
//! |---|---|---|
//! | Linux, DRM drivers (amdgpu, i915, xe, ...) | `drm-engine-*` in `/proc/PID/fdinfo` | own user's processes; all as root |
//! | macOS, Apple GPU | GPU time of clients in the I/O registry ([`agx`]) | none |
//! | NVIDIA | process utilisation of the driver ([`super::nvml`]) | as the driver says; not with MIG |
//!
//! Sources name the devices of their rails ([`super::PowerSource::users`]); the recorder
//! reads them as often as CPU times, away from traced threads.

pub mod agx;
#[cfg(target_os = "macos")]
mod agx_registry;
#[cfg(target_os = "linux")]
pub mod drm;

use crate::power::{Rail, RailKind};
use crate::units::Nanos;

/// What kept a device busy since the last reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// Busy time by process. Engines that work at once count each.
    pub by_process: Vec<(u32, Nanos)>,
    /// Busy time of processes that are not to be recognised, as those of another
    /// namespace.
    pub hidden: Nanos,
    /// Whether there may be processes besides these, which may not be read.
    pub is_partial: bool,
}

/// Reads who uses a device.
pub trait DeviceUsers: Send {
    /// Busy time since the last call, which was `elapsed` ago; the first call only begins.
    /// `own` are the processes of the run. `None`: it cannot be read now.
    fn read(&mut self, elapsed: Nanos, own: &[u32]) -> Option<Used>;
}

/// Readers of who uses this Mac's GPU, for the rails of it; none on other systems.
pub(super) fn of_apple_gpu(rails: &[Rail]) -> Vec<(usize, Box<dyn DeviceUsers>)> {
    let gpus = rails.iter().enumerate();
    let gpus = gpus.filter(|(_, rail)| rail.kind == RailKind::Gpu);
    gpus.filter_map(|(at, _)| Some((at, apple_gpu()?)))
        .collect()
}

#[cfg(target_os = "macos")]
fn apple_gpu() -> Option<Box<dyn DeviceUsers>> {
    Some(Box::new(agx::AgxUsers::new(
        agx_registry::AgxRegistry::default(),
    )))
}

#[cfg(not(target_os = "macos"))]
fn apple_gpu() -> Option<Box<dyn DeviceUsers>> {
    None
}
