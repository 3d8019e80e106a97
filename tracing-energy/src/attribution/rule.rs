//! The split of one window's active energy.
//!
//! ```text
//! window          |------------------ 100 ms ------------------|
//! thread 1        |========= a =========|                        60 ms on CPU
//! thread 2                      |~~~~~ b, waits ~~~~|             5 ms on CPU
//! worker (no span)   ##########   ##########                     40 ms on CPU
//! profiler         #       #       #                              5 ms on CPU
//! others                #####             #####                   by the machine row
//!
//! A = measured - idle
//!   others   = A x their share of the machine's CPU time
//!   R = A - others, divided by CPU time in the window:
//!     profiler   its threads and the sensor's child
//!     thread i   what of T was used in its spans -> its own activations, each what
//!                                     was used in it (`window_cpu`)
//!                the rest of T     -> activations of other threads that were
//!                                     active meanwhile, else outside
//!     pool       process - profiler - all T: worker threads; goes to what was
//!                active, by active time, else outside
//! ```
//!
//! Where no CPU time was used, active time decides. Where there are no CPU times at
//! all, it decides too, and what falls on no activation is residual: nobody can say
//! whose it was.
//!
//! A device that is no CPU (GPU, neural engine) is split by the time for which processes
//! kept it busy, where the system reports it:
//!
//! ```text
//!     others     A x other processes' share of the busy time
//!     own        A x ours -> activations of the device's domain, else outside; where no
//!                span was ever of that domain, activations by active time
//!     unknown    what is left
//! ```
//!
//! Where the system does not, activations of the device's domain have the time in which
//! they were active, and all else is `unknown`: neither spans of another domain nor the
//! process nor others can be said to have used it.

use super::device_use::UseShares;
use super::processes::Group;
use super::window_cpu::WindowCpu;
use super::windows::{Activity, Window};

/// By what a rail's active energy is divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SplitBasis {
    /// By CPU time, other processes taken off.
    CpuTime(CpuUse),
    /// By busy time of the rail's device by process; whether a span named its domain.
    DeviceUse(UseShares, bool),
    /// By active time of activations in the device's domain: its use by process is not
    /// known.
    Domain,
    /// By active time, for want of CPU times.
    Unsplit,
}

/// CPU times in the window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct CpuUse {
    pub(super) process_ns: f64,
    pub(super) profiler_ns: f64,
    pub(super) sensor_ns: f64,
    /// Of the other processes that are recorded with this one, without the recorder's
    /// threads in them.
    pub(super) children_ns: f64,
    /// Of those threads.
    pub(super) child_profiler_ns: f64,
    /// Share of other processes in the active energy; `None`: cannot be told.
    pub(super) others: Option<f64>,
}

/// The accounts of an active energy. What `threads` get is `spans`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Split {
    pub(super) threads: Vec<f64>,
    /// What cells have of it; empty where a thread's have it by self time.
    pub(super) cells: Vec<f64>,
    pub(super) outside: Option<f64>,
    pub(super) others: Option<f64>,
    pub(super) profiler: Option<f64>,
    /// What nothing assigns to a process.
    pub(super) unknown: Option<f64>,
}

impl Split {
    /// Gives what an estimate could not place of a device's active energy to `unknown`:
    /// all of it where no span worked there, nothing where the estimate explains it.
    pub(super) fn give_unknown(&mut self, active_j: f64) {
        let unknown = self.unknown.get_or_insert(0.0);
        if self.threads.iter().all(|&energy| energy == 0.0) {
            let known = [self.outside, self.others, self.profiler];
            *unknown = active_j - known.into_iter().flatten().sum::<f64>();
        }
    }
}

