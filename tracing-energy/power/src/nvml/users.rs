//! Reads the use of a GPU by process from the driver's utilisation samples.
//!
//! ```text
//! driver    |-- sample: pid 7 60 %, pid 9 20 % --|-- sample: pid 7 0 % --|
//! readings  |    |    |    |    |    |    |    |    a share of the time holds until the
//!                                                   next sample, for two seconds at most
//! ```
//!
//! The driver samples a few times a second, so changes are seen with that delay. With MIG,
//! on old models and under some hypervisors there are no samples. In a container the driver
//! may report process ids of the host: an id without a process here counts as hidden, not
//! as another program.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gpus::{Gpus, ProcessUse};
use crate::users::{DeviceUse, DeviceUsers};
use energy_data::units::Nanos;

/// How long a share holds without a new sample.
const HOLDS: Nanos = Nanos::from_millis(2_000);

/// The users of one GPU.
pub(super) struct NvmlUsers {
    gpus: Arc<dyn Gpus>,
    gpu: u32,
    is_here: fn(u32) -> bool,
    last_us: u64,
    shares: BTreeMap<u32, f64>,
    age: Nanos,
}

impl NvmlUsers {
    pub(super) fn new(gpus: Arc<dyn Gpus>, gpu: u32, is_here: fn(u32) -> bool) -> Self {
        Self {
            gpus,
            gpu,
            is_here,
            last_us: 0,
            shares: BTreeMap::new(),
            age: Nanos::ZERO,
        }
    }

    /// Replaces the shares by the mean of the new samples of each process.
    fn update(&mut self, samples: &[ProcessUse]) {
        let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        for sample in samples {
            self.last_us = self.last_us.max(sample.time_us);
            let sum = sums.entry(sample.pid).or_default();
            *sum = (sum.0 + sample.share.clamp(0.0, 1.0), sum.1 + 1.0);
        }
        self.age = Nanos::ZERO;
        let means = sums
            .into_iter()
            .map(|(pid, (sum, count))| (pid, sum / count));
        self.shares = means.collect();
    }
}

impl DeviceUsers for NvmlUsers {
    fn read(&mut self, elapsed: Nanos, own: &[u32]) -> Option<DeviceUse> {
        let samples = self.gpus.process_use(self.gpu, self.last_us).ok()?;
        let is_first = self.last_us == 0;
        self.age += elapsed;
        if !samples.is_empty() {
            self.update(&samples);
        } else if self.age > HOLDS {
            self.shares.clear();
        }
        let mut used = DeviceUse::default();
        for (&pid, share) in self.shares.iter().filter(|_| !is_first) {
            let busy = Nanos::from_nanos((elapsed.nanos() as f64 * share) as i64);
            match own.contains(&pid) || (self.is_here)(pid) {
                true => used.by_process.push((pid, busy)),
                false => used.hidden += busy,
            }
        }
        Some(used)
    }
}

/// Returns whether a process with that id exists in this process namespace.
pub(super) fn is_here(pid: u32) -> bool {
    !cfg!(target_os = "linux") || std::path::Path::new("/proc").join(pid.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::gpus::GpuInfo;
    use super::*;

    const STEP: Nanos = Nanos::from_millis(50);

    /// A driver with the samples of one GPU; `None` if it does not support them.
    struct Fake(Mutex<Option<Vec<ProcessUse>>>);

    impl Gpus for Fake {
        fn count(&self) -> Result<u32, String> {
            Ok(1)
        }
        fn info(&self, _: u32) -> Result<GpuInfo, String> {
            Err("not used".to_owned())
        }
        fn mig_uuids(&self, _: u32) -> Vec<String> {
            Vec::new()
        }
        fn energy_mj(&self, _: u32) -> Result<u64, String> {
            Ok(0)
        }
        fn instant_mw(&self, _: u32) -> Result<f64, String> {
            Ok(0.0)
        }
        fn average_mw(&self, _: u32) -> Result<f64, String> {
            Ok(0.0)
        }
        fn process_use(&self, _: u32, since_us: u64) -> Result<Vec<ProcessUse>, String> {
            let samples = self.0.lock().unwrap().clone().ok_or("Not Supported")?;
            let is_new = |sample: &ProcessUse| sample.time_us > since_us;
            Ok(samples.into_iter().filter(is_new).collect())
        }
    }

    fn sample(pid: u32, time_us: u64, share: f64) -> ProcessUse {
        ProcessUse {
            pid,
            time_us,
            share,
        }
    }

    fn users(fake: &Arc<Fake>) -> NvmlUsers {
        NvmlUsers::new(Arc::clone(fake) as _, 0, |pid| pid < 100)
    }

    #[test]
    fn a_share_of_the_time_holds_until_the_next_sample() {
        let fake = Arc::new(Fake(Mutex::new(Some(vec![sample(7, 10, 0.9)]))));
        let mut users = users(&fake);
        assert_eq!(users.read(Nanos::ZERO, &[7]).unwrap(), DeviceUse::default());
        let add = |one| fake.0.lock().unwrap().as_mut().unwrap().push(one);
        add(sample(7, 20, 0.6));
        add(sample(9, 20, 0.2));
        add(sample(300, 20, 0.1));
        let used = users.read(STEP, &[7]).unwrap();
        let ms = Nanos::from_millis;
        assert_eq!(used.by_process, [(7, ms(30)), (9, ms(10))]);
        assert_eq!((used.hidden, used.is_partial), (ms(5), false));
        assert_eq!(users.read(STEP, &[7]).unwrap(), used, "it holds");
        add(sample(7, 30, 0.0));
        assert_eq!(users.read(STEP, &[7]).unwrap().by_process, [(7, ms(0))]);
        users.read(HOLDS, &[7]).unwrap();
        assert_eq!(users.read(STEP, &[7]).unwrap(), DeviceUse::default());
    }

    #[test]
    fn use_is_unknown_if_the_driver_does_not_support_it() {
        let fake = Arc::new(Fake(Mutex::new(None)));
        assert_eq!(users(&fake).read(STEP, &[7]), None);
    }
}
