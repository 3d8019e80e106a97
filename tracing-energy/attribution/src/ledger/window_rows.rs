//! Rows of the powers in one window: one for each thread, or one for each kind on it where kinds
//! differ.

use energy_data::rows::WindowPowerRow;

use crate::allocate::allocation::Allocation;
use crate::windows::activity::ThreadPart;
use crate::windows::view::WindowView;

/// Adds the powers of an allocation; `powers` are those of threads.
pub(crate) fn add(
    rows: &mut Vec<WindowPowerRow>,
    view: &WindowView,
    allocation: &Allocation,
    powers: &[f64],
) {
    let content = &view.content;
    let uneven = allocation.is_uneven();
    // A window that arrived too late to be split has no powers.
    let threads = content.window.threads.iter().zip(powers);
    for (thread, (part, &power_w)) in threads.enumerate() {
        let by_kind = allocation.is_estimated || uneven && !content.used.threads[thread].is_even;
        if by_kind && knows_kinds(view, part) {
            add_kinds(rows, view, part, &allocation.active.cells);
        } else {
            rows.push(row(view, part, None, power_w));
        }
    }
}

/// Adds one row for each kind on a thread, whose nodes have the same power.
fn add_kinds(rows: &mut Vec<WindowPowerRow>, view: &WindowView, part: &ThreadPart, powers: &[f64]) {
    let cells = view.content.window.cells_of(part).iter();
    let cells = cells.zip(&powers[part.cells()]);
    let mut kinds: Vec<(u32, f64)> = cells.map(|(cell, &power_w)| (cell.kind, power_w)).collect();
    kinds.sort_unstable_by_key(|&(kind, _)| kind);
    kinds.dedup_by_key(|&mut (kind, _)| kind);
    let of_kind = |(kind, power_w)| row(view, part, Some(kind), power_w);
    rows.extend(kinds.into_iter().map(of_kind));
}

fn knows_kinds(view: &WindowView, part: &ThreadPart) -> bool {
    let content = &view.content;
    let mut cells = content.window.cells_of(part).iter();
    content.knows_kinds || cells.all(|cell| cell.kind > 0)
}

fn row(view: &WindowView, part: &ThreadPart, kind: Option<u32>, power_w: f64) -> WindowPowerRow {
    let window = &view.content.window;
    WindowPowerRow {
        rail: view.sample.rail,
        start_ns: window.start,
        end_ns: window.end,
        thread: Some(part.thread),
        kind,
        power_w,
    }
}
