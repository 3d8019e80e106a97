//! Programs of others that tests start, if they are installed.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A process that ends with the test.
pub struct Started(Child);

impl Started {
    /// Starts a program. Its output is written to files in `folder`.
    pub fn program(program: &Path, arguments: &[&str], folder: &Path) -> Self {
        let name = program.file_name().unwrap().to_string_lossy();
        let log = std::fs::File::create(folder.join(format!("{name}.log"))).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(child.unwrap_or_else(|error| panic!("{}: {error}", program.display())))
    }

    /// Returns whether it has not ended.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the collector, or reports that it is not installed.
pub fn collector() -> Option<PathBuf> {
    named("OTEL_COLLECTOR", "rotel")
}

/// Returns a program of Prometheus, or reports that it is not installed.
pub fn prometheus(program: &str) -> Option<PathBuf> {
    named("PROMETHEUS", program)
}

/// Returns the file or the file in the folder that a variable names, or the program in `PATH`.
fn named(variable: &str, program: &str) -> Option<PathBuf> {
    let given = std::env::var_os(variable).map(PathBuf::from);
    let given = given.map(|path| match path.is_dir() {
        true => path.join(program),
        false => path,
    });
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&folders).map(|folder| folder.join(program));
    let found = given.into_iter().chain(in_path).find(|path| path.is_file());
    if found.is_none() {
        eprintln!(
            "SKIPPED: {program} is not installed; run analyzer/tests/telemetry/install FOLDER and \
             set {variable}"
        );
    }
    found
}

/// Returns a port that no program uses now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
