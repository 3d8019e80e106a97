//! Waits until a server is ready.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::client::HttpClient;
use super::endpoint::Endpoint;
use super::server_process::ServerProcess;
use crate::error::{Error, Result};
use crate::options::duration_text;
use crate::program::Interrupt;

/// Time between attempts.
const EVERY: Duration = Duration::from_millis(100);
/// Time limit of one attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Paths that are requested: the second one if a server does not have the first.
const PATHS: [&str; 2] = ["/health", "/v1/models"];

/// A server that is ready.
#[derive(Debug)]
pub(super) struct ReadyServer {
    pub(super) client: HttpClient,
    /// Name of the server program in the header of its answers.
    pub(super) name: Option<String>,
}

/// State of a server.
enum Readiness {
    Ready(ReadyServer),
    /// What it answered, or why it did not.
    NotYet(String),
}

/// Refuses an endpoint at which another server listens already: its answers would be measured.
///
/// # Errors
/// If a connection succeeds.
pub(super) fn refuse_taken(endpoint: &Endpoint, addresses: &[SocketAddr]) -> Result<()> {
    let connects = |address: &SocketAddr| TcpStream::connect_timeout(address, ATTEMPT).is_ok();
    match addresses.iter().any(connects) {
        true => Err(Error::Request(format!(
            "endpoint {endpoint}: a server listens there already; end it, choose another port, or \
             measure it with --watch-pid PID instead of --serve"
        ))),
        false => Ok(()),
    }
}

/// Waits until the server is ready.
///
/// # Errors
/// If it ends, is not ready in time, or a signal is received.
pub(super) fn wait(
    endpoint: &Endpoint,
    addresses: &[SocketAddr],
    limit: Duration,
    interrupt: &Interrupt,
    mut server: Option<&mut ServerProcess>,
) -> Result<ReadyServer> {
    let begin = Instant::now();
    let fault = |what: String, server: Option<&ServerProcess>| {
        let lines = server.map(ServerProcess::last_lines).unwrap_or_default();
        Error::Program {
            program: endpoint.to_string(),
            what: format!("{what}{lines}"),
        }
    };
    loop {
        if interrupt.is_received() {
            return Err(interrupt.error());
        }
        if let Some(server) = server.as_deref_mut()
            && let Some(status) = server.status()
        {
            let what = format!("the server ended ({status}) before it was ready");
            return Err(fault(what, Some(server)));
        }
        let state = match readiness(endpoint, addresses) {
            Readiness::Ready(ready) => return Ok(ready),
            Readiness::NotYet(state) => state,
        };
        if !limit.is_zero() && begin.elapsed() > limit {
            let limit = duration_text(limit);
            let what = format!(
                "the server is not ready after {limit} ({state}); increase --start-timeout"
            );
            return Err(fault(what, server.as_deref()));
        }
        interrupt.pause(EVERY);
    }
}

fn readiness(endpoint: &Endpoint, addresses: &[SocketAddr]) -> Readiness {
    let mut state = "no address".to_owned();
    for address in addresses {
        let client = HttpClient::new(endpoint, *address);
        for path in PATHS {
            let answer = match client.get(path, ATTEMPT) {
                Ok(answer) => answer,
                Err(error) => {
                    state = format!("{path}: {error}");
                    break;
                }
            };
            state = format!("{path}: status {}", answer.status);
            match answer.status {
                200..=299 => {
                    let name = answer.server;
                    return Readiness::Ready(ReadyServer { client, name });
                }
                // The server has no such path.
                404 | 405 | 501 => {}
                _ => break,
            }
        }
    }
    Readiness::NotYet(state)
}
