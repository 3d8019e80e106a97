//! `energy fleet metrics`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::super::console::warn;
use super::super::serve::interrupted;
use crate::serve::{self, MetricsOptions};

/// Options of `energy fleet metrics`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy fleet metrics
  energy fleet metrics --listen 0.0.0.0:9464 --token-file token.txt

Serves /metrics and nothing else, in the format OpenMetrics. The newest 16 runs
of the database have metrics, those that are being recorded first. 256
operations have names, the others are `(other)`. Ctrl-C ends it.")]
pub struct MetricsArgs {
    /// Address and access.
    #[command(flatten)]
    pub options: MetricsOptions,
}

pub(super) fn run(db: &Path, args: &MetricsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut printed = Ok(());
    let started = |server: &serve::RunningServer| {
        server.warnings.iter().for_each(|text| warn(text));
        printed = writeln!(out, "{}metrics", server.url).and_then(|()| out.flush());
    };
    serve::serve_metrics(db.to_owned(), args.options.clone(), started, interrupted)?;
    Ok(printed?)
}
