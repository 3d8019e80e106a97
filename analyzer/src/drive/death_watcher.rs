//! Ends a server if this process is killed: no destructor runs then.
//!
//! ```text
//! energy drive   |=== holds one end of a pipe ===x  killed
//! watcher        |--- reads the other end -------|  end of file: SIGTERM to the server's group,
//!                                                   SIGKILL if it has members after 5 s
//! ```

use std::process::{Child, Command, Stdio};

/// Shell commands of the watcher; its argument is the id of the process group.
const SCRIPT: &str = "read line
kill -s TERM -- \"-$1\"
for second in 1 2 3 4 5; do
    sleep 1
    kill -s 0 -- \"-$1\" || exit 0
done
kill -s KILL -- \"-$1\"";

/// A process that waits for the end of this one. It is ended when this value is dropped.
#[derive(Debug)]
pub(super) struct DeathWatcher(Option<Child>);

impl DeathWatcher {
    /// Starts a watcher for the process group of a child. Without one, or on systems without process
    /// groups, the server of a killed process stays.
    pub(super) fn of(server: &Child) -> Self {
        if cfg!(not(unix)) {
            return Self(None);
        }
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "sh", &server.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Signals of the terminal end this process in order, which ends the watcher.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Self(command.spawn().ok())
    }

    /// Ends the watcher before it can signal.
    pub(super) fn end(&mut self) {
        if let Some(mut watcher) = self.0.take() {
            let _ = watcher.kill();
            let _ = watcher.wait();
        }
    }
}

impl Drop for DeathWatcher {
    fn drop(&mut self) {
        self.end();
    }
}
