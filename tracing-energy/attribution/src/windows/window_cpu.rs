//! CPU time of a window's threads: in total, inside spans, and by cell.
//!
//! ```text
//! rows      |--- 0 ----|- 4 -|------ 0 ------|- 1 -|     ms on CPU between readings
//! spans                |==a==|               |~~b~~|
//! wall      spans have 10 of 40 ms                       1.25 of 5 ms, if spread evenly
//! CPU time  a 4 ms, b 1 ms                               5 of 5 ms
//! ```
//!
//! CPU time is read at edges of spans, so that rows and spans mostly begin and end together.
//! Otherwise a row's time is taken to be spread evenly over it. Within one thread and window,
//! all cells of one kind have the same rate, because energies are stored by kind
//! (`window_power`). Cells whose rates hardly differ get the thread's mean.

use crate::cpu::series::{CpuTimes, ThreadRows};
use crate::spans::segments::ThreadStack;
use crate::windows::activity::{ThreadPart, Window};

/// Relative difference below which rates count as equal.
const EVEN_PART: f64 = 0.02;

/// Times are summed in units of 1/1024 ns: integer sums do not depend on the order.
const PARTS: f64 = 1024.0;

/// CPU time of one thread in a window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct ThreadCpu {
    pub(crate) used_ns: f64,
    /// The part of it inside spans.
    pub(crate) in_spans_ns: f64,
    /// Whether all its cells have one rate.
    pub(crate) is_even: bool,
}

/// CPU times of a window.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct WindowCpu {
    /// In the order of [`Window::threads`].
    pub(crate) threads: Vec<ThreadCpu>,
    /// In the order of [`Window::cells`].
    pub(crate) cells: Vec<f64>,
}

impl WindowCpu {
    /// Whether all cells of each thread have one rate.
    pub(crate) fn is_even(&self) -> bool {
        self.threads.iter().all(|thread| thread.is_even)
    }
}

/// Reads CPU times of windows.
pub(crate) struct WindowCpuReader<'a> {
    pub(crate) cpu: &'a CpuTimes,
    pub(crate) stacks: &'a [ThreadStack],
    /// The recorder's threads, by id.
    pub(crate) profiler_threads: &'a [u32],
}

impl WindowCpuReader<'_> {
    /// Returns CPU times of a window's threads; the recorder's threads have none.
    pub(crate) fn read(&self, window: &Window) -> WindowCpu {
        let mut cpu = WindowCpu {
            threads: Vec::with_capacity(window.threads.len()),
            cells: vec![0.0; window.cells().len()],
        };
        for part in &window.threads {
            let own = self.profiler_threads.binary_search(&part.thread).is_ok();
            let thread = match own {
                true => ThreadCpu {
                    is_even: true,
                    ..ThreadCpu::default()
                },
                false => self.thread(window, part, &mut cpu.cells),
            };
            cpu.threads.push(thread);
        }
        cpu
    }

    fn thread(&self, window: &Window, part: &ThreadPart, cells: &mut [f64]) -> ThreadCpu {
        let rows = self.cpu.thread_rows(part.thread, window.start, window.end);
        let used_ns = rows.used(window.start, window.end);
        let mut is_even = rows.has_one_rate(EVEN_PART);
        let in_spans_ns = if is_even {
            used_ns * (part.covered_ns as f64 / window.length() as f64).min(1.0)
        } else {
            let stack = &self.stacks[part.thread as usize];
            add_pieces(stack, rows, window, part, cells);
            level_kinds(window, part, cells);
            is_even = has_one_rate(window, part, cells);
            let own = &mut cells[part.cells()];
            let sum: f64 = own.iter().sum();
            if sum > used_ns {
                own.iter_mut().for_each(|cell| *cell *= used_ns / sum);
            }
            sum.min(used_ns)
        };
        if is_even {
            let rate = in_spans_ns / (part.covered_ns as f64).max(1.0);
            let own = window.cells_of(part).iter();
            let levelled = cells[part.cells()].iter_mut().zip(own);
            levelled.for_each(|(used, cell)| *used = rate * cell.ns as f64);
        }
        ThreadCpu {
            used_ns,
            in_spans_ns,
            is_even,
        }
    }
}

/// Gives all cells of one kind on a thread the same rate.
fn level_kinds(window: &Window, part: &ThreadPart, cells: &mut [f64]) {
    let own = window.cells_of(part);
    let mut kinds: Vec<(u32, f64, i64)> = Vec::new();
    for (cell, used) in own.iter().zip(&cells[part.cells()]) {
        if cell.kind == 0 {
            continue;
        }
        match kinds.iter_mut().find(|known| known.0 == cell.kind) {
            Some((_, sum, time)) => (*sum, *time) = (*sum + used, *time + cell.ns),
            None => kinds.push((cell.kind, *used, cell.ns)),
        }
    }
    for (cell, used) in own.iter().zip(&mut cells[part.cells()]) {
        let kind = kinds.iter().find(|known| known.0 == cell.kind);
        if let Some(&(_, sum, time)) = kind {
            *used = sum * (cell.ns as f64 / time as f64);
        }
    }
}

/// Adds the CPU time of each piece of a thread to its cell.
fn add_pieces(
    stack: &ThreadStack,
    rows: ThreadRows<'_>,
    window: &Window,
    part: &ThreadPart,
    cells: &mut [f64],
) {
    let mut rows = rows;
    let mut sums = vec![0_i64; part.cells().len()];
    stack.each_piece(window.start, window.end, |from, to, key, ns| {
        if to > from
            && let Some(cell) = window.cell(part, key.node)
        {
            let share = ns as f64 / (to - from) as f64;
            let used = rows.used_next(from, to) * share;
            sums[cell - part.cells().start] += (used * PARTS).round() as i64;
        }
    });
    let sums = sums.into_iter().map(|sum| sum as f64 / PARTS);
    cells[part.cells()]
        .iter_mut()
        .zip(sums)
        .for_each(|(cell, sum)| *cell = sum);
}

fn has_one_rate(window: &Window, part: &ThreadPart, cells: &[f64]) -> bool {
    let own = window.cells_of(part).iter().zip(&cells[part.cells()]);
    let rates = own.map(|(cell, used)| used / cell.ns as f64);
    let (least, most) = rates.fold((f64::INFINITY, 0.0_f64), |(least, most), rate| {
        (least.min(rate), most.max(rate))
    });
    most - least.min(most) <= EVEN_PART * most
}
