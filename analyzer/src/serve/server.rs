//! Starts the server and ends it.

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use super::app::{app, metrics_app};
use super::browser;
use super::connections::{self, ConnectionLimits};
use super::guard::Access;
use super::live::FollowThread;
use super::options::{MetricsOptions, ServeOptions};
use super::state::{App, AppState};
use crate::error::{Error, ErrorClass, Result};
use crate::query::Recording;

/// Longest time that open requests, streams and WebSockets delay the end of the server.
const GRACE: Duration = Duration::from_secs(3);
/// Longest time that queries on blocking threads delay it.
const BLOCKED: Duration = Duration::from_secs(1);

/// A server that accepts connections.
#[derive(Debug)]
pub struct RunningServer {
    /// Address that it listens on.
    pub address: SocketAddr,
    /// URL of the dashboard on this machine.
    pub url: String,
    /// Warnings about the access to it.
    pub warnings: Vec<String>,
}

/// Serves the recording at `database` until the future that `ended` returns completes. Calls
/// `ended` first, and `started` once connections are accepted. The file need not exist yet.
///
/// # Errors
/// If the file is no recording, if the address cannot be used, or if it can be reached from other
/// machines and no token was given.
pub fn serve<F: Future<Output = ()> + Send + 'static>(
    database: PathBuf,
    options: ServeOptions,
    started: impl FnOnce(&RunningServer),
    ended: impl FnOnce() -> F,
) -> Result<()> {
    serve_app(Served::Everything, database, options, started, ended)
}

/// Serves metrics for Prometheus only, like [`serve`].
///
/// # Errors
/// As [`serve`].
pub fn serve_metrics<F: Future<Output = ()> + Send + 'static>(
    database: PathBuf,
    options: MetricsOptions,
    started: impl FnOnce(&RunningServer),
    ended: impl FnOnce() -> F,
) -> Result<()> {
    serve_app(Served::Metrics, database, options.into(), started, ended)
}

/// What a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    Everything,
    Metrics,
}

fn serve_app<F: Future<Output = ()> + Send + 'static>(
    served: Served,
    database: PathBuf,
    options: ServeOptions,
    started: impl FnOnce(&RunningServer),
    ended: impl FnOnce() -> F,
) -> Result<()> {
    let access = Access::new(&options)?;
    let database = std::path::absolute(database)?;
    check_database(&database)?;
    check_models(options.models.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let ended = ended();
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|error| not_bound(options.listen, &error))?;
        let address = listener.local_addr()?;
        let mut running = RunningServer {
            address,
            url: url(address),
            warnings: access.warnings.clone(),
        };
        running.warnings.extend(elsewhere(address, &options.hosts));
        if options.open {
            let url = format!("{}{}", running.url, access.log_in);
            running.warnings.extend(browser::open(&url).err());
        }
        let state = AppState::new(database.clone(), options, access.bound_to(address));
        let (router, follows) = match served {
            Served::Everything => (app(App::clone(&state)), true),
            Served::Metrics => (metrics_app(App::clone(&state)), false),
        };
        let follower = follows.then(|| FollowThread::start(database, Arc::clone(&state.feed)));
        let _follower = follower.transpose()?;
        started(&running);
        answer(listener, (state, router), ended).await
    });
    runtime.shutdown_timeout(BLOCKED);
    result
}

/// Answers requests until `ended` completes. Then runs that clients started are cancelled, and
/// open requests get a few seconds.
async fn answer(
    listener: TcpListener,
    (state, router): (App, Router),
    ended: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let is_ending = || {
        let mut changes = state.is_ending.subscribe();
        async move {
            // The sender is part of the state, which outlives the server.
            let _ = changes.wait_for(|is_ending| *is_ending).await;
        }
    };
    let late = is_ending();
    let limits = ConnectionLimits::of_process();
    // Open connections end with it: it is kept until runs have been cancelled.
    let mut served = pin!(connections::serve(listener, router, limits, is_ending()));
    tokio::select! {
        () = &mut served => {}
        () = async {
            ended.await;
            state.is_ending.send_replace(true);
            // Streams of live messages would never end by themselves.
            state.feed.close();
            state.generator.end().await;
            std::future::pending().await
        } => {}
        () = async {
            late.await;
            tokio::time::sleep(GRACE).await;
        } => {}
    }
    state.generator.end().await;
    Ok(())
}

/// Returns the address of the dashboard. A server on all addresses is opened as localhost.
fn url(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://localhost:{}/", address.port()),
        false => format!("http://{address}/"),
    }
}

/// Returns how other machines reach a server on all addresses.
fn elsewhere(address: SocketAddr, hosts: &[String]) -> Option<String> {
    let port = address.port();
    let text = match hosts.first() {
        Some(host) if host.contains(':') => format!("http://{host}/"),
        Some(host) => format!("http://{host}:{port}/"),
        None => format!(
            "http://ADDRESS:{port}/ with the IP address of this machine; add --host NAME so that \
             they can use its name"
        ),
    };
    let is_all = address.ip().is_unspecified();
    is_all.then(|| format!("other machines open {text}"))
}

/// Refuses a file that is no recording, and a folder that does not exist.
fn check_database(database: &Path) -> Result<()> {
    if database.exists() {
        // Does not repair the file: that may take long, and the first request does it. Whoever
        // locks the file releases it later.
        return match Recording::open(database) {
            Err(error) if error.class() != ErrorClass::Busy => Err(error),
            _ => Ok(()),
        };
    }
    match database.parent() {
        Some(folder) if !folder.is_dir() => Err(Error::Request(format!(
            "{}: the folder {} does not exist; create it, or give the database with --db FILE",
            database.display(),
            folder.display()
        ))),
        _ => Ok(()),
    }
}

fn check_models(folder: Option<&Path>) -> Result<()> {
    match folder {
        Some(folder) if !folder.is_dir() => Err(Error::Request(format!(
            "--models {}: not a folder; give one with GGUF files, or with folders of safetensors",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

fn not_bound(address: SocketAddr, error: &std::io::Error) -> Error {
    Error::Request(match error.kind() {
        ErrorKind::AddrInUse => format!(
            "cannot listen on {address}: another program, perhaps another `energy serve`, uses \
             port {}; end it, or choose another port with --listen {}:0",
            address.port(),
            match address.ip().is_ipv6() {
                true => format!("[{}]", address.ip()),
                false => address.ip().to_string(),
            }
        ),
        ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: ports below 1024 need privileges; choose a higher one \
             with --listen"
        ),
        _ => format!("cannot listen on {address}: {error}; choose another address with --listen"),
    })
}
