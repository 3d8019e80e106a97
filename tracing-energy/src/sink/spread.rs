//! Energy of a stretch of time on one thread, from the power of its windows.
//!
//! ```text
//! window_power of a thread   |--- 3 W ---|--- 5 W ---|
//! an activation on it               [---------]
//!                                 2 s   4 s: 3 W x 2 s + 5 W x 4 s = 26 J
//! ```
//!
//! This is the active energy of an activation with everything that ran below it
//! on its own thread. It is not known unless windows cover 99 % of its time: a
//! window that was not measured is not zero. Rows for a single kind of span say
//! nothing about a stretch of time and are left out.

use std::collections::{BTreeMap, VecDeque};

use super::WindowPowerRow;
use crate::units::{Energy, Nanos, Power};

/// Windows kept for each rail and thread before old ones are merged.
const MOST: usize = 16_384;

/// What part of a stretch must have been measured.
const COVERED: f64 = 0.99;

/// The power of windows, by rail and thread.
///
/// Memory is bounded: past 16,384 windows of a rail and thread, old neighbours
/// are merged in pairs, which keeps their energy and blurs only where in the pair
/// it was used.
#[derive(Debug, Clone, Default)]
pub struct WindowPowers(BTreeMap<(u32, Option<u32>), VecDeque<Window>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    start_ns: i64,
    end_ns: i64,
    power: Power,
}

impl WindowPowers {
    /// No windows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a window of a root rail; one with the same start replaces.
    pub fn insert(&mut self, row: &WindowPowerRow) {
        if row.kind.is_some() || row.end_ns <= row.start_ns {
            return;
        }
        let window = Window {
            start_ns: row.start_ns,
            end_ns: row.end_ns,
            power: Power::from_watts(row.power_w),
        };
        let windows = self.0.entry((row.rail, row.thread)).or_default();
        let at = windows.partition_point(|w| w.start_ns < window.start_ns);
        match windows.get_mut(at) {
            Some(same) if same.start_ns == window.start_ns => *same = window,
            _ => windows.insert(at, window),
        }
        if windows.len() > MOST {
            merge_oldest(windows);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Energy that `thread` used in `[start_ns, end_ns)`, all rails that were
    /// inserted added; `None` where no rail's windows cover the time.
    pub fn energy(&self, thread: u32, start_ns: i64, end_ns: i64) -> Option<Energy> {
        let mut covered = false;
        let mut total = Energy::ZERO;
        for ((_, of), windows) in &self.0 {
            if of.is_some_and(|of| of != thread) {
                continue;
            }
            let (energy, known) = overlap(windows, start_ns, end_ns);
            total += energy;
            covered |= known;
        }
        covered.then_some(total)
    }
}

/// Energy of the windows inside `[start_ns, end_ns)` and whether they cover it.
fn overlap(windows: &VecDeque<Window>, start_ns: i64, end_ns: i64) -> (Energy, bool) {
    let first = windows.partition_point(|w| w.end_ns <= start_ns);
    let mut energy = Energy::ZERO;
    let mut covered_ns = 0;
    // An activation without duration still begins somewhere.
    let mut touched = false;
    for window in windows.range(first..) {
        if window.start_ns >= end_ns.max(start_ns + 1) {
            break;
        }
        touched = true;
        let inside = window.end_ns.min(end_ns) - window.start_ns.max(start_ns);
        covered_ns += inside.max(0);
        energy += window.power * Nanos::from_nanos(inside.max(0));
    }
    let needed = (end_ns - start_ns) as f64 * COVERED;
    (energy, touched && covered_ns as f64 >= needed)
}

/// Merges neighbours in the older half of `windows`, where they touch.
fn merge_oldest(windows: &mut VecDeque<Window>) {
    let newer = windows.split_off(windows.len() / 2);
    let mut merged: VecDeque<Window> = VecDeque::with_capacity(newer.len() * 2);
    let mut open = false;
    for window in windows.drain(..) {
        match merged.back_mut() {
            Some(last) if open && last.end_ns == window.start_ns => {
                *last = joined(*last, window);
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

fn joined(a: Window, b: Window) -> Window {
    let time = |w: Window| Nanos::from_nanos(w.end_ns - w.start_ns);
    let energy = a.power * time(a) + b.power * time(b);
    let length = time(a) + time(b);
    Window {
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
    fn power_times_overlap_as_drawn() {
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
    fn rails_and_whole_process_windows_add() {
        let mut powers = WindowPowers::new();
        powers.insert(&window(1, Some(7), 0, 3.0));
        powers.insert(&window(2, None, 0, 2.0));
        let energy = powers.energy(7, 0, 1_000_000_000);
        assert_eq!(energy.map(Energy::joules), Some(5.0));
    }

    #[test]
    fn merging_keeps_the_energy() {
        let mut powers = WindowPowers::new();
        let count = MOST as i64 * 2;
        for i in 0..count {
            powers.insert(&window(1, Some(7), i * 1_000_000_000, (i % 7) as f64));
        }
        assert!(powers.0[&(1, Some(7))].len() <= MOST);
        let expected: i64 = (0..count).map(|i| i % 7).sum();
        let energy = powers.energy(7, 0, count * 1_000_000_000);
        let error = energy.map(|e| (e.joules() - expected as f64).abs());
        assert!(error.is_some_and(|e| e < 1e-6), "{energy:?}");
    }
}
