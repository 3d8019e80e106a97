//! Energy of an interval on one thread, from the power of its windows.
//!
//! ```text
//! window_power of a thread   |--- 3 W ---|--- 5 W ---|
//! an activation on it               [---------]
//!                                 2 s   4 s: 3 W x 2 s + 5 W x 4 s = 26 J
//! ```
//!
//! This is the active energy of an activation including nested activations on its own
//! thread. It is unknown unless windows of every rail cover 99 % of the interval: an unmeasured
//! window is not zero, on no rail.
//!
//! Windows of a kind price only the self time of its nodes. The caller passes the intervals
//! in which each kind was innermost ([`SelfTimeInterval`]):
//!
//! ```text
//! window_power of kinds      |- a 2 W, b 4 W -|
//! an activation of a           [=a=[=b=]=a=]      b is nested
//!                               1 s 1 s 1 s: 2 + 4 + 2 = 8 J
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
pub struct WindowPowers {
    windows: BTreeMap<PriceKey, VecDeque<WindowPower>>,
    /// Rails with windows.
    rails: BTreeSet<u32>,
    /// Rails with windows of single kinds.
    kind_rails: BTreeSet<u32>,
}

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
        self.rails.insert(row.rail);
        if row.kind.is_some() {
            self.kind_rails.insert(row.rail);
        }
        let key = (row.kind, row.rail, row.thread);
        let windows = self.windows.entry(key).or_default();
        let at = windows.partition_point(|w| w.start_ns < window.start_ns);
        match windows.get_mut(at) {
            Some(same) if same.start_ns == window.start_ns => *same = window,
            _ => windows.insert(at, window),
        }
        if windows.len() > MAX_WINDOWS {
            merge_oldest(windows);
        }
    }

    /// Removes the windows of a rail that is a root no more: its energy is part of another rail's.
    pub fn remove_rail(&mut self, rail: u32) {
        self.kind_rails.remove(&rail);
        if self.rails.remove(&rail) {
            self.windows.retain(|&(_, of, _), _| of != rail);
        }
    }

    /// Returns whether there are no windows.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Returns whether some windows are, or were, of single kinds, which [`Self::energy`] ignores.
    pub fn has_kinds(&self) -> bool {
        !self.kind_rails.is_empty()
    }

    /// Removes the windows that end before the time that `needed_ns` returns for their kind and
    /// thread.
    pub(crate) fn forget(&mut self, needed_ns: impl Fn(Option<u32>, Option<u32>) -> i64) {
        self.windows.retain(|&(kind, _, thread), windows| {
            let needed_ns = needed_ns(kind, thread);
            let first = windows.partition_point(|window| window.end_ns <= needed_ns);
            windows.drain(..first);
            !windows.is_empty()
        });
    }

    /// Returns the number of windows.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.windows.values().map(VecDeque::len).sum()
    }

    /// Returns the energy of `thread` in `[start_ns, end_ns)`, summed over all inserted
    /// rails; `None` if windows of a rail do not cover the time.
    pub fn energy(&self, thread: u32, start_ns: i64, end_ns: i64) -> Option<Energy> {
        let priced = self.priced(&[None], thread, (start_ns, end_ns));
        priced.known(end_ns - start_ns)
    }

    /// Returns the energy of `thread` in `intervals`, summed over windows of their kinds
    /// and windows of all kinds; `None` if windows of a rail do not cover the time.
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
            total.add(self.priced(&[None, Some(kind)], thread, (start_ns, end_ns)));
            length_ns += end_ns - start_ns;
        }
        total.known(length_ns)
    }

    /// Prices an interval by the windows of `kinds` of all rails.
    fn priced(&self, kinds: &[Option<u32>], thread: u32, time: (i64, i64)) -> PricedInterval {
        let mut total = PricedInterval::default();
        for &rail in &self.rails {
            // A window may have rows of several keys, and covers its time once.
            let mut counted: Vec<&VecDeque<WindowPower>> = Vec::new();
            let mut covered_ns = 0;
            for (&kind, of) in kinds
                .iter()
                .flat_map(|kind| [(kind, None), (kind, Some(thread))])
            {
                let Some(windows) = self.windows.get(&(kind, rail, of)) else {
                    continue;
                };
                let mut energy = Energy::ZERO;
                for window in overlapping(windows, time) {
                    let inside = (window.end_ns.min(time.1) - window.start_ns.max(time.0)).max(0);
                    total.touched = true;
                    energy += window.power * Nanos::from_nanos(inside);
                    if !counted
                        .iter()
                        .any(|other| has_start(other, window.start_ns))
                    {
                        covered_ns += inside;
                    }
                }
                total.energy += energy;
                counted.push(windows);
            }
            *total.covered_ns.entry(rail).or_default() += covered_ns;
        }
        total
    }
}

