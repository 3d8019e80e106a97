//! CPU times as series of rows, read for any interval by interpolation.
//!
//! ```text
//! rows    |  40 ms  |  0 ms   |  20 ms  |
//! window       |---------|                    20 + 0 ms
//! ```

use std::collections::VecDeque;

use crate::cpu::baseline::BaselineRates;
use energy_data::rows::{CpuRow, CpuScope};

/// Run time until which a window may wait for the first machine row. Such rows cover about
/// a second; windows may be shorter.
pub(crate) const FIRST_MACHINE_NS: i64 = 3_000_000_000;

/// No machine row covers more than this.
const LONGEST_MACHINE_NS: i64 = 10_000_000_000;

/// CPU time in an interval, and the part of it that rows cover.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct UsedCpu {
    pub(crate) on_cpu_ns: f64,
    pub(crate) covered_ns: i64,
}

impl UsedCpu {
    fn beyond(self, of: impl Fn(f64, i64) -> f64) -> Self {
        Self {
            on_cpu_ns: of(self.on_cpu_ns, self.covered_ns),
            ..self
        }
    }
}

/// Machine row for a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Machine {
    /// The row to use.
    Row(CpuRow),
    /// Its row may still arrive.
    Wait,
    /// There is none.
    Unknown,
}

#[derive(Debug, Default)]
struct Series(VecDeque<CpuRow>);

impl Series {
    fn used(&self, start: i64, end: i64) -> UsedCpu {
        self.used_from(self.first(start), start, end)
    }

    /// Index of the first row that ends after `time`.
    fn first(&self, time: i64) -> usize {
        self.0.partition_point(|row| row.end_ns <= time)
    }

    /// Like [`Self::used`], if no row before index `first` overlaps the interval.
    fn used_from(&self, first: usize, start: i64, end: i64) -> UsedCpu {
        let rows = self.0.range(first.min(self.0.len())..);
        rows.skip_while(|row| row.end_ns <= start)
            .take_while(|row| row.start_ns < end)
            .fold(UsedCpu::default(), |used, row| {
                let inside = row.end_ns.min(end) - row.start_ns.max(start);
                let length = row.end_ns - row.start_ns;
                UsedCpu {
                    on_cpu_ns: used.on_cpu_ns
                        + row.on_cpu_ns as f64 * (inside as f64 / length as f64),
                    covered_ns: used.covered_ns + inside,
                }
            })
    }

    fn prune(&mut self, before: i64) {
        while self.0.front().is_some_and(|row| row.end_ns <= before) {
            self.0.pop_front();
        }
    }
}

/// One thread's rows, starting with the first that overlaps a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadRows<'a> {
    series: Option<&'a Series>,
    window: (i64, i64),
    first: usize,
    /// Index of the row that contains the start of the last piece.
    at: usize,
}

impl ThreadRows<'_> {
    /// CPU time in `[start, end)`, which lies within the window.
    pub(crate) fn used(&self, start: i64, end: i64) -> f64 {
        self.used_from(self.first, start, end)
    }

    /// Like [`Self::used`], but faster if pieces are in order of time.
    pub(crate) fn used_next(&mut self, start: i64, end: i64) -> f64 {
        let Some(series) = self.series else {
            return 0.0;
        };
        let ends_before = |at: usize| series.0.get(at).is_some_and(|row| row.end_ns <= start);
        let goes_back = series.0.get(self.at).is_none_or(|row| row.start_ns > start);
        if goes_back {
            self.at = self.first;
        }
        while ends_before(self.at) {
            self.at += 1;
        }
        self.used_from(self.at, start, end)
    }

    /// Whether rows cover the whole window, and their rates differ by a share of at most `part`.
    pub(crate) fn has_one_rate(&self, part: f64) -> bool {
        let Some(series) = self.series else {
            return true;
        };
        let (mut reached, end) = self.window;
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for row in series.0.range(self.first.min(series.0.len())..) {
            if row.start_ns >= end || row.start_ns > reached {
                break;
            }
            reached = row.end_ns;
            let rate = row.on_cpu_ns as f64 / (row.end_ns - row.start_ns) as f64;
            (least, most) = (least.min(rate), most.max(rate));
        }
        reached >= end && most - least <= part * most
    }

    fn used_from(&self, first: usize, start: i64, end: i64) -> f64 {
        let series = self.series;
        series.map_or(0.0, |series| series.used_from(first, start, end).on_cpu_ns)
    }
}

/// CPU times of the machine, of processes and of threads.
#[derive(Debug, Default)]
pub(crate) struct CpuTimes {
    process: Series,
    machine: Series,
    first_machine: Option<CpuRow>,
    sensor: Series,
    threads: Vec<Series>,
    /// By process id, which begins at 1.
    children: Vec<Series>,
    baseline_cpu: BaselineRates,
    /// Whether all rows were added.
    pub(crate) finished: bool,
}

