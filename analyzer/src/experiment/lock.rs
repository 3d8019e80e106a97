//! Lock that keeps two processes from executing the same experiment.
//!
//! The lock is of an open file, and processes of trials share it. If the process that executes
//! the experiment is killed, the lock is held until its last trial has ended, so that resuming
//! does not start a second one at the same time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use energy_host::ProcessState;
use energy_store::file_id_of;

use crate::error::{Error, Result};
use crate::format::escape;
use crate::program::Interrupt;

/// Time between two attempts to get a lock that a trial holds.
const POLL: Duration = Duration::from_millis(100);

/// The lock of an experiment. Its file is removed when it is dropped.
#[derive(Debug)]
pub(super) struct ExperimentLock {
    file: File,
    path: PathBuf,
}

impl ExperimentLock {
    /// Takes the lock of experiment `id` in the recording at `database`. Waits while a trial of
    /// a killed process holds it, after `on_wait`.
    ///
    /// # Errors
    /// If another process executes the experiment, a signal is received, or the lock's file
    /// cannot be written.
    pub(super) fn take(
        database: &Path,
        id: &str,
        name: &str,
        interrupt: &Interrupt,
        on_wait: &mut dyn FnMut(),
    ) -> Result<Self> {
        let path = path(database, id);
        let mut is_waiting = false;
        loop {
            if let Some(lock) = Self::attempt(&path)? {
                return Ok(lock);
            }
            if let Some(pid) = living_owner(&path) {
                return Err(Error::InUse(format!(
                    "experiment {} is being executed by process {pid}; wait for its end, or end it \
                     with `kill {pid}` and resume",
                    escape(name)
                )));
            }
            if !is_waiting {
                on_wait();
                is_waiting = true;
            }
            if interrupt.is_received() {
                return Err(interrupt.error());
            }
            interrupt.pause(POLL);
        }
    }

    /// Takes the lock; `None` if another process holds it.
    fn attempt(path: &Path) -> Result<Option<Self>> {
        let fault = |source| Error::File {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        // Its owner may have removed the file between both calls.
        let opened = file.metadata().map_err(fault)?;
        let is_same =
            std::fs::metadata(path).is_ok_and(|named| file_id_of(&named) == file_id_of(&opened));
        if !is_same {
            return Self::attempt(path);
        }
        let pid = std::process::id();
        let start = energy_host::process_start(pid).unwrap_or_default();
        file.set_len(0).map_err(fault)?;
        file.rewind().map_err(fault)?;
        write!(file, "{pid} {start}").map_err(fault)?;
        Ok(Some(Self {
            file,
            path: path.to_owned(),
        }))
    }

    /// Lets the process of `command` hold the lock, too.
    #[cfg(unix)]
    pub(super) fn share(&self, command: &mut Command) {
        use std::os::fd::AsRawFd as _;
        use std::os::unix::process::CommandExt as _;
        let file = self.file.as_raw_fd();
        // SAFETY: a plain system call on a descriptor that is open here and so in the new process.
        let inherit = move || match unsafe { libc::fcntl(file, libc::F_SETFD, 0) } {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        };
        // SAFETY: between fork and exec the closure only makes a system call, which is allowed
        // there.
        unsafe { command.pre_exec(inherit) };
    }

    /// Other systems have no such inheritance: the lock ends with this process.
    #[cfg(not(unix))]
    pub(super) fn share(&self, _command: &mut Command) {}
}

impl Drop for ExperimentLock {
    fn drop(&mut self) {
        // A file that remains does no harm: the lock is of the open file.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Returns the path of the lock's file, in the folder of the database.
fn path(database: &Path, id: &str) -> PathBuf {
    let name = database.file_name().unwrap_or_default().to_string_lossy();
    database.with_file_name(format!(".{name}.{id}.lock"))
}

/// Returns the process that took the lock, if it still runs.
fn living_owner(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    let (pid, start) = text.split_once(' ')?;
    let (pid, start) = (pid.parse().ok()?, start.parse().ok()?);
    (energy_host::process_state(pid, start) != ProcessState::Gone).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_owner_is_refused_with_the_first_ones_process() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("energy.db");
        let take = || {
            let interrupt = Interrupt::default();
            ExperimentLock::take(&database, "id", "weights", &interrupt, &mut || ())
        };
        let first = take().unwrap();
        let error = take().unwrap_err().to_string();
        let own = format!(
            "experiment weights is being executed by process {}",
            std::process::id()
        );
        assert!(error.contains(&own), "{error}");
        drop(first);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        drop(take().unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_outlives_its_parent_keeps_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("energy.db");
        let path = path(&database, "id");
        let first = ExperimentLock::attempt(&path).unwrap().unwrap();
        let mut command = Command::new("sleep");
        first.share(&mut command);
        let mut child = command.arg("1000").spawn().unwrap();
        // As if this process had been killed: its descriptor is closed, its file remains.
        let copy = folder.path().join("copy");
        std::fs::hard_link(&path, &copy).unwrap();
        drop(first);
        std::fs::rename(&copy, &path).unwrap();
        assert!(ExperimentLock::attempt(&path).unwrap().is_none());
        std::fs::write(&path, "0 0").unwrap();
        assert_eq!(living_owner(&path), None);
        child.kill().unwrap();
        child.wait().unwrap();
        let interrupt = Interrupt::default();
        let taken = ExperimentLock::take(&database, "id", "e", &interrupt, &mut || ());
        assert!(taken.is_ok());
    }
}