/// Energy and covered time of an interval.
#[derive(Debug, Clone, Default)]
struct PricedInterval {
    energy: Energy,
    /// By rail.
    covered_ns: BTreeMap<u32, i64>,
    /// Whether any window overlaps, or contains an interval without length.
    touched: bool,
}

impl PricedInterval {
    fn add(&mut self, other: Self) {
        self.energy += other.energy;
        self.touched |= other.touched;
        for (rail, covered_ns) in other.covered_ns {
            *self.covered_ns.entry(rail).or_default() += covered_ns;
        }
    }

    /// Returns the energy of an interval of that length if each rail covers enough of it.
    fn known(&self, length_ns: i64) -> Option<Energy> {
        let mut rails = self.covered_ns.values();
        let is_covered = rails.all(|covered_ns| is_covered_by_windows(*covered_ns, length_ns));
        (self.touched && is_covered).then_some(self.energy)
    }
}

/// Returns the windows that overlap a time, or contain a time without length.
fn overlapping(
    windows: &VecDeque<WindowPower>,
    (start_ns, end_ns): (i64, i64),
) -> impl Iterator<Item = &WindowPower> {
    let first = windows.partition_point(|w| w.end_ns <= start_ns);
    let windows = windows.range(first..);
    windows.take_while(move |w| w.start_ns < end_ns.max(start_ns + 1))
}

fn has_start(windows: &VecDeque<WindowPower>, start_ns: i64) -> bool {
    let found = windows.binary_search_by_key(&start_ns, |window| window.start_ns);
    found.is_ok()
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
    /// rail 1   |0 ------ 1 s|1 ------ 2 s|
    /// rail 2                |1 ------ 2 s|
    /// ```
    #[test]
    fn energy_is_unknown_where_a_rail_has_no_window() {
        let mut powers = WindowPowers::new();
        powers.insert(&window(1, Some(7), 0, 3.0));
        powers.insert(&window(1, Some(7), 1_000_000_000, 3.0));
        powers.insert(&window(2, Some(7), 1_000_000_000, 2.0));
        assert_eq!(powers.energy(7, 0, 1_000_000_000), None);
        assert_eq!(powers.energy(7, 900_000_000, 1_900_000_000), None);
        let both = powers.energy(7, 1_000_000_000, 2_000_000_000);
        assert_eq!(both.map(Energy::joules), Some(5.0));
    }

    #[test]
    fn a_removed_rail_is_neither_counted_nor_required() {
        let mut powers = WindowPowers::new();
        powers.insert(&window(1, Some(7), 0, 3.0));
        powers.insert(&window(1, Some(7), 1_000_000_000, 3.0));
        powers.insert(&window(2, Some(7), 0, 2.0));
        powers.remove_rail(2);
        let energy = powers.energy(7, 0, 2_000_000_000);
        assert_eq!(energy.map(Energy::joules), Some(6.0));
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
        assert!(powers.windows[&(None, 1, Some(7))].len() <= MAX_WINDOWS);
        let expected: i64 = (0..count).map(|i| i % 7).sum();
        let energy = powers.energy(7, 0, count * 1_000_000_000);
        let error = energy.map(|e| (e.joules() - expected as f64).abs());
        assert!(error.is_some_and(|e| e < 1e-6), "{energy:?}");
    }
}
