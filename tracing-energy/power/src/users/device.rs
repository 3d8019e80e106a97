//! What a reader of the use of a device delivers.

use energy_data::units::Nanos;

/// The use of a device since the last reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceUse {
    /// Busy time by process. Concurrent engines are summed.
    pub by_process: Vec<(u32, Nanos)>,
    /// Busy time of processes that cannot be identified, such as those of another namespace.
    pub hidden: Nanos,
    /// Whether there may be other processes that must not be read.
    pub is_partial: bool,
}

/// Reads the use of a device by process.
pub trait DeviceUsers: Send {
    /// Returns the use since the last call, which was `elapsed` ago, or `None` if it cannot be
    /// read now. The first call only starts. `own` are the processes of the run.
    fn read(&mut self, elapsed: Nanos, own: &[u32]) -> Option<DeviceUse>;
}
