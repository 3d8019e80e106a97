//! CPU time of a window by activation: that of its own thread, and that which other threads
//! used for it.
//!
//! ```text
//! thread 1   |==== a ====|                T used in a
//! thread 2       |== b ==|   #####        outside its spans: for a while a is active, else
//!                                         unattributed
//! pool       ##    ##   ##   ##           for a and b by active time, else unattributed
//! ```

use energy_data::RailKind;

use crate::windows::activity::{Activity, Window};
use crate::windows::basis::SplitBasis;
use crate::windows::processes::ProcessGroup;
use crate::windows::view::WindowContent;
use crate::windows::window_cpu::WindowCpu;

/// CPU time of a window by activation, and the part that no activation gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    /// CPU time of each thread's activations.
    pub(crate) threads: Vec<f64>,
    /// The part of it that other threads used for them, per covered time.
    pub(crate) received: Vec<f64>,
    /// CPU time of each cell.
    pub(crate) cells: Vec<f64>,
    pub(crate) unattributed: f64,
}

/// Returns the CPU time by activation of a rail that all activations share; `None` if active
/// time is used instead.
pub(crate) fn cpu_weights(content: &WindowContent) -> Option<Weights> {
    let SplitBasis::CpuTime(cpu) = SplitBasis::of(RailKind::Cpu, content.cpu, None) else {
        return None;
    };
    let is_used = cpu.all_ns() > cpu.sensor_ns;
    is_used.then(|| weights(&content.window, &content.groups, &content.used))
}

/// Returns the CPU time by activation. CPU time of a process goes to its own activations
/// only.
pub(crate) fn weights(window: &Window, groups: &[ProcessGroup], used: &WindowCpu) -> Weights {
    let mut received = vec![0.0; window.threads.len()];
    let unattributed = groups.iter();
    let unattributed = unattributed.map(|group| add_received(&mut received, window, group, used));
    let unattributed = unattributed.sum();
    let own = used.threads.iter().map(|thread| thread.in_spans_ns);
    let threads = own.zip(&received).map(|(own, received)| own + received);
    let threads = threads.collect();
    let mut cells = used.cells.clone();
    for (part, received) in window.threads.iter().zip(&mut received) {
        *received /= (part.covered_ns as f64).max(1.0);
        let own_cells = window.cells_of(part).iter();
        let own = cells[part.cells()].iter_mut().zip(own_cells);
        own.for_each(|(used, cell)| *used += *received * cell.ns as f64);
    }
    Weights {
        threads,
        received,
        cells,
        unattributed,
    }
}

/// Divides the pool of a process, and the CPU time of its threads outside their spans, among
/// its activations. Returns the part that none gets.
fn add_received(
    received: &mut [f64],
    window: &Window,
    group: &ProcessGroup,
    used: &WindowCpu,
) -> f64 {
    let activity = &group.activity;
    let threads_ns: f64 = group
        .members
        .iter()
        .map(|&at| used.threads[at].used_ns)
        .sum();
    let pool = (group.cpu_ns - threads_ns).max(0.0);
    let (pooled, mut unattributed) = by_active_time(pool, window, activity);
    let sum: i64 = activity.active_ns.iter().sum();
    // CPU time outside spans that each thread gives, per active time of the others.
    let mut gives = Vec::with_capacity(group.members.len());
    for (member, &at) in group.members.iter().enumerate() {
        let (part, thread) = (&window.threads[at], used.threads[at]);
        received[at] += pooled[member];
        let between_ns = (thread.used_ns - thread.in_spans_ns).max(0.0);
        let uncovered = window.length() - part.covered_ns;
        let others = sum - activity.active_ns[member];
        let given = if uncovered > 0 && others > 0 {
            let busy = activity.active_elsewhere_ns[member].min(uncovered);
            between_ns * (busy as f64 / uncovered as f64)
        } else {
            0.0
        };
        unattributed += between_ns - given;
        gives.push(if others > 0 {
            given / others as f64
        } else {
            0.0
        });
    }
    for (member, per_time) in sums_of_the_others(&gives).into_iter().enumerate() {
        received[group.members[member]] += activity.active_ns[member] as f64 * per_time;
    }
    unattributed
}

/// Returns, for each place, the sum of all other places, without subtracting.
fn sums_of_the_others(values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; values.len()];
    let mut before = 0.0;
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = before;
        before += value;
    }
    let mut after = 0.0;
    for (sum, value) in sums.iter_mut().zip(values).rev() {
        *sum += after;
        after += value;
    }
    sums
}

/// Divides the share of the time in which any thread was active by active time. The second
/// value is the remainder.
pub(crate) fn by_active_time(amount: f64, window: &Window, activity: &Activity) -> (Vec<f64>, f64) {
    let active = amount * (activity.union_ns as f64 / window.length() as f64);
    let (threads, undivided) = among_active(active, activity);
    (threads, undivided + amount - active)
}

/// Divides all of it among threads by active time. If no thread was active, the second value
/// is the whole amount.
pub(crate) fn among_active(amount: f64, activity: &Activity) -> (Vec<f64>, f64) {
    let sum: i64 = activity.active_ns.iter().sum();
    if sum == 0 {
        return (vec![0.0; activity.active_ns.len()], amount);
    }
    let share = |&ns: &i64| amount * (ns as f64 / sum as f64);
    (activity.active_ns.iter().map(share).collect(), 0.0)
}
