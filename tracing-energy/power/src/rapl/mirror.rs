//! Finds dies of one package that report the same counter.
//!
//! ```text
//! read      a1 ..... b ..... a2      one counter: a1 <= b <= a2, each time
//! ```
//! Separate counters have at least 32 bits. If the second lies between two readings of the
//! first, microseconds apart, in three tries, that is not chance.

use std::time::Duration;

use super::zones::{FIX, Zone};
use crate::sysfs;

const TRIES: u32 = 5;
const ENOUGH: u32 = 3;
const PAUSE: Duration = Duration::from_millis(2);

/// Returns for each zone the index of an earlier zone with the same counter, if there is one.
pub(super) fn find(zones: &[Zone]) -> Vec<Option<usize>> {
    let of = |at: usize| {
        let mut before = 0..at;
        before.find(|&other| {
            zones[at].is_other_die_of(&zones[other]) && is_one(&zones[other], &zones[at])
        })
    };
    (0..zones.len()).map(of).collect()
}

fn is_one(one: &Zone, other: &Zone) -> bool {
    let mut hits = 0;
    for _ in 0..TRIES {
        let readings = (read(one), read(other), read(one));
        let (Some(first), Some(between), Some(last)) = readings else {
            return false;
        };
        // Counters that never moved are equal anyway.
        hits += u32::from(between > 0 && first <= between && between <= last);
        std::thread::sleep(PAUSE);
    }
    hits >= ENOUGH
}

fn read(zone: &Zone) -> Option<u64> {
    sysfs::number(&zone.directory.join("energy_uj"), FIX).ok()
}
