//! Counters that only grow, until they wrap or are reset.
//!
//! ```text
//! raw    ^        /|range         wrapped: the step over the top is small
//!        |      /  |    /
//!        |    /    |  /
//!        |  /      |/
//!        +-----------------> time
//!
//! raw    ^        /|              reset: the step over the top would be large
//!        |      /  |
//!        |    /    |    /
//!        |  /      |  /
//!        +-----------------> time
//! ```
//!
//! A counter read often takes small steps. When it goes backwards, the step it
//! would have made by wrapping tells the two apart: up to half the range it is a
//! wrap, above that a reset. What was used around a reset is unknown.

use crate::units::Energy;

/// What one reading of a counter means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// The first reading: nothing to compare with.
    First,
    /// The energy since the reading before.
    Delta(Energy),
    /// The energy since the reading before; the counter wrapped once.
    Wrapped(Energy),
    /// The counter started anew: the energy since the reading before is unknown.
    Reset,
}

/// A cumulative energy counter in microjoules.
#[derive(Debug, Clone)]
pub struct Counter {
    range_uj: Option<u64>,
    last_uj: Option<u64>,
}

impl Counter {
    /// A counter that wraps to zero after `range_uj`; `None` never wraps.
    pub const fn microjoules(range_uj: Option<u64>) -> Self {
        Self {
            range_uj,
            last_uj: None,
        }
    }

    /// Takes a reading and says what it means.
    pub fn advance(&mut self, raw_uj: u64) -> Outcome {
        let Some(last) = self.last_uj.replace(raw_uj) else {
            return Outcome::First;
        };
        match raw_uj.checked_sub(last) {
            Some(step) => Outcome::Delta(energy(step)),
            None => self.backwards(last, raw_uj),
        }
    }

    /// Forgets the last reading: the next one is a first.
    pub fn forget(&mut self) {
        self.last_uj = None;
    }

    fn backwards(&self, last: u64, raw: u64) -> Outcome {
        let over_the_top = |range: u64| Some((range, range.checked_sub(last)?.checked_add(raw)?));
        match self.range_uj.and_then(over_the_top) {
            Some((range, step)) if step <= range / 2 => Outcome::Wrapped(energy(step)),
            _ => Outcome::Reset,
        }
    }
}

fn energy(microjoules: u64) -> Energy {
    Energy::from_microjoules(microjoules as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(range: Option<u64>, last: u64, raw: u64) -> Outcome {
        let mut counter = Counter::microjoules(range);
        assert_eq!(counter.advance(last), Outcome::First);
        counter.advance(raw)
    }

    #[test]
    fn steps_forward_are_deltas() {
        assert_eq!(after(Some(1000), 10, 10), Outcome::Delta(Energy::ZERO));
        assert_eq!(after(Some(1000), 10, 11), Outcome::Delta(energy(1)));
        assert_eq!(after(Some(1000), 0, 1000), Outcome::Delta(energy(1000)));
        assert_eq!(after(None, 0, u64::MAX), Outcome::Delta(energy(u64::MAX)));
    }

    #[test]
    fn a_small_step_over_the_top_is_a_wrap() {
        assert_eq!(after(Some(1000), 1000, 0), Outcome::Wrapped(Energy::ZERO));
        assert_eq!(after(Some(1000), 990, 5), Outcome::Wrapped(energy(15)));
        assert_eq!(after(Some(1000), 600, 100), Outcome::Wrapped(energy(500)));
    }

    #[test]
    fn a_large_step_over_the_top_is_a_reset() {
        assert_eq!(after(Some(1000), 600, 101), Outcome::Reset);
        assert_eq!(after(Some(1000), 400, 0), Outcome::Reset);
        assert_eq!(after(Some(1000), 11, 10), Outcome::Reset);
    }

    #[test]
    fn without_a_believable_range_backwards_is_a_reset() {
        assert_eq!(after(None, 11, 10), Outcome::Reset);
        assert_eq!(after(Some(0), 11, 10), Outcome::Reset);
        assert_eq!(after(Some(1000), 2000, 10), Outcome::Reset);
        assert_eq!(
            after(Some(u64::MAX), u64::MAX, u64::MAX - 1),
            Outcome::Reset
        );
    }

    #[test]
    fn counting_goes_on_after_a_reset_and_starts_anew_when_told() {
        let mut counter = Counter::microjoules(Some(1000));
        counter.advance(400);
        assert_eq!(counter.advance(0), Outcome::Reset);
        assert_eq!(counter.advance(7), Outcome::Delta(energy(7)));
        counter.forget();
        assert_eq!(counter.advance(9), Outcome::First);
    }

    proptest::proptest! {
        /// However often it wraps, what it counted is the sum of its steps.
        #[test]
        fn steps_of_up_to_half_the_range_are_never_lost(
            range in 2_u64..1_000_000_000_000,
            start in 0_u64..1_000_000_000_000,
            parts in proptest::collection::vec(0_u64..=1_000, 1..60),
        ) {
            let mut counter = Counter::microjoules(Some(range));
            let mut raw = start % (range + 1);
            counter.advance(raw);
            for part in parts {
                let step = range / 2 * part / 1_000;
                let next = raw + step;
                // The value after the highest one is zero, and counts for nothing itself.
                raw = if next > range { next - range } else { next };
                let counted = match counter.advance(raw) {
                    Outcome::Delta(energy) | Outcome::Wrapped(energy) => energy,
                    other => panic!("{other:?}"),
                };
                proptest::prop_assert_eq!(counted, energy(step));
            }
        }

        /// Whatever it shows, no step is larger than the range, and none is below zero.
        #[test]
        fn no_reading_makes_an_impossible_step(
            range in proptest::option::of(1_u64..1_000_000),
            raws in proptest::collection::vec(proptest::prelude::any::<u64>(), 1..40),
        ) {
            let mut counter = Counter::microjoules(range);
            for raw in raws {
                if let Outcome::Wrapped(step) = counter.advance(raw) {
                    proptest::prop_assert!(step >= Energy::ZERO);
                    proptest::prop_assert!(step <= energy(range.unwrap_or(0)));
                }
            }
        }
    }
}
