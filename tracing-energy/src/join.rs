//! Environment variables by which several processes record one run.
//!
//! The recording process sets three variables for the programs that it starts:
//!
//! | variable | holds |
//! |---|---|
//! | `TRACING_ENERGY_DB` | the recording's file |
//! | `TRACING_ENERGY_RUN` | uuid of the run |
//! | `TRACING_ENERGY_EPOCH` | the monotonic clock at the run's start, ns |
//!
//! A layer that finds them records no power and attributes nothing: it writes its spans and
//! CPU times on the run's clock. The run merges them when it ends.

#[cfg(feature = "sqlite")]
use std::ffi::OsString;
use std::path::PathBuf;

#[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
/// Path of the database; if set alone, it only selects the file.
pub(crate) const DATABASE: &str = "TRACING_ENERGY_DB";
const RUN: &str = "TRACING_ENERGY_RUN";
const EPOCH: &str = "TRACING_ENERGY_EPOCH";

/// A run of another process that this process joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Join {
    /// Its file.
    pub(crate) database: PathBuf,
    /// Its uuid.
    pub(crate) run: String,
    /// The monotonic clock at its start.
    epoch_ns: i64,
}

impl Join {
    /// Reads the environment; `None` if a variable is missing or invalid.
    pub(crate) fn from_environment() -> Option<Self> {
        let of = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Some(Self {
            database: of(DATABASE)?.into(),
            run: of(RUN)?.into_string().ok()?,
            epoch_ns: of(EPOCH)?.to_str()?.parse().ok()?,
        })
    }

    /// Returns the current run time.
    pub(crate) fn now_ns(&self) -> Option<i64> {
        monotonic_ns()?.checked_sub(self.epoch_ns)
    }
}

#[cfg(feature = "sqlite")]
/// Returns the variables for a program that joins run `uuid`, which began `since_ns` ago.
pub(crate) fn child_env(
    database: PathBuf,
    uuid: &str,
    since_ns: i64,
) -> Option<Vec<(&'static str, OsString)>> {
    let epoch_ns = monotonic_ns()? - since_ns;
    Some(vec![
        (DATABASE, database.into_os_string()),
        (RUN, uuid.into()),
        (EPOCH, epoch_ns.to_string().into()),
    ])
}

/// The clock of `std::time::Instant`, shared by all processes of this boot. Run time is
/// counted by it. It stops while the machine is suspended.
#[cfg(target_os = "macos")]
const CLOCK: libc::clockid_t = libc::CLOCK_UPTIME_RAW;
#[cfg(all(unix, not(target_os = "macos")))]
const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

#[cfg(unix)]
fn monotonic_ns() -> Option<i64> {
    energy_host::clock_ns(CLOCK)
}

#[cfg(not(unix))]
fn monotonic_ns() -> Option<i64> {
    None
}
