//! Energy of activations if windows price single kinds of nodes: nested activations may be
//! of other kinds.
//!
//! ```text
//! layer    |-a-|  |-b-|          a and b ended before: their energy is known
//! token   [====[==]===[==]       its self time: the intervals between them
//! ```
//!
//! Activations arrive in the order of their ends, inner ones first. One that lies within
//! another is kept until the outer one has ended. Activations of one thread overlap
//! otherwise only if they exit out of order; the time is then counted as the inner one's
//! twice.

use std::collections::BTreeMap;

use energy_data::interval_energy::is_covered_by_windows;
use energy_data::rows::SpanRow;
use energy_data::units::Energy;

use crate::pricing::{SelfTimeInterval, WindowPowers};

/// Maximum number of ended activations kept per thread. Beyond it, the energy of
/// activations that contain dropped ones is unknown.
const MAX_KEPT: usize = 100_000;

/// Ended activations whose outer activation has not ended, by thread.
#[derive(Default)]
pub(super) struct NestedEnergy(BTreeMap<u32, Siblings>);

/// Ended activations of one thread, in the order of their ends.
#[derive(Default)]
struct Siblings {
    ended: Vec<EndedSibling>,
    /// Activations before this time were dropped.
    dropped_until_ns: Option<i64>,
}

struct EndedSibling {
    start_ns: i64,
    end_ns: i64,
    energy: Option<Energy>,
}

/// Energies of one activation; `None` where windows do not cover its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NestedCost {
    /// With nested activations.
    pub(super) energy: Option<Energy>,
    /// Without them.
    pub(super) self_energy: Option<Energy>,
}

impl NestedEnergy {
    /// Returns the energies of an activation of that kind that ended at `end_ns`. Calls come in the
    /// order of ends on each thread: one that comes late is not part of its outer activation: that
    /// one's energy is known already.
    pub(super) fn cost(
        &mut self,
        span: &SpanRow,
        end_ns: i64,
        kind: u32,
        powers: &WindowPowers,
    ) -> NestedCost {
        let siblings = self.0.entry(span.thread).or_default();
        let inner = siblings.inside(span.start_ns, end_ns);
        let own = own(&inner, span.start_ns, end_ns);
        let stretches = own.iter().map(|&(start_ns, end_ns)| SelfTimeInterval {
            kind,
            start_ns,
            end_ns,
        });
        let own_ns: i64 = own.iter().map(|(start, end)| end - start).sum();
        let priced = powers.energy_of_kinds(span.thread, stretches);
        let mut known_ns = priced.map_or(0, |_| own_ns);
        let mut energy = priced;
        for ended in inner.iter().filter(|ended| ended.energy.is_some()) {
            known_ns += ended.end_ns - ended.start_ns;
            energy = Some(energy.unwrap_or_default() + ended.energy.unwrap_or_default());
        }
        let length_ns = end_ns - span.start_ns;
        let whole = siblings
            .dropped_until_ns
            .is_none_or(|ns| span.start_ns >= ns);
        let known = whole && is_covered_by_windows(known_ns, length_ns);
        let energy = energy.filter(|_| known);
        siblings.add(EndedSibling {
            start_ns: span.start_ns,
            end_ns,
            energy,
        });
        let without_time = energy.filter(|_| own_ns == 0).map(|_| Energy::ZERO);
        NestedCost {
            energy,
            self_energy: priced.filter(|_| whole).or(without_time),
        }
    }

    /// Removes the activations that ended before the time that `needed_ns` returns for their thread.
    pub(super) fn forget(&mut self, needed_ns: impl Fn(u32) -> i64) {
        self.0
            .retain(|thread, siblings| siblings.forget(needed_ns(*thread)));
    }

    /// Returns the number of threads with ended activations.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.0.len()
    }
}

