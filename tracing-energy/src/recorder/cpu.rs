//! CPU time series: who was on a processor, read by the collector.

use std::collections::VecDeque;

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

/// The last reading of one series.
#[derive(Debug, Clone, Copy)]
struct Mark {
    time_ns: i64,
    used_ns: i64,
}

/// Reads CPU times and tells them as rows with their own edges.
pub(crate) struct CpuReader {
    process: Option<Mark>,
    sensors: Sensors,
    /// Other processes that belong to the run.
    pub(crate) tree: ProcessTree,
    own: Vec<(u32, i64, Option<Mark>)>,
    threads: Vec<Option<Mark>>,
    machine: VecDeque<Mark>,
    machine_told_ns: i64,
    usage: Option<Usage>,
}

impl CpuReader {
    /// Begins at run time `now`.
    pub(crate) fn new(now_ns: i64, watch: SamplerWatch) -> Self {
        let mut reader = Self {
            process: None,
            sensors: Sensors::new(watch),
            tree: ProcessTree::default(),
            own: Vec::new(),
            threads: Vec::new(),
            machine: VecDeque::new(),
            machine_told_ns: now_ns,
            usage: None,
        };
        reader.read(now_ns, std::iter::empty(), &mut |_| ());
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
    pub(crate) fn add_thread(&mut self, number: usize, began_ns: i64, used: Option<Nanos>) {
        self.threads
            .resize(self.threads.len().max(number + 1), None);
        self.threads[number] = used.map(|used| Mark {
            time_ns: began_ns,
            used_ns: used.nanos(),
        });
    }

    /// Reads everything now and tells what was used since the last time.
    pub(crate) fn read<'a>(
        &mut self,
        now_ns: i64,
        threads: impl Iterator<Item = (usize, u32, &'a ThreadLog)>,
        tell: &mut impl FnMut(CpuRow),
    ) {
        step(
            &mut self.process,
            CpuOf::Process,
            now_ns,
            cpu_time::process(),
            tell,
        );
        self.sensors.read(now_ns, tell);
        self.tree.read(now_ns, tell);
        for (id, tid, mark) in &mut self.own {
            step(
                mark,
                CpuOf::Thread(*id),
                now_ns,
                cpu_time::thread(*tid),
                tell,
            );
        }
        for (number, id, log) in threads {
            let used = if log.has_ended() {
                log.final_cpu()
            } else {
                cpu_time::thread(log.tid)
            };
            if let Some(mark) = self.threads.get_mut(number) {
                step(mark, CpuOf::Thread(id), now_ns, used, tell);
            }
        }
        let machine = cpu_time::machine();
        self.usage = machine.zip(self.process).map(|(machine, process)| Usage {
            time_ns: now_ns,
            machine_ns: machine.nanos(),
            own_ns: process.used_ns + self.sensors.total_ns + self.tree.total_ns,
        });
        if let Some(machine) = machine {
            self.tell_machine(now_ns, machine.nanos(), tell);
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

/// The sensors' processes, all as one series: they may come and go.
struct Sensors {
    watch: SamplerWatch,
    used: Vec<(u32, i64)>,
    last_ns: Option<i64>,
    /// All they have used since the first call.
    total_ns: i64,
}

impl Sensors {
    fn new(watch: SamplerWatch) -> Self {
        Self {
            watch,
            used: Vec::new(),
            last_ns: None,
            total_ns: 0,
        }
    }

    /// Tells what they used since the last call. A process that came since then
    /// has used all its CPU time since then.
    fn read(&mut self, now_ns: i64, tell: &mut impl FnMut(CpuRow)) {
        let used = |pid| Some((pid, cpu_time::other_process(pid)?.nanos()));
        let now: Vec<(u32, i64)> = self
            .watch
            .child_pids()
            .into_iter()
            .filter_map(used)
            .collect();
        let before = std::mem::replace(&mut self.used, now);
        let Some(start_ns) = self.last_ns.replace(now_ns) else {
            return;
        };
        let earlier = |pid| {
            let known = before.iter().find(|&&(other, _)| other == pid);
            known.map_or(0, |&(_, used)| used)
        };
        let steps = self
            .used
            .iter()
            .map(|&(pid, used)| (used - earlier(pid)).max(0));
        let on_cpu_ns = steps.sum();
        self.total_ns += on_cpu_ns;
        if start_ns < now_ns && !self.used.is_empty() {
            tell(CpuRow {
                of: CpuOf::Sensor,
                start_ns,
                end_ns: now_ns,
                on_cpu_ns,
            });
        }
    }
}

fn step(
    mark: &mut Option<Mark>,
    of: CpuOf,
    now_ns: i64,
    used: Option<Nanos>,
    tell: &mut impl FnMut(CpuRow),
) {
    let Some(used) = used else { return };
    let now = Mark {
        time_ns: now_ns,
        used_ns: used.nanos(),
    };
    if let Some(last) = mark.replace(now).filter(|last| last.time_ns < now_ns) {
        let on_cpu_ns = (now.used_ns - last.used_ns).max(0);
        tell(CpuRow {
            of,
            start_ns: last.time_ns,
            end_ns: now_ns,
            on_cpu_ns,
        });
    }
}
