//! Created spans, and the mapping from raw ids to them.

use super::hash::IdMap;
use super::tree::{NO_NODE, NodeId};
use super::values::Values;
use energy_data::rows::SpanRow;

/// Slot of an instance, valid while the generation matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InstanceRef {
    pub(crate) slot: usize,
    generation: u32,
}

/// One created span.
#[derive(Debug, Default)]
pub(crate) struct Instance {
    generation: u32,
    raw: u64,
    /// Its number within the run.
    pub(crate) number: u64,
    /// Number of its callsite; `None` if its creation was not recorded.
    pub(crate) callsite: Option<usize>,
    pub(crate) parent: Option<InstanceRef>,
    pub(crate) created_ns: i64,
    pub(crate) closed_ns: Option<i64>,
    pub(crate) values: Values,
    pub(crate) has_data: bool,
    pub(crate) token: Option<i64>,
    /// The latest parent node and node; cleared when a key field changes.
    pub(crate) node: Option<(NodeId, NodeId)>,
    /// Activations so far, and open ones.
    pub(crate) activations: u64,
    pub(crate) open: u32,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) last_node: NodeId,
    /// Whether its latest activation becomes a row.
    pub(crate) last_kept: bool,
    /// The only activation's row, which is written again with the instance if another follows.
    pub(crate) only_row: Option<SpanRow>,
    /// Activations it follows from, held back until its first activation.
    pub(crate) follows: Vec<u64>,
}

/// All live instances.
#[derive(Default)]
pub(crate) struct Instances {
    slots: Vec<Instance>,
    free: Vec<usize>,
    by_raw: IdMap<u64, usize>,
    created: u64,
}

impl Instances {
    /// Creates an instance for `raw`, in a recycled slot if there is one.
    pub(crate) fn create(&mut self, raw: u64) -> (InstanceRef, &mut Instance) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Instance::default());
            self.slots.len() - 1
        });
        self.created += 1;
        self.by_raw.insert(raw, slot);
        let instance = &mut self.slots[slot];
        instance.reset(raw, self.created);
        (
            InstanceRef {
                slot,
                generation: instance.generation,
            },
            instance,
        )
    }

    /// Returns the slot of the instance that `raw` refers to.
    pub(crate) fn find(&self, raw: u64) -> Option<usize> {
        self.by_raw.get(&raw).copied()
    }

    pub(crate) fn get(&self, slot: usize) -> &Instance {
        &self.slots[slot]
    }

    pub(crate) fn get_mut(&mut self, slot: usize) -> &mut Instance {
        &mut self.slots[slot]
    }

    /// Returns a reference to the instance in `slot`.
    pub(crate) fn reference(&self, slot: usize) -> InstanceRef {
        InstanceRef {
            slot,
            generation: self.slots[slot].generation,
        }
    }

    /// Returns the instance at `reference`, unless it has been released.
    pub(crate) fn resolve(&self, reference: Option<InstanceRef>) -> Option<&Instance> {
        let reference = reference?;
        let instance = &self.slots[reference.slot];
        (instance.generation == reference.generation && instance.number != 0).then_some(instance)
    }

    /// Releases the instance in `slot`.
    pub(crate) fn release(&mut self, slot: usize) {
        let raw = self.slots[slot].raw;
        if self.by_raw.get(&raw) == Some(&slot) {
            self.by_raw.remove(&raw);
        }
        self.slots[slot].number = 0;
        self.free.push(slot);
    }

    /// Returns the slots of all live instances.
    pub(crate) fn live(&self) -> Vec<usize> {
        (0..self.slots.len())
            .filter(|&slot| self.slots[slot].number != 0)
            .collect()
    }
}

impl Instance {
    fn reset(&mut self, raw: u64, number: u64) {
        self.values.clear();
        self.follows.clear();
        *self = Self {
            generation: self.generation.wrapping_add(1),
            raw,
            number,
            last_node: NO_NODE,
            values: std::mem::take(&mut self.values),
            follows: std::mem::take(&mut self.follows),
            ..Self::default()
        };
    }

    /// Returns whether it needs a row of its own: a single activation's row implies it.
    pub(crate) fn needs_row(&self) -> bool {
        self.activations != 1
    }
}
