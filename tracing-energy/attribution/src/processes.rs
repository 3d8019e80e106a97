//! Several processes in one run, each with its own threads and CPU time.
//!
//! ```text
//! own process    thread 1  |====|  thread 2 |==|   pool: its workers
//! child 1        thread 3  |=========|             pool: its workers
//! child 2        (no spans)                        pool: goes to `outside`
//! ```

use super::engine::Engine;
use super::rule::CpuUse;
use super::windows::{Activity, Window};

/// Id of the recording process, which is not a child.
pub(super) const OWN: u32 = 0;

/// One process in a window.
#[derive(Debug)]
pub(super) struct Group {
    /// CPU time of the process, without the recorder's threads.
    pub(super) cpu_ns: f64,
    /// Its threads with spans, by their indices in the window.
    pub(super) members: Vec<usize>,
    /// Active times of its members.
    pub(super) activity: Activity,
}

impl Engine {
    /// Assigns a thread to the child process with that id. Call it before adding the thread's
    /// spans.
    pub fn thread_of(&mut self, thread: u32, process: u32) {
        let at = thread as usize;
        if self.process_of.len() <= at {
            self.process_of.resize(at + 1, OWN);
        }
        self.process_of[at] = process;
    }

    /// Returns CPU times of child processes without the recorder's threads in them, and the
    /// CPU time of those threads.
    pub(super) fn children(&self, start: i64, end: i64) -> (Vec<(u32, f64)>, f64) {
        let mut children = self.cpu.children(start, end);
        let mut profiler_ns = 0.0;
        for &thread in &self.profiler_threads {
            let process = self.process(thread);
            let child = children.iter_mut().find(|child| child.0 == process);
            if let Some((_, used_ns)) = child {
                let own = self.cpu.thread(thread, start, end).on_cpu_ns.min(*used_ns);
                *used_ns -= own;
                profiler_ns += own;
            }
        }
        (children, profiler_ns)
    }

    /// Returns the process of a thread.
    pub(super) fn process(&self, thread: u32) -> u32 {
        let known = self.process_of.get(thread as usize);
        known.copied().unwrap_or(OWN)
    }

    /// Returns the processes of a window with their CPU times.
    pub(super) fn groups(
        &mut self,
        window: &Window,
        activity: &Activity,
        cpu: Option<&CpuUse>,
    ) -> Vec<Group> {
        let program_ns = cpu.map_or(0.0, CpuUse::program_ns);
        let (children, _) = self.children(window.start, window.end);
        if children.is_empty() && self.process_of.is_empty() {
            return vec![Group {
                cpu_ns: program_ns,
                members: (0..window.threads.len()).collect(),
                activity: activity.clone(),
            }];
        }
        let mut ids: Vec<(u32, f64)> = vec![(OWN, program_ns)];
        ids.extend(children);
        let parts = window.threads.iter().map(|part| self.process(part.thread));
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
            let (stacks, reader) = (&self.stacks.threads, &mut self.reader);
            let activity = reader.activity_of(stacks, window, &members);
            Group {
                cpu_ns,
                members,
                activity,
            }
        });
        groups.collect()
    }
}
