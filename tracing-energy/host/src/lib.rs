//! Internal to tracing-energy, without a stability promise: the machine, its boot, its
//! processes and its files.
//!
//! - [`Host`] - identity of the machine and the boot. Its id needs the feature `host-id`.
//! - [`process_state`] and [`process_start`] - distinguish a running recorder from a dead one.
//! - [`suspended_ns`], [`unix_ns`] and [`clock_ns`] - clocks of the system.
//! - [`files`] - creates files with recorded data, readable by their owner only unless
//!   [`FileAccess`](files::FileAccess) widens that.
//!
//! The crate depends on no other crate of the workspace. `energy-power`, `energy-store` and
//! those above use it.
//!
//! Linux is tested; macOS is type-checked, never run. On other systems values are unknown
//! (`None`), and so is whether a run's process is alive.

pub mod files;

use std::time::{SystemTime, UNIX_EPOCH};

/// Properties of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Identifies this machine: 32 digits of a hash of the system's own id, which is never
    /// stored. `None` if the system has no id.
    pub id: Option<String>,
    /// Host name.
    pub name: Option<String>,
    /// Operating system and version.
    pub os: Option<String>,
    /// Processor.
    pub chip: Option<String>,
    /// Identifies this boot of this machine.
    pub boot_id: Option<String>,
    /// Identifies, within a boot, the space in which process ids are unique (Linux: the pid
    /// namespace). `None` if processes of this space cannot be looked up.
    pub pid_space: Option<String>,
}

impl Host {
    /// Reads the properties of this machine.
    pub fn here() -> Self {
        Self {
            id: system::machine_id().as_deref().and_then(hashed),
            name: name(),
            os: os(),
            chip: system::chip(),
            boot_id: system::boot_id(),
            pid_space: system::pid_space(),
        }
    }
}

/// Returns a hash of the machine's id, in which it cannot be recognised (machine-id(5) requires
/// a hash with an application's own key); `None` for an id that is not set.
fn hashed(machine_id: &str) -> Option<String> {
    let digits: String = machine_id.chars().filter(char::is_ascii_hexdigit).collect();
    if digits.len() != 32 || digits.bytes().all(|digit| digit == b'0') {
        return None;
    }
    digest(&format!(
        "tracing-energy host {}",
        digits.to_ascii_lowercase()
    ))
}

#[cfg(feature = "host-id")]
fn digest(text: &str) -> Option<String> {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(text);
    let digits = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
    Some(digits.collect())
}

/// Without the feature `host-id` the machine has no id.
#[cfg(not(feature = "host-id"))]
fn digest(_text: &str) -> Option<String> {
    None
}

/// State of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessState {
    /// The process runs (or is stopped).
    Running,
    /// The process has ended; its id may have been reused.
    Gone,
    /// The system does not show the process to this user.
    Hidden,
}

/// Returns the state of the process with id `pid` that started at `start` (from
/// [`process_start`]), in the pid space of this process.
pub fn process_state(pid: u32, start: i64) -> ProcessState {
    match process_start(pid) {
        Some(known) if known == start => ProcessState::Running,
        Some(_) => ProcessState::Gone,
        None if is_hidden(pid) => ProcessState::Hidden,
        None => ProcessState::Gone,
    }
}

/// Returns whether a process with that id exists that belongs to another user.
#[cfg(unix)]
fn is_hidden(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return false;
    };
    if pid <= 0 {
        return false;
    }
    // SAFETY: signal 0 checks for existence and permission and sends nothing.
    let refused = unsafe { libc::kill(pid, 0) } != 0;
    refused && std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

#[cfg(not(unix))]
fn is_hidden(_pid: u32) -> bool {
    true
}

/// Returns the time since boot during which the machine was suspended, up to a constant, in ns.
pub fn suspended_ns() -> Option<i64> {
    system::suspended_ns()
}

/// Returns the start time of the process `pid` in the system's own unit (Linux: clock ticks
/// since boot; macOS: microseconds since 1970); `None` if there is no such process.
pub fn process_start(pid: u32) -> Option<i64> {
    system::process_start(pid)
}

/// Returns the wall clock, ns since 1970.
pub fn unix_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

/// Reads one of the system's clocks, in ns.
#[cfg(unix)]
pub fn clock_ns(clock: libc::clockid_t) -> Option<i64> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for the call to fill.
    let status = unsafe { libc::clock_gettime(clock, &mut time) };
    #[allow(clippy::unnecessary_cast)] // The fields' types differ by system.
    let ns = time.tv_sec as i64 * 1_000_000_000 + time.tv_nsec as i64;
    (status == 0).then_some(ns)
}

