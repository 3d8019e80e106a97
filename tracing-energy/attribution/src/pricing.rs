//! Energy of an interval on one thread, from the power of its windows.
//!
//! ```text
//! window_power of a thread   |--- 3 W ---|--- 5 W ---|
//! an activation on it               [---------]
//!                                 2 s   4 s: 3 W x 2 s + 5 W x 4 s = 26 J
//! ```
//!
//! This is the active energy of an activation including nested activations on its own
//! thread. It is unknown unless windows cover 99 % of the interval: an unmeasured window is
//! not zero.
//!
//! Windows of a kind price only the self time of its nodes. The caller passes the intervals
//! in which each kind was innermost ([`SelfTimeInterval`]):
//!
//! ```text
//! window_power of kinds      |- a 2 W, b 4 W -|
//! an activation of a           [=a=[=b=]=a=]      b is nested
//!                               1 s 1 s 1 s: 2 + 4 + 2 = 8 J
//! ```

use std::collections::{BTreeMap, VecDeque};

use energy_data::interval_energy::is_covered_by_windows;
use energy_data::rows::WindowPowerRow;
use energy_data::units::{Energy, Nanos, Power};

/// Maximum number of windows per kind, rail and thread before old ones are merged.
const MAX_WINDOWS: usize = 16_384;

/// The power of windows, by kind, rail and thread.
///
/// Memory is bounded: beyond 16,384 windows of a kind, rail and thread, old neighbours are
/// merged in pairs. This preserves their energy and loses only its position within the
/// pair.
#[derive(Debug, Clone, Default)]
pub struct WindowPowers(BTreeMap<PriceKey, VecDeque<WindowPower>>);

/// Kind, rail and thread; `None` means all kinds or threads.
type PriceKey = (Option<u32>, u32, Option<u32>);

/// An interval in which nodes of one kind were innermost on a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfTimeInterval {
    /// The kind.
    pub kind: u32,
    /// Start.
    pub start_ns: i64,
    /// End.
    pub end_ns: i64,
}

#[derive(Debug, Clone, Copy)]
struct WindowPower {
    start_ns: i64,
    end_ns: i64,
    power: Power,
}

impl WindowPowers {
    /// Creates an empty set of windows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a window of a root rail; replaces one of the same kind and start.
    pub fn insert(&mut self, row: &WindowPowerRow) {
        if row.end_ns <= row.start_ns {
            return;
        }
        let window = WindowPower {
            start_ns: row.start_ns,
            end_ns: row.end_ns,
            power: Power::from_watts(row.power_w),
        };
        let windows = self.0.entry((row.kind, row.rail, row.thread)).or_default();
        let at = windows.partition_point(|w| w.start_ns < window.start_ns);
        match windows.get_mut(at) {
            Some(same) if same.start_ns == window.start_ns => *same = window,
            _ => windows.insert(at, window),
        }
        if windows.len() > MAX_WINDOWS {
            merge_oldest(windows);
        }
    }

    /// Returns whether there are no windows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether some windows are of single kinds, which [`Self::energy`] ignores.
    pub fn has_kinds(&self) -> bool {
        self.0
            .last_key_value()
            .is_some_and(|((kind, ..), _)| kind.is_some())
    }

    /// Returns the energy of `thread` in `[start_ns, end_ns)`, summed over all inserted
    /// rails; `None` if no rail's windows cover the time.
    pub fn energy(&self, thread: u32, start_ns: i64, end_ns: i64) -> Option<Energy> {
        let priced = self.priced(None, thread, start_ns, end_ns);
        priced.is_known(end_ns - start_ns).then_some(priced.energy)
    }

    /// Returns the energy of `thread` in `intervals`, summed over windows of their kinds
    /// and windows of all kinds; `None` if no rail's windows cover the time.
    pub fn energy_of_kinds(
        &self,
        thread: u32,
        intervals: impl IntoIterator<Item = SelfTimeInterval>,
    ) -> Option<Energy> {
        let (mut total, mut length_ns) = (PricedInterval::default(), 0);
        for SelfTimeInterval {
            kind,
            start_ns,
            end_ns,
        } in intervals
        {
            let any = self.priced(None, thread, start_ns, end_ns);
            let own = self.priced(Some(kind), thread, start_ns, end_ns);
            total.energy += any.energy + own.energy;
            total.covered_ns += any.covered_ns.max(own.covered_ns);
            total.touched |= any.touched || own.touched;
            length_ns += end_ns - start_ns;
        }
        total.is_known(length_ns).then_some(total.energy)
    }

    /// Prices an interval by all rails' windows of that kind; the covered time is that of
    /// the rail with the most.
    fn priced(&self, kind: Option<u32>, thread: u32, start_ns: i64, end_ns: i64) -> PricedInterval {
        let of_kind = (kind, 0, None)..=(kind, u32::MAX, Some(u32::MAX));
        let mut total = PricedInterval::default();
        for ((_, _, of), windows) in self.0.range(of_kind) {
            if of.is_some_and(|of| of != thread) {
                continue;
            }
            let rail = overlap(windows, start_ns, end_ns);
            total.energy += rail.energy;
            total.covered_ns = total.covered_ns.max(rail.covered_ns);
            total.touched |= rail.touched;
        }
        total
    }
}

/// Energy and covered time of an interval.
#[derive(Debug, Clone, Copy, Default)]
struct PricedInterval {
    energy: Energy,
    covered_ns: i64,
    /// Whether any window overlaps, or contains an interval without length.
    touched: bool,
}

impl PricedInterval {
    /// Returns whether enough of an interval of that length is covered.
    fn is_known(&self, length_ns: i64) -> bool {
        self.touched && is_covered_by_windows(self.covered_ns, length_ns)
    }
}

