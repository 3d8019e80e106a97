//! Use of devices by process: which processes kept a GPU or a neural engine busy, where
//! the system reports it.
//!
//! | system | what is read | permission |
//! |---|---|---|
//! | Linux, DRM drivers (amdgpu, i915, xe, ...) | `drm-engine-*` in `/proc/PID/fdinfo` | own user's processes; all as root |
//! | NVIDIA | process utilisation of the driver ([`super::nvml`]) | as the driver says; not with MIG |
//!
//! Sources name the devices of their rails ([`super::PowerSource::users`]); the recorder
//! reads them as often as CPU times, away from traced threads.

#[cfg(target_os = "linux")]
pub mod drm;

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
