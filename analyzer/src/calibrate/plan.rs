//! Division of the time budget into slots.

use energy_data::units::Nanos;
use energy_power::Kernel;

/// Number of rounds.
pub(super) const ROUNDS: u32 = 3;
/// Minimum duration of a slot in sample intervals. It contains three whole ones at any
/// offset, even if the sensor's intervals are a tenth longer than requested.
const LEAST_INTERVALS: f64 = 4.5;
/// Part at each end of a slot, in intervals, whose samples are skipped because sensors do not
/// report exact times.
const EDGE_INTERVALS: f64 = 0.25;
/// Maximum duration of a slot; more time would be better spent on another round.
const LONGEST_SLOT: Nanos = Nanos::from_millis(5_000);
const USUAL_IDLE: Nanos = Nanos::from_millis(2_000);
/// Maximum share of the budget for idle times, unless their minimum is longer.
const IDLE_SHARE: f64 = 0.15;

/// Durations determined by the sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lengths {
    /// Skipped at the start of a slot.
    pub lead: Nanos,
    /// Skipped at the end of a slot.
    pub tail: Nanos,
    /// Minimum duration of a slot.
    pub least: Nanos,
}

impl Lengths {
    /// Returns the durations for a sensor's interval and averaging window.
    pub(super) fn of(interval: Nanos, kernel: Kernel) -> Self {
        let edge = times(interval, EDGE_INTERVALS);
        let memory = match kernel {
            Kernel::Trailing(window) => (window - interval).max(Nanos::ZERO),
            // After five time constants 0.7 % of the previous power remains.
            Kernel::LowPass(constant) => times(constant, 5.0),
            _ => Nanos::ZERO,
        };
        let lead = edge + memory;
        Self {
            lead,
            tail: edge,
            least: lead + times(interval, LEAST_INTERVALS) + edge,
        }
    }

    /// Returns the durations that suit both sensors.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            lead: self.lead.max(other.lead),
            tail: self.tail.max(other.tail),
            least: self.least.max(other.least),
        }
    }
}

/// Slots and their durations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Indexes of the kinds of each slot, largest share of time first. Only the last slot may
    /// have several kinds (a class).
    pub slots: Vec<Vec<usize>>,
    /// Whether the empty loop also has a slot.
    pub with_empty: bool,
    /// Duration of a slot.
    pub slot: Nanos,
    /// Duration of an idle time.
    pub idle: Nanos,
}

/// Run times of a kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct KindTime {
    /// Seconds of one run.
    pub run_s: f64,
    /// Seconds in a usual generation.
    pub total_s: f64,
}

/// Divides `budget`. Kinds that take no longer than the empty loop around them (`empty_s`)
/// share one slot. If there is not enough time for all kinds, those with the smallest share
/// of time share it, too. Every kind's time includes `empty_s`.
///
/// # Errors
/// If the budget is too short; the message contains the minimum.
pub(super) fn plan(
    kinds: &[KindTime],
    empty_s: f64,
    budget: Nanos,
    lengths: Lengths,
) -> Result<Plan, String> {
    let idles = f64::from(ROUNDS + 1);
    let idle = USUAL_IDLE
        .min(times(budget, IDLE_SHARE / idles))
        .max(lengths.least);
    let per_round = times(budget - times(idle, idles), 1.0 / f64::from(ROUNDS));
    let fitting = usize::try_from(per_round.nanos() / lengths.least.nanos().max(1)).unwrap_or(0);
    let with_empty = kinds
        .iter()
        .any(|kind| kind.run_s < super::slot::SHORT.seconds());
    let fitting = fitting.saturating_sub(usize::from(with_empty));
    if fitting == 0 || kinds.is_empty() {
        let least = f64::from(ROUNDS) * (1.0 + f64::from(u8::from(with_empty)));
        let least = times(lengths.least, idles + least).seconds();
        return Err(format!(
            "a budget of {:.1} s is too short for this sensor; give at least {:.0} s",
            budget.seconds(),
            least.ceil()
        ));
    }
    let slots = share(kinds, empty_s, fitting);
    let count = slots.len() + usize::from(with_empty);
    Ok(Plan {
        slot: times(per_round, 1.0 / count as f64).min(LONGEST_SLOT.max(lengths.least)),
        slots,
        with_empty,
        idle,
    })
}

