//! Starts `energy serve` and sends requests.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use ureq::Agent;
use ureq::http::Response;

use super::fixture;

/// Views of a run that are JSON, as paths below that of the run.
pub const JSON_VIEWS: [&str; 13] = [
    "",
    "/head",
    "/summary",
    "/pipeline",
    "/timeline",
    "/tokens",
    "/layers",
    "/balance",
    "/hot",
    "/ops",
    "/power",
    "/text",
    "/charts",
];
/// Views of a run in other formats.
pub const OTHER_VIEWS: [&str; 3] = ["/flamegraph", "/report", "/cells"];

/// A server process; killed when it is dropped.
pub struct Served {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    agent: Agent,
}

/// An answer: status, headers, body.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Serves the measured recording of the fixture with more arguments; returns its folder, too.
pub fn serve_measured(more: &[&str]) -> (TempDir, Served) {
    let folder = tempfile::tempdir().unwrap();
    let server = Served::start(&fixture::recording(folder.path(), "measured"), more);
    (folder, server)
}

impl Served {
    /// Serves `database` on a free port, with more arguments.
    pub fn start(database: &Path, more: &[&str]) -> Self {
        Self::start_with(database, more, &[])
    }

    /// Serves `database` with more arguments and environment variables.
    pub fn start_with(database: &Path, more: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_energy"));
        command.envs(variables.iter().copied());
        Self::of(command, database, more)
    }

    /// Serves `database` in a process that may open at most `files` files.
    #[cfg(unix)]
    pub fn start_with_files(database: &Path, files: libc::rlim_t) -> Self {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(env!("CARGO_BIN_EXE_energy"));
        let limit = libc::rlimit {
            rlim_cur: files,
            rlim_max: files,
        };
        // SAFETY: the pointer is valid for the duration of the call.
        let set = move || match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        };
        // SAFETY: between fork and exec it makes a plain system call only.
        unsafe { command.pre_exec(set) };
        Self::of(command, database, &[])
    }

    fn of(mut command: Command, database: &Path, more: &[&str]) -> Self {
        let mut child = command
            .arg("--db")
            .arg(database)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(more)
            .env_remove("ENERGY_DB")
            .env_remove("ENERGY_TOKEN")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        printed.read_line(&mut line).unwrap();
        let url = line.trim().trim_end_matches('/').to_owned();
        assert!(url.starts_with("http://"), "printed: {line:?}");
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .proxy(None)
            .build()
            .into();
        Self { child, url, agent }
    }

    /// Sends a GET request.
    pub fn get(&self, path: &str) -> Answered {
        self.get_with(path, &[])
    }

    /// Sends a GET request with headers.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answered {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answered::read(request.call().unwrap())
    }

    /// Sends a POST request with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Answered {
        let request = self.agent.post(format!("{}{path}", self.url));
        Answered::read(request.send_json(body).unwrap())
    }

    /// Sends a DELETE request with a JSON body.
    pub fn delete(&self, path: &str, body: &Value) -> Answered {
        let request = self.agent.delete(format!("{}{path}", self.url));
        Answered::read(request.force_send_body().send_json(body).unwrap())
    }

    /// Sends a request of any method, with a body of any type.
    pub fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answered {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("content-type", kind)
            .body(body.to_vec())
            .unwrap();
        let agent = self.agent.configure_request(request);
        let request = agent.allow_non_standard_methods(true).build();
        Answered::read(self.agent.run(request).unwrap())
    }

    /// Returns the JSON answer of a GET request that must succeed.
    pub fn json(&self, path: &str) -> Value {
        let answered = self.get(path);
        assert_eq!(answered.status, 200, "{path}: {}", answered.text());
        answered.json()
    }

    /// Sends a signal and waits for the end of the server.
    #[cfg(unix)]
    pub fn end(&mut self, signal: i32) -> std::process::ExitStatus {
        let pid = libc::pid_t::try_from(self.pid()).unwrap();
        // SAFETY: a plain system call on our own child, which is not reaped yet.
        unsafe { libc::kill(pid, signal) };
        until("the end of the server", || {
            self.child.try_wait().unwrap().is_some()
        });
        self.child.wait().unwrap()
    }

    /// Returns the id of the server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

/// Waits until `happened`.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !happened() {
        let limit = Duration::from_secs(120);
        assert!(begin.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A server that ends in order also ends the run that it generates.
        #[cfg(unix)]
        if let Ok(pid) = libc::pid_t::try_from(self.child.id()) {
            let begin = std::time::Instant::now();
            while begin.elapsed() < Duration::from_secs(40)
                && matches!(self.child.try_wait(), Ok(None))
            {
                // SAFETY: a plain system call on our own child, which is not reaped yet.
                unsafe { libc::kill(pid, libc::SIGTERM) };
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answered {
    fn read(mut response: Response<ureq::Body>) -> Self {
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Self {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body: response
                .body_mut()
                .with_config()
                .limit(1 << 30)
                .read_to_vec()
                .unwrap(),
        }
    }

    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Asserts that the answer is a problem with this status, and returns its detail.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["status"], status);
        problem["detail"].as_str().unwrap().to_owned()
    }
}
