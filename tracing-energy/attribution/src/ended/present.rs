//! Activations that are open or wait, and those that were returned.

use std::collections::{BTreeMap, HashMap};

use energy_data::ranges::Ranges;
use energy_data::rows::SpanRow;

/// Maximum number of ranges of returned numbers. Beyond it, numbers between the earliest ranges count
/// as returned.
const MAX_RANGES: usize = 65_536;
/// Time by which the start of a row that comes may be earlier than the latest start.
const DISORDER_NS: i64 = 10_000_000_000;

/// The numbers of activations: each is returned once, although its row may be written again.
#[derive(Debug, Default)]
pub(super) struct PresentActivations {
    open: BTreeMap<u64, Present>,
    returned: Ranges,
    latest_ns: i64,
}

#[derive(Debug, Clone, Copy)]
struct Present {
    kind: Option<u32>,
    thread: u32,
    start_ns: i64,
}

/// Times from which on windows are needed, by kind and thread; `None` means all of them.
pub(super) struct NeededTimes {
    by: HashMap<(Option<u32>, Option<u32>), i64>,
    /// Earliest start of the activations that may still come.
    next_ns: i64,
}

impl PresentActivations {
    /// Adds the row of an activation; false if the activation was returned.
    pub(super) fn add(&mut self, row: &SpanRow, kind: Option<u32>) -> bool {
        if self.is_returned(row.seq) {
            return false;
        }
        self.latest_ns = self.latest_ns.max(row.start_ns);
        let present = Present {
            kind,
            thread: row.thread,
            start_ns: row.start_ns,
        };
        self.open.insert(row.seq, present);
        true
    }

    pub(super) fn contains(&self, seq: u64) -> bool {
        self.open.contains_key(&seq)
    }

    /// Marks an activation as returned.
    pub(super) fn returned(&mut self, seq: u64) {
        self.open.remove(&seq);
        let number = number(seq);
        self.returned.add(number, number.saturating_add(1));
        self.returned.limit(MAX_RANGES);
    }

    pub(super) fn is_returned(&self, seq: u64) -> bool {
        self.returned.contains(number(seq)) && !self.contains(seq)
    }

    /// Returns the latest start.
    pub(super) fn latest_ns(&self) -> i64 {
        self.latest_ns
    }

    /// Returns the times from which on present and later activations need windows.
    pub(super) fn needed(&self) -> NeededTimes {
        let mut by = HashMap::new();
        for present in self.open.values() {
            let Present { kind, thread, .. } = *present;
            for key in [
                (kind, Some(thread)),
                (kind, None),
                (None, Some(thread)),
                (None, None),
            ] {
                let earliest_ns = by.entry(key).or_insert(present.start_ns);
                *earliest_ns = present.start_ns.min(*earliest_ns);
            }
        }
        NeededTimes {
            by,
            next_ns: self.latest_ns.saturating_sub(DISORDER_NS),
        }
    }
}

impl NeededTimes {
    /// Returns the time from which on windows of a kind and a thread are needed.
    pub(super) fn of(&self, kind: Option<u32>, thread: Option<u32>) -> i64 {
        let present_ns = self.by.get(&(kind, thread)).copied();
        present_ns.map_or(self.next_ns, |ns| ns.min(self.next_ns))
    }
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
