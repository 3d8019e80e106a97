//! CPU time of a process tree, sampled from outside.
//!
//! ```text
//! readings     |     |     |     |     |
//! make         |=========================|     in each reading
//! cc             |===========|                 in three readings
//! sh                |=|                        between two readings: missed
//! ```
//!
//! CPU time of a process after its last reading is missed, and all of a process between two
//! readings. The total is known at the end from the system's CPU time of all reaped
//! children. A process whose parent ends (`make` above before `cc`) stays in the tree if it
//! was seen in it.

use std::collections::HashSet;

use energy_data::rows::{CpuRow, CpuScope, ProcessRow};
use energy_host as host;
use energy_power::cpu_time;

/// Maximum depth of the tree; a repeated pid ends the descent before.
const DEEPEST: usize = 64;

/// The processes of one tree.
#[derive(Debug, Default)]
pub(crate) struct ProcessTree {
    root: Option<u32>,
    known: Vec<KnownProcess>,
    changed: Vec<ProcessRow>,
    last_ns: Option<i64>,
    /// CPU time at the last reading of each process, in total: includes what it used before it was
    /// watched.
    total_ns: i64,
    /// CPU time of all emitted rows.
    pub(crate) emitted_ns: i64,
}

#[derive(Debug)]
struct KnownProcess {
    row: ProcessRow,
    used_ns: i64,
    is_alive: bool,
}

impl ProcessTree {
    /// Watches the process `root` and its descendants from now on.
    pub(crate) fn watch(&mut self, root: u32) {
        self.root = Some(root);
    }

    /// Returns whether a tree is watched.
    pub(crate) fn is_watched(&self) -> bool {
        self.root.is_some()
    }

    /// Reads all processes and emits their CPU time since the last reading.
    ///
    /// `now` is called for each process, since reading all of them takes time.
    pub(crate) fn read(&mut self, now: &impl Fn() -> i64, emit: &mut impl FnMut(CpuRow)) {
        let Some(root) = self.root else { return };
        let start_ns = self.last_ns.replace(now());
        let mut seen = HashSet::new();
        self.visit(root, now, start_ns, &mut seen, emit, 0);
        // A process whose parent has ended is no longer in the tree.
        for orphan in self.unseen(&seen) {
            self.visit(orphan, now, start_ns, &mut seen, emit, 0);
        }
        for known in &mut self.known {
            if known.is_alive && !seen.contains(&known.row.pid) {
                known.is_alive = false;
                self.changed.push(known.row.clone());
            }
        }
    }

    /// Returns processes alive at the last reading that were not found in this one.
    fn unseen(&self, seen: &HashSet<u32>) -> Vec<u32> {
        let alive = self.known.iter().filter(|known| known.is_alive);
        let unseen = alive.filter(|known| {
            let is_same = host::process_start(known.row.pid) == known.row.pid_start;
            !seen.contains(&known.row.pid) && is_same
        });
        unseen.map(|known| known.row.pid).collect()
    }

    /// Takes the rows that are new or changed since the last call.
    pub(crate) fn take_changed(&mut self) -> Vec<ProcessRow> {
        std::mem::take(&mut self.changed)
    }

    fn visit(
        &mut self,
        pid: u32,
        now: &impl Fn() -> i64,
        start_ns: Option<i64>,
        seen: &mut HashSet<u32>,
        emit: &mut impl FnMut(CpuRow),
        depth: usize,
    ) {
        if depth > DEEPEST || !seen.insert(pid) {
            return;
        }
        let children = cpu_time::children_of(pid);
        if !self.read_process(pid, now(), start_ns, emit) {
            seen.remove(&pid);
        }
        for child in children {
            self.visit(child, now, start_ns, seen, emit, depth + 1);
        }
    }

