//! Reads the clients of DRM devices from `/proc/PID/fdinfo`
//! (kernel: Documentation/gpu/drm-usage-stats.rst).
//!
//! ```text
//! drm-driver:          amdgpu
//! drm-pdev:            0000:03:00.0
//! drm-client-id:       7                   one client may have several descriptors
//! drm-engine-gfx:      2534000 ns          busy since the client started
//! drm-cycles-rcs:      31000               xe: busy cycles
//! drm-total-cycles-rcs: 620000             xe: total cycles
//! ```
//!
//! Descriptors of the run's own processes are searched at each reading, those of others once a
//! second, because that scans all of `/proc`. A client that is found later started since the
//! previous scan. Tested on fake trees, never on a real GPU.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::device::{DeviceUse, DeviceUsers};
use energy_data::units::Nanos;

/// Time between scans for descriptors of other processes.
const SCAN_EVERY: Nanos = Nanos::from_millis(1_000);

/// Folders of DRM devices.
const DEVICES: [&str; 2] = ["/dev/dri/", "/dev/accel/"];

/// The users of one device.
pub struct DrmUsers {
    proc: PathBuf,
    /// The device's PCI address.
    pci: String,
    clients: BTreeMap<u64, DrmClient>,
    since_scan: Option<Nanos>,
    is_partial: bool,
}

/// One client of the device.
#[derive(Debug)]
struct DrmClient {
    pid: u32,
    fdinfo: PathBuf,
    counts: Counts,
}

/// Busy time of a client's engines since it started.
#[derive(Debug, Clone, Default, PartialEq)]
struct Counts {
    /// Busy ns by engine.
    busy_ns: BTreeMap<String, u64>,
    /// Busy cycles and all cycles by engine.
    cycles: BTreeMap<String, (u64, u64)>,
}

/// The contents of one fdinfo file.
#[derive(Debug, Default)]
struct Info {
    pci: Option<String>,
    client: Option<u64>,
    counts: Counts,
}

impl DrmUsers {
    /// Creates a reader for the device at PCI address `pci`. `proc` is normally `/proc`.
    pub fn new(proc: impl Into<PathBuf>, pci: impl Into<String>) -> Self {
        Self {
            proc: proc.into(),
            pci: pci.into(),
            clients: BTreeMap::new(),
            since_scan: None,
            is_partial: false,
        }
    }

    /// Finds the clients of these processes. At the first scan their previous busy time does
    /// not count. A client found later started since the previous scan, so all its time counts.
    fn scan(&mut self, pids: &[u32], is_first: bool) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        for &pid in pids {
            for (id, fdinfo, counts) in self.clients_of(pid) {
                found.insert(id);
                let client = self.clients.entry(id).or_insert_with(|| DrmClient {
                    pid,
                    fdinfo: fdinfo.clone(),
                    counts: if is_first { counts } else { Counts::default() },
                });
                // A client may close one descriptor and keep another.
                client.fdinfo = fdinfo;
            }
        }
        found
    }

    /// Returns a process's clients on the device.
    fn clients_of(&mut self, pid: u32) -> Vec<(u64, PathBuf, Counts)> {
        let folder = self.proc.join(pid.to_string());
        let descriptors = match std::fs::read_dir(folder.join("fd")) {
            Ok(entries) => entries,
            Err(error) => {
                self.is_partial |= error.kind() == ErrorKind::PermissionDenied;
                return Vec::new();
            }
        };
        let mut clients: Vec<(u64, PathBuf, Counts)> = Vec::new();
        for entry in descriptors
            .flatten()
            .filter(|entry| is_device(&entry.path()))
        {
            let path = folder.join("fdinfo").join(entry.file_name());
            let info = std::fs::read_to_string(&path).ok().map(|text| parse(&text));
            let Some(info) = info.filter(|info| info.pci.as_deref() == Some(&self.pci)) else {
                continue;
            };
            if let Some(id) = info.client
                && clients.iter().all(|known| known.0 != id)
            {
                clients.push((id, path, info.counts));
            }
        }
        clients
    }

    /// Returns all process ids.
    fn processes(&self) -> Vec<u32> {
        let entries = std::fs::read_dir(&self.proc)
            .into_iter()
            .flatten()
            .flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.collect()
    }
}