impl Siblings {
    /// Removes and returns those that began at `start_ns` or later and ended until `end_ns`.
    fn inside(&mut self, start_ns: i64, end_ns: i64) -> Vec<EndedSibling> {
        let later = self.position(end_ns);
        let before = self.ended[..later]
            .iter()
            .rposition(|ended| ended.start_ns < start_ns);
        let first = before.map_or(0, |at| at + 1);
        self.ended.splice(first..later, []).collect()
    }

    /// Returns the number of those that ended until `end_ns`.
    fn position(&self, end_ns: i64) -> usize {
        self.ended.partition_point(|ended| ended.end_ns <= end_ns)
    }

    /// Removes those that ended until `needed_ns`. Returns whether any are left.
    fn forget(&mut self, needed_ns: i64) -> bool {
        self.ended.drain(..self.position(needed_ns));
        self.dropped_until_ns = self.dropped_until_ns.filter(|ns| *ns > needed_ns);
        !self.ended.is_empty() || self.dropped_until_ns.is_some()
    }

    fn add(&mut self, ended: EndedSibling) {
        if self.ended.len() >= MAX_KEPT {
            self.dropped_until_ns = self.ended.last().map(|last| last.end_ns);
            self.ended.clear();
        }
        self.ended.insert(self.position(ended.end_ns), ended);
    }
}

/// Returns the parts of `[start_ns, end_ns)` that no inner activation covers; an empty
/// interval at the start for an activation without length.
fn own(inner: &[EndedSibling], start_ns: i64, end_ns: i64) -> Vec<(i64, i64)> {
    let mut now = start_ns;
    let mut parts = Vec::with_capacity(inner.len() + 1);
    for ended in inner {
        if ended.start_ns > now {
            parts.push((now, ended.start_ns));
        }
        now = now.max(ended.end_ns);
    }
    if now < end_ns || parts.is_empty() && inner.is_empty() {
        parts.push((now, end_ns.max(now)));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use energy_data::rows::WindowPowerRow;

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
    fn nested_activations_are_priced_by_their_own_kind() {
        let powers = powers(&[(1, 2.0), (2, 5.0), (3, 1.0)]);
        let mut nested = NestedEnergy::default();
        let mut joules = |start_s: i64, end_s: i64, kind| {
            let span = span(1, start_s * 1_000_000_000);
            let cost = nested.cost(&span, end_s * 1_000_000_000, kind, &powers);
            cost.energy.map(Energy::joules)
        };
        assert_eq!(joules(1, 3, 2), Some(10.0));
        assert_eq!(joules(5, 6, 3), Some(1.0));
        assert_eq!(joules(4, 8, 2), Some(16.0));
        assert_eq!(joules(0, 10, 1), Some(4.0 * 2.0 + 10.0 + 16.0));
        assert_eq!(joules(10, 12, 1), None, "nothing was measured then");
    }

    /// ```text
    /// late    [0 - 1]
    /// others           [2 - 3] [4 - 5]
    /// ```
    #[test]
    fn a_late_activation_does_not_contain_those_after_it() {
        let powers = powers(&[(1, 2.0)]);
        let mut nested = NestedEnergy::default();
        let mut joules = |start_s: i64, end_s: i64| {
            let span = span(1, start_s * 1_000_000_000);
            let cost = nested.cost(&span, end_s * 1_000_000_000, 1, &powers);
            (
                cost.energy.map(Energy::joules),
                cost.self_energy.map(Energy::joules),
            )
        };
        for (start_s, end_s) in [(2, 3), (4, 5), (0, 1)] {
            assert_eq!(joules(start_s, end_s), (Some(2.0), Some(2.0)));
        }
        assert_eq!(joules(0, 6), (Some(12.0), Some(6.0)));
    }

    #[test]
    fn the_energy_of_a_kind_without_power_and_of_its_outer_activation_is_unknown() {
        let powers = powers(&[(1, 2.0)]);
        let mut nested = NestedEnergy::default();
        let half = 5_000_000_000;
        assert_eq!(nested.cost(&span(2, 0), half, 2, &powers).energy, None);
        assert_eq!(nested.cost(&span(1, 0), 2 * half, 1, &powers).energy, None);
    }
}
