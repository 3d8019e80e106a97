//! Accepts connections and closes those that hold a place without using it.
//!
//! ```text
//! backlog --> place --> request head --> body --> answer --> next head ...
//!             at most    30 s            30 s     60 s without progress
//!             `most`
//! ```
//!
//! A connection that has become a WebSocket keeps its place, and only the limit of writes applies.

mod silent;
mod socket;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use self::silent::{SilentConnections, SilentPlace};
use self::socket::Socket;

/// Number of files that the server needs besides connections.
const OTHER_FILES: usize = 128;
/// Largest number of connections, however many files may be open.
const MOST: usize = 4096;
/// Time after which accepting is tried again if the system has no files left.
const RETRY: Duration = Duration::from_secs(1);

/// Limits of connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLimits {
    /// Number of connections at the same time.
    pub(super) most: usize,
    /// Time for a request head, from the end of the previous answer.
    pub(super) head: Duration,
    /// Time in which a client must accept a part of an answer.
    pub(super) stalled: Duration,
}

impl ConnectionLimits {
    /// Returns the limits of this process: fewer connections than files that it may open.
    pub(super) fn of_process() -> Self {
        Self {
            most: most_connections(open_files()),
            head: Duration::from_secs(30),
            stalled: Duration::from_secs(60),
        }
    }
}

fn most_connections(files: Option<usize>) -> usize {
    match files {
        Some(files) if files < 2 * OTHER_FILES => (files / 2).max(1),
        Some(files) => (files - OTHER_FILES).min(MOST),
        None => MOST,
    }
}

/// Returns the number of files that this process may open; `None` if that is unlimited.
#[cfg(unix)]
fn open_files() -> Option<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is valid for the duration of the call, which writes one structure.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    match result {
        0 if limit.rlim_cur != libc::RLIM_INFINITY => usize::try_from(limit.rlim_cur).ok(),
        0 => None,
        // The default of most systems.
        _ => Some(1024),
    }
}

#[cfg(not(unix))]
fn open_files() -> Option<usize> {
    None
}

/// Serves connections until `ending` completes, then waits until open requests are answered.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    ending: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.most));
    let silent = SilentConnections::default();
    let (end, ends) = watch::channel(false);
    let mut open = JoinSet::new();
    let mut ending = pin!(ending);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut ending => break,
            Some(_) = open.join_next(), if !open.is_empty() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause(&error).await;
                    continue;
                }
            },
        };
        let place = tokio::select! {
            () = &mut ending => break,
            place = place(&places, &silent) => place,
        };
        let Some(place) = place else { break };
        let connection = AcceptedConnection {
            socket: Socket::new(stream, limits.stalled, place),
            peer,
            silent: silent.enter(),
        };
        open.spawn(connection.serve(router.clone(), limits, ends.clone()));
    }
    // Further clients are refused instead of waiting.
    drop(listener);
    let _ = end.send(true);
    while open.join_next().await.is_some() {}
}

/// Waits before the next attempt, unless the error concerns one client only.
async fn pause(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    let kinds = [
        ConnectionAborted,
        ConnectionRefused,
        ConnectionReset,
        Interrupted,
    ];
    if !kinds.contains(&error.kind()) {
        tokio::time::sleep(RETRY).await;
    }
}

/// Waits for a place. If there is none, the connection that has waited longest with its first
/// request is closed.
async fn place(
    places: &Arc<Semaphore>,
    silent: &SilentConnections,
) -> Option<OwnedSemaphorePermit> {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return Some(place);
    }
    silent.close_oldest();
    Arc::clone(places).acquire_owned().await.ok()
}

/// An accepted connection.
struct AcceptedConnection {
    socket: Socket<TcpStream>,
    peer: SocketAddr,
    silent: SilentPlace,
}

impl AcceptedConnection {
    async fn serve(
        self,
        router: Router,
        limits: ConnectionLimits,
        mut ends: watch::Receiver<bool>,
    ) {
        let Self {
            socket,
            peer,
            silent,
        } = self;
        let closed = silent.closed();
        let service = TowerToHyperService::new(router);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            silent.leave();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            service.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Also the longest time between two requests.
            .header_read_timeout(limits.head)
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut is_ending = false;
        loop {
            tokio::select! {
                // An error concerns this client only, and nobody reads it.
                _ = connection.as_mut() => return,
                () = closed.notified() => return,
                _ = ends.wait_for(|ends| *ends), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
