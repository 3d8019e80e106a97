//! Starts the server and ends it.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::app::app;
use super::options::ServeOptions;
use super::state::AppState;
use crate::error::{Error, Result};

/// A server that accepts connections.
#[derive(Debug)]
pub struct RunningServer {
    /// Address that it listens on.
    pub address: SocketAddr,
}

/// Serves the recording at `database` until `ended` completes. Calls `started` once connections are
/// accepted.
///
/// # Errors
/// If the address cannot be used.
pub fn serve(
    database: PathBuf,
    options: ServeOptions,
    started: impl FnOnce(&RunningServer),
    ended: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|error| not_bound(options.listen, &error))?;
        let running = RunningServer {
            address: listener.local_addr()?,
        };
        let state = AppState::new(database, options);
        let feed = Arc::clone(&state.feed);
        started(&running);
        axum::serve(listener, app(state))
            .with_graceful_shutdown(async move {
                ended.await;
                // Streams of live messages would never end by themselves.
                feed.close();
            })
            .await?;
        Ok(())
    })
}

fn not_bound(address: SocketAddr, error: &std::io::Error) -> Error {
    Error::Request(format!(
        "cannot listen on {address}: {error}; choose another address with --listen"
    ))
}
