//! The queue of a decoder's device.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::Device;

use super::device_sync::DeviceSync;
use super::stream::{DeviceStream, UnmarkedStream};

/// The stream of a device that works on its own time, and the spans that wait for it. Copies
/// of a decoder share the stream.
#[derive(Debug, Clone)]
pub(crate) struct DeviceQueue {
    stream: Arc<Mutex<Box<dyn DeviceStream>>>,
    pub(super) sync: DeviceSync,
}

impl DeviceQueue {
    /// Creates a queue of that stream.
    pub(crate) fn new(stream: Box<dyn DeviceStream>, sync: DeviceSync) -> Self {
        Self {
            stream: Arc::new(Mutex::new(stream)),
            sync,
        }
    }

    /// Returns the queue of a device; `None` for the CPU, which has none.
    pub(crate) fn of(device: &Device, sync: DeviceSync) -> Option<Self> {
        let stream: Box<dyn DeviceStream> = match device {
            Device::Cpu => return None,
            #[cfg(feature = "cuda")]
            Device::Cuda(cuda) => Box::new(super::cuda::CudaMarks::of(cuda)),
            other => Box::new(UnmarkedStream(other.clone())),
        };
        Some(Self::new(stream, sync))
    }

    /// Returns the stream.
    pub(super) fn stream(&self) -> MutexGuard<'_, Box<dyn DeviceStream>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
