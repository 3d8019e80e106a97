//! Opens the device of a run.

use std::path::Path;

use energy_models::{Device, DeviceSync, device};

use super::{RunOptions, WaitingSpans};
use crate::error::Error;
use crate::format;

/// Returns the device with that name.
///
/// # Errors
/// If this build does not contain it, or it does not start. The CPU never replaces it.
pub(crate) fn open(name: &str) -> Result<Device, Error> {
    device::parse(name).map_err(|error| {
        let kind = name.split(':').next().unwrap_or(name);
        let is_missing = |feature: &str, is_built: bool| kind == feature && !is_built;
        let is_built_in = !is_missing("cuda", cfg!(feature = "cuda"))
            && !is_missing("metal", cfg!(feature = "metal"));
        // Another build does not help if the device fails to start.
        Error::Request(match is_built_in {
            true => error.to_string(),
            false => format!(
                "{error} (a program for it: `cargo build --release -p energy-analyzer --features {kind}`)"
            ),
        })
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

/// Sets the number of compute threads, which the model's libraries read from the environment before
/// their first operation. Must be called before other threads are started.
pub(super) fn use_threads(threads: Option<usize>) {
    let Some(threads) = threads else {
        return;
    };
    for variable in device::THREAD_VARIABLES {
        // SAFETY: the process has one thread: no model is loaded, no recording has begun, and
        // indicators of progress have ended.
        unsafe { std::env::set_var(variable, threads.to_string()) };
    }
}

/// Checks that weights of `needed` bytes fit into the free memory of a device, if it is known.
///
/// # Errors
/// If they do not.
pub(super) fn check_memory(
    device: &Device,
    path: &Path,
    needed: u64,
    remedy: &str,
) -> Result<(), Error> {
    match device::free_bytes(device) {
        Some(free) if free < needed => {
            let [needs, has] = [needed, free].map(|bytes| format::bytes(Some(bytes)));
            Err(Error::Request(format!(
                "{} needs {needs} of memory for its weights, but {has} of {} are free; use \
                 {remedy}, or --device cpu",
                path.display(),
                device::name(device),
            )))
        }
        _ => Ok(()),
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