impl CpuTimes {
    /// Adds a row. Rows of one series must be in order of time. Rows that end by the start of
    /// the run cover the baseline.
    pub(crate) fn push(&mut self, row: CpuRow) {
        if row.end_ns <= row.start_ns {
            return;
        }
        if row.end_ns <= 0 {
            return self.baseline_cpu.add(row);
        }
        if row.scope == CpuScope::Machine {
            self.first_machine.get_or_insert(row);
        }
        self.series(row.scope).0.push_back(row);
    }

    /// CPU time of the whole process, without the part of the recorder's threads that idle power
    /// includes.
    pub(crate) fn process(&self, start: i64, end: i64) -> UsedCpu {
        let used = self.process.used(start, end);
        used.beyond(|on_cpu, length| self.baseline_cpu.process(on_cpu, length))
    }

    /// CPU times of child processes that used any: ids from 1, and ns.
    pub(crate) fn children(&self, start: i64, end: i64) -> Vec<(u32, f64)> {
        let used = self.children.iter().map(|child| child.used(start, end));
        let used = (1..).zip(used.map(|used| used.on_cpu_ns));
        used.filter(|child| child.1 > 0.0).collect()
    }

    /// CPU time of the sensor's process, without the part that idle power includes.
    pub(crate) fn sensor(&self, start: i64, end: i64) -> UsedCpu {
        let used = self.sensor.used(start, end);
        used.beyond(|on_cpu, length| self.baseline_cpu.sensor(on_cpu, length))
    }

    /// Like [`Self::sensor`], for one of the recorder's threads.
    pub(crate) fn own_thread(&self, thread: u32, start: i64, end: i64) -> UsedCpu {
        let used = self.thread(thread, start, end);
        used.beyond(|on_cpu, length| self.baseline_cpu.thread(thread, on_cpu, length))
    }

    /// CPU time of one thread.
    pub(crate) fn thread(&self, thread: u32, start: i64, end: i64) -> UsedCpu {
        let series = self.threads.get(thread as usize);
        series.map_or_else(UsedCpu::default, |series| series.used(start, end))
    }

    /// Returns the rows of a thread for pieces of a window.
    pub(crate) fn thread_rows(&self, thread: u32, start: i64, end: i64) -> ThreadRows<'_> {
        let series = self.threads.get(thread as usize);
        let first = series.map_or(0, |series| series.first(start));
        ThreadRows {
            series,
            window: (start, end),
            first,
            at: first,
        }
    }

    /// Returns the machine row for a window that ends at `end`, if all rows that ended by
    /// `until` were added: the latest that ended by `end`; if there is none, the first of the
    /// run, provided that it starts before `end` and ends by [`FIRST_MACHINE_NS`].
    pub(crate) fn machine(&self, end: i64, until: i64) -> Machine {
        let ended = self.machine.0.partition_point(|row| row.end_ns <= end);
        if let Some(row) = ended.checked_sub(1).and_then(|at| self.machine.0.get(at)) {
            return Machine::Row(*row);
        }
        match self.first_machine {
            Some(row) if row.end_ns > FIRST_MACHINE_NS || row.start_ns >= end => Machine::Unknown,
            Some(row) if row.end_ns <= until || self.finished => Machine::Row(row),
            Some(_) => Machine::Wait,
            None if end >= FIRST_MACHINE_NS || until >= FIRST_MACHINE_NS || self.finished => {
                Machine::Unknown
            }
            None => Machine::Wait,
        }
    }

    /// Returns the share of other processes in the CPU time that idle power does not include,
    /// for the period of a machine row. `None` if the process's own CPU time is unknown.
    pub(crate) fn other_processes_share(&self, machine: &CpuRow) -> Option<f64> {
        let (start, end) = (machine.start_ns, machine.end_ns);
        let length = end - start;
        let rate = |used: UsedCpu| {
            let scale = length as f64 / used.covered_ns as f64;
            (used.covered_ns > 0).then_some(used.on_cpu_ns * scale)
        };
        let whole = [self.process.used(start, end), self.sensor.used(start, end)].map(rate);
        let beyond = [self.process(start, end), self.sensor(start, end)].map(rate);
        // Not scaled: a child may have run for a part of the time only, which its rows cover.
        let children = self
            .children(start, end)
            .iter()
            .map(|child| child.1)
            .sum::<f64>();
        let known = whole[0]? + whole[1].unwrap_or(0.0) + children;
        let other_processes = (machine.on_cpu_ns as f64 - known).max(0.0);
        let other_processes = self.baseline_cpu.other_processes(other_processes, length);
        let all = beyond[0]? + beyond[1].unwrap_or(0.0) + children + other_processes;
        (all > 0.0).then(|| other_processes / all)
    }

    /// Drops rows that no window ending after `before` can need.
    pub(crate) fn prune(&mut self, before: i64) {
        let ended = self.machine.0.partition_point(|row| row.end_ns <= before);
        let needed = ended.checked_sub(1).and_then(|at| self.machine.0.get(at));
        // A later row may begin where the last one ended or, if it is the first one, some seconds
        // earlier.
        let reach = needed.map_or(before.saturating_sub(LONGEST_MACHINE_NS), |row| {
            row.start_ns
        });
        self.machine.0.drain(..ended.saturating_sub(1));
        self.process.prune(reach);
        self.sensor.prune(reach);
        self.children.iter_mut().for_each(|s| s.prune(reach));
        self.threads.iter_mut().for_each(|s| s.prune(before));
    }

    fn series(&mut self, scope: CpuScope) -> &mut Series {
        match scope {
            CpuScope::Process => &mut self.process,
            CpuScope::Machine => &mut self.machine,
            CpuScope::Sensor => &mut self.sensor,
            CpuScope::Thread(thread) => at(&mut self.threads, thread as usize),
            CpuScope::Child(process) => {
                at(&mut self.children, (process as usize).saturating_sub(1))
            }
        }
    }
}

