//! The queue of a device.

use std::fmt::Debug;

use candle_core::Device;

use crate::error::Result;

/// The queue of a device: executes launched work in order, and times marks between it.
///
/// Devices of Candle have one, so only tests and other backends implement it; see
/// [`Model::set_device_stream`](crate::Model::set_device_stream).
pub trait DeviceStream: Debug + Send {
    /// Waits until all launched work is done.
    ///
    /// # Errors
    /// Errors of the device, also those of earlier work.
    fn wait(&mut self) -> Result<()>;

    /// Whether the device can time marks.
    fn has_marks(&self) -> bool;

    /// Puts a mark behind the work launched so far. Only called if there are marks.
    ///
    /// # Errors
    /// If the device refuses it.
    fn mark(&mut self) -> Result<()>;

    /// Returns when the device reached each mark, in ns since the first one, in their order,
    /// and forgets them. Called after [`wait`](Self::wait).
    ///
    /// # Errors
    /// If the device has no times for them.
    fn take_times(&mut self) -> Result<Vec<u64>>;
}

/// A device that can only be waited for.
#[derive(Debug)]
pub(super) struct UnmarkedStream(pub(super) Device);

impl DeviceStream for UnmarkedStream {
    fn wait(&mut self) -> Result<()> {
        Ok(self.0.synchronize()?)
    }

    fn has_marks(&self) -> bool {
        false
    }

    fn mark(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_times(&mut self) -> Result<Vec<u64>> {
        Ok(Vec::new())
    }
}
