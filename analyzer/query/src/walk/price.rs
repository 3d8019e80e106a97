//! Energy of an interval in which one node was innermost on one thread.
//!
//! Power windows are read in the order of their starts and are kept only while an
//! interval that overlaps them may still be priced. An interval is covered as far as windows of
//! every rail cover it: an energy that lacks a rail is too low.

use std::collections::{HashMap, VecDeque};

use energy_data::interval_energy::is_covered_by_windows;
use energy_data::rows::WindowPowerRow;

use crate::error::Result;

/// Number of windows read before ended ones are dropped.
const MAX_WINDOWS: usize = 65_536;

/// Energy of an interval, and how much of it windows covered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct PricedInterval {
    pub(super) energy_j: f64,
    pub(super) length_ns: i64,
    covered_ns: i64,
    /// Whether any window overlaps it: also decides for intervals of zero length.
    touched: bool,
}

impl PricedInterval {
    pub(super) fn add(&mut self, other: &Self) {
        self.energy_j += other.energy_j;
        self.length_ns += other.length_ns;
        self.covered_ns += other.covered_ns;
        self.touched |= other.touched;
    }

    /// Returns the energy in joules, or `None` if too little of the interval was measured.
    pub(super) fn known_j(&self) -> Option<f64> {
        let is_enough = is_covered_by_windows(self.covered_ns, self.length_ns);
        (self.touched && is_enough).then_some(self.energy_j)
    }
}

#[derive(Debug, Clone, Copy)]
struct PriceWindow {
    start_ns: i64,
    end_ns: i64,
    power_w: f64,
}

/// Thread and kind; 0 stands for all.
type ThreadKindKey = (u32, u32);

/// Power windows around the current time. `W` yields all windows of a run by start.
pub(super) struct WindowPrices<W: Iterator> {
    rows: std::iter::Peekable<W>,
    /// By thread and kind, then by rail (there are few rails).
    windows: HashMap<ThreadKindKey, Vec<(u32, VecDeque<PriceWindow>)>>,
    window_count: usize,
    next_drop_at: usize,
    kind_of_node: Vec<u32>,
    /// Rails with windows that must cover an interval; if empty, those that have windows in it.
    sampled: Vec<u32>,
    /// Covered time by rail, of the interval that is being priced.
    covered: Vec<(u32, i64)>,
}

impl<W: Iterator<Item = Result<WindowPowerRow>>> WindowPrices<W> {
    /// Creates it. `kind_of_node` may be empty if no window is specific to a kind. `sampled` are the
    /// rails that have windows.
    pub(super) fn new(rows: W, kind_of_node: Vec<u32>, sampled: Vec<u32>) -> Self {
        Self {
            rows: rows.peekable(),
            windows: HashMap::new(),
            window_count: 0,
            next_drop_at: MAX_WINDOWS,
            kind_of_node,
            sampled,
            covered: Vec::new(),
        }
    }

    /// Returns the energy of `[start_ns, end_ns)`.
    pub(super) fn price(
        &mut self,
        thread: u32,
        node: u32,
        (start_ns, end_ns): (i64, i64),
    ) -> Result<PricedInterval> {
        self.read_until(end_ns.max(start_ns + 1))?;
        let kind = self.kind_of_node.get(node as usize).copied().unwrap_or(0);
        let keys = [(0, 0), (thread, 0), (0, kind), (thread, kind)];
        let keys = if kind == 0 { &keys[..2] } else { &keys[..] };
        let mut priced = self.overlapping(keys, (start_ns, end_ns));
        priced.length_ns = end_ns - start_ns;
        Ok(priced)
    }

    /// Returns whether windows should be dropped before more are read.
    pub(super) fn is_full(&self) -> bool {
        self.window_count >= self.next_drop_at
    }

    /// Drops windows that end by `time_ns`, before which nothing will be priced.
    pub(super) fn drop_before(&mut self, time_ns: i64) {
        let mut window_count = 0;
        self.windows.retain(|_, rails| {
            for (_, windows) in rails.iter_mut() {
                while windows.front().is_some_and(|w| w.end_ns <= time_ns) {
                    windows.pop_front();
                }
                window_count += windows.len();
            }
            rails.iter().any(|(_, windows)| !windows.is_empty())
        });
        self.window_count = window_count;
        self.next_drop_at = MAX_WINDOWS.max(2 * window_count);
    }

    fn read_until(&mut self, end_ns: i64) -> Result<()> {
        let begun = |row: &Result<WindowPowerRow>| match row {
            Ok(row) => row.start_ns < end_ns,
            Err(_) => true,
        };
        while let Some(row) = self.rows.next_if(begun) {
            self.keep(&row?);
        }
        Ok(())
    }

