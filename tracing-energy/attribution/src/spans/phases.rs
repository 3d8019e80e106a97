//! Phases over time: sets of phases that are open together, and the energy of rails in each.
//!
//! ```text
//! run role        |-----------------------------|
//! prefill            |---------|
//! decode                    |---------|
//! sets            |r |  r,p |rp,d| r,d |   r    |
//! share of each   btw| p 1  |1/2 | d 1 |(between)
//! ```
//!
//! A moment is divided equally among the phases open in it; scope time without
//! one is `(between)`. The scope is the time of activations with the role run, if
//! there are any, else the whole run. Only spans with the role phase are phases. Root spans
//! of a service overlap and repeat, so that their shares of a moment would be meaningless.

use std::collections::BTreeMap;

use crate::spans::activation::NumberMap;
use crate::spans::track::ThreadTrack;

/// Member of a set while an activation with the role run is open.
pub(crate) const RUN: u32 = 0;
/// Limit of the number of sets; further ones count as time without a phase.
const SETS: usize = 65_536;
/// The set without an open phase.
const EMPTY: u32 = 0;

/// The sets over time.
#[derive(Debug)]
pub(crate) struct Sets {
    members: Vec<Vec<u32>>,
    index: BTreeMap<Vec<u32>, u32>,
    steps: NumberMap<u64, u32>,
    counts: Vec<u32>,
    wanted: Vec<u32>,
    current: u32,
    since: i64,
    time: Vec<i64>,
    pub(crate) track: ThreadTrack,
    /// Number of changes to a set beyond the limit.
    pub(crate) merged: u64,
}

impl Default for Sets {
    fn default() -> Self {
        Self {
            members: vec![Vec::new()],
            index: BTreeMap::from([(Vec::new(), EMPTY)]),
            steps: NumberMap::default(),
            counts: Vec::new(),
            wanted: Vec::new(),
            current: EMPTY,
            since: 0,
            time: vec![0],
            track: ThreadTrack::default(),
            merged: 0,
        }
    }
}

impl Sets {
    /// Opens an activation of a member.
    pub(crate) fn enter(&mut self, member: u32, now: i64) {
        let at = member as usize;
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
        if self.counts[at] == 1 {
            self.toggle(member, now);
        }
    }

    /// Closes an activation of a member.
    pub(crate) fn leave(&mut self, member: u32, now: i64) {
        let count = &mut self.counts[member as usize];
        *count -= 1;
        if *count == 0 {
            self.toggle(member, now);
        }
    }

    /// Members of a set, by id; the first is [`RUN`] while such an activation is open.
    pub(crate) fn members(&self, set: u32) -> &[u32] {
        &self.members[set as usize]
    }

    /// Returns the time of each set until `now`; the time of the empty set is 0.
    pub(crate) fn times(&self, now: i64) -> Vec<i64> {
        let mut times = self.time.clone();
        times[self.current as usize] += (now - self.since).max(0);
        times[EMPTY as usize] = 0;
        times
    }

    /// Returns the time of each set in `[start, end)`; the empty set has the remaining time.
    pub(crate) fn cut(&self, start: i64, end: i64) -> Vec<(u32, i64)> {
        let mut times: BTreeMap<u32, i64> = BTreeMap::new();
        let mut add = |set: u32, ns: i64| {
            if set != EMPTY && ns > 0 {
                *times.entry(set).or_default() += ns;
            }
        };
        for segment in self.track.segments(start, end) {
            add(segment.key, segment.end - segment.start);
        }
        for (from, to, block) in self.track.blocks(start, end) {
            block.cut(from, to).for_each(|(set, ns)| add(set, ns));
        }
        add(self.current, end - self.since.max(start));
        let empty_ns = end - start - times.values().sum::<i64>();
        let empty = (empty_ns > 0).then_some((EMPTY, empty_ns));
        empty.into_iter().chain(times).collect()
    }

    /// Returns the phase with the largest share of `times`.
    pub(crate) fn longest(&self, times: &[(u32, i64)]) -> Option<u32> {
        let mut shares: BTreeMap<u32, i64> = BTreeMap::new();
        for &(set, ns) in times {
            let phases = phases(self.members(set));
            for &phase in phases {
                *shares.entry(phase).or_default() += ns / phases.len() as i64;
            }
        }
        // Reversed, because `max_by_key` returns the last of equals: the lowest id.
        let longest = shares.into_iter().rev().max_by_key(|&(_, ns)| ns);
        longest.map(|(phase, _)| phase)
    }

    fn toggle(&mut self, member: u32, now: i64) {
        if self.current != EMPTY {
            self.track.push(self.since, now, self.current);
        }
        self.time[self.current as usize] += now - self.since;
        self.since = now;
        let at = self.wanted.binary_search(&member);
        match at {
            Ok(at) => drop(self.wanted.remove(at)),
            Err(at) => self.wanted.insert(at, member),
        }
        let step = u64::from(self.current) << 32 | u64::from(member);
        self.current = match self.steps.get(&step) {
            Some(&set) if self.members[set as usize] == self.wanted => set,
            _ => self.intern(step),
        };
    }

    fn intern(&mut self, step: u64) -> u32 {
        let known = self.index.get(&self.wanted).copied();
        let set = known.unwrap_or_else(|| {
            if self.members.len() >= SETS {
                self.merged += 1;
                return EMPTY;
            }
            let set = self.members.len() as u32;
            self.members.push(self.wanted.clone());
            self.index.insert(self.wanted.clone(), set);
            self.time.push(0);
            set
        });
        self.steps.insert(step, set);
        set
    }
}

/// Returns the members that are phases.
pub(crate) fn phases(members: &[u32]) -> &[u32] {
    members.strip_prefix(&[RUN]).unwrap_or(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    ///      0   10   20   30   40
    /// p    |---------|
    /// d         |---------|
    /// ```
    #[test]
    fn sets_follow_what_is_open() {
        let mut sets = Sets::default();
        sets.enter(1, 0);
        sets.enter(2, 10);
        sets.enter(2, 12);
        sets.leave(1, 20);
        sets.leave(2, 25);
        sets.leave(2, 30);
        let times = sets.cut(5, 40);
        let named: Vec<_> = times
            .iter()
            .map(|&(set, ns)| (sets.members(set), ns))
            .collect();
        let expected: Vec<(&[u32], i64)> = vec![(&[], 10), (&[1], 5), (&[1, 2], 10), (&[2], 10)];
        assert_eq!(named, expected);
        assert_eq!(sets.longest(&times), Some(2));
    }
}
