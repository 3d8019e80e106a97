//! Selects the device of the tensors.

use candle_core::{Device, DeviceLocation};

use crate::error::{Error, Result};

/// Returns the device with this name: `cpu`, `cuda`, `cuda:1`, `metal`.
///
/// # Errors
/// [`Error::Device`] for another name, a device that this build does not include (cargo
/// features `cuda` and `metal`) or one that does not start. The CPU never replaces it: its joules
/// are not a GPU's.
pub fn parse(name: &str) -> Result<Device> {
    let (kind, ordinal) = name.split_once(':').unwrap_or((name, "0"));
    let unknown = || {
        let text = "is unknown; use cpu, cuda, cuda:N (its number from 0) or metal";
        Error::Device(format!("`{name}` {text}"))
    };
    let ordinal = ordinal.parse().map_err(|_| unknown())?;
    match kind {
        "cpu" if name == kind => Ok(Device::Cpu),
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

/// Returns the name that [`parse`] accepts, without the number 0.
pub fn name(device: &Device) -> String {
    let numbered = |kind: &str, number| match number {
        0 => kind.to_owned(),
        number => format!("{kind}:{number}"),
    };
    match device.location() {
        DeviceLocation::Cpu => "cpu".to_owned(),
        DeviceLocation::Cuda { gpu_id } => numbered("cuda", gpu_id),
        DeviceLocation::Metal { gpu_id } => numbered("metal", gpu_id),
    }
}

/// Returns the free memory of a device in bytes; `None` if it is unknown, as for the CPU.
pub fn free_bytes(device: &Device) -> Option<u64> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(cuda) => {
            let (free, _) = cuda.cuda_stream().context().mem_get_info().ok()?;
            u64::try_from(free).ok()
        }
        _ => None,
    }
}

fn started(
    name: &str,
    built_in: bool,
    start: impl FnOnce() -> candle_core::Result<Device>,
) -> Result<Device> {
    if !built_in {
        let kind = name.split(':').next().unwrap_or(name);
        let problem = format!(
            "`{name}` is not in this build; build it with the cargo feature `{kind}`, or use cpu"
        );
        return Err(Error::Device(problem));
    }
    start().map_err(|error| {
        Error::Device(format!(
            "`{name}` does not start: {error}; check that the machine has this device and its \
             driver, or use cpu"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_or_refused() {
        assert!(parse("cpu").unwrap().is_cpu());
        assert!(parse("tpu").is_err());
        assert!(parse("cuda:x").is_err());
        assert!(parse("cpu:1").is_err());
        assert_eq!(name(&Device::Cpu), "cpu");
    }

    #[test]
    fn an_absent_device_is_an_error_with_the_next_step() {
        for name in ["cuda", "cuda:7", "metal"] {
            // A machine may have the first one.
            let Err(error) = parse(name) else { continue };
            let text = error.to_string();
            assert!(text.contains(&format!("`{name}`")), "{text}");
            assert!(text.ends_with("or use cpu"), "{text}");
        }
    }
}
