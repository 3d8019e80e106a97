//! CPU time series: who was on a processor.
//!
//! Every reading bears the time at which it was taken: a pass may take longer than
//! the rows are long.

mod sensors;
mod series;
mod threads;

use std::collections::VecDeque;

use self::sensors::Sensors;
use self::series::{Mark, step};
use self::threads::TracedThreads;
use super::processes::ProcessTree;
use crate::conditions::Usage;
use crate::cpu_time;
use crate::power::SamplerWatch;
use crate::record::ThreadLog;
use crate::rows::{CpuOf, CpuRow};
use crate::units::Nanos;

/// The machine's ticks are coarse (10 ms): its rows reach back this far.
const MACHINE_SPAN_NS: i64 = 1_000_000_000;
const MACHINE_EVERY_NS: i64 = 100_000_000;

/// Reads CPU times and emits them as rows with their own edges.
pub(crate) struct CpuReader {
    process: Option<Mark>,
    sensors: Sensors,
    /// Other processes that belong to the run.
    pub(crate) tree: ProcessTree,
    own: Vec<(u32, i64, Option<Mark>)>,
    threads: TracedThreads,
    machine: VecDeque<Mark>,
    machine_told_ns: i64,
    usage: Option<Usage>,
}

impl CpuReader {
    /// Begins now, by the clock `now` of run time.
    pub(crate) fn new(now: &impl Fn() -> i64, watch: SamplerWatch) -> Self {
        let mut reader = Self {
            process: None,
            sensors: Sensors::new(watch),
            tree: ProcessTree::default(),
            own: Vec::new(),
            threads: TracedThreads::default(),
            machine: VecDeque::new(),
            machine_told_ns: now(),
            usage: None,
        };
        reader.read(now, std::iter::empty(), &mut |_| ());
        reader
    }

    /// Whether the thread with this system id is one of ours.
    pub(crate) fn knows(&self, tid: i64) -> bool {
        self.own.iter().any(|&(_, known, _)| known == tid)
    }

    /// System ids of threads of ours.
    pub(crate) fn own_tids(&self) -> Vec<i64> {
        self.own.iter().map(|&(_, tid, _)| tid).collect()
    }

    /// Totals at the last reading; none where the system does not tell them.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Adds a thread of ours, by run id and system id, which had used that much at
    /// the last reading.
    pub(crate) fn add_own(&mut self, id: u32, tid: i64, used: Option<Nanos>) {
        let mark = self.process.zip(used).map(|(process, used)| Mark {
            time_ns: process.time_ns,
            used_ns: used.nanos(),
        });
        self.own.push((id, tid, mark));
    }

    /// Adds traced thread `number` (from 0, dense), with its CPU time when its
    /// log began.
    pub(crate) fn add_thread(
        &mut self,
        (number, id): (usize, u32),
        began_ns: i64,
        used: Option<Nanos>,
    ) {
        self.threads.add(number, id, mark(began_ns, used));
    }

    /// Takes the CPU time that traced thread `number` recorded at an edge of a span.
    pub(crate) fn edge(
        &mut self,
        number: usize,
        time_ns: i64,
        used_ns: u64,
        emit: &mut impl FnMut(CpuRow),
    ) {
        let used_ns = i64::try_from(used_ns).unwrap_or(i64::MAX);
        self.threads.edge(number, Mark { time_ns, used_ns }, emit);
    }

    /// Ends traced thread `number`, whose log is read to its end.
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

    /// Emits what traced threads used until their last readings: all their edges up
    /// to then are known.
    pub(crate) fn settle(
        &mut self,
        threads: impl Iterator<Item = usize>,
        emit: &mut impl FnMut(CpuRow),
    ) {
        threads.for_each(|number| self.threads.settle(number, emit));
    }

    /// Reads everything and emits what was used since the last time; of traced
    /// threads it is held until [`Self::settle`].
    pub(crate) fn read<'a>(
        &mut self,
        now: &impl Fn() -> i64,
        threads: impl Iterator<Item = (usize, &'a ThreadLog)>,
        emit: &mut impl FnMut(CpuRow),
    ) {
        let process = mark(now(), cpu_time::process());
        step(&mut self.process, CpuOf::Process, process, emit);
        self.sensors.read(now, emit);
        self.tree.read(now, emit);
        for (id, tid, last) in &mut self.own {
            let thread = mark(now(), cpu_time::thread(*tid));
            step(last, CpuOf::Thread(*id), thread, emit);
        }
        for (number, log) in threads.filter(|(_, log)| !log.has_ended()) {
            if let Some(mark) = mark(now(), cpu_time::thread(log.tid)) {
                self.threads.hold(number, mark);
            }
        }
        let (now_ns, machine) = (now(), cpu_time::machine());
        self.usage = machine.zip(self.process).map(|(machine, process)| Usage {
            time_ns: now_ns,
            machine_ns: machine.nanos(),
            own_ns: process.used_ns + self.sensors.total_ns + self.tree.total_ns,
        });
        if let Some(machine) = machine {
            self.tell_machine(now_ns, machine.nanos(), emit);
        }
    }

    fn tell_machine(&mut self, now_ns: i64, used_ns: i64, tell: &mut impl FnMut(CpuRow)) {
        self.machine.push_back(Mark {
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
        if now_ns - self.machine_told_ns >= MACHINE_EVERY_NS
            && let Some(oldest) = self.machine.front()
        {
            self.machine_told_ns = now_ns;
            tell(CpuRow {
                of: CpuOf::Machine,
                start_ns: oldest.time_ns,
                end_ns: now_ns,
                on_cpu_ns: used_ns - oldest.used_ns,
            });
        }
    }
}

fn mark(time_ns: i64, used: Option<Nanos>) -> Option<Mark> {
    used.map(|used| Mark {
        time_ns,
        used_ns: used.nanos(),
    })
}
