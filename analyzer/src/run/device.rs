//! Opens the device of a run.

use energy_models::{Device, DeviceSync, device};

use super::{RunOptions, WaitingSpans};
use crate::error::Error;

/// Returns the device with that name.
///
/// # Errors
/// If this build does not contain it, or it does not start. The CPU never replaces it.
pub(crate) fn open(name: &str) -> Result<Device, Error> {
    device::parse(name).map_err(|error| {
        let kind = name.split(':').next().unwrap_or(name);
        Error::Request(format!(
            "{error} (a program for it: `cargo build --release -p energy-analyzer --features {kind}`)"
        ))
    })
}

/// Checks the options about the device, before anything is measured.
///
/// # Errors
/// If they contradict each other, or the device cannot be used.
pub(super) fn check(options: &RunOptions) -> Result<(), Error> {
    let device = open(&options.device)?;
    match options.sync.filter(|_| device.is_cpu()) {
        None => Ok(()),
        Some(_) => Err(Error::Request(
            "--sync needs a --device other than cpu: on the CPU each span ends with its work"
                .to_owned(),
        )),
    }
}

impl WaitingSpans {
    /// Converts to the model crate's type.
    pub(crate) fn of_model(self) -> DeviceSync {
        match self {
            Self::Op => DeviceSync::Op,
            Self::Layer => DeviceSync::Layer,
            Self::Token => DeviceSync::Token,
        }
    }
}
