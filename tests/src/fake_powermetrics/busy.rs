//! Power as a function of CPU time, and a sensor that uses some itself.

use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use energy_data::units::Nanos;
use energy_power::cpu_time;

use super::arguments::variable;

/// The system counts CPU time in steps of 10 ms, so more frequent reads are useless.
const LOOK: Duration = Duration::from_millis(10);
/// How often the sensor is busy for a while.
const BURN_EVERY: Duration = Duration::from_millis(50);

/// Idle power, and power of each processor that the recorder or this process keeps busy.
pub(crate) struct ProcessorLoad {
    idle_w: f64,
    per_core_w: f64,
    /// Last reading, and CPU seconds since the first one.
    looked: Option<Instant>,
    first_s: Option<f64>,
    busy_s: f64,
}

impl ProcessorLoad {
    /// Parses `BUSY_WATTS`, such as `4,10`.
    pub(crate) fn from_environment() -> Option<Self> {
        let text = variable("BUSY_WATTS")?;
        let (idle, per_core) = text.split_once(',')?;
        Some(Self {
            idle_w: idle.trim().parse().ok()?,
            per_core_w: per_core.trim().parse().ok()?,
            looked: None,
            first_s: None,
            busy_s: 0.0,
        })
    }

    /// Returns joules up to `time`, in seconds since the start.
    pub(crate) fn joules(&mut self, time: f64) -> f64 {
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            let now = busy_seconds();
            self.busy_s = now - *self.first_s.get_or_insert(now);
        }
        self.idle_w * time + self.per_core_w * self.busy_s
    }
}

/// CPU time of the recorder and of this process. Other processes draw nothing: a
/// test must not depend on what else the machine does.
fn busy_seconds() -> f64 {
    let own = cpu_time::process().map_or(0.0, Nanos::seconds);
    own + recorder_seconds().unwrap_or(0.0)
}

/// Returns CPU time of the parent process, without its children: columns 14 and
/// 15, counted from the name in column 2, which may hold spaces.
fn recorder_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", parent_id())).ok()?;
    let (_, columns) = stat.rsplit_once(')')?;
    let times = columns.split_whitespace().skip(11).take(2);
    let ticks: f64 = times.filter_map(|time| time.parse::<f64>().ok()).sum();
    // SAFETY: sysconf has no preconditions.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    (per_second > 0).then(|| ticks / per_second as f64)
}

/// Keeps a processor busy for the share of time in `BURN`, as soon as the file
/// `BURN_FROM` exists, if one is named.
pub(crate) fn burn_from_environment() {
    let part: Option<f64> = variable("BURN").and_then(|part| part.parse().ok());
    let Some(part) = part.filter(|part| (0.0..=1.0).contains(part)) else {
        return;
    };
    let busy = BURN_EVERY.mul_f64(part);
    let from = variable("BURN_FROM").map(PathBuf::from);
    // The thread ends with the process.
    std::thread::spawn(move || {
        while from.as_ref().is_some_and(|from| !from.exists()) {
            std::thread::sleep(LOOK);
        }
        loop {
            let begin = Instant::now();
            while begin.elapsed() < busy {
                std::hint::spin_loop();
            }
            std::thread::sleep(BURN_EVERY - busy);
        }
    });
}