/// Returns the release of the kernel, such as `6.1.0-18-amd64`.
pub fn kernel() -> Option<String> {
    kernel_names().map(|(_, release)| release)
}

#[cfg(unix)]
fn name() -> Option<String> {
    let mut buffer = [0_u8; 256];
    // SAFETY: the pointer and the length are those of a live buffer.
    let result = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len()) };
    (result == 0).then(|| until_nul(&buffer))
}

fn os() -> Option<String> {
    match kernel_names() {
        Some((system, release)) => Some(format!("{system} {release}")),
        None if cfg!(unix) => None,
        None => Some(std::env::consts::OS.to_owned()),
    }
}

/// Returns the kernel's name and release.
#[cfg(unix)]
fn kernel_names() -> Option<(String, String)> {
    // SAFETY: `utsname` is arrays of bytes: all zeros are a value of it.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live `utsname`.
    if unsafe { libc::uname(&mut names) } != 0 {
        return None;
    }
    let text = |field: &[libc::c_char]| {
        let bytes: Vec<u8> = field.iter().map(|&c| c as u8).collect();
        until_nul(&bytes)
    };
    Some((text(&names.sysname), text(&names.release)))
}

#[cfg(unix)]
fn until_nul(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(not(unix))]
fn name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

#[cfg(not(unix))]
fn kernel_names() -> Option<(String, String)> {
    None
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::read_to_string;

    /// Systems without systemd have the id of D-Bus.
    pub(super) fn machine_id() -> Option<String> {
        let id = |path| read_to_string(path).ok().filter(|id| !id.trim().is_empty());
        id("/etc/machine-id").or_else(|| id("/var/lib/dbus/machine-id"))
    }

    pub(super) fn boot_id() -> Option<String> {
        let id = read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned())
    }

    /// Returns the pid namespace, if the mounted `/proc` lists its processes.
    pub(super) fn pid_space() -> Option<String> {
        let shown = std::fs::read_link("/proc/self").ok()?;
        let is_own = shown.to_str()?.parse() == Ok(std::process::id());
        let space = std::fs::read_link("/proc/self/ns/pid").ok()?;
        is_own.then(|| space.to_string_lossy().into_owned())
    }

    /// `CLOCK_BOOTTIME` counts suspended time, `CLOCK_MONOTONIC` does not. The smallest of
    /// three differences is the one least disturbed between its two readings.
    pub(super) fn suspended_ns() -> Option<i64> {
        let reading = || {
            let before = super::clock_ns(libc::CLOCK_MONOTONIC)?;
            let boot = super::clock_ns(libc::CLOCK_BOOTTIME)?;
            Some(boot - before)
        };
        (0..3).filter_map(|_| reading()).min()
    }

    pub(super) fn chip() -> Option<String> {
        let info = read_to_string("/proc/cpuinfo").ok()?;
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    }

    pub(super) fn process_start(pid: u32) -> Option<i64> {
        start_in_stat(&read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Field 22 of `/proc/PID/stat` (proc_pid_stat(5)). A zombie has ended. Fields
    /// are counted from the last `)`: the command before it may contain anything.
    pub(super) fn start_in_stat(stat: &str) -> Option<i64> {
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        fields.nth(18)?.parse().ok()
    }
}

#[cfg(target_os = "macos")]
mod system {
    /// Returns the property `IOPlatformUUID`.
    pub(super) fn machine_id() -> Option<String> {
        let mut uuid = [0_u8; 16];
        let patience = libc::timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        // SAFETY: both pointers are to live values of the sizes that the call expects.
        let status = unsafe { libc::gethostuuid(uuid.as_mut_ptr(), &raw const patience) };
        let digits = uuid.iter().map(|byte| format!("{byte:02x}"));
        (status == 0).then(|| digits.collect())
    }

    pub(super) fn boot_id() -> Option<String> {
        sysctl(c"kern.bootsessionuuid")
    }

    /// There is one pid space only.
    pub(super) fn pid_space() -> Option<String> {
        Some("system".to_owned())
    }

    /// `CLOCK_MONOTONIC_RAW` counts sleep here, `CLOCK_UPTIME_RAW` does not.
    pub(super) fn suspended_ns() -> Option<i64> {
        let reading = || {
            let before = super::clock_ns(libc::CLOCK_UPTIME_RAW)?;
            let all = super::clock_ns(libc::CLOCK_MONOTONIC_RAW)?;
            Some(all - before)
        };
        (0..3).filter_map(|_| reading()).min()
    }

    pub(super) fn chip() -> Option<String> {
        sysctl(c"machdep.cpu.brand_string")
    }

    pub(super) fn process_start(pid: u32) -> Option<i64> {
        // SAFETY: `proc_bsdinfo` is plain numbers and bytes: all zeros are a value of it.
        let mut info: libc::proc_bsdinfo = unsafe { std::mem::zeroed() };
        let size = i32::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
        let pointer = (&raw mut info).cast();
        let pid = i32::try_from(pid).ok()?;
        // SAFETY: the pointer and the size are those of a live `proc_bsdinfo`.
        let read = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, pointer, size) };
        let micros = info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec;
        (read == size).then(|| i64::try_from(micros).ok()).flatten()
    }

    fn sysctl(name: &std::ffi::CStr) -> Option<String> {
        let mut buffer = [0_u8; 256];
        let mut length = buffer.len();
        let pointer = buffer.as_mut_ptr().cast();
        let nothing = std::ptr::null_mut();
        // SAFETY: the name ends in NUL; pointer and length are those of a live buffer.
        let result = unsafe { libc::sysctlbyname(name.as_ptr(), pointer, &mut length, nothing, 0) };
        (result == 0).then(|| super::until_nul(&buffer))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod system {
    pub(super) fn machine_id() -> Option<String> {
        None
    }

    pub(super) fn boot_id() -> Option<String> {
        None
    }

    pub(super) fn pid_space() -> Option<String> {
        None
    }

    pub(super) fn suspended_ns() -> Option<i64> {
        None
    }

    pub(super) fn chip() -> Option<String> {
        None
    }

    pub(super) fn process_start(_pid: u32) -> Option<i64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_start_and_a_pid_out_of_range_has_none() {
        let own = process_start(std::process::id());
        assert!(own.is_some());
        assert_eq!(own, process_start(std::process::id()));
        assert_eq!(process_start(u32::MAX), None);
        assert!(Host::here().boot_id.is_some());
    }

    #[test]
    fn a_process_runs_until_it_has_ended_and_another_start_is_another_process() {
        let own = process_start(std::process::id()).expect("this process");
        assert_eq!(
            process_state(std::process::id(), own),
            ProcessState::Running
        );
        assert_eq!(
            process_state(std::process::id(), own + 1),
            ProcessState::Gone
        );
        let mut child = std::process::Command::new("true").spawn().expect("a child");
        let pid = child.id();
        while process_start(pid).is_some() {
            std::thread::yield_now();
        }
        assert_eq!(process_state(pid, own), ProcessState::Gone, "a zombie");
        child.wait().expect("reaped");
        assert_eq!(process_state(u32::MAX, own), ProcessState::Gone);
    }

    #[test]
    fn the_id_of_a_machine_is_a_hash_and_empty_ids_are_unknown() {
        let id = "0123456789abcdef0123456789abcdef";
        let hash = hashed(&format!("{id}\n")).expect("an id");
        assert_eq!((hash.len(), hash.contains(&id[..8])), (32, false));
        let uuid = "01234567-89AB-CDEF-0123-456789ABCDEF";
        assert_eq!(hashed(uuid), Some(hash.clone()), "the form is irrelevant");
        assert_ne!(hashed(&id.replace('f', "e")), Some(hash));
        assert_eq!(hashed("uninitialized"), None);
        assert_eq!(hashed(&"0".repeat(32)), None);
    }

    #[test]
    fn suspended_time_does_not_change_while_the_machine_runs() {
        let before = suspended_ns().expect("known on Linux");
        std::thread::sleep(std::time::Duration::from_millis(20));
        let later = suspended_ns().expect("known on Linux");
        assert!((later - before).abs() < 10_000_000, "{before} {later}");
    }

    #[test]
    fn a_command_may_contain_anything() {
        let stat = "7 (a) R (b) S 1 7 7 0 -1 4 0 0 0 0 1 2 3 4 20 0 1 0 4242 99";
        assert_eq!(system::start_in_stat(stat), Some(4242));
        let zombie = stat.replace(") S", ") Z");
        assert_eq!(system::start_in_stat(&zombie), None);
    }
}
