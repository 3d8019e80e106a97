//! Which GPUs `CUDA_VISIBLE_DEVICES` names.
//!
//! CUDA numbers GPUs from the fastest down, unless `CUDA_DEVICE_ORDER=PCI_BUS_ID`; the
//! driver numbers them by bus. A number means the same in both only where it is set, or
//! where all GPUs are of one model. Names of MIG instances stand for their GPU.

use super::{About, Gpus};

/// What the environment says of visible GPUs.
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

/// GPUs to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Selection {
    /// By the driver's number; those that are not there are hidden.
    pub(super) gpus: Vec<u32>,
    /// Why more are read than are named.
    pub(super) doubt: Option<String>,
}

/// Selects the visible ones of `known` GPUs.
pub(super) fn select(visible: &Visible, known: &[(u32, About)], gpus: &dyn Gpus) -> Selection {
    let all = || known.iter().map(|(gpu, _)| *gpu).collect();
    let Some(list) = &visible.devices else {
        return Selection {
            gpus: all(),
            doubt: None,
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
        // CUDA sees none of those after the first that makes no sense.
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
        && known.iter().any(|(_, about)| about.name != known[0].1.name);
    if !is_ambiguous {
        return Selection {
            gpus: selected,
            doubt: None,
        };
    }
    let doubt = format!(
        "CUDA_VISIBLE_DEVICES={list} names GPUs by numbers, and CUDA counts different models from \
         the fastest down: all GPUs are read. Set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name them by UUID"
    );
    Selection {
        gpus: all(),
        doubt: Some(doubt),
    }
}

/// GPUs by a UUID or its beginning, or by that of a MIG instance.
fn named(name: &str, known: &[(u32, About)], gpus: &dyn Gpus) -> Vec<u32> {
    let of = |is_it: &dyn Fn(u32, &About) -> bool| -> Vec<u32> {
        let found = known.iter().filter(|(gpu, about)| is_it(*gpu, about));
        found.map(|(gpu, _)| *gpu).collect()
    };
    if name.starts_with("GPU-") {
        return of(&|_, about| about.uuid.starts_with(name));
    }
    let Some(instance) = name.strip_prefix("MIG-") else {
        return Vec::new();
    };
    // Older drivers: `MIG-GPU-<uuid>/<instance>/<instance>`.
    if instance.starts_with("GPU-") {
        let uuid = instance.split('/').next().unwrap_or_default();
        return of(&|_, about| about.uuid.starts_with(uuid));
    }
    let parents = of(&|gpu, about| {
        let instances = about.has_mig.then(|| gpus.mig_uuids(gpu));
        let mut instances = instances.into_iter().flatten();
        instances.any(|uuid| uuid.starts_with(name))
    });
    match parents.is_empty() {
        // The driver names no instances: one of those that are divided it is.
        true => of(&|gpu, about| about.has_mig && gpus.mig_uuids(gpu).is_empty()),
        false => parents,
    }
}
