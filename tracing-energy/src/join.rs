//! Several processes in one run: who is told what.
//!
//! The process that records sets three variables for the programs that it starts:
//!
//! | variable | holds |
//! |---|---|
//! | `TRACING_ENERGY_DB` | the recording's file |
//! | `TRACING_ENERGY_RUN` | uuid of the run |
//! | `TRACING_ENERGY_EPOCH` | the monotonic clock at the run's start, ns |
//!
//! A layer that sees them records no power and attributes nothing: it writes its spans
//! and CPU times on the run's clock, for the run to take them in when it ends.

use std::path::PathBuf;

/// Names the file; also set alone, to collect runs.
pub(crate) const DATABASE: &str = "TRACING_ENERGY_DB";
const RUN: &str = "TRACING_ENERGY_RUN";
const EPOCH: &str = "TRACING_ENERGY_EPOCH";

/// A run of another process that this one joins.
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
    /// What the environment says; none where a variable is missing or makes no sense.
    pub(crate) fn from_environment() -> Option<Self> {
        let of = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Some(Self {
            database: of(DATABASE)?.into(),
            run: of(RUN)?.into_string().ok()?,
            epoch_ns: of(EPOCH)?.to_str()?.parse().ok()?,
        })
    }

    /// Run time now.
    pub(crate) fn now_ns(&self) -> Option<i64> {
        monotonic_ns()?.checked_sub(self.epoch_ns)
    }
}

/// Variables for a program that is to join run `uuid`, which began `since_ns` ago.
pub(crate) fn variables(database: PathBuf, uuid: &str, since_ns: i64) -> Option<Variables> {
    let epoch_ns = monotonic_ns()? - since_ns;
    Some([
        (DATABASE, database.into_os_string()),
        (RUN, uuid.into()),
        (EPOCH, epoch_ns.to_string().into()),
    ])
}

/// Names and values.
pub type Variables = [(&'static str, std::ffi::OsString); 3];

/// The clock behind `std::time::Instant`, which all processes of this boot share and which
/// stands still while the machine is suspended: run time is counted by it everywhere.
#[cfg(target_os = "macos")]
const CLOCK: libc::clockid_t = libc::CLOCK_UPTIME_RAW;
#[cfg(all(unix, not(target_os = "macos")))]
const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

#[cfg(unix)]
fn monotonic_ns() -> Option<i64> {
    crate::host::clock_ns(CLOCK)
}

#[cfg(not(unix))]
fn monotonic_ns() -> Option<i64> {
    None
}
