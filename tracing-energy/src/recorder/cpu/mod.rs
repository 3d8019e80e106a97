//! CPU time series of threads, processes and the machine.
//!
//! Every reading has its own timestamp: a pass may take longer than the rows are long.

mod sensors;
mod series;
mod threads;

use std::collections::VecDeque;

use self::sensors::Sensors;
use self::series::{CpuReading, step};
use self::threads::TracedThreads;
use super::processes::ProcessTree;
use crate::record::ThreadLog;
use energy_data::rows::{CpuRow, CpuScope};
use energy_data::units::Nanos;
use energy_power::SamplerWatch;
use energy_power::conditions::CpuUsage;
use energy_power::cpu_time;

/// Length of the machine's rows: its ticks are coarse (10 ms).
const MACHINE_SPAN_NS: i64 = 1_000_000_000;
const MACHINE_EVERY_NS: i64 = 100_000_000;

/// Reads CPU times and emits them as rows, each series with its own edges.
pub(crate) struct CpuReader {
    process: Option<CpuReading>,
    sensors: Sensors,
    /// Other processes that belong to the run.
    pub(crate) tree: ProcessTree,
    own: Vec<(u32, i64, Option<CpuReading>)>,
    threads: TracedThreads,
    machine: VecDeque<CpuReading>,
    machine_emitted_ns: i64,
    usage: Option<CpuUsage>,
}

impl CpuReader {
    /// Creates a reader and takes the first readings; `now` returns run time.
    pub(crate) fn new(now: &impl Fn() -> i64, watch: SamplerWatch) -> Self {
        let mut reader = Self {
            process: None,
            sensors: Sensors::new(watch),
            tree: ProcessTree::default(),
            own: Vec::new(),
            threads: TracedThreads::default(),
            machine: VecDeque::new(),
            machine_emitted_ns: now(),
            usage: None,
        };
        reader.read(now, std::iter::empty(), &mut |_| ());
        reader
    }

    /// Returns whether the thread with this system id is the recorder's.
    pub(crate) fn knows(&self, tid: i64) -> bool {
        self.own.iter().any(|&(_, known, _)| known == tid)
    }

    /// Returns the system ids of the recorder's threads.
    pub(crate) fn own_tids(&self) -> Vec<i64> {
        self.own.iter().map(|&(_, tid, _)| tid).collect()
    }

    /// Returns the totals at the last reading; `None` if the system does not report them.
    pub(crate) fn usage(&self) -> Option<CpuUsage> {
        self.usage
    }

    /// Adds a recorder thread by run id and system id. Its rows begin now.
    pub(crate) fn add_own(&mut self, id: u32, tid: i64, now: &impl Fn() -> i64) {
        let reading = reading(now(), cpu_time::thread(tid));
        self.own.push((id, tid, reading));
    }

    /// Adds a recorder thread that has begun during the run: all its CPU time is in its rows. When it
    /// began is unknown; it has used no more than one processor since.
    pub(crate) fn add_own_new(&mut self, id: u32, tid: i64, now: &impl Fn() -> i64) {
        let used = cpu_time::thread(tid);
        // Read after the CPU time, so that the first row does not begin before the thread: windows
        // before that may have closed.
        let now_ns = now();
        let reading = used.map(|used| CpuReading {
            time_ns: now_ns.saturating_sub(used.nanos()).max(0),
            used_ns: 0,
        });
        self.own.push((id, tid, reading));
    }

    /// Adds traced thread `number` (dense, from 0), with its CPU time at the start of its
    /// log.
    pub(crate) fn add_thread(
        &mut self,
        (number, id): (usize, u32),
        began_ns: i64,
        used: Option<Nanos>,
    ) {
        self.threads.add(number, id, reading(began_ns, used));
    }

    /// Adds the CPU time that traced thread `number` recorded at an edge of a span.
    pub(crate) fn edge(
        &mut self,
        number: usize,
        time_ns: i64,
        used_ns: u64,
        emit: &mut impl FnMut(CpuRow),
    ) {
        let used_ns = i64::try_from(used_ns).unwrap_or(i64::MAX);
        self.threads
            .edge(number, CpuReading { time_ns, used_ns }, emit);
    }

    /// Ends traced thread `number`, whose log is fully read.
    pub(crate) fn end_thread(
        &mut self,
        number: usize,
        now_ns: i64,
        used: Option<Nanos>,
        emit: &mut impl FnMut(CpuRow),
    ) {
        let used_ns = used.map(Nanos::nanos);
        self.threads.end(number, (now_ns, used_ns), emit);
    }

    /// Emits the CPU time of traced threads up to their last readings. All edges before
    /// must be known.
    pub(crate) fn settle(
        &mut self,
        threads: impl Iterator<Item = usize>,
        emit: &mut impl FnMut(CpuRow),
    ) {
        threads.for_each(|number| self.threads.settle(number, emit));
    }

    /// Reads all clocks and emits the CPU time since the last call; that of traced threads
    /// is held until [`Self::settle`].
    pub(crate) fn read<'a>(
        &mut self,
        now: &impl Fn() -> i64,
        threads: impl Iterator<Item = (usize, &'a ThreadLog)>,
        emit: &mut impl FnMut(CpuRow),
    ) {
        let process = reading(now(), cpu_time::process());
        step(&mut self.process, CpuScope::Process, process, emit);
        self.sensors.read(now, emit);
        self.tree.read(now, emit);
        for (id, tid, last) in &mut self.own {
            let thread = reading(now(), cpu_time::thread(*tid));
            step(last, CpuScope::Thread(*id), thread, emit);
        }
        for (number, log) in threads.filter(|(_, log)| !log.has_ended()) {
            if let Some(reading) = reading(now(), cpu_time::thread(log.tid)) {
                self.threads.hold(number, reading);
            }
        }
        let (now_ns, machine) = (now(), cpu_time::machine());
        self.usage = machine
            .zip(self.process)
            .map(|(machine, process)| CpuUsage {
                time_ns: now_ns,
                machine_ns: machine.nanos(),
                own_ns: process.used_ns + self.sensors.total_ns + self.tree.emitted_ns,
            });
        if let Some(machine) = machine {
            self.emit_machine(now_ns, machine.nanos(), emit);
        }
    }

    fn emit_machine(&mut self, now_ns: i64, used_ns: i64, emit: &mut impl FnMut(CpuRow)) {
        self.machine.push_back(CpuReading {
            time_ns: now_ns,
            used_ns,
        });
        while self
            .machine
            .get(1)
            .is_some_and(|second| second.time_ns <= now_ns - MACHINE_SPAN_NS)
        {
            self.machine.pop_front();
        }
        if now_ns - self.machine_emitted_ns >= MACHINE_EVERY_NS
            && let Some(oldest) = self.machine.front()
        {
            self.machine_emitted_ns = now_ns;
            emit(CpuRow {
                scope: CpuScope::Machine,
                start_ns: oldest.time_ns,
                end_ns: now_ns,
                on_cpu_ns: used_ns - oldest.used_ns,
            });
        }
    }
}

fn reading(time_ns: i64, used: Option<Nanos>) -> Option<CpuReading> {
    used.map(|used| CpuReading {
        time_ns,
        used_ns: used.nanos(),
    })
}
