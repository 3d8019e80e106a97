//! The calls to the driver that the source needs.

/// The driver's calls. Errors are the driver's messages.
pub trait Gpus: Send + Sync {
    /// Returns the number of GPUs.
    ///
    /// # Errors
    /// If the driver call fails.
    fn count(&self) -> Result<u32, String>;
    /// Returns the name and identity of a GPU.
    ///
    /// # Errors
    /// If the driver call fails.
    fn info(&self, gpu: u32) -> Result<GpuInfo, String>;
    /// Returns the UUIDs (`MIG-...`) of a GPU's instances that the driver names.
    fn mig_uuids(&self, gpu: u32) -> Vec<String>;
    /// Returns the energy since the driver was loaded, mJ.
    ///
    /// # Errors
    /// If the driver call fails. Older models do not support it.
    fn energy_mj(&self, gpu: u32) -> Result<u64, String>;
    /// Returns the current power, mW.
    ///
    /// # Errors
    /// If the driver call fails. Older drivers do not support it.
    fn instant_mw(&self, gpu: u32) -> Result<f64, String>;
    /// Returns the power, mW; on newer models the mean of the last second.
    ///
    /// # Errors
    /// If the driver call fails.
    fn average_mw(&self, gpu: u32) -> Result<f64, String>;
    /// Returns samples of the utilisation by process after `since_us` on the driver's clock.
    ///
    /// # Errors
    /// If the driver call fails: with MIG, on older models and under hypervisors.
    fn process_use(&self, gpu: u32, since_us: u64) -> Result<Vec<ProcessUse>, String> {
        let _ = (gpu, since_us);
        Err("not supported".to_owned())
    }
}

/// The name and identity of a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuInfo {
    /// `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// `GPU-...`.
    pub uuid: String,
    /// Whether it is divided into instances.
    pub has_mig: bool,
}

/// One sample of the driver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessUse {
    /// The process.
    pub pid: u32,
    /// Time on the driver's clock, us.
    pub time_us: u64,
    /// Share of the time in which its kernels were on the GPU.
    pub share: f64,
}
