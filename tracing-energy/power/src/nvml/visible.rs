//! Selects the GPUs that `CUDA_VISIBLE_DEVICES` names.
//!
//! CUDA numbers GPUs from the fastest to the slowest, unless
//! `CUDA_DEVICE_ORDER=PCI_BUS_ID`. The driver numbers them by bus. The numbers agree only if
//! that variable is set or all GPUs are of one model. The name of a MIG instance selects its
//! GPU.

use super::gpus::{GpuInfo, Gpus};

/// The environment variables that select GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visible {
    /// `CUDA_VISIBLE_DEVICES`.
    pub devices: Option<String>,
    /// `CUDA_DEVICE_ORDER`.
    pub order: Option<String>,
}

impl Visible {
    /// Reads this process's environment.
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok();
        Self {
            devices: variable("CUDA_VISIBLE_DEVICES"),
            order: variable("CUDA_DEVICE_ORDER"),
        }
    }
}

/// The selected GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct GpuSelection {
    /// Indices in the driver; other GPUs are hidden.
    pub(super) gpus: Vec<u32>,
    /// Why more GPUs are selected than are named.
    pub(super) warning: Option<String>,
}

/// Selects the visible GPUs among `known`.
pub(super) fn select(visible: &Visible, known: &[(u32, GpuInfo)], gpus: &dyn Gpus) -> GpuSelection {
    let all = || known.iter().map(|(gpu, _)| *gpu).collect();
    let Some(list) = &visible.devices else {
        return GpuSelection {
            gpus: all(),
            warning: None,
        };
    };
    let mut selected = Vec::new();
    let mut has_numbers = false;
    for name in list.split(',').map(str::trim) {
        let found = if let Ok(number) = name.parse::<u32>() {
            has_numbers = true;
            known
                .iter()
                .map(|one| one.0)
                .filter(|gpu| *gpu == number)
                .collect()
        } else {
            named(name, known, gpus)
        };
        // CUDA ignores the first invalid name and all after it.
        if found.is_empty() {
            break;
        }
        selected.extend(found);
    }
    selected.sort_unstable();
    selected.dedup();
    let is_ambiguous = has_numbers
        && selected.len() < known.len()
        && visible.order.as_deref() != Some("PCI_BUS_ID")
        && known.iter().any(|(_, info)| info.name != known[0].1.name);
    if !is_ambiguous {
        return GpuSelection {
            gpus: selected,
            warning: None,
        };
    }
    let warning = format!(
        "CUDA_VISIBLE_DEVICES={list} names GPUs by number, and CUDA orders different models by \
         speed: all GPUs are read. Set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name GPUs by UUID"
    );
    GpuSelection {
        gpus: all(),
        warning: Some(warning),
    }
}

/// Returns the GPUs whose UUID, or that of a MIG instance, starts with `name`.
fn named(name: &str, known: &[(u32, GpuInfo)], gpus: &dyn Gpus) -> Vec<u32> {
    let of = |is_it: &dyn Fn(u32, &GpuInfo) -> bool| -> Vec<u32> {
        let found = known.iter().filter(|(gpu, info)| is_it(*gpu, info));
        found.map(|(gpu, _)| *gpu).collect()
    };
    if name.starts_with("GPU-") {
        return of(&|_, info| info.uuid.starts_with(name));
    }
    let Some(instance) = name.strip_prefix("MIG-") else {
        return Vec::new();
    };
    // Older drivers: `MIG-GPU-<uuid>/<instance>/<instance>`.
    if instance.starts_with("GPU-") {
        let uuid = instance.split('/').next().unwrap_or_default();
        return of(&|_, info| info.uuid.starts_with(uuid));
    }
    let parents = of(&|gpu, info| {
        let instances = info.has_mig.then(|| gpus.mig_uuids(gpu));
        let mut instances = instances.into_iter().flatten();
        instances.any(|uuid| uuid.starts_with(name))
    });
    match parents.is_empty() {
        // The driver names no instances: any divided GPU may be meant.
        true => of(&|gpu, info| info.has_mig && gpus.mig_uuids(gpu).is_empty()),
        false => parents,
    }
}