/// Splits `active_j` of `window`; `activity` is that of all its threads, `used` are
/// their CPU times.
pub(super) fn split(
    active_j: f64,
    basis: SplitBasis,
    window: &Window,
    activity: &Activity,
    groups: &[Group],
    used: &WindowCpu,
) -> Split {
    match basis {
        SplitBasis::CpuTime(cpu) => by_cpu_time(active_j, cpu, window, (activity, groups), used),
        SplitBasis::DeviceUse(shares, is_named) => {
            by_device_use(active_j, (shares, is_named), window, activity)
        }
        SplitBasis::Domain => {
            let (threads, unknown) = by_active_time(active_j, window, activity);
            Split {
                threads,
                unknown: Some(unknown),
                ..Split::default()
            }
        }
        SplitBasis::Unsplit => {
            let (threads, _) = by_active_time(active_j, window, activity);
            Split {
                threads,
                ..Split::default()
            }
        }
    }
}

/// What of an active energy is not the program's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NotOurs {
    pub(super) others: Option<f64>,
    pub(super) profiler: f64,
}

impl CpuUse {
    /// What of an active energy other processes and the profiler used.
    pub(super) fn not_ours(&self, active_j: f64) -> NotOurs {
        let others = self.others.map(|share| active_j * share);
        let rest = active_j - others.unwrap_or(0.0);
        let all = self.all_ns();
        let own = self.process_ns - self.program_ns() + self.child_profiler_ns + self.sensor_ns;
        let profiler = if all > 0.0 { rest * (own / all) } else { 0.0 };
        NotOurs { others, profiler }
    }

    /// CPU time of all that are not others.
    pub(super) fn all_ns(&self) -> f64 {
        self.process_ns + self.children_ns + self.child_profiler_ns + self.sensor_ns
    }

    /// CPU time of the process without our own threads. Clocks of threads and
    /// process are read one after the other: a thread may seem to have used more
    /// than its process.
    pub(super) fn program_ns(&self) -> f64 {
        self.process_ns - self.profiler_ns.min(self.process_ns)
    }
}

fn by_cpu_time(
    active_j: f64,
    cpu: CpuUse,
    window: &Window,
    (activity, groups): (&Activity, &[Group]),
    used: &WindowCpu,
) -> Split {
    let NotOurs { others, profiler } = cpu.not_ours(active_j);
    let rest = active_j - others.unwrap_or(0.0);
    let all = cpu.all_ns();
    if all <= 0.0 {
        let (threads, outside) = by_active_time(rest, window, activity);
        return Split {
            threads,
            cells: Vec::new(),
            outside: Some(outside),
            others,
            profiler: Some(profiler),
            unknown: None,
        };
    }
    let programs = cpu.program_ns() + cpu.children_ns;
    let remaining = rest * (programs / all);
    let weights = weights(window, groups, used);
    let total = weights.threads.iter().sum::<f64>() + weights.outside;
    let per_weight = if total > 0.0 { remaining / total } else { 0.0 };
    let energies = |weights: Vec<f64>| weights.iter().map(|weight| weight * per_weight).collect();
    Split {
        cells: match used.is_even() {
            true => Vec::new(),
            false => energies(weights.cells),
        },
        threads: energies(weights.threads),
        outside: Some(weights.outside * per_weight),
        others,
        profiler: Some(profiler),
        unknown: None,
    }
}

/// `activity` is that of the device's domain, or of all activations where no span was
/// ever of that domain. Spans of the domain have all that the program used while some of
/// them were active. Where the program's use is hidden (process ids of another namespace)
/// they have of the hidden use what active time says.
fn by_device_use(
    active_j: f64,
    (shares, is_named): (UseShares, bool),
    window: &Window,
    activity: &Activity,
) -> Split {
    let own_j = active_j * shares.own;
    let unknown_j = active_j * shares.unknown;
    let others = Some(active_j * shares.others);
    if is_named && shares.own == 0.0 {
        let (threads, unknown) = by_active_time(unknown_j, window, activity);
        return Split {
            threads,
            others,
            unknown: Some(unknown),
            ..Split::default()
        };
    }
    let (threads, outside) = match is_named {
        true => among_active(own_j, activity),
        false => by_active_time(own_j, window, activity),
    };
    Split {
        threads,
        cells: Vec::new(),
        outside: Some(outside),
        others,
        profiler: None,
        unknown: Some(unknown_j),
    }
}

