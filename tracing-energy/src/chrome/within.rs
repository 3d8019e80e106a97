//! Energy of activations where windows price kinds of nodes: what ran within an
//! activation was not of its kind.
//!
//! ```text
//! token    |-a-|  |-b-|          a and b ended before: their energy is known
//! layer   [====[==]===[==]       own stretches: what is left between them
//! ```
//!
//! Activations come by their ends, inner ones first. One that lies within another
//! is kept until the outer one has ended; those of the same thread do not overlap
//! otherwise, but for exits out of order, where the time is the inner one's twice.

use std::collections::BTreeMap;

use crate::sink::{SpanRow, Stretch, WindowPowers};
use crate::units::Energy;

/// Neighbours that are kept for each thread; of what they stand in, nothing is known
/// if there are more.
const MOST: usize = 100_000;
/// What part of an activation must have been measured.
const COVERED: f64 = 0.99;

/// Activations whose outer one has not ended.
#[derive(Default)]
pub(super) struct Within(BTreeMap<u32, Neighbours>);

/// Those of one thread, in the order of time.
#[derive(Default)]
struct Neighbours {
    done: Vec<Done>,
    /// Some that began before were forgotten.
    forgotten_ns: Option<i64>,
}

struct Done {
    start_ns: i64,
    end_ns: i64,
    energy: Option<Energy>,
}

impl Within {
    /// The energy of an activation of that kind that ended at `end_ns`, the next to
    /// end on its thread.
    pub(super) fn energy(
        &mut self,
        span: &SpanRow,
        end_ns: i64,
        kind: u32,
        powers: &WindowPowers,
    ) -> Option<Energy> {
        let neighbours = self.0.entry(span.thread).or_default();
        let inner = neighbours.inside(span.start_ns);
        let own = own(&inner, span.start_ns, end_ns);
        let stretches = own.iter().map(|&(start_ns, end_ns)| Stretch {
            kind,
            start_ns,
            end_ns,
        });
        let own_ns: i64 = own.iter().map(|(start, end)| end - start).sum();
        let priced = powers.energy_of_kinds(span.thread, stretches);
        let mut known_ns = priced.map_or(0, |_| own_ns);
        let mut energy = priced;
        for done in inner.iter().filter(|done| done.energy.is_some()) {
            known_ns += done.end_ns - done.start_ns;
            energy = Some(energy.unwrap_or_default() + done.energy.unwrap_or_default());
        }
        let length_ns = end_ns - span.start_ns;
        let whole = neighbours.forgotten_ns.is_none_or(|ns| span.start_ns >= ns);
        let known = whole && known_ns as f64 >= length_ns as f64 * COVERED;
        let energy = energy.filter(|_| known);
        neighbours.add(Done {
            start_ns: span.start_ns,
            end_ns,
            energy,
        });
        energy
    }
}

impl Neighbours {
    /// Takes those that began at `start_ns` or later.
    fn inside(&mut self, start_ns: i64) -> Vec<Done> {
        let before = self.done.iter().rposition(|done| done.start_ns < start_ns);
        self.done.split_off(before.map_or(0, |at| at + 1))
    }

    fn add(&mut self, done: Done) {
        if self.done.len() >= MOST {
            self.forgotten_ns = self.done.last().map(|last| last.end_ns);
            self.done.clear();
        }
        self.done.push(done);
    }
}

/// The parts of `[start_ns, end_ns)` that no one inside has; the start alone for what
/// has no length.
fn own(inner: &[Done], start_ns: i64, end_ns: i64) -> Vec<(i64, i64)> {
    let mut now = start_ns;
    let mut parts = Vec::with_capacity(inner.len() + 1);
    for done in inner {
        if done.start_ns > now {
            parts.push((now, done.start_ns));
        }
        now = now.max(done.end_ns);
    }
    if now < end_ns || parts.is_empty() && inner.is_empty() {
        parts.push((now, end_ns.max(now)));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::WindowPowerRow;

    fn span(seq: u64, start_ns: i64) -> SpanRow {
        SpanRow {
            seq,
            node: 1,
            instance: None,
            parent: None,
            thread: 1,
            start_ns,
            end_ns: None,
            token: None,
        }
    }

    fn powers(watts: &[(u32, f64)]) -> WindowPowers {
        let mut powers = WindowPowers::new();
        for &(kind, power_w) in watts {
            powers.insert(&WindowPowerRow {
                rail: 1,
                start_ns: 0,
                end_ns: 10_000_000_000,
                thread: Some(1),
                kind: Some(kind),
                power_w,
            });
        }
        powers
    }

    /// ```text
    /// kind 1, 2 W   [0 ------------------- 10 s]
    /// kind 2, 5 W       [1 - 3]    [4 ---- 8]
    /// kind 3, 1 W                    [5 - 6]
    /// ```
    #[test]
    fn what_ran_within_has_its_own_power() {
        let powers = powers(&[(1, 2.0), (2, 5.0), (3, 1.0)]);
        let mut within = Within::default();
        let mut joules = |start_s: i64, end_s: i64, kind| {
            let span = span(1, start_s * 1_000_000_000);
            let energy = within.energy(&span, end_s * 1_000_000_000, kind, &powers);
            energy.map(Energy::joules)
        };
        assert_eq!(joules(1, 3, 2), Some(10.0));
        assert_eq!(joules(5, 6, 3), Some(1.0));
        assert_eq!(joules(4, 8, 2), Some(16.0));
        assert_eq!(joules(0, 10, 1), Some(4.0 * 2.0 + 10.0 + 16.0));
        assert_eq!(joules(10, 12, 1), None, "nothing was measured then");
    }

    #[test]
    fn a_kind_without_power_is_not_known_and_neither_is_what_it_stands_in() {
        let powers = powers(&[(1, 2.0)]);
        let mut within = Within::default();
        let half = 5_000_000_000;
        assert_eq!(within.energy(&span(2, 0), half, 2, &powers), None);
        assert_eq!(within.energy(&span(1, 0), 2 * half, 1, &powers), None);
    }
}
