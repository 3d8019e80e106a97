//! CPU time of the recorder's own threads.
//!
//! A real rail reads all that its processors do. Here every CPU second of the
//! recorder draws as much as one of the program's does in the mean.

use std::collections::HashMap;

use energy_data::units::Nanos;
use energy_power::cpu_time;

/// Follows the recorder's threads.
#[derive(Debug, Default)]
pub(super) struct RecorderThreads {
    used_s: HashMap<i64, f64>,
    before: Option<Times>,
    program_s: f64,
    program_j: f64,
}

/// CPU times of the process and of the recorder's threads in it, s.
#[derive(Debug, Clone, Copy)]
struct Times {
    process: f64,
    recorder: f64,
}

impl RecorderThreads {
    /// CPU seconds of the program, and of the recorder, since the last call; none
    /// if the system does not report it.
    pub(super) fn since_last(&mut self) -> Option<(f64, f64)> {
        let now = self.times()?;
        let before = self.before.replace(now)?;
        let recorder = (now.recorder - before.recorder).max(0.0);
        let program = (now.process - before.process - recorder).max(0.0);
        Some((program, recorder))
    }

    /// Energy of the recorder, J, that had `recorder_s` while the program had
    /// `program_s` and used `program_j`.
    pub(super) fn energy_j(&mut self, (program_s, recorder_s): (f64, f64), program_j: f64) -> f64 {
        self.program_s += program_s;
        self.program_j += program_j;
        match self.program_s > 0.0 {
            true => recorder_s * self.program_j / self.program_s,
            false => 0.0,
        }
    }

    fn times(&mut self) -> Option<Times> {
        let process = cpu_time::process()?.seconds();
        self.look();
        Some(Times {
            process,
            recorder: self.used_s.values().sum(),
        })
    }

    /// Threads that ended keep what they had used.
    fn look(&mut self) {
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
        for task in tasks.flatten() {
            let Some(tid) = task.file_name().to_str().and_then(|tid| tid.parse().ok()) else {
                continue;
            };
            let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            if name.starts_with("energy-") {
                let used = cpu_time::thread(tid).map_or(0.0, Nanos::seconds);
                let kept = self.used_s.entry(tid).or_default();
                *kept = used.max(*kept);
            }
        }
    }
}
