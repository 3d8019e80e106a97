//! Device use by process, read by the collector, as rows with their own edges.
//!
//! ```text
//! device    |own 20, other 10 ms |       nothing is read      |own 5 ms  |
//! rows      |=====================|                             |==========|
//! ```

use std::collections::BTreeSet;

use energy_data::rows::DeviceUseRow;
use energy_data::units::Nanos;
use energy_power::cpu_time;
use energy_power::users::{DeviceUse, DeviceUsers};

/// Interval at which new descendants of this process are searched.
const LOOK_EVERY_NS: i64 = 1_000_000_000;
/// Maximum depth of the process tree.
const DEEPEST: usize = 64;

/// The devices of a recording's rails.
pub(crate) struct DeviceUseReader {
    devices: Vec<Device>,
    /// Processes of the run: this one, the watched one and all descendants seen so far.
    own: Vec<u32>,
    looked_ns: Option<i64>,
}

struct Device {
    rail: u32,
    users: Box<dyn DeviceUsers>,
    last_ns: Option<i64>,
}

impl DeviceUseReader {
    /// Creates a reader of these devices, by rail; the first reading starts the series.
    pub(crate) fn new(devices: Vec<(u32, Box<dyn DeviceUsers>)>) -> Self {
        let device = |(rail, users)| Device {
            rail,
            users,
            last_ns: None,
        };
        Self {
            devices: devices.into_iter().map(device).collect(),
            own: vec![std::process::id()],
            looked_ns: None,
        }
    }

    /// Reads every device and emits its use since the last call. `watched` is a process of the run
    /// that need not be a descendant of this one.
    pub(crate) fn read(
        &mut self,
        watched: Option<u32>,
        now_ns: i64,
        mut emit: impl FnMut(DeviceUseRow),
    ) {
        if self.devices.is_empty() {
            return;
        }
        if let Some(watched) = watched.filter(|watched| !self.own.contains(watched)) {
            self.own.push(watched);
            self.looked_ns = None;
        }
        if self
            .looked_ns
            .is_none_or(|looked| now_ns - looked >= LOOK_EVERY_NS)
        {
            self.looked_ns = Some(now_ns);
            self.own = descendants(std::process::id(), &self.own);
        }
        for device in &mut self.devices {
            let start_ns = device.last_ns.unwrap_or(now_ns);
            let elapsed = Nanos::from_nanos(now_ns - start_ns);
            let Some(used) = device.users.read(elapsed, &self.own) else {
                // Use up to the next successful reading is unknown.
                device.last_ns = None;
                continue;
            };
            device.last_ns = Some(now_ns);
            if start_ns < now_ns {
                emit(row(device.rail, (start_ns, now_ns), &used, &self.own));
            }
        }
    }
}

fn row(rail: u32, (start_ns, end_ns): (i64, i64), used: &DeviceUse, own: &[u32]) -> DeviceUseRow {
    let (mut own_ns, mut other_processes_ns) = (0, 0);
    for (pid, busy) in &used.by_process {
        match own.contains(pid) {
            true => own_ns += busy.nanos(),
            false => other_processes_ns += busy.nanos(),
        }
    }
    // Unreadable processes may have used all time in which no other process was busy.
    let remainder_ns = (end_ns - start_ns - own_ns - other_processes_ns).max(0);
    let hidden_ns = used.hidden.nanos();
    DeviceUseRow {
        rail,
        start_ns,
        end_ns,
        own_ns,
        other_processes_ns,
        unknown_ns: if used.is_partial {
            remainder_ns.max(hidden_ns)
        } else {
            hidden_ns
        },
    }
}

/// Returns a process, its descendants, and the processes `known` before: a process whose
/// parent has ended is no longer in the tree.
fn descendants(root: u32, known: &[u32]) -> Vec<u32> {
    let mut all: BTreeSet<u32> = known.iter().copied().collect();
    all.insert(root);
    let mut level: Vec<u32> = all.iter().copied().collect();
    for _ in 0..DEEPEST {
        let children = level.iter().flat_map(|&pid| cpu_time::children_of(pid));
        level = children.filter(|pid| all.insert(*pid)).collect();
        if level.is_empty() {
            break;
        }
    }
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const MS: i64 = 1_000_000;

    /// Returns scripted readings one after the other.
    struct ScriptedUsers(Arc<Mutex<Vec<Option<DeviceUse>>>>);

    impl DeviceUsers for ScriptedUsers {
        fn read(&mut self, _: Nanos, _: &[u32]) -> Option<DeviceUse> {
            self.0.lock().unwrap().pop().flatten()
        }
    }

    fn used(by_process: &[(u32, i64)], is_partial: bool) -> Option<DeviceUse> {
        let ms = |&(pid, ms): &(u32, i64)| (pid, Nanos::from_millis(ms));
        Some(DeviceUse {
            by_process: by_process.iter().map(ms).collect(),
            hidden: Nanos::ZERO,
            is_partial,
        })
    }

    #[test]
    fn use_is_split_into_own_and_others_and_gaps_have_no_row() {
        let me = std::process::id();
        let readings = [
            used(&[(me, 9)], false),
            used(&[(me, 20), (1, 10)], false),
            None,
            used(&[(me, 5)], false),
            used(&[(me, 5), (1, 10)], true),
        ];
        let scripted = Arc::new(Mutex::new(readings.into_iter().rev().collect()));
        let users: Box<dyn DeviceUsers> = Box::new(ScriptedUsers(scripted));
        let mut reader = DeviceUseReader::new(vec![(3, users)]);
        let mut rows = Vec::new();
        for at in 0..5 {
            reader.read(None, at * 50 * MS, |row| rows.push(row));
        }
        let row = |start: i64, own: i64, other_processes: i64, unknown: i64| DeviceUseRow {
            rail: 3,
            start_ns: start * MS,
            end_ns: (start + 50) * MS,
            own_ns: own * MS,
            other_processes_ns: other_processes * MS,
            unknown_ns: unknown * MS,
        };
        assert_eq!(rows, [row(0, 20, 10, 0), row(150, 5, 10, 35)]);
    }

    #[test]
    fn use_by_the_watched_process_is_own() {
        // The first process of the system is no descendant of this one.
        let reading = || used(&[(1, 10)], false);
        let scripted = Arc::new(Mutex::new(vec![reading(), reading(), reading()]));
        let users: Box<dyn DeviceUsers> = Box::new(ScriptedUsers(scripted));
        let mut reader = DeviceUseReader::new(vec![(3, users)]);
        let mut own = Vec::new();
        for (at, watched) in [(0, None), (1, None), (2, Some(1))] {
            reader.read(watched, at * 50 * MS, |row| own.push(row.own_ns));
        }
        assert_eq!(own, [0, 10 * MS]);
    }
}
