//! What is known about a run, apart from samples of open windows.

use energy_data::Batched;

use crate::cpu::series::CpuTimes;
use crate::spans::node_kinds::NodeKinds;
use crate::spans::record::SpanRecord;
use crate::windows::basis::CpuUse;
use crate::windows::device_use::DeviceUses;
use crate::windows::processes::Processes;
use crate::windows::rail::RailInfo;

/// Spans, CPU times, device use, kinds and rails of a run.
#[derive(Debug)]
pub(crate) struct RunInputs {
    pub(crate) spans: SpanRecord,
    pub(crate) kinds: NodeKinds,
    pub(crate) cpu: CpuTimes,
    pub(crate) uses: DeviceUses,
    pub(crate) processes: Processes,
    /// In the order in which they were added.
    pub(crate) rails: Vec<RailInfo>,
    /// Rails with readings that came in batches and were merged.
    pub(crate) batched: Vec<Batched>,
    /// Samples of unknown rails.
    pub(crate) unknown_rail: u64,
    /// The shortest interval of any rail.
    pub(crate) shortest_ns: i64,
    /// End of the run, once it is known.
    pub(crate) run_end: i64,
}

impl Default for RunInputs {
    fn default() -> Self {
        Self {
            spans: SpanRecord::default(),
            kinds: NodeKinds::default(),
            cpu: CpuTimes::default(),
            uses: DeviceUses::default(),
            processes: Processes::default(),
            rails: Vec::new(),
            batched: Vec::new(),
            unknown_rail: 0,
            shortest_ns: i64::MAX,
            run_end: i64::MAX,
        }
    }
}

impl RunInputs {
    /// Returns the CPU times of `[start, end)`; `None` if those of the process are unknown.
    /// Machine rows that ended by `cpu_until` were added.
    pub(crate) fn cpu_use(&self, window: (i64, i64), cpu_until: i64) -> Option<CpuUse> {
        self.processes.cpu_use(&self.cpu, window, cpu_until)
    }

    /// Returns the mean load of the processes of the run without the recorder's threads, in
    /// cores; `None` without CPU times.
    pub(crate) fn program_cores(&self, start_ns: i64, end_ns: i64) -> Option<f64> {
        let cpu = self.cpu_use((start_ns, end_ns), i64::MAX)?;
        let covered_ns = self.cpu.process(start_ns, end_ns).covered_ns;
        Some((cpu.program_ns() + cpu.children_ns) / covered_ns as f64)
    }
}
