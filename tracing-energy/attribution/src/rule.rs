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
//!     thread i   T used in its spans -> its own activations, by the time used
//!                                     in each (`window_cpu`)
//!                the remainder of T -> activations of other threads that were
//!                                     active at that time, else outside
//!     pool       process - profiler - all T: worker threads; goes to active
//!                activations, by active time, else outside
//! ```
//!
//! If no CPU time was used, energy is divided by active time. The same holds without CPU
//! times; energy of time without an activation is then residual, because its user is
//! unknown.
//!
//! A device other than a CPU (GPU, neural engine) is split by the time for which processes
//! kept it busy, if the system reports it:
//!
//! ```text
//!     others     A x other processes' share of the busy time
//!     own        A x own share -> activations of the device's domain, else outside; if no
//!                span ever used that domain, activations by active time
//!     unknown    the remainder
//! ```
//!
//! If the system does not report it, activations of the device's domain get the time in which
//! they were active. The remainder is `unknown`: its user cannot be determined.

use super::device_use::UseShares;
use super::processes::Group;
use super::window_cpu::WindowCpu;
use super::windows::{Activity, Window};

/// Basis on which a rail's active energy is divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SplitBasis {
    /// By CPU time, after subtracting other processes.
    CpuTime(CpuUse),
    /// By busy time of the rail's device by process. The flag is true if any span uses its
    /// domain.
    DeviceUse(UseShares, bool),
    /// By active time of activations in the device's domain, because its use by process is
    /// unknown.
    Domain,
    /// By active time, because there are no CPU times.
    Unsplit,
}

/// CPU times in the window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct CpuUse {
    pub(super) process_ns: f64,
    pub(super) profiler_ns: f64,
    pub(super) sensor_ns: f64,
    /// CPU time of child processes in the run, without the recorder's threads in them.
    pub(super) children_ns: f64,
    /// CPU time of the recorder's threads in child processes.
    pub(super) child_profiler_ns: f64,
    /// Share of other processes in the active energy; `None`: unknown.
    pub(super) others: Option<f64>,
}

/// Accounts of an active energy. The sum of `threads` is the account `spans`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Split {
    pub(super) threads: Vec<f64>,
    /// Energies of cells; empty if a thread's energy is divided by self time.
    pub(super) cells: Vec<f64>,
    pub(super) outside: Option<f64>,
    pub(super) others: Option<f64>,
    pub(super) profiler: Option<f64>,
    /// Energy that cannot be assigned to a process.
    pub(super) unknown: Option<f64>,
}

impl Split {
    /// Sets `unknown` for an estimated device: the active energy without the known accounts if
    /// no span used the device; otherwise unchanged.
    pub(super) fn give_unknown(&mut self, active_j: f64) {
        let unknown = self.unknown.get_or_insert(0.0);
        if self.threads.iter().all(|&energy| energy == 0.0) {
            let known = [self.outside, self.others, self.profiler];
            *unknown = active_j - known.into_iter().flatten().sum::<f64>();
        }
    }
}

/// Splits `active_j` of `window`. `activity` and the CPU times `used` are those of all its
/// threads.
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

/// Parts of an active energy that are not the program's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NonProgramEnergy {
    pub(super) others: Option<f64>,
    pub(super) profiler: f64,
}

impl CpuUse {
    /// Returns the parts of an active energy that other processes and the profiler used.
    pub(super) fn non_program(&self, active_j: f64) -> NonProgramEnergy {
        let others = self.others.map(|share| active_j * share);
        let run_j = active_j - others.unwrap_or(0.0);
        let all = self.all_ns();
        let own = self.process_ns - self.program_ns() + self.child_profiler_ns + self.sensor_ns;
        let profiler = if all > 0.0 { run_j * (own / all) } else { 0.0 };
        NonProgramEnergy { others, profiler }
    }

    /// CPU time of the run: its processes and its sensor.
    pub(super) fn all_ns(&self) -> f64 {
        self.process_ns + self.children_ns + self.child_profiler_ns + self.sensor_ns
    }

    /// CPU time of the process without the recorder's threads. Clocks of threads and process
    /// are read one after the other, so that a thread may seem to use more than its process.
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
    let NonProgramEnergy { others, profiler } = cpu.non_program(active_j);
    let run_j = active_j - others.unwrap_or(0.0);
    let all = cpu.all_ns();
    if all <= 0.0 {
        let (threads, outside) = by_active_time(run_j, window, activity);
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
    let program_j = run_j * (programs / all);
    let weights = weights(window, groups, used);
    let total = weights.threads.iter().sum::<f64>() + weights.outside;
    let per_weight = if total > 0.0 { program_j / total } else { 0.0 };
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

/// Splits by the use of the device. `activity` is that of the device's domain, or of all
/// activations if no span ever used that domain. Spans of the domain get the program's whole
/// use while any of them is active. If the program's use is hidden (process ids of another
/// namespace), they get a part of the hidden use by active time.
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

/// CPU time of a window by activation, and the part that no activation gets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    /// CPU time of each thread's activations.
    pub(super) threads: Vec<f64>,
    /// The part of it that other threads used for them, per covered time.
    pub(super) received: Vec<f64>,
    /// CPU time of each cell.
    pub(super) cells: Vec<f64>,
    pub(super) outside: f64,
}

/// Returns the CPU time by activation. CPU time of a process goes to its own activations
/// only.
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

/// Divides the pool of a process, and the CPU time of its threads outside their spans, among
/// its activations. Returns the part that none gets.
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
        outside += between_ns - given;
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
fn by_active_time(amount: f64, window: &Window, activity: &Activity) -> (Vec<f64>, f64) {
    let active = amount * (activity.union_ns as f64 / window.length() as f64);
    let (threads, undivided) = among_active(active, activity);
    (threads, undivided + amount - active)
}

/// Divides all of it among threads by active time. If no thread was active, the second value
/// is the whole amount.
fn among_active(amount: f64, activity: &Activity) -> (Vec<f64>, f64) {
    let sum: i64 = activity.active_ns.iter().sum();
    if sum == 0 {
        return (vec![0.0; activity.active_ns.len()], amount);
    }
    let share = |&ns: &i64| amount * (ns as f64 / sum as f64);
    (activity.active_ns.iter().map(share).collect(), 0.0)
}