/// Prices `[start_ns, end_ns)` by `windows`.
fn overlap(windows: &VecDeque<WindowPower>, start_ns: i64, end_ns: i64) -> PricedInterval {
    let first = windows.partition_point(|w| w.end_ns <= start_ns);
    let mut priced = PricedInterval::default();
    for window in windows.range(first..) {
        if window.start_ns >= end_ns.max(start_ns + 1) {
            break;
        }
        priced.touched = true;
        let inside = window.end_ns.min(end_ns) - window.start_ns.max(start_ns);
        priced.covered_ns += inside.max(0);
        priced.energy += window.power * Nanos::from_nanos(inside.max(0));
    }
    priced
}

/// Merges adjacent windows in the older half of `windows` in pairs.
fn merge_oldest(windows: &mut VecDeque<WindowPower>) {
    let newer = windows.split_off(windows.len() / 2);
    let mut merged: VecDeque<WindowPower> = VecDeque::with_capacity(newer.len() * 2);
    let mut open = false;
    for window in windows.drain(..) {
        match merged.back_mut() {
            Some(last) if open && last.end_ns == window.start_ns => {
                *last = merged_window(*last, window);
                open = false;
            }
            _ => {
                merged.push_back(window);
                open = true;
            }
        }
    }
    merged.extend(newer);
    *windows = merged;
}

fn merged_window(a: WindowPower, b: WindowPower) -> WindowPower {
    let time = |w: WindowPower| Nanos::from_nanos(w.end_ns - w.start_ns);
    let energy = a.power * time(a) + b.power * time(b);
    let length = time(a) + time(b);
    WindowPower {
        start_ns: a.start_ns,
        end_ns: b.end_ns,
        power: energy.over(length).unwrap_or(a.power),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(rail: u32, thread: Option<u32>, start_ns: i64, power_w: f64) -> WindowPowerRow {
        WindowPowerRow {
            rail,
            start_ns,
            end_ns: start_ns + 1_000_000_000,
            thread,
            kind: None,
            power_w,
        }
    }

    #[test]
    fn energy_is_power_times_overlap() {
        let mut powers = WindowPowers::new();
        powers.insert(&window(1, Some(7), 1_000_000_000, 5.0));
        powers.insert(&window(1, Some(7), 0, 3.0));
        powers.insert(&window(1, Some(8), 0, 100.0));
        let energy = powers.energy(7, 500_000_000, 1_500_000_000);
        assert_eq!(energy.map(Energy::joules), Some(1.5 + 2.5));
        assert_eq!(powers.energy(7, 1_500_000_000, 2_500_000_000), None);
        assert_eq!(powers.energy(9, 0, 1), None);
        assert_eq!(powers.energy(7, 5, 5), Some(Energy::ZERO));
    }

    #[test]
    fn windows_of_rails_and_of_all_threads_add_up() {
        let mut powers = WindowPowers::new();
        powers.insert(&window(1, Some(7), 0, 3.0));
        powers.insert(&window(2, None, 0, 2.0));
        let energy = powers.energy(7, 0, 1_000_000_000);
        assert_eq!(energy.map(Energy::joules), Some(5.0));
    }

    /// ```text
    /// kind 1, 2 W, all threads    |0 ------- 1 s|
    /// kind 2, 4 W, thread 7       |0 ------- 1 s|
    /// thread 7, rail 2, 1 W       |0 ------- 1 s|
    /// ```
    #[test]
    fn windows_of_a_kind_price_its_self_time_only() {
        let mut powers = WindowPowers::new();
        let of = |kind, row| WindowPowerRow {
            kind: Some(kind),
            ..row
        };
        powers.insert(&of(1, window(1, None, 0, 2.0)));
        powers.insert(&of(2, window(1, Some(7), 0, 4.0)));
        assert!(powers.has_kinds());
        assert_eq!(powers.energy(7, 0, 1_000_000_000), None);
        let interval = |kind, start_ns: i64, end_ns: i64| SelfTimeInterval {
            kind,
            start_ns: start_ns * 1_000_000,
            end_ns: end_ns * 1_000_000,
        };
        let both = [interval(1, 0, 500), interval(2, 500, 750)];
        let joules = |powers: &WindowPowers, thread, intervals: &[SelfTimeInterval]| {
            let energy = powers.energy_of_kinds(thread, intervals.iter().copied());
            energy.map(Energy::joules)
        };
        assert_eq!(joules(&powers, 7, &both), Some(1.0 + 1.0));
        assert_eq!(joules(&powers, 8, &both), None, "no power of kind 2 there");
        assert_eq!(joules(&powers, 8, &both[..1]), Some(1.0));
        assert_eq!(joules(&powers, 7, &[interval(3, 0, 500)]), None);
        powers.insert(&window(2, Some(7), 0, 1.0));
        assert_eq!(joules(&powers, 7, &both), Some(2.75));
    }

    #[test]
    fn merging_keeps_the_energy() {
        let mut powers = WindowPowers::new();
        let count = MAX_WINDOWS as i64 * 2;
        for i in 0..count {
            powers.insert(&window(1, Some(7), i * 1_000_000_000, (i % 7) as f64));
        }
        assert!(powers.0[&(None, 1, Some(7))].len() <= MAX_WINDOWS);
        let expected: i64 = (0..count).map(|i| i % 7).sum();
        let energy = powers.energy(7, 0, count * 1_000_000_000);
        let error = energy.map(|e| (e.joules() - expected as f64).abs());
        assert!(error.is_some_and(|e| e < 1e-6), "{energy:?}");
    }
}
