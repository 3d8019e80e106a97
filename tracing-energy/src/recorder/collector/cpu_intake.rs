//! CPU times and the use of devices, and the recorder's own threads.

use super::rows::RunRows;
use super::run_time::RunTime;
use crate::record::LogMerge;
use crate::recorder::cpu::CpuReader;
use crate::recorder::device_use::DeviceUseReader;
use crate::recorder::signal;
use energy_data::rows::ThreadRole;
use energy_power::SamplerWatch;
use energy_power::cpu_time;

/// Minimum CPU time of missed processes that is reported.
const MISSED_NS: i64 = 20_000_000;

/// Reads CPU times and the use of devices.
pub(super) struct CpuIntake {
    pub(super) reader: CpuReader,
    devices: DeviceUseReader,
    watch: SamplerWatch,
}

impl CpuIntake {
    /// Takes the first readings.
    pub(super) fn new(time: &RunTime, devices: DeviceUseReader, watch: SamplerWatch) -> Self {
        Self {
            reader: CpuReader::new(&|| time.now().nanos(), watch.clone()),
            devices,
            watch,
        }
    }

    /// Adds the recorder's threads, of which `writer` is one.
    pub(super) fn add_recorder(&mut self, writer: i64, time: &RunTime, rows: &mut RunRows) {
        let mut own = vec![
            ("energy-collect", cpu_time::current_tid()),
            ("energy-write", writer),
        ];
        let sampling = self.watch.thread_ids();
        own.extend(sampling.into_iter().map(|tid| ("energy-power", tid)));
        for (name, tid) in own {
            let id = rows.thread(tid, Some(name.to_owned()), ThreadRole::Profiler);
            self.reader.add_own(id, tid, &|| time.now().nanos());
        }
    }

    /// Adds a recorder thread that has begun since the last pass.
    pub(super) fn own_new_thread(
        &mut self,
        name: &str,
        tid: i64,
        time: &RunTime,
        rows: &mut RunRows,
    ) {
        let id = rows.thread(tid, Some(name.to_owned()), ThreadRole::Profiler);
        self.reader.add_own_new(id, tid, &|| time.now().nanos());
    }

    /// Adds new recorder threads: a source may start one at any time.
    pub(super) fn watch_threads(&mut self, time: &RunTime, rows: &mut RunRows) {
        for tid in self.watch.thread_ids() {
            if !self.reader.knows(tid) {
                self.own_new_thread("energy-power", tid, time, rows);
            }
        }
    }

    /// Reads CPU times. Readings of traced threads from the last pass are used now, since
    /// all edges before them are known. `watched` is the process that this run is about.
    pub(super) fn read(
        &mut self,
        watched: Option<u32>,
        logs: &LogMerge,
        time: &RunTime,
        rows: &mut RunRows,
    ) {
        if let Some(pid) = watched {
            self.reader.tree.watch(pid);
        }
        self.settle(logs, rows);
        let now = || time.now().nanos();
        self.reader
            .read(&now, logs.live(), &mut |row| rows.cpu(row));
        self.devices
            .read(watched, now(), |row| rows.device_use(row));
        rows.batch.processes.extend(self.reader.tree.take_changed());
    }

    /// Emits the CPU time of traced threads up to their last readings.
    pub(super) fn settle(&mut self, logs: &LogMerge, rows: &mut RunRows) {
        let numbers = logs.live().map(|(number, _)| number);
        self.reader.settle(numbers, &mut |row| rows.cpu(row));
    }

    /// Returns the number of the program's threads.
    pub(super) fn program_threads(&self) -> Option<usize> {
        let mut own = self.reader.own_tids();
        own.extend(signal::listener_tid());
        cpu_time::threads_except(&own)
    }

    /// Reports the CPU time of other processes that was not observed.
    pub(super) fn end_processes(&mut self, end_ns: i64, rows: &mut RunRows) {
        let tree = &mut self.reader.tree;
        tree.close();
        rows.batch.processes.extend(tree.take_changed());
        let missed = tree.missed_ns().filter(|&ns| ns >= MISSED_NS);
        if let Some(missed_ns) = missed {
            let message = format!(
                "{:.2} s of CPU time of short processes, or just before their ends, was not observed: \
                 it is counted as other processes",
                missed_ns as f64 / 1e9
            );
            rows.event(end_ns, "missed_processes", message);
        }
    }
}
