//! Calls NVML, the driver's library.

use nvml_wrapper::Nvml;
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id::NVML_FI_DEV_POWER_INSTANT;

use super::gpus::{GpuInfo, Gpus, ProcessUse};

/// The value of `nvmlDeviceGetMigMode` for GPUs divided into instances.
const MIG_ENABLED: u32 = 1;

pub(super) struct Driver(Nvml);

impl Driver {
    /// Loads the library.
    pub(super) fn load() -> Result<Self, String> {
        Nvml::init().map(Self).map_err(|error| match error {
            NvmlError::LibloadingError(_) => "the driver's library is not installed".to_owned(),
            NvmlError::LibRmVersionMismatch => {
                "the driver and its library differ in version: restart the machine".to_owned()
            }
            other => other.to_string(),
        })
    }
}

fn message(error: NvmlError) -> String {
    match error {
        NvmlError::GpuLost => "it fell off the bus, or was reset".to_owned(),
        other => other.to_string(),
    }
}

impl Gpus for Driver {
    fn count(&self) -> Result<u32, String> {
        self.0.device_count().map_err(message)
    }

    fn info(&self, gpu: u32) -> Result<GpuInfo, String> {
        let device = self.0.device_by_index(gpu).map_err(message)?;
        let mig = device.mig_mode().map(|mode| mode.current);
        Ok(GpuInfo {
            name: device.name().map_err(message)?,
            uuid: device.uuid().map_err(message)?,
            has_mig: mig.is_ok_and(|current| current == MIG_ENABLED),
        })
    }

    fn mig_uuids(&self, gpu: u32) -> Vec<String> {
        let Ok(device) = self.0.device_by_index(gpu) else {
            return Vec::new();
        };
        let count = device.mig_device_count().unwrap_or(0);
        let instances = (0..count).filter_map(|at| device.mig_device_by_index(at).ok());
        instances.filter_map(|one| one.uuid().ok()).collect()
    }

    fn energy_mj(&self, gpu: u32) -> Result<u64, String> {
        let device = self.0.device_by_index(gpu).map_err(message)?;
        device.total_energy_consumption().map_err(message)
    }

    fn instant_mw(&self, gpu: u32) -> Result<f64, String> {
        let device = self.0.device_by_index(gpu).map_err(message)?;
        let fields = [FieldId(NVML_FI_DEV_POWER_INSTANT)];
        let mut values = device.field_values_for(&fields).map_err(message)?;
        let value = values
            .pop()
            .ok_or("the driver returned no value")?
            .map_err(message)?;
        Ok(match value.value.map_err(message)? {
            SampleValue::F64(mw) => mw,
            SampleValue::U32(mw) => f64::from(mw),
            SampleValue::U64(mw) => mw as f64,
            SampleValue::I64(mw) => mw as f64,
        })
    }

    fn process_use(&self, gpu: u32, since_us: u64) -> Result<Vec<ProcessUse>, String> {
        let device = self.0.device_by_index(gpu).map_err(message)?;
        let samples = match device.process_utilization_stats(since_us) {
            Ok(samples) => samples,
            // No new samples, or no process.
            Err(NvmlError::NotFound) => Vec::new(),
            Err(other) => return Err(message(other)),
        };
        let process_use = samples.into_iter().map(|sample| ProcessUse {
            pid: sample.pid,
            time_us: sample.timestamp,
            share: f64::from(sample.sm_util.max(sample.enc_util).max(sample.dec_util)) / 100.0,
        });
        Ok(process_use.collect())
    }

    fn average_mw(&self, gpu: u32) -> Result<f64, String> {
        let device = self.0.device_by_index(gpu).map_err(message)?;
        device.power_usage().map(f64::from).map_err(message)
    }
}
