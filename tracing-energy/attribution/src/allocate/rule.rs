//! The split of one window's active energy.
//!
//! ```text
//! window          |------------------ 100 ms ------------------|
//! thread 1        |========= a =========|                        60 ms on CPU
//! thread 2                      |~~~~~ b, waits ~~~~|             5 ms on CPU
//! worker (no span)   ##########   ##########                     40 ms on CPU
//! profiler         #       #       #                              5 ms on CPU
//! other processes       #####             #####                   by the machine row
//!
//! A = measured - idle
//!   other processes = A x their share of the machine's CPU time
//!   R = A - other processes, divided by CPU time in the window:
//!     profiler   its threads and the sensor's child
//!     thread i   T used in its spans -> its own activations, by the time used
//!                                     in each (`window_cpu`)
//!                the remainder of T -> activations of other threads that were
//!                                     active at that time, else unattributed
//!     pool       process - profiler - all T: worker threads; goes to active
//!                activations, by active time, else unattributed
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
//!     other processes  A x their share of the busy time
//!     own        A x own share -> activations of the device's domain, else unattributed; if no
//!                span ever used that domain, activations by active time
//!     unknown    the remainder
//! ```
//!
//! If the system does not report it, activations of the device's domain get the time in which
//! they were active. The remainder is `unknown`: its user cannot be determined.

use crate::allocate::allocation::Split;
use crate::windows::activity::{Activity, Window};
use crate::windows::basis::{CpuUse, NonProgramEnergy, SplitBasis};
use crate::windows::device_use::UseShares;
use crate::windows::view::{Division, WindowContent};
use crate::windows::weights::{among_active, by_active_time, weights};

/// Splits `active_j` of a window.
pub(crate) fn split(active_j: f64, content: &WindowContent, division: &Division) -> Split {
    let window = &content.window;
    let activity = division.activity.as_ref().unwrap_or(&content.activity);
    match division.basis {
        SplitBasis::CpuTime(cpu) => by_cpu_time(active_j, cpu, content, activity),
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

fn by_cpu_time(active_j: f64, cpu: CpuUse, content: &WindowContent, activity: &Activity) -> Split {
    let NonProgramEnergy {
        other_processes,
        profiler,
    } = cpu.non_program(active_j);
    let run_j = active_j - other_processes.unwrap_or(0.0);
    let all = cpu.all_ns();
    if all <= 0.0 {
        let (threads, unattributed) = by_active_time(run_j, &content.window, activity);
        return Split {
            threads,
            cells: Vec::new(),
            unattributed: Some(unattributed),
            other_processes,
            profiler: Some(profiler),
            unknown: None,
        };
    }
    let programs = cpu.program_ns() + cpu.children_ns;
    let program_j = run_j * (programs / all);
    let weights = weights(&content.window, &content.groups, &content.used);
    let total = weights.threads.iter().sum::<f64>() + weights.unattributed;
    let per_weight = if total > 0.0 { program_j / total } else { 0.0 };
    let energies = |weights: Vec<f64>| weights.iter().map(|weight| weight * per_weight).collect();
    Split {
        cells: match content.used.is_even() {
            true => Vec::new(),
            false => energies(weights.cells),
        },
        threads: energies(weights.threads),
        unattributed: Some(weights.unattributed * per_weight),
        other_processes,
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
    let other_processes = Some(active_j * shares.other_processes);
    if is_named && shares.own == 0.0 {
        let (threads, unknown) = by_active_time(unknown_j, window, activity);
        return Split {
            threads,
            other_processes,
            unknown: Some(unknown),
            ..Split::default()
        };
    }
    let (threads, unattributed) = match is_named {
        true => among_active(own_j, activity),
        false => by_active_time(own_j, window, activity),
    };
    Split {
        threads,
        cells: Vec::new(),
        unattributed: Some(unattributed),
        other_processes,
        profiler: None,
        unknown: Some(unknown_j),
    }
}