fn share(kinds: &[KindTime], empty_s: f64, fitting: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    order.sort_by(|&a, &b| kinds[b].total_s.total_cmp(&kinds[a].total_s));
    let (mut alone, mut class): (Vec<usize>, Vec<usize>) = order
        .into_iter()
        .partition(|&kind| kinds[kind].run_s > 2.0 * empty_s);
    let room = fitting - usize::from(!class.is_empty());
    if alone.len() > room {
        // The class needs a slot, if it has none yet.
        let kept = fitting - 1;
        class.extend(alone.drain(kept..));
    }
    let mut slots: Vec<Vec<usize>> = alone.into_iter().map(|kind| vec![kind]).collect();
    if !class.is_empty() {
        slots.push(class);
    }
    slots
}

fn times(time: Nanos, factor: f64) -> Nanos {
    Nanos::from_seconds(time.seconds() * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(i64) -> Nanos = Nanos::from_millis;

    fn kinds(totals: &[f64]) -> Vec<KindTime> {
        let timed = |&total_s: &f64| KindTime {
            run_s: 1e-3,
            total_s,
        };
        totals.iter().map(timed).collect()
    }

    fn lengths() -> Lengths {
        Lengths::of(MS(100), Kernel::Box)
    }

    #[test]
    fn a_long_budget_gives_each_kind_a_slot() {
        let plan = plan(&kinds(&[1.0, 3.0, 2.0]), 1e-9, MS(180_000), lengths()).unwrap();
        assert_eq!(plan.slots, [vec![1], vec![2], vec![0]]);
        assert!(!plan.with_empty);
        assert_eq!((plan.slot, plan.idle), (MS(5_000), MS(2_000)));
    }

    #[test]
    fn the_smallest_shares_make_a_class_when_time_is_short() {
        // Four idle times of 500 ms leave 1.6 s for each round: three slots.
        let plan = plan(&kinds(&[1.0, 9.0, 2.0, 8.0]), 1e-9, MS(6_800), lengths()).unwrap();
        assert_eq!(plan.slots, [vec![1], vec![3], vec![2, 0]]);
        assert!(plan.slot >= lengths().least);
    }

    #[test]
    fn kinds_below_the_loop_around_them_are_one_class() {
        let mut all = kinds(&[1.0, 2.0, 3.0]);
        (all[0].run_s, all[2].run_s) = (1e-9, 2e-9);
        let plan = plan(&all, 5e-9, MS(60_000), lengths()).unwrap();
        assert_eq!(plan.slots, [vec![1], vec![2, 0]]);
        assert!(plan.with_empty);
    }

    #[test]
    fn no_plan_exceeds_its_budget() {
        for count in [1, 2, 7, 60, 400] {
            let totals: Vec<f64> = (0..count).map(f64::from).collect();
            for seconds in [4, 5, 20, 180] {
                let Ok(plan) = plan(&kinds(&totals), 1e-9, MS(seconds * 1_000), lengths()) else {
                    continue;
                };
                let slots: Nanos = plan.slots.iter().map(|_| plan.slot).sum();
                let used = slots.seconds() * 3.0 + plan.idle.seconds() * 4.0;
                assert!(used <= seconds as f64 + 1e-6, "{count} kinds: {used} s");
                let measured: usize = plan.slots.iter().map(Vec::len).sum();
                assert_eq!(measured, totals.len());
            }
        }
    }

    #[test]
    fn a_budget_that_is_too_short_is_rejected_with_the_minimum() {
        let refused = plan(&kinds(&[1.0]), 1e-9, MS(3_000), lengths()).unwrap_err();
        assert!(refused.contains("at least 4 s"), "{refused}");
        assert!(plan(&kinds(&[1.0]), 1e-9, MS(4_000), lengths()).is_ok());
    }

    #[test]
    fn a_sensor_with_memory_needs_longer_slots() {
        let trailing = Lengths::of(MS(100), Kernel::Trailing(MS(300)));
        assert_eq!(trailing.lead, MS(225));
        assert_eq!(trailing.least, MS(700));
        assert_eq!(Lengths::of(MS(100), Kernel::Trailing(MS(100))), lengths());
        assert_eq!(lengths().or(trailing), trailing);
    }
}
