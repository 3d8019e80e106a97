//! `energy serve`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::console::warn;
use crate::serve::{self, ServeOptions};

/// Options of `energy serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy serve --open
  energy serve --db ci.db --listen 127.0.0.1:9000
  energy serve --listen 0.0.0.0:8077 --token-file token.txt

The address is printed once the server accepts connections. Ctrl-C ends it. The
database may be a file that does not exist yet.")]
pub struct ServeArgs {
    /// Address, access and power.
    #[command(flatten)]
    pub options: ServeOptions,
}

pub(super) fn run(db: &Path, args: &ServeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut printed = Ok(());
    let started = |server: &serve::RunningServer| {
        server.warnings.iter().for_each(|text| warn(text));
        printed = writeln!(out, "{}", server.url).and_then(|()| out.flush());
    };
    serve::serve(db.to_owned(), args.options.clone(), started, interrupted)?;
    Ok(printed?)
}

/// Handles signals from now on, and returns what completes when the user or the system ends the
/// server.
#[cfg(unix)]
pub(super) fn interrupted() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async move {
        // Without handlers the signals end the process.
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// Completes when the user ends the server.
#[cfg(not(unix))]
pub(super) async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
