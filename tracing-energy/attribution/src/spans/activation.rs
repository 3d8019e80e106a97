//! A slab of open activations, indexed by their sequence number.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::spans::idle::RootTime;
use crate::spans::track::SLOT_NS;
use energy_data::rows::Domain;

/// Index into [`Slab`].
pub(crate) type ActivationSlot = u32;
/// No activation.
pub(crate) const NONE: ActivationSlot = u32::MAX;

/// Another thread on which descendants of an activation are open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Elsewhere {
    pub(crate) thread: u32,
    pub(crate) count: u32,
    pub(crate) since: i64,
}

/// Time in which descendants of an activation were open on another thread:
/// `covered` of `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OffThreadTime {
    pub(crate) thread: u32,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) covered: i64,
}

/// Number of the latest off-thread times that are searched for one to extend.
const MERGE_CANDIDATES: usize = 16;

/// One open activation.
#[derive(Debug, Default)]
pub(crate) struct Activation {
    pub(crate) seq: u64,
    pub(crate) start: i64,
    pub(crate) node: u32,
    pub(crate) thread: u32,
    /// Nearest open ancestor.
    pub(crate) parent: ActivationSlot,
    /// Outermost open ancestor, or itself.
    pub(crate) root: ActivationSlot,
    pub(crate) children: u32,
    pub(crate) open: bool,
    /// Virtual time of its root when it became innermost.
    pub(crate) mark: f64,
    /// Virtual time, used if it is a root.
    pub(crate) time: RootTime,
    pub(crate) domain: Domain,
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// Number of descendants on other threads in its own domain; it waits while there are any.
    pub(crate) waits_for: u32,
    pub(crate) off_thread_times: Vec<OffThreadTime>,
}

impl Activation {
    /// Records that descendants were open on `thread` during `[start, end)`. Times within one
    /// slot are merged, because windows close at the end of slots only.
    pub(crate) fn add_off_thread_time(&mut self, thread: u32, start: i64, end: i64) {
        if end <= start {
            return;
        }
        let slot = |time: i64| time.div_euclid(SLOT_NS);
        let latest = self
            .off_thread_times
            .iter_mut()
            .rev()
            .take(MERGE_CANDIDATES);
        match latest.into_iter().find(|c| c.thread == thread) {
            Some(last) if slot(last.start) == slot(end) => {
                last.end = end;
                last.covered += end - start;
            }
            _ => self.off_thread_times.push(OffThreadTime {
                thread,
                start,
                end,
                covered: end - start,
            }),
        }
    }
}

/// A hasher for dense numbers, which one multiplication distributes well enough.
#[derive(Debug, Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// A map by number, for lookups only: its order must not be used.
pub(crate) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// All open activations. Slots and their buffers are reused.
#[derive(Debug, Default)]
pub(crate) struct Slab {
    slots: Vec<Activation>,
    free: Vec<ActivationSlot>,
    by_seq: NumberMap<u64, ActivationSlot>,
}

impl Slab {
    /// Stores a new activation. Without a parent, it is its own root.
    pub(crate) fn insert(
        &mut self,
        seq: u64,
        node: u32,
        thread: u32,
        parent: ActivationSlot,
        start: i64,
    ) -> ActivationSlot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Activation::default());
            (self.slots.len() - 1) as ActivationSlot
        });
        let root = match parent {
            NONE => slot,
            parent => {
                self[parent].children += 1;
                self[parent].root
            }
        };
        let new = &mut self[slot];
        (new.seq, new.node, new.thread, new.start) = (seq, node, thread, start);
        (new.parent, new.root, new.children, new.open) = (parent, root, 0, true);
        new.waits_for = 0;
        new.time = RootTime::default();
        self.by_seq.insert(seq, slot);
        slot
    }

    /// The open activation with that number.
    pub(crate) fn find(&self, seq: u64) -> Option<ActivationSlot> {
        self.by_seq.get(&seq).copied()
    }

    /// Frees a slot; its content stays readable until it is reused.
    pub(crate) fn remove(&mut self, slot: ActivationSlot) {
        let parent = self[slot].parent;
        if parent != NONE {
            self[parent].children -= 1;
        }
        let seq = self[slot].seq;
        self.by_seq.remove(&seq);
        let gone = &mut self[slot];
        gone.open = false;
        gone.elsewhere.clear();
        gone.off_thread_times.clear();
        self.free.push(slot);
    }

    /// Drops off-thread times that ended by `before`.
    pub(crate) fn prune_off_thread_times(&mut self, before: i64) {
        for activation in &mut self.slots {
            if !activation.off_thread_times.is_empty() {
                activation.off_thread_times.retain(|time| time.end > before);
            }
        }
    }

    /// All open activations.
    pub(crate) fn open(&self) -> impl Iterator<Item = (ActivationSlot, &Activation)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(slot, a)| a.open.then_some((slot as ActivationSlot, a)))
    }
}

impl std::ops::Index<ActivationSlot> for Slab {
    type Output = Activation;
    fn index(&self, slot: ActivationSlot) -> &Activation {
        &self.slots[slot as usize]
    }
}

impl std::ops::IndexMut<ActivationSlot> for Slab {
    fn index_mut(&mut self, slot: ActivationSlot) -> &mut Activation {
        &mut self.slots[slot as usize]
    }
}
