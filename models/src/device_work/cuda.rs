//! The stream of a CUDA device, with events as marks. Not verified on hardware.

use std::sync::Arc;

use candle_core::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::sys::CUevent_flags;
use candle_core::cuda_backend::cudarc::driver::{CudaEvent, CudaStream, DriverError};

use super::stream::DeviceStream;
use crate::error::{Error, Result};

/// The stream on which Candle launches its kernels.
#[derive(Debug)]
pub(super) struct CudaMarks {
    stream: Arc<CudaStream>,
    /// Created once and recorded again in each pass: creation is slower than recording.
    events: Vec<CudaEvent>,
    /// Events in use.
    used: usize,
}

impl CudaMarks {
    /// Returns the stream of a device.
    pub(super) fn of(device: &CudaDevice) -> Self {
        Self {
            stream: device.cuda_stream(),
            events: Vec::new(),
            used: 0,
        }
    }
}

fn failed(error: DriverError) -> Error {
    Error::Device(format!("CUDA: {error}"))
}

impl DeviceStream for CudaMarks {
    fn wait(&mut self) -> Result<()> {
        self.stream.synchronize().map_err(failed)
    }

    fn has_marks(&self) -> bool {
        true
    }

    fn mark(&mut self) -> Result<()> {
        if self.used == self.events.len() {
            // The usual flags of this crate disable times.
            let timed = Some(CUevent_flags::CU_EVENT_DEFAULT);
            let event = self.stream.context().new_event(timed);
            self.events.push(event.map_err(failed)?);
        }
        if let Some(event) = self.events.get(self.used) {
            event.record(&self.stream).map_err(failed)?;
            self.used += 1;
        }
        Ok(())
    }

    fn take_times(&mut self) -> Result<Vec<u64>> {
        let used = self.events.iter().take(std::mem::take(&mut self.used));
        let Some(first) = self.events.first() else {
            return Ok(Vec::new());
        };
        let since_first = |event: &CudaEvent| {
            let ms = first.elapsed_ms(event).map_err(failed)?;
            Ok((f64::from(ms) * 1e6).max(0.0) as u64)
        };
        used.map(since_first).collect()
    }
}