impl DeviceUsers for DrmUsers {
    fn read(&mut self, elapsed: Nanos, own: &[u32]) -> Option<DeviceUse> {
        let is_first = self.since_scan.is_none();
        let since = self.since_scan.unwrap_or(SCAN_EVERY) + elapsed;
        // Own processes come first, so that a client shared with others counts as own.
        self.scan(own, is_first);
        if since >= SCAN_EVERY {
            self.is_partial = false;
            let all = self.processes();
            let found = self.scan(&all, is_first);
            self.clients.retain(|id, _| found.contains(id));
            self.since_scan = Some(Nanos::ZERO);
        } else {
            self.since_scan = Some(since);
        }
        let mut by_process: BTreeMap<u32, Nanos> = BTreeMap::new();
        for client in self.clients.values_mut() {
            let info = std::fs::read_to_string(&client.fdinfo).ok();
            let Some(info) = info.map(|text| parse(&text)) else {
                continue;
            };
            // The busy time of each engine is limited to `elapsed`.
            let busy = info.counts.since(&client.counts, elapsed);
            client.counts = info.counts;
            *by_process.entry(client.pid).or_insert(Nanos::ZERO) += busy;
        }
        Some(DeviceUse {
            by_process: by_process.into_iter().collect(),
            hidden: Nanos::ZERO,
            is_partial: self.is_partial,
        })
    }
}

impl Counts {
    /// Returns the busy time since `earlier`, summed over engines, each at most `elapsed`.
    fn since(&self, earlier: &Self, elapsed: Nanos) -> Nanos {
        let most = elapsed.nanos().max(0) as u64;
        let mut busy_ns = 0;
        for (engine, now) in &self.busy_ns {
            let before = earlier.busy_ns.get(engine).copied().unwrap_or(0);
            busy_ns += now.saturating_sub(before).min(most);
        }
        for (engine, (busy, all)) in &self.cycles {
            let (busy_before, all_before) = earlier.cycles.get(engine).copied().unwrap_or((0, 0));
            let passed = all.saturating_sub(all_before);
            let worked = busy.saturating_sub(busy_before).min(passed);
            // For a new client the total cycles at its start are unknown.
            if passed > 0 && all_before > 0 {
                busy_ns += (most as f64 * (worked as f64 / passed as f64)) as u64;
            }
        }
        Nanos::from_nanos(i64::try_from(busy_ns).unwrap_or(i64::MAX))
    }
}

fn is_device(descriptor: &Path) -> bool {
    std::fs::read_link(descriptor).is_ok_and(|target| {
        let target = target.to_string_lossy();
        DEVICES.iter().any(|folder| target.starts_with(folder))
    })
}

fn parse(text: &str) -> Info {
    let mut info = Info::default();
    for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        let number = || value.split_whitespace().next()?.parse::<u64>().ok();
        match key {
            "drm-pdev" => info.pci = Some(value.to_owned()),
            "drm-client-id" => info.client = number(),
            _ => info.counts.add(key, number()),
        }
    }
    info
}

