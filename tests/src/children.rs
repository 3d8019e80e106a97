//! Other processes: programs that record themselves, and the command `energy`.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use energy_models::tiny::{self, TinyConfig};

/// Timeout for expected events: long enough for any machine, so that only a hang fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The command `energy`, with `program` as the name of its executable.
pub fn energy(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_remove("ENERGY_DB").env("NO_COLOR", "1");
    command.stdin(Stdio::null());
    command
}

/// Returns a port of this machine at which nothing listens.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Returns `energy run` of a tiny model that is created in `folder`, with a prompt and
/// without a baseline.
pub fn energy_run(program: &str, folder: &Path) -> Command {
    energy_run_of(program, folder, "again and again")
}

/// The model that [`energy_run_of`] runs.
pub fn tiny_model() -> TinyConfig {
    TinyConfig {
        layers: 4,
        width: 256,
        hidden: 512,
        context_length: 32_768,
        ..TinyConfig::default()
    }
}

/// Returns the same command with another prompt.
pub fn energy_run_of(program: &str, folder: &Path, prompt: &str) -> Command {
    let model = folder.join("tiny.gguf");
    tiny::write_gguf(&model, &tiny_model()).expect("a model");
    let mut command = energy(program);
    command
        .args(["run", prompt, "--raw", "--baseline", "0s"])
        .args([Path::new("--model"), &model]);
    command
}

/// Starts `energy serve` and returns its process and the address that it prints:
/// `http://127.0.0.1:PORT`.
///
/// # Panics
/// If it does not start.
pub fn serve(command: &mut Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("a server");
    let mut line = String::new();
    let printed = child.stdout.take().expect("its output");
    let read = BufReader::new(printed).read_line(&mut line);
    read.expect("its address");
    let url = line.trim().trim_end_matches('/').to_owned();
    assert!(url.starts_with("http://"), "printed: {line:?}");
    (child, url)
}

/// Waits until `happened`.
///
/// # Panics
/// After two minutes, naming `what`.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal to a child that was not reaped.
pub fn send(child: &Child, signal: i32) {
    let pid = libc::pid_t::try_from(child.id()).expect("a pid");
    // SAFETY: plain system call on our own child, which is not reaped yet.
    unsafe { libc::kill(pid, signal) };
}

/// Waits for a child to end; one that hangs is killed first.
pub fn wait(child: &mut Child, what: &str) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("{what} did not end in {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
