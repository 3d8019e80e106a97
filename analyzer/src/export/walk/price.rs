//! What a stretch of time cost in which one node was innermost on one thread.
//!
//! Windows of power come from the file in the order of their starts and are kept only
//! as long as something may still be asked about their time.

use std::collections::{HashMap, VecDeque};

use tracing_energy::rows::WindowPowerRow;

use crate::error::Result;

/// Windows that are kept before the first look at which of them are over.
const MANY: usize = 65_536;

/// Energy of a time and how much of it windows covered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Priced {
    pub(super) energy_j: f64,
    pub(super) length_ns: i64,
    covered_ns: i64,
    /// Whether there was a window at all: something without length still begins
    /// somewhere.
    touched: bool,
}

impl Priced {
    /// What part of a time must have been measured.
    const COVERED: f64 = 0.99;

    pub(super) fn add(&mut self, other: &Self) {
        self.energy_j += other.energy_j;
        self.length_ns += other.length_ns;
        self.covered_ns += other.covered_ns;
        self.touched |= other.touched;
    }

    /// The energy, unless too little of the time was measured.
    pub(super) fn known_j(&self) -> Option<f64> {
        let enough = self.covered_ns as f64 >= self.length_ns as f64 * Self::COVERED;
        (self.touched && enough).then_some(self.energy_j)
    }
}

#[derive(Debug, Clone, Copy)]
struct Window {
    start_ns: i64,
    end_ns: i64,
    power_w: f64,
}

/// Thread and kind; 0 is all of them.
type Key = (u32, u32);

/// The windows around the present time. `W` gives all of a run by their starts.
pub(super) struct Prices<W: Iterator> {
    rows: std::iter::Peekable<W>,
    /// Of each rail, which are few.
    windows: HashMap<Key, Vec<(u32, VecDeque<Window>)>>,
    kept: usize,
    look_at: usize,
    kind_of_node: Vec<u32>,
}

impl<W: Iterator<Item = Result<WindowPowerRow>>> Prices<W> {
    /// `kind_of_node` may be empty where no window is of a single kind.
    pub(super) fn new(rows: W, kind_of_node: Vec<u32>) -> Self {
        Self {
            rows: rows.peekable(),
            windows: HashMap::new(),
            kept: 0,
            look_at: MANY,
            kind_of_node,
        }
    }

    /// Prices `[start_ns, end_ns)`.
    pub(super) fn price(
        &mut self,
        thread: u32,
        node: u32,
        (start_ns, end_ns): (i64, i64),
    ) -> Result<Priced> {
        self.read_until(end_ns.max(start_ns + 1))?;
        let kind = self.kind_of_node.get(node as usize).copied().unwrap_or(0);
        let any = self.of([(0, 0), (thread, 0)], (start_ns, end_ns));
        let mut priced = any;
        if kind != 0 {
            let own = self.of([(0, kind), (thread, kind)], (start_ns, end_ns));
            priced.energy_j += own.energy_j;
            priced.covered_ns = any.covered_ns.max(own.covered_ns);
            priced.touched |= own.touched;
        }
        priced.length_ns = end_ns - start_ns;
        Ok(priced)
    }

    /// Whether windows should be forgotten before more are read.
    pub(super) fn is_full(&self) -> bool {
        self.kept >= self.look_at
    }

    /// Forgets windows that end by `time_ns`: nothing before will be asked about.
    pub(super) fn forget(&mut self, time_ns: i64) {
        let mut kept = 0;
        self.windows.retain(|_, rails| {
            for (_, windows) in rails.iter_mut() {
                while windows.front().is_some_and(|w| w.end_ns <= time_ns) {
                    windows.pop_front();
                }
                kept += windows.len();
            }
            rails.iter().any(|(_, windows)| !windows.is_empty())
        });
        self.kept = kept;
        self.look_at = MANY.max(2 * kept);
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
        rails[at].1.push_back(Window {
            start_ns: row.start_ns,
            end_ns: row.end_ns,
            power_w: row.power_w,
        });
        self.kept += 1;
    }

    /// All rails' windows with those keys; the time is that of the rail with the most.
    fn of(&self, keys: [Key; 2], (start_ns, end_ns): (i64, i64)) -> Priced {
        let mut priced = Priced::default();
        for (_, windows) in keys
            .iter()
            .filter_map(|key| self.windows.get(key))
            .flatten()
        {
            let mut covered_ns = 0;
            // The present is near the back.
            let first = windows.partition_point(|w| w.end_ns <= start_ns);
            for window in windows.range(first..) {
                if window.start_ns >= end_ns.max(start_ns + 1) {
                    break;
                }
                let inside = window.end_ns.min(end_ns) - window.start_ns.max(start_ns);
                priced.touched = true;
                covered_ns += inside.max(0);
                priced.energy_j += window.power_w * (inside.max(0) as f64 / 1e9);
            }
            priced.covered_ns = priced.covered_ns.max(covered_ns);
        }
        priced
    }
}