fn at(all: &mut Vec<Series>, at: usize) -> &mut Series {
    if all.len() <= at {
        all.resize_with(at + 1, Series::default);
    }
    &mut all[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(scope: CpuScope, start_ns: i64, end_ns: i64, on_cpu_ns: i64) -> CpuRow {
        CpuRow {
            scope,
            start_ns,
            end_ns,
            on_cpu_ns,
        }
    }

    #[test]
    fn cpu_time_is_interpolated_within_rows() {
        let mut cpu = CpuTimes::default();
        cpu.push(row(CpuScope::Process, 0, 100, 40));
        cpu.push(row(CpuScope::Process, 100, 200, 0));
        cpu.push(row(CpuScope::Process, 200, 300, 20));
        assert_eq!(cpu.process(50, 150).on_cpu_ns, 20.0);
        assert_eq!(
            cpu.process(250, 400),
            UsedCpu {
                on_cpu_ns: 10.0,
                covered_ns: 50
            }
        );
        assert_eq!(cpu.thread(7, 0, 100), UsedCpu::default());
    }

    /// ```text
    /// machine      |------ m1 ------|------ m2 ------|
    /// windows    |----| first: m1   |   |----| m1       |--| m2
    /// ```
    #[test]
    fn the_machine_row_is_the_latest_ended_or_the_first() {
        let mut cpu = CpuTimes::default();
        assert_eq!(cpu.machine(500, 500), Machine::Wait);
        let m1 = row(CpuScope::Machine, 100, 1000, 900);
        let m2 = row(CpuScope::Machine, 1000, 2000, 900);
        cpu.push(m1);
        assert_eq!(cpu.machine(500, 900), Machine::Wait);
        cpu.push(m2);
        assert_eq!(cpu.machine(500, 2000), Machine::Row(m1));
        assert_eq!(cpu.machine(50, 2000), Machine::Unknown);
        assert_eq!(cpu.machine(1700, 2000), Machine::Row(m1));
        assert_eq!(cpu.machine(2100, 2100), Machine::Row(m2));
        cpu.prune(2100);
        assert_eq!(cpu.machine(2100, 2100), Machine::Row(m2));
    }

    #[test]
    fn without_machine_rows_windows_do_not_wait_forever() {
        let cpu = CpuTimes::default();
        assert_eq!(cpu.machine(500, FIRST_MACHINE_NS), Machine::Unknown);
        assert_eq!(
            cpu.machine(FIRST_MACHINE_NS, FIRST_MACHINE_NS),
            Machine::Unknown
        );
    }

    #[test]
    fn cpu_time_of_the_baseline_is_in_idle_power() {
        let mut cpu = CpuTimes::default();
        for (of, on_cpu_ns) in [
            (CpuScope::Machine, 600),
            (CpuScope::Process, 100),
            (CpuScope::Sensor, 200),
            (CpuScope::Thread(1), 100),
        ] {
            cpu.push(row(of, -1000, 0, on_cpu_ns));
        }
        assert_eq!(cpu.machine(500, FIRST_MACHINE_NS), Machine::Unknown);
        let machine = row(CpuScope::Machine, 0, 1000, 1600);
        cpu.push(machine);
        cpu.push(row(CpuScope::Process, 0, 1000, 1100));
        cpu.push(row(CpuScope::Thread(1), 0, 1000, 100));
        cpu.push(row(CpuScope::Sensor, 0, 1000, 200));
        assert_eq!(cpu.other_processes_share(&machine), Some(0.0));
        assert_eq!(cpu.sensor(0, 500).on_cpu_ns, 0.0);
        assert_eq!(cpu.own_thread(1, 0, 500).on_cpu_ns, 0.0);
        assert_eq!(cpu.process(0, 500).on_cpu_ns, 500.0);
    }

    #[test]
    fn others_are_the_remainder_of_process_and_sensor() {
        let mut cpu = CpuTimes::default();
        let machine = row(CpuScope::Machine, 0, 1000, 1000);
        assert_eq!(cpu.other_processes_share(&machine), None);
        cpu.push(row(CpuScope::Process, 500, 1000, 300));
        cpu.push(row(CpuScope::Sensor, 0, 1000, 100));
        let share = cpu.other_processes_share(&machine).unwrap();
        assert!((share - 0.3).abs() < 1e-12, "half a period known: doubled");
    }
}
