//! Reads the clients of an Apple GPU from the I/O registry.
//!
//! ```text
//! AGXAccelerator
//!   AGXDeviceUserClient   "IOUserClientCreator" = "pid 533, WindowServer"
//!                         "AppUsage" = ({"accumulatedGPUTime" = 812345678, ..}, ..)   ns
//! ```
//!
//! The registry is scanned once a second. Between scans only clients that were recently busy
//! or belong to the run are read. Another program that starts to use the GPU is found within a
//! second. Tested on a fake registry, type-checked for macOS, never run on a Mac.

use std::collections::{BTreeMap, BTreeSet};

use super::device::{DeviceUse, DeviceUsers};
use energy_data::units::Nanos;

/// Time between scans of the registry.
const SCAN_EVERY: Nanos = Nanos::from_millis(1_000);

/// The clients of all GPUs of the machine; Apple silicon has one.
pub trait Registry: Send {
    /// Scans the registry. Returns each client's id and creator as named by the registry, or
    /// `None` if it cannot be read now.
    fn scan(&mut self) -> Option<Vec<(u64, String)>>;

    /// Returns the GPU time in ns of a client of the last scan, summed over its queues; `None`
    /// if the client has gone or reports no time.
    fn busy_ns(&mut self, client: u64) -> Option<u64>;
}

/// The users of an Apple GPU.
pub struct AgxUsers<R> {
    registry: R,
    clients: BTreeMap<u64, AgxClient>,
    since_scan: Option<Nanos>,
}

#[derive(Debug)]
struct AgxClient {
    pid: u32,
    busy_ns: u64,
    /// Whether it was busy since the scan before the last one.
    is_active: bool,
}

impl<R: Registry> AgxUsers<R> {
    /// Creates a reader of the clients in `registry`.
    pub fn new(registry: R) -> Self {
        Self {
            registry,
            clients: BTreeMap::new(),
            since_scan: None,
        }
    }

    /// Updates the clients. At the first scan their previous GPU time does not count. A client
    /// found later started since the previous scan, so all its time counts.
    fn scan(&mut self, is_first: bool) -> Option<()> {
        let found = self.registry.scan()?;
        let ids: BTreeSet<u64> = found.iter().map(|(id, _)| *id).collect();
        self.clients.retain(|id, _| ids.contains(id));
        for client in self.clients.values_mut() {
            client.is_active = false;
        }
        for (id, creator) in found {
            let Some(pid) = pid_of(&creator) else {
                continue;
            };
            if self.clients.contains_key(&id) {
                continue;
            }
            let before = is_first.then(|| self.registry.busy_ns(id)).flatten();
            let client = AgxClient {
                pid,
                busy_ns: before.unwrap_or(0),
                is_active: false,
            };
            self.clients.insert(id, client);
        }
        Some(())
    }
}

impl<R: Registry> DeviceUsers for AgxUsers<R> {
    fn read(&mut self, elapsed: Nanos, own: &[u32]) -> Option<DeviceUse> {
        let is_first = self.since_scan.is_none();
        let since = self.since_scan.unwrap_or(SCAN_EVERY) + elapsed;
        let is_due = since >= SCAN_EVERY;
        if is_due {
            self.scan(is_first)?;
        }
        self.since_scan = Some(if is_due { Nanos::ZERO } else { since });
        let most = u64::try_from(elapsed.nanos()).unwrap_or(0);
        let mut by_process: BTreeMap<u32, Nanos> = BTreeMap::new();
        for (&id, client) in &mut self.clients {
            if !is_due && !client.is_active && !own.contains(&client.pid) {
                continue;
            }
            let Some(now) = self.registry.busy_ns(id) else {
                continue;
            };
            let busy = now.saturating_sub(client.busy_ns);
            client.busy_ns = now;
            client.is_active |= busy > 0;
            // An idle client was last read longer ago than `elapsed`.
            let busy = i64::try_from(busy.min(most)).unwrap_or(i64::MAX);
            *by_process.entry(client.pid).or_insert(Nanos::ZERO) += Nanos::from_nanos(busy);
        }
        Some(DeviceUse {
            by_process: by_process.into_iter().collect(),
            hidden: Nanos::ZERO,
            is_partial: false,
        })
    }
}

/// Returns the process id in a creator's name: `pid 533, WindowServer`.
fn pid_of(creator: &str) -> Option<u32> {
    let number = creator.trim().strip_prefix("pid ")?;
    let digits = number.split(',').next()?;
    digits.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const STEP: Nanos = Nanos::from_millis(50);

    #[derive(Clone, Default)]
    struct Fake(Arc<Mutex<BTreeMap<u64, (String, u64)>>>);

    impl Fake {
        fn set(&self, id: u64, creator: &str, busy_ms: u64) {
            let value = (creator.to_owned(), busy_ms * 1_000_000);
            self.0.lock().unwrap().insert(id, value);
        }
    }

    impl Registry for Fake {
        fn scan(&mut self) -> Option<Vec<(u64, String)>> {
            let all = self.0.lock().unwrap();
            Some(all.iter().map(|(id, one)| (*id, one.0.clone())).collect())
        }

        fn busy_ns(&mut self, client: u64) -> Option<u64> {
            self.0.lock().unwrap().get(&client).map(|one| one.1)
        }
    }

    fn busy_ms(used: Option<DeviceUse>) -> Vec<(u32, i64)> {
        let all = used.unwrap().by_process.into_iter();
        all.map(|(pid, busy)| (pid, busy.nanos() / 1_000_000))
            .collect()
    }

    #[test]
    fn earlier_gpu_time_does_not_count_and_clients_of_a_process_are_summed() {
        let fake = Fake::default();
        fake.set(1, "pid 533, WindowServer", 90_000);
        fake.set(2, "pid 700, model", 10);
        fake.set(3, "pid 700, model", 0);
        fake.set(4, "no process", 7);
        let mut users = AgxUsers::new(fake.clone());
        assert_eq!(
            busy_ms(users.read(Nanos::ZERO, &[700])),
            [(533, 0), (700, 0)]
        );
        fake.set(2, "pid 700, model", 30);
        fake.set(3, "pid 700, model", 15);
        assert_eq!(busy_ms(users.read(STEP, &[700])), [(700, 35)]);
        // Busy time is limited to the elapsed time.
        fake.set(2, "pid 700, model", 300);
        assert_eq!(busy_ms(users.read(STEP, &[700])), [(700, 50)]);
    }

    #[test]
    fn another_program_is_found_within_a_second_and_then_always_read() {
        let fake = Fake::default();
        fake.set(1, "pid 533, WindowServer", 0);
        let mut users = AgxUsers::new(fake.clone());
        users.read(Nanos::ZERO, &[700]).unwrap();
        let mut seen = Vec::new();
        for step in 1..=40 {
            fake.set(1, "pid 533, WindowServer", 20 * step);
            seen.extend(busy_ms(users.read(STEP, &[700])));
        }
        assert_eq!(seen.len(), 21);
        assert!(seen[1..].iter().all(|one| *one == (533, 20)), "{seen:?}");
        // All time of a client that starts later counts.
        fake.set(9, "pid 700, model", 12);
        let used = (0..20).flat_map(|_| busy_ms(users.read(STEP, &[700])));
        assert_eq!(
            used.filter(|one| one.0 == 700)
                .map(|one| one.1)
                .sum::<i64>(),
            12
        );
    }
}
