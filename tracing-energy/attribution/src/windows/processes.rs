//! Several processes in one run, each with its own threads and CPU time.
//!
//! ```text
//! own process    thread 1  |====|  thread 2 |==|   pool: its workers
//! child 1        thread 3  |=========|             pool: its workers
//! child 2        (no spans)                        pool: goes to `unattributed`
//! ```

use energy_data::rows::ThreadRole;

use crate::cpu::series::{CpuTimes, Machine};
use crate::spans::segments::ThreadStack;
use crate::windows::activity::{Activity, Window, WindowReader};
use crate::windows::basis::CpuUse;

/// Id of the recording process, which is not a child.
const OWN: u32 = 0;

/// One process in a window.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    /// CPU time of the process, without the recorder's threads.
    pub(crate) cpu_ns: f64,
    /// Its threads with spans, by their indices in the window.
    pub(crate) members: Vec<usize>,
    /// Active times of its members.
    pub(crate) activity: Activity,
}

/// Processes and the recorder's threads of a run.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    /// Child process by thread; threads beyond its length belong to the run's own process.
    of_thread: Vec<u32>,
    /// The recorder's threads, by id.
    pub(crate) profiler_threads: Vec<u32>,
}

impl Processes {
    /// Adds a thread.
    pub(crate) fn thread(&mut self, id: u32, role: ThreadRole) {
        self.profiler_threads.retain(|&thread| thread != id);
        if role == ThreadRole::Profiler {
            self.profiler_threads.push(id);
            self.profiler_threads.sort_unstable();
        }
    }

    /// Assigns a thread to the child process with that id.
    pub(crate) fn assign(&mut self, thread: u32, process: u32) {
        let at = thread as usize;
        if self.of_thread.len() <= at {
            self.of_thread.resize(at + 1, OWN);
        }
        self.of_thread[at] = process;
    }

    /// Returns the CPU times of a window; `None` if those of the process are unknown. Machine
    /// rows that ended by `cpu_until` were added.
    pub(crate) fn cpu_use(
        &self,
        cpu: &CpuTimes,
        (start, end): (i64, i64),
        cpu_until: i64,
    ) -> Option<CpuUse> {
        let process = cpu.process(start, end);
        let own = self.profiler_threads.iter();
        let own = own.filter(|&&thread| self.of(thread) == OWN);
        let own = own.map(|&thread| cpu.own_thread(thread, start, end).on_cpu_ns);
        let other_processes = match cpu.machine(end, cpu_until) {
            Machine::Row(row) => cpu.other_processes_share(&row),
            Machine::Wait | Machine::Unknown => None,
        };
        let (children, child_profiler_ns) = self.children(cpu, start, end);
        (process.covered_ns > 0).then(|| CpuUse {
            process_ns: process.on_cpu_ns,
            children_ns: children.iter().map(|child| child.1).sum(),
            child_profiler_ns,
            profiler_ns: own.sum(),
            sensor_ns: cpu.sensor(start, end).on_cpu_ns,
            other_processes,
        })
    }

    /// Returns the processes of a window with their CPU times.
    pub(crate) fn groups(
        &self,
        (stacks, reader): (&[ThreadStack], &mut WindowReader),
        cpu: (&CpuTimes, Option<&CpuUse>),
        window: &Window,
        activity: &Activity,
    ) -> Vec<ProcessGroup> {
        let program_ns = cpu.1.map_or(0.0, CpuUse::program_ns);
        let (children, _) = self.children(cpu.0, window.start, window.end);
        if children.is_empty() && self.of_thread.is_empty() {
            return vec![ProcessGroup {
                cpu_ns: program_ns,
                members: (0..window.threads.len()).collect(),
                activity: activity.clone(),
            }];
        }
        let mut ids: Vec<(u32, f64)> = vec![(OWN, program_ns)];
        ids.extend(children);
        let parts = window.threads.iter().map(|part| self.of(part.thread));
        let parts: Vec<u32> = parts.collect();
        for &process in &parts {
            if ids.iter().all(|known| known.0 != process) {
                ids.push((process, 0.0));
            }
        }
        let groups = ids.into_iter().map(|(process, cpu_ns)| {
            let places = parts.iter().enumerate();
            let members: Vec<usize> = places
                .filter(|(_, of)| **of == process)
                .map(|(at, _)| at)
                .collect();
            let activity = reader.activity_of(stacks, window, &members);
            ProcessGroup {
                cpu_ns,
                members,
                activity,
            }
        });
        groups.collect()
    }

    /// Returns CPU times of child processes without the recorder's threads in them, and the
    /// CPU time of those threads.
    fn children(&self, cpu: &CpuTimes, start: i64, end: i64) -> (Vec<(u32, f64)>, f64) {
        let mut children = cpu.children(start, end);
        let mut profiler_ns = 0.0;
        for &thread in &self.profiler_threads {
            let process = self.of(thread);
            let child = children.iter_mut().find(|child| child.0 == process);
            if let Some((_, used_ns)) = child {
                let own = cpu.thread(thread, start, end).on_cpu_ns.min(*used_ns);
                *used_ns -= own;
                profiler_ns += own;
            }
        }
        (children, profiler_ns)
    }

    /// Returns the process of a thread.
    fn of(&self, thread: u32) -> u32 {
        let known = self.of_thread.get(thread as usize);
        known.copied().unwrap_or(OWN)
    }
}