    fn keep(&mut self, row: &WindowPowerRow) {
        let key = (row.thread.unwrap_or(0), row.kind.unwrap_or(0));
        let rails = self.windows.entry(key).or_default();
        let at = rails.iter().position(|(rail, _)| *rail == row.rail);
        let at = at.unwrap_or_else(|| {
            rails.push((row.rail, VecDeque::new()));
            rails.len() - 1
        });
        rails[at].1.push_back(PriceWindow {
            start_ns: row.start_ns,
            end_ns: row.end_ns,
            power_w: row.power_w,
        });
        self.window_count += 1;
    }

    /// Sums the windows of all rails with these keys; the covered time is that of the least
    /// covered rail. A window may have rows of several keys, and counts once.
    fn overlapping(
        &mut self,
        keys: &[ThreadKindKey],
        (start_ns, end_ns): (i64, i64),
    ) -> PricedInterval {
        let mut priced = PricedInterval::default();
        self.covered.clear();
        for (at, key) in keys.iter().enumerate() {
            for (rail, windows) in self.windows.get(key).into_iter().flatten() {
                let mut covered_ns = 0;
                // The current time is near the back.
                let first = windows.partition_point(|w| w.end_ns <= start_ns);
                for window in windows.range(first..) {
                    if window.start_ns >= end_ns.max(start_ns + 1) {
                        break;
                    }
                    let inside = window.end_ns.min(end_ns) - window.start_ns.max(start_ns);
                    priced.touched = true;
                    priced.energy_j += window.power_w * (inside.max(0) as f64 / 1e9);
                    let is_counted = |key| self.has_window(key, *rail, window.start_ns);
                    if !keys[..at].iter().any(is_counted) {
                        covered_ns += inside.max(0);
                    }
                }
                match self.covered.iter_mut().find(|(known, _)| known == rail) {
                    Some((_, sum_ns)) => *sum_ns += covered_ns,
                    None => self.covered.push((*rail, covered_ns)),
                }
            }
        }
        let covered = |rail: &u32| {
            let found = self.covered.iter().find(|(known, _)| known == rail);
            found.map_or(0, |(_, covered_ns)| *covered_ns)
        };
        let least = match self.sampled.is_empty() {
            true => self.covered.iter().map(|(_, covered_ns)| *covered_ns).min(),
            false => self.sampled.iter().map(covered).min(),
        };
        priced.covered_ns = least.unwrap_or(0);
        priced
    }

    /// Returns whether a window that starts then has a row of that key.
    fn has_window(&self, key: &ThreadKindKey, rail: u32, start_ns: i64) -> bool {
        let rails = self.windows.get(key);
        let of_rail = |(known, _): &&(u32, VecDeque<PriceWindow>)| *known == rail;
        let windows = rails.and_then(|rails| rails.iter().find(of_rail));
        windows.is_some_and(|(_, windows)| {
            let found = windows.binary_search_by_key(&start_ns, |window| window.start_ns);
            found.is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start_ns: i64, thread: Option<u32>, kind: Option<u32>) -> WindowPowerRow {
        WindowPowerRow {
            rail: 1,
            start_ns,
            end_ns: start_ns + 100,
            thread,
            kind,
            power_w: 2e9,
        }
    }

    /// ```text
    /// all threads  |------|
    /// thread 1            |------|------|
    /// kind 1                     |------|------|
    /// interval        |--------------------|
    /// ```
    #[test]
    fn windows_of_different_keys_cover_an_interval_together() {
        let rows = [
            window(0, None, None),
            window(100, Some(1), None),
            window(200, Some(1), None),
            window(200, None, Some(1)),
            window(300, None, Some(1)),
        ];
        let rows = rows.into_iter().map(Ok);
        let mut prices = WindowPrices::new(rows, vec![0, 1], vec![1]);
        let priced = prices.price(1, 1, (50, 350)).unwrap();
        assert_eq!((priced.covered_ns, priced.length_ns), (300, 300));
        assert_eq!(priced.known_j(), Some(2.0 * (50.0 + 100.0 + 200.0 + 50.0)));
        let other = prices.price(2, 0, (50, 350)).unwrap();
        assert_eq!((other.covered_ns, other.known_j()), (50, None));
    }

    /// ```text
    /// rail 1     |------|------|------|
    /// rail 2            |------|
    /// ```
    #[test]
    fn an_interval_is_covered_as_far_as_every_rail_covers_it() {
        let second = WindowPowerRow {
            rail: 2,
            power_w: 1e9,
            ..window(100, None, None)
        };
        let rows = [
            window(0, None, None),
            window(100, None, None),
            second,
            window(200, None, None),
        ];
        let mut prices = WindowPrices::new(rows.into_iter().map(Ok), Vec::new(), vec![1, 2]);
        let alone = prices.price(1, 1, (0, 100)).unwrap();
        assert_eq!((alone.covered_ns, alone.known_j()), (0, None));
        let both = prices.price(1, 1, (100, 200)).unwrap();
        assert_eq!(both.known_j(), Some(300.0));
        let part = prices.price(1, 1, (50, 250)).unwrap();
        assert_eq!((part.covered_ns, part.known_j()), (100, None));
    }
}
