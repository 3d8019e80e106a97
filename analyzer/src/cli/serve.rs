//! `energy serve`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use crate::serve::{self, ServeOptions};

/// Options of `energy serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy serve --open
  energy serve --db ci.db --listen 127.0.0.1:9000
  energy serve --listen 0.0.0.0:8077 --token-file token.txt

The address is printed once the server accepts connections. Ctrl-C ends it.")]
pub struct ServeArgs {
    /// Address, access and power.
    #[command(flatten)]
    pub options: ServeOptions,
}

pub(super) fn run(db: &Path, args: &ServeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut printed = Ok(());
    let started = |server: &serve::RunningServer| {
        printed = writeln!(out, "http://{}/", server.address).and_then(|()| out.flush());
    };
    serve::serve(db.to_owned(), args.options.clone(), started, async {
        let _ = tokio::signal::ctrl_c().await;
    })?;
    Ok(printed?)
}
