//! Selects the device of the tensors.

use candle_core::Device;

use crate::error::{Error, Result};

/// Returns the device with this name: `cpu`, `cuda`, `cuda:1`, `metal`, `metal:0`.
///
/// # Errors
/// [`Error::Device`] for another name, a device that this build does not
/// include (cargo features `cuda` and `metal`) or one that does not start.
/// There is no silent fallback to the CPU: its joules are not a GPU's.
pub fn parse(name: &str) -> Result<Device> {
    let (kind, ordinal) = name.split_once(':').unwrap_or((name, "0"));
    let unknown = || Error::Device(format!("`{name}` is unknown; use cpu, cuda or metal"));
    let ordinal = ordinal.parse().map_err(|_| unknown())?;
    match kind {
        "cpu" => Ok(Device::Cpu),
        "cuda" => started(name, cfg!(feature = "cuda"), || Device::new_cuda(ordinal)),
        "metal" => started(name, cfg!(feature = "metal"), || Device::new_metal(ordinal)),
        _ => Err(unknown()),
    }
}

/// Environment variables with the number of CPU threads; the first one that is set
/// counts. They are read once, before the first operation.
pub const THREAD_VARIABLES: [&str; 2] = ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"];

/// Returns the number of threads of matrix products on the CPU.
pub fn threads() -> usize {
    let set = std::env::var(THREAD_VARIABLES[0]).ok();
    let set = set.and_then(|text| text.parse().ok());
    let default = candle_core::utils::get_num_threads;
    set.filter(|&threads| threads > 0).unwrap_or_else(default)
}

/// Returns the name that [`parse`] accepts.
pub fn name(device: &Device) -> &'static str {
    match device {
        Device::Cpu => "cpu",
        Device::Cuda(_) => "cuda",
        Device::Metal(_) => "metal",
    }
}

fn started(
    name: &str,
    built_in: bool,
    start: impl FnOnce() -> candle_core::Result<Device>,
) -> Result<Device> {
    if !built_in {
        let problem = format!("`{name}` is not in this build; build with that feature");
        return Err(Error::Device(problem));
    }
    start().map_err(|error| Error::Device(format!("`{name}` does not start: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_or_refused() {
        assert!(parse("cpu").unwrap().is_cpu());
        assert!(parse("tpu").is_err());
        assert!(parse("cuda:x").is_err());
    }
}
