//! The basis on which a rail's active energy is divided.

use energy_data::RailKind;
use energy_data::rows::Domain;

use crate::windows::device_use::UseShares;

/// Basis on which a rail's active energy is divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SplitBasis {
    /// By CPU time, after subtracting other processes.
    CpuTime(CpuUse),
    /// By busy time of the rail's device by process. The flag is true if any span uses its
    /// domain.
    DeviceUse(UseShares, bool),
    /// By active time of activations in the device's domain, because its use by process is
    /// unknown.
    Domain,
    /// By active time, because there are no CPU times.
    Unsplit,
}

/// CPU times in the window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct CpuUse {
    pub(crate) process_ns: f64,
    pub(crate) profiler_ns: f64,
    pub(crate) sensor_ns: f64,
    /// CPU time of child processes in the run, without the recorder's threads in them.
    pub(crate) children_ns: f64,
    /// CPU time of the recorder's threads in child processes.
    pub(crate) child_profiler_ns: f64,
    /// Share of other processes in the active energy; `None`: unknown.
    pub(crate) other_processes: Option<f64>,
}

/// Parts of an active energy that are not the program's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NonProgramEnergy {
    pub(crate) other_processes: Option<f64>,
    pub(crate) profiler: f64,
}

impl SplitBasis {
    /// Returns the basis of a rail of that kind, given the CPU times of a window and the use of
    /// its device by process, with whether any span uses the device's domain.
    pub(crate) fn of(
        kind: RailKind,
        cpu: Option<CpuUse>,
        device: Option<(UseShares, bool)>,
    ) -> Self {
        match (kind, cpu) {
            (RailKind::Gpu | RailKind::Ane, _) => device.map_or(Self::Domain, |(shares, named)| {
                Self::DeviceUse(shares, named)
            }),
            // Without CPU times, as in an import, other processes are unknown.
            (_, None) => Self::Unsplit,
            (RailKind::Dram, Some(cpu)) => Self::CpuTime(CpuUse {
                other_processes: None,
                ..cpu
            }),
            (_, Some(cpu)) => Self::CpuTime(cpu),
        }
    }
}

impl CpuUse {
    /// Returns the parts of an active energy that other processes and the profiler used.
    pub(crate) fn non_program(&self, active_j: f64) -> NonProgramEnergy {
        let other_processes = self.other_processes.map(|share| active_j * share);
        let run_j = active_j - other_processes.unwrap_or(0.0);
        let all = self.all_ns();
        let own = self.process_ns - self.program_ns() + self.child_profiler_ns + self.sensor_ns;
        let profiler = if all > 0.0 { run_j * (own / all) } else { 0.0 };
        NonProgramEnergy {
            other_processes,
            profiler,
        }
    }

    /// CPU time of the run: its processes and its sensor.
    pub(crate) fn all_ns(&self) -> f64 {
        self.process_ns + self.children_ns + self.child_profiler_ns + self.sensor_ns
    }

    /// CPU time of the process without the recorder's threads. Clocks of threads and process
    /// are read one after the other, so that a thread may seem to use more than its process.
    pub(crate) fn program_ns(&self) -> f64 {
        self.process_ns - self.profiler_ns.min(self.process_ns)
    }
}

/// Returns the domain of a device rail (GPU, neural engine); `None` for other rails.
pub(crate) fn device_domain(kind: RailKind) -> Option<Domain> {
    match kind {
        RailKind::Gpu => Some(Domain::Gpu),
        RailKind::Ane => Some(Domain::Ane),
        _ => None,
    }
}
