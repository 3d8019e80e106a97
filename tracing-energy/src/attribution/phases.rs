//! Phases in time: which were open together, and what the rails measured then.
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
//! there are any, else the whole run. Only spans with the role phase are phases: root
//! spans of a service overlap and repeat, and their shares of a moment mean nothing.

use std::collections::BTreeMap;

use super::activation::NumberMap;
use super::track::Track;

/// Stands in a set for "an activation with the role run is open".
pub(super) const RUN: u32 = 0;
/// More different sets than this count as time without a phase.
const SETS: usize = 65_536;
/// No phase is open.
const EMPTY: u32 = 0;

/// The sets over time.
#[derive(Debug)]
pub(super) struct Sets {
    members: Vec<Vec<u32>>,
    index: BTreeMap<Vec<u32>, u32>,
    steps: NumberMap<u64, u32>,
    counts: Vec<u32>,
    wanted: Vec<u32>,
    current: u32,
    since: i64,
    time: Vec<i64>,
    pub(super) track: Track,
    /// Changes that found no room for another set.
    pub(super) folded: u64,
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
            track: Track::default(),
            folded: 0,
        }
    }
}

impl Sets {
    /// A member's activation opened.
    pub(super) fn enter(&mut self, member: u32, now: i64) {
        let at = member as usize;
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
        if self.counts[at] == 1 {
            self.toggle(member, now);
        }
    }

    /// A member's activation closed.
    pub(super) fn leave(&mut self, member: u32, now: i64) {
        let count = &mut self.counts[member as usize];
        *count -= 1;
        if *count == 0 {
            self.toggle(member, now);
        }
    }

    /// Members of a set, by id; the first is [`RUN`] while such an activation is open.
    pub(super) fn members(&self, set: u32) -> &[u32] {
        &self.members[set as usize]
    }

    /// Time of each set until `now`; that of no phase at all is not counted.
    pub(super) fn times(&self, now: i64) -> Vec<i64> {
        let mut times = self.time.clone();
        times[self.current as usize] += (now - self.since).max(0);
        times[EMPTY as usize] = 0;
        times
    }

    /// Time of each set in `[start, end)`, by set; the empty set has the rest.
    pub(super) fn cut(&self, start: i64, end: i64) -> Vec<(u32, i64)> {
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
        let rest = end - start - times.values().sum::<i64>();
        let empty = (rest > 0).then_some((EMPTY, rest));
        empty.into_iter().chain(times).collect()
    }

    /// The phase that was open longest by `times`, its share of each moment.
    pub(super) fn longest(&self, times: &[(u32, i64)]) -> Option<u32> {
        let mut shares: BTreeMap<u32, i64> = BTreeMap::new();
        for &(set, ns) in times {
            let phases = phases(self.members(set));
            for &phase in phases {
                *shares.entry(phase).or_default() += ns / phases.len() as i64;
            }
        }
        // `max_by_key` keeps the last of equals: the lowest id, from behind.
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
                self.folded += 1;
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

/// The members that are phases.
pub(super) fn phases(members: &[u32]) -> &[u32] {
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