    /// Reads a process and emits its row; false if it does not exist.
    fn read_process(
        &mut self,
        pid: u32,
        now_ns: i64,
        start_ns: Option<i64>,
        emit: &mut impl FnMut(CpuRow),
    ) -> bool {
        let Some(used) = cpu_time::one_process(pid) else {
            return false;
        };
        // The kernel's list of children is inexact while it changes: a process that seemed
        // to have ended may appear again.
        let is_same = |known: &&mut KnownProcess| {
            let same = known.row.pid == pid;
            same && (known.is_alive || known.row.pid_start == host::process_start(pid))
        };
        let (id, used_ns, since_ns) = match self.known.iter_mut().rev().find(is_same) {
            Some(known) => {
                known.is_alive = true;
                let used_ns = used.nanos() - std::mem::replace(&mut known.used_ns, used.nanos());
                let since = known.row.end_ns.replace(now_ns);
                (known.row.id, used_ns, since)
            }
            None => {
                let id = self.add_process(pid, now_ns, start_ns, used.nanos());
                // It used all its CPU time since the last reading; before the first one
                // there is none.
                (id, used.nanos(), start_ns)
            }
        };
        self.total_ns += used_ns;
        if let Some(start_ns) = since_ns.filter(|&start| start < now_ns && used_ns >= 0) {
            self.emitted_ns += used_ns;
            emit(CpuRow {
                scope: CpuScope::Child(id),
                start_ns,
                end_ns: now_ns,
                on_cpu_ns: used_ns,
            });
        }
        true
    }

    fn add_process(&mut self, pid: u32, now_ns: i64, start_ns: Option<i64>, used_ns: i64) -> u32 {
        let row = ProcessRow {
            id: self.known.len() as u32 + 1,
            pid,
            pid_start: host::process_start(pid),
            name: cpu_time::process_name(pid),
            start_ns: start_ns.unwrap_or(now_ns),
            end_ns: Some(now_ns),
            has_spans: false,
        };
        let id = row.id;
        self.changed.push(row.clone());
        self.known.push(KnownProcess {
            row,
            used_ns,
            is_alive: true,
        });
        id
    }

    /// Returns the CPU time of reaped descendants that no reading observed.
    pub(crate) fn missed_ns(&self) -> Option<i64> {
        let all = reaped_children_ns().filter(|_| self.is_watched())?;
        Some((all - self.total_ns).max(0))
    }

    /// Emits rows of processes that are alive at the end.
    pub(crate) fn close(&mut self) {
        let alive = self.known.iter().filter(|known| known.is_alive);
        self.changed.extend(alive.map(|known| known.row.clone()));
    }
}

/// Returns the CPU time of all reaped children, including their own.
#[cfg(unix)]
fn reaped_children_ns() -> Option<i64> {
    // SAFETY: `rusage` is plain integers: all zeros are a value of it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live `rusage`.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) } != 0 {
        return None;
    }
    #[allow(clippy::unnecessary_cast)] // The fields' types differ by system.
    let ns = |time: libc::timeval| time.tv_sec as i64 * 1_000_000_000 + time.tv_usec as i64 * 1_000;
    Some(ns(usage.ru_utime) + ns(usage.ru_stime))
}

#[cfg(not(unix))]
fn reaped_children_ns() -> Option<i64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn cpu_time_of_grandchildren_is_observed() {
        let script = "sh -c 'x=0; while [ $x -lt 300000 ]; do x=$((x+1)); done; sleep 30' & wait";
        let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let mut tree = ProcessTree::default();
        tree.watch(child.id());
        let mut rows = Vec::new();
        let mut now = 0;
        let mut used = 0;
        while used < 50_000_000 {
            now += 20_000_000;
            tree.read(&|| now, &mut |row| rows.push(row));
            used = rows.iter().map(|row| row.on_cpu_ns).sum();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(tree.emitted_ns, used);
        let met = tree.take_changed();
        assert!(met.len() >= 2, "{met:?}");
        assert!(met.iter().all(|row| row.name.as_deref() == Some("sh")));
        assert!(rows.iter().all(|row| row.start_ns < row.end_ns));
        let mut pids: Vec<u32> = met.iter().map(|row| row.pid).collect();
        pids.retain(|&pid| pid != child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        tree.take_changed();
        tree.read(&|| now + 1, &mut |_| ());
        let alive = |tree: &ProcessTree| {
            let alive = tree.known.iter().filter(|known| known.is_alive);
            alive.map(|known| known.row.pid).collect::<Vec<_>>()
        };
        assert_eq!(alive(&tree), pids, "orphans stay");
        for pid in pids {
            let pid = libc::pid_t::try_from(pid).unwrap();
            // SAFETY: a plain system call on a process of our own making.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        let mut looks = 0;
        while !alive(&tree).is_empty() {
            looks += 1;
            assert!(looks < 1_000, "all are gone");
            tree.read(&|| now + 1 + looks, &mut |_| ());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(tree.known.len(), met.len(), "none was added twice");
    }
}