impl Counts {
    fn add(&mut self, key: &str, number: Option<u64>) {
        let Some(number) = number else { return };
        if let Some(engine) = key.strip_prefix("drm-total-cycles-") {
            self.cycles.entry(engine.to_owned()).or_default().1 = number;
        } else if let Some(engine) = key.strip_prefix("drm-cycles-") {
            self.cycles.entry(engine.to_owned()).or_default().0 = number;
        } else if let Some(engine) = key.strip_prefix("drm-engine-") {
            // `drm-engine-capacity-*` is the number of engines of that kind.
            if !engine.starts_with("capacity-") {
                self.busy_ns.insert(engine.to_owned(), number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PCI: &str = "0000:0b:00.0";
    const STEP: Nanos = Nanos::from_millis(50);

    /// A `/proc` with processes that have devices open.
    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn open(&self, pid: u32, fd: u32, device: &str, info: &str) {
            let process = self.0.path().join(pid.to_string());
            for folder in ["fd", "fdinfo"] {
                std::fs::create_dir_all(process.join(folder)).unwrap();
            }
            let link = process.join("fd").join(fd.to_string());
            if !link.is_symlink() {
                std::os::unix::fs::symlink(device, link).unwrap();
            }
            std::fs::write(process.join("fdinfo").join(fd.to_string()), info).unwrap();
        }

        fn gpu(&self, pid: u32, fd: u32, client: u32, gfx_ms: u64, dec_ms: u64) {
            let (gfx, dec) = (gfx_ms * 1_000_000, dec_ms * 1_000_000);
            let info = format!(
                "pos:\t0\nflags:\t02100002\ndrm-driver:\tamdgpu\ndrm-pdev:\t{PCI}\n\
                 drm-client-id:\t{client}\ndrm-engine-gfx:\t{gfx} ns\n\
                 drm-engine-dec:\t{dec} ns\ndrm-engine-capacity-dec:\t2\n\
                 drm-memory-vram:\t5120 KiB\n"
            );
            self.open(pid, fd, "/dev/dri/renderD128", &info);
        }

        fn users(&self) -> DrmUsers {
            DrmUsers::new(self.0.path(), PCI)
        }
    }

    fn busy_ms(used: &DeviceUse) -> Vec<(u32, i64)> {
        let all = used.by_process.iter();
        all.map(|(pid, busy)| (*pid, busy.nanos() / 1_000_000))
            .collect()
    }

    #[test]
    fn a_client_counts_once_and_since_the_last_reading() {
        let tree = Tree::new();
        tree.gpu(10, 4, 1, 900, 0);
        tree.gpu(10, 5, 1, 900, 0);
        tree.gpu(20, 3, 2, 70, 20);
        let mut users = tree.users();
        let first = users.read(Nanos::ZERO, &[10]).unwrap();
        assert_eq!(busy_ms(&first), [(10, 0), (20, 0)]);
        tree.gpu(10, 4, 1, 930, 0);
        tree.gpu(10, 5, 1, 930, 0);
        tree.gpu(20, 3, 2, 80, 45);
        let used = users.read(STEP, &[10]).unwrap();
        assert_eq!(busy_ms(&used), [(10, 30), (20, 35)]);
        assert!(!used.is_partial);
    }

    #[test]
    fn other_devices_and_files_are_ignored() {
        let tree = Tree::new();
        tree.gpu(10, 4, 1, 5, 0);
        let other = "drm-pdev:\t0000:00:02.0\ndrm-client-id:\t9\ndrm-engine-render:\t7 ns\n";
        tree.open(11, 4, "/dev/dri/card1", other);
        tree.open(12, 4, "/home/me/data", "pos:\t0\n");
        let mut users = tree.users();
        assert_eq!(busy_ms(&users.read(Nanos::ZERO, &[]).unwrap()), [(10, 0)]);
    }

    #[test]
    fn own_clients_are_found_at_once_and_others_within_a_second() {
        let tree = Tree::new();
        tree.gpu(10, 4, 1, 0, 0);
        let mut users = tree.users();
        users.read(Nanos::ZERO, &[10]).unwrap();
        tree.gpu(10, 6, 3, 20, 0);
        tree.gpu(20, 3, 2, 40, 0);
        assert_eq!(busy_ms(&users.read(STEP, &[10]).unwrap()), [(10, 20)]);
        let later = users.read(SCAN_EVERY, &[10]).unwrap();
        assert_eq!(busy_ms(&later), [(10, 0), (20, 40)]);
    }

    #[test]
    fn ended_processes_are_removed_and_falling_counters_count_as_zero() {
        let tree = Tree::new();
        tree.gpu(10, 4, 1, 100, 0);
        tree.gpu(20, 3, 2, 40, 0);
        let mut users = tree.users();
        users.read(Nanos::ZERO, &[]).unwrap();
        std::fs::remove_dir_all(tree.0.path().join("20")).unwrap();
        tree.gpu(10, 4, 1, 10, 0);
        let used = users.read(SCAN_EVERY, &[]).unwrap();
        assert_eq!(busy_ms(&used), [(10, 0)]);
    }

    #[test]
    fn busy_time_is_the_share_of_busy_cycles() {
        let info = |busy: u64, all: u64| {
            format!(
                "drm-driver:\txe\ndrm-pdev:\t{PCI}\ndrm-client-id:\t4\n\
                 drm-cycles-rcs:\t{busy}\ndrm-total-cycles-rcs:\t{all}\n"
            )
        };
        let tree = Tree::new();
        tree.open(10, 4, "/dev/dri/card0", &info(1_000, 100_000));
        let mut users = tree.users();
        users.read(Nanos::ZERO, &[]).unwrap();
        tree.open(10, 4, "/dev/dri/card0", &info(1_400, 101_000));
        let used = users.read(STEP, &[]).unwrap();
        assert_eq!(busy_ms(&used), [(10, 20)]);
    }

    #[test]
    fn busy_time_of_an_engine_is_limited_to_the_elapsed_time() {
        let tree = Tree::new();
        tree.gpu(10, 4, 1, 0, 0);
        let mut users = tree.users();
        users.read(Nanos::ZERO, &[]).unwrap();
        tree.gpu(10, 4, 1, 9_000, 20);
        assert_eq!(busy_ms(&users.read(STEP, &[]).unwrap()), [(10, 70)]);
    }
}
