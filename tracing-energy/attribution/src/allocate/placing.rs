//! Places the accounts of an estimate in a window.
//!
//! ```text
//! estimate   sample i = idle + sum of kinds + unattributed + other processes + profiler
//!                       + residual + unknown
//! window     thread 1  | a@0 | b@0 | a@1 |     cells: a node on a thread
//!            thread 2  |   a@2    | b@2  |
//! kind a     energy goes to a@0, a@1, a@2 by weight x time
//! ```
//!
//! The weight is the power that the proportional rule gives to the cell: CPU time where it
//! is known, active time otherwise. If the estimate gives energy to a kind that has no time
//! in the window, that energy stays in `residual`.

use std::collections::HashMap;

use crate::allocate::allocation::{Allocation, CellSplit, Split, cell_powers};
use crate::prices::SamplePrices;
use crate::windows::activity::Window;
use crate::windows::basis::device_domain;
use crate::windows::view::WindowView;

/// Returns the allocation of a window that holds `share` of a sample with these accounts. `unit`
/// is the split of one joule by the rule.
pub(crate) fn allocation(
    accounts: &SamplePrices,
    share: f64,
    view: &WindowView,
    unit: &Split,
) -> Allocation {
    let window = &view.content.window;
    let weights = cell_powers(unit, window);
    let idle_j = accounts.idle_j.map(|energy| energy * share);
    let mut active = place(accounts, share, window, &weights);
    if device_domain(view.sample.kind).is_some() {
        let active_j = view.sample.energy_j - idle_j.unwrap_or(0.0);
        active.split.give_unknown(active_j);
    }
    Allocation {
        idle_j,
        active,
        in_idle: None,
        is_estimated: true,
    }
}

/// Splits a window that holds `share` of the sample. A cell gets energy in proportion to its
/// time and its weight.
fn place(accounts: &SamplePrices, share: f64, window: &Window, weights: &[f64]) -> CellSplit {
    let even = !weights.iter().any(|&weight| weight > 0.0);
    let weight = |at: usize| if even { 1.0 } else { weights[at].max(0.0) };
    let mut times: HashMap<u32, f64> = HashMap::with_capacity(accounts.kinds.len());
    for (at, cell) in window.cells().iter().enumerate() {
        *times.entry(cell.kind).or_default() += weight(at) * cell.ns as f64 / 1e9;
    }
    let energy = |kind: u32| {
        let at = accounts
            .kinds
            .binary_search_by_key(&kind, |&(kind, _)| kind);
        at.map_or(0.0, |at| accounts.kinds[at].1 * share)
    };
    let mut powers = Vec::with_capacity(window.cells().len());
    let mut threads = Vec::with_capacity(window.threads.len());
    for part in &window.threads {
        let mut thread_j = 0.0;
        for (at, cell) in part.cells().zip(window.cells_of(part)) {
            let time = times[&cell.kind];
            let power = match time > 0.0 {
                true => energy(cell.kind) * weight(at) / time,
                false => 0.0,
            };
            thread_j += power * cell.seconds();
            powers.push(power);
        }
        threads.push(thread_j);
    }
    let part = |whole: Option<f64>| whole.map(|energy| energy * share);
    CellSplit {
        split: Split {
            threads,
            cells: Vec::new(),
            unattributed: part(accounts.unattributed_j),
            other_processes: part(accounts.other_processes_j),
            profiler: part(accounts.profiler_j),
            unknown: part(accounts.unknown_j),
        },
        cells: powers,
    }
}