/// CPU time that activations of a window answer for, and what nobody does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    /// Of each thread's activations.
    pub(super) threads: Vec<f64>,
    /// The part of it that others used for them, per covered time.
    pub(super) received: Vec<f64>,
    /// Of each cell.
    pub(super) cells: Vec<f64>,
    pub(super) outside: f64,
}

/// CPU time that activations answer for. What a process used goes to its own
/// activations only.
pub(super) fn weights(window: &Window, groups: &[Group], used: &WindowCpu) -> Weights {
    let mut received = vec![0.0; window.threads.len()];
    let outside = groups.iter();
    let outside = outside.map(|group| add_received(&mut received, window, group, used));
    let outside = outside.sum();
    let own = used.threads.iter().map(|thread| thread.in_spans_ns);
    let threads = own.zip(&received).map(|(own, received)| own + received);
    let threads = threads.collect();
    let mut cells = used.cells.clone();
    for (part, received) in window.threads.iter().zip(&mut received) {
        *received /= (part.covered_ns as f64).max(1.0);
        let nodes = window.nodes(part).iter();
        let own = cells[part.cells()].iter_mut().zip(nodes);
        own.for_each(|(cell, &(_, ns))| *cell += *received * ns as f64);
    }
    Weights {
        threads,
        received,
        cells,
        outside,
    }
}

/// What activations of one process have of its pool and of what its threads used
/// outside of their spans; returns what none has.
fn add_received(received: &mut [f64], window: &Window, group: &Group, used: &WindowCpu) -> f64 {
    let activity = &group.activity;
    let threads_ns: f64 = group
        .members
        .iter()
        .map(|&at| used.threads[at].used_ns)
        .sum();
    let pool = (group.cpu_ns - threads_ns).max(0.0);
    let (pooled, mut outside) = by_active_time(pool, window, activity);
    let sum: i64 = activity.active_ns.iter().sum();
    // What each thread's uncovered rest gives per active time of the others.
    let mut gives = Vec::with_capacity(group.members.len());
    for (member, &at) in group.members.iter().enumerate() {
        let (part, thread) = (&window.threads[at], used.threads[at]);
        received[at] += pooled[member];
        let rest = (thread.used_ns - thread.in_spans_ns).max(0.0);
        let uncovered = window.length() - part.covered_ns;
        let others = sum - activity.active_ns[member];
        let given = if uncovered > 0 && others > 0 {
            let busy = activity.active_elsewhere_ns[member].min(uncovered);
            rest * (busy as f64 / uncovered as f64)
        } else {
            0.0
        };
        outside += rest - given;
        gives.push(if others > 0 {
            given / others as f64
        } else {
            0.0
        });
    }
    for (member, per_time) in sums_of_the_others(&gives).into_iter().enumerate() {
        received[group.members[member]] += activity.active_ns[member] as f64 * per_time;
    }
    outside
}

/// For each place the sum of all other places, without subtracting.
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

/// The share of the time in which somebody was active goes to threads by active
/// time; the rest is returned beside.
fn by_active_time(amount: f64, window: &Window, activity: &Activity) -> (Vec<f64>, f64) {
    let taken = amount * (activity.union_ns as f64 / window.length() as f64);
    let (threads, left) = among_active(taken, activity);
    (threads, left + amount - taken)
}

/// All of it goes to threads by active time, if any was active; else it is returned.
fn among_active(amount: f64, activity: &Activity) -> (Vec<f64>, f64) {
    let sum: i64 = activity.active_ns.iter().sum();
    if sum == 0 {
        return (vec![0.0; activity.active_ns.len()], amount);
    }
    let share = |&ns: &i64| amount * (ns as f64 / sum as f64);
    (activity.active_ns.iter().map(share).collect(), 0.0)
}
