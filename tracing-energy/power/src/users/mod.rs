//! Reads the use of a GPU or neural engine by process, where the system reports it.
//!
//! | system | source | permission |
//! |---|---|---|
//! | Linux, DRM drivers (amdgpu, i915, xe, ...) | `drm-engine-*` in `/proc/PID/fdinfo` | own user's processes; all as root |
//! | macOS, Apple GPU | GPU time of clients in the I/O registry ([`agx`]) | none |
//! | NVIDIA | process utilisation of the driver (module `nvml`) | depends on the driver; not with MIG |
//!
//! Sources provide readers for the devices of their rails ([`PowerSource::users`](crate::PowerSource::users)). The
//! recorder reads them as often as CPU times, not on traced threads.

pub mod agx;
#[cfg(target_os = "macos")]
mod agx_registry;
mod device;
#[cfg(target_os = "linux")]
pub mod drm;

use crate::rail::Rail;
pub use device::{DeviceUse, DeviceUsers};
use energy_data::RailKind;

/// Returns the readers of GPU use for the GPU rails of a Mac; empty on other systems.
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
