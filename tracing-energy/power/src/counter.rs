//! Converts readings of a cumulative energy counter to steps, with wraps and resets.
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
//! A counter that is read often makes small steps. If it goes backwards, the step that it
//! would have made by wrapping decides: up to half the range it is a wrap, above that a
//! reset. The energy around a reset is unknown.

use energy_data::units::Energy;

/// The meaning of one reading of a counter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CounterStep {
    /// The first reading, which has no energy.
    First,
    /// The energy since the previous reading.
    Delta(Energy),
    /// The energy since the previous reading; the counter wrapped once.
    Wrapped(Energy),
    /// The counter was reset: the energy since the previous reading is unknown.
    Reset,
}

/// A cumulative energy counter in microjoules.
#[derive(Debug, Clone)]
pub struct Counter {
    range_uj: Option<u64>,
    last_uj: Option<u64>,
}

impl Counter {
    /// Creates a counter that wraps to zero after `range_uj`; `None` never wraps.
    pub const fn microjoules(range_uj: Option<u64>) -> Self {
        Self {
            range_uj,
            last_uj: None,
        }
    }

    /// Accepts a reading and returns its meaning.
    pub fn advance(&mut self, raw_uj: u64) -> CounterStep {
        let Some(last) = self.last_uj.replace(raw_uj) else {
            return CounterStep::First;
        };
        match raw_uj.checked_sub(last) {
            Some(step) => CounterStep::Delta(energy(step)),
            None => self.backwards(last, raw_uj),
        }
    }

    /// Forgets the last reading. The next one is [`CounterStep::First`].
    pub fn forget(&mut self) {
        self.last_uj = None;
    }

    fn backwards(&self, last: u64, raw: u64) -> CounterStep {
        let over_the_top = |range: u64| Some((range, range.checked_sub(last)?.checked_add(raw)?));
        match self.range_uj.and_then(over_the_top) {
            Some((range, step)) if step <= range / 2 => CounterStep::Wrapped(energy(step)),
            _ => CounterStep::Reset,
        }
    }
}

fn energy(microjoules: u64) -> Energy {
    Energy::from_microjoules(microjoules as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(range: Option<u64>, last: u64, raw: u64) -> CounterStep {
        let mut counter = Counter::microjoules(range);
        assert_eq!(counter.advance(last), CounterStep::First);
        counter.advance(raw)
    }

    #[test]
    fn steps_forward_are_deltas() {
        assert_eq!(after(Some(1000), 10, 10), CounterStep::Delta(Energy::ZERO));
        assert_eq!(after(Some(1000), 10, 11), CounterStep::Delta(energy(1)));
        assert_eq!(after(Some(1000), 0, 1000), CounterStep::Delta(energy(1000)));
        assert_eq!(
            after(None, 0, u64::MAX),
            CounterStep::Delta(energy(u64::MAX))
        );
    }

    #[test]
    fn a_small_step_over_the_top_is_a_wrap() {
        assert_eq!(
            after(Some(1000), 1000, 0),
            CounterStep::Wrapped(Energy::ZERO)
        );
        assert_eq!(after(Some(1000), 990, 5), CounterStep::Wrapped(energy(15)));
        assert_eq!(
            after(Some(1000), 600, 100),
            CounterStep::Wrapped(energy(500))
        );
    }

    #[test]
    fn a_large_step_over_the_top_is_a_reset() {
        assert_eq!(after(Some(1000), 600, 101), CounterStep::Reset);
        assert_eq!(after(Some(1000), 400, 0), CounterStep::Reset);
        assert_eq!(after(Some(1000), 11, 10), CounterStep::Reset);
    }

    #[test]
    fn a_backward_step_without_a_plausible_range_is_a_reset() {
        assert_eq!(after(None, 11, 10), CounterStep::Reset);
        assert_eq!(after(Some(0), 11, 10), CounterStep::Reset);
        assert_eq!(after(Some(1000), 2000, 10), CounterStep::Reset);
        assert_eq!(
            after(Some(u64::MAX), u64::MAX, u64::MAX - 1),
            CounterStep::Reset
        );
    }

    #[test]
    fn counting_continues_after_a_reset_and_restarts_after_forget() {
        let mut counter = Counter::microjoules(Some(1000));
        counter.advance(400);
        assert_eq!(counter.advance(0), CounterStep::Reset);
        assert_eq!(counter.advance(7), CounterStep::Delta(energy(7)));
        counter.forget();
        assert_eq!(counter.advance(9), CounterStep::First);
    }

    proptest::proptest! {
        /// The counted energy is the sum of the steps, for any number of wraps.
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
                // The value after the highest one is zero, and that step has no energy.
                raw = if next > range { next - range } else { next };
                let counted = match counter.advance(raw) {
                    CounterStep::Delta(energy) | CounterStep::Wrapped(energy) => energy,
                    other => panic!("{other:?}"),
                };
                proptest::prop_assert_eq!(counted, energy(step));
            }
        }

        /// For any readings, no step is larger than the range and none is negative.
        #[test]
        fn wrapped_steps_lie_within_the_range(
            range in proptest::option::of(1_u64..1_000_000),
            raws in proptest::collection::vec(proptest::prelude::any::<u64>(), 1..40),
        ) {
            let mut counter = Counter::microjoules(range);
            for raw in raws {
                if let CounterStep::Wrapped(step) = counter.advance(raw) {
                    proptest::prop_assert!(step >= Energy::ZERO);
                    proptest::prop_assert!(step <= energy(range.unwrap_or(0)));
                }
            }
        }
    }
}
