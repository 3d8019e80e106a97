//! CPU time of the sensors' processes as one series: processes may start and end.

use energy_data::rows::{CpuRow, CpuScope};
use energy_power::SamplerWatch;
use energy_power::cpu_time;

/// The sensors' processes.
pub(super) struct Sensors {
    watch: SamplerWatch,
    used: Vec<(u32, i64)>,
    last_ns: Option<i64>,
    /// CPU time since the first reading.
    pub(super) total_ns: i64,
}

impl Sensors {
    pub(super) fn new(watch: SamplerWatch) -> Self {
        Self {
            watch,
            used: Vec::new(),
            last_ns: None,
            total_ns: 0,
        }
    }

    /// Emits the CPU time since the last reading. A new process has used all its CPU time
    /// since then.
    pub(super) fn read(&mut self, now: &impl Fn() -> i64, emit: &mut impl FnMut(CpuRow)) {
        let used = |pid| Some((pid, cpu_time::other_process(pid)?.nanos()));
        let now_ns = now();
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
            emit(CpuRow {
                scope: CpuScope::Sensor,
                start_ns,
                end_ns: now_ns,
                on_cpu_ns,
            });
        }
    }
}
