//! CPU load of other processes.

/// Shortest time over which load is computed: CPU times of the machine have ticks of 10 ms.
pub const LEAST_NS: i64 = 200_000_000;

/// Cumulative CPU times at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuUsage {
    /// Time of the reading.
    pub time_ns: i64,
    /// CPU time of all processes.
    pub machine_ns: i64,
    /// CPU time of this process and of its sensor processes.
    pub own_ns: i64,
}

impl CpuUsage {
    /// Returns the mean load of other processes since `earlier`, in cores; `None` over less
    /// than [`LEAST_NS`]. A negative difference, caused by rounding of clocks, becomes 0.
    pub fn other_processes_since(&self, earlier: &Self) -> Option<f64> {
        let passed_ns = self.time_ns - earlier.time_ns;
        if passed_ns < LEAST_NS {
            return None;
        }
        let machine_ns = self.machine_ns - earlier.machine_ns;
        // A restarted sensor process begins at zero.
        let own_ns = (self.own_ns - earlier.own_ns).max(0);
        Some(((machine_ns - own_ns) as f64 / passed_ns as f64).max(0.0))
    }
}

/// Load of other processes at the start of a run and over all of it.
#[derive(Debug, Default)]
pub(crate) struct LoadLog {
    first: Option<CpuUsage>,
    last: Option<CpuUsage>,
    at_start: Option<f64>,
}

impl LoadLog {
    /// The load at the start is the mean over this first part of the run.
    const START_NS: i64 = 1_000_000_000;

    /// Starts with the load before the run, if it is known.
    pub(crate) fn new(before: Option<f64>) -> Self {
        Self {
            at_start: before,
            ..Self::default()
        }
    }

    /// Adds a reading.
    pub(crate) fn add(&mut self, usage: CpuUsage) {
        let first = *self.first.get_or_insert(usage);
        self.last = Some(usage);
        if usage.time_ns - first.time_ns >= Self::START_NS && self.at_start.is_none() {
            self.at_start = usage.other_processes_since(&first);
        }
    }

    /// Load at the start of the run, once it is known.
    pub(crate) fn at_start(&self) -> Option<f64> {
        self.at_start
    }

    /// Mean load over all readings.
    pub(crate) fn over_all(&self) -> Option<f64> {
        self.last?.other_processes_since(self.first.as_ref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reading with times in ms.
    fn usage(time: i64, machine: i64, own: i64) -> CpuUsage {
        CpuUsage {
            time_ns: time * 1_000_000,
            machine_ns: machine * 1_000_000,
            own_ns: own * 1_000_000,
        }
    }

    #[test]
    fn load_of_others_is_machine_less_own_time() {
        let begin = usage(0, 5_000, 900);
        let other_processes = |end: CpuUsage| end.other_processes_since(&begin);
        assert_eq!(other_processes(usage(1_000, 6_500, 1_650)), Some(0.75));
        assert_eq!(other_processes(usage(1_000, 5_990, 1_900)), Some(0.0));
        assert_eq!(other_processes(usage(199, 6_500, 900)), None);
        assert_eq!(other_processes(usage(1_000, 6_000, 100)), Some(1.0));
    }

    #[test]
    fn start_load_is_that_before_the_run_or_of_the_first_second() {
        let mut log = LoadLog::new(None);
        for time in [0, 400, 800, 1_200, 4_000] {
            let other_processes = if time <= 1_200 { time / 2 } else { 600 };
            log.add(usage(time, other_processes + time, time));
            assert_eq!(log.at_start().is_some(), time >= 1_200, "{time}");
        }
        assert_eq!(log.at_start(), Some(0.5));
        assert_eq!(log.over_all(), Some(0.15));
        let mut log = LoadLog::new(Some(2.0));
        log.add(usage(0, 0, 0));
        log.add(usage(2_000, 0, 0));
        assert_eq!((log.at_start(), log.over_all()), (Some(2.0), Some(0.0)));
        assert_eq!(LoadLog::new(None).over_all(), None);
    }
}
