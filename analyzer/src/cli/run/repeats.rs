//! `energy run --repeat`, with several configurations, and `--resume`.

use std::io::Write;
use std::path::Path;

use super::args::RunArgs;

pub(super) fn begin(_db: &Path, _args: &RunArgs, _out: &mut dyn Write) -> anyhow::Result<()> {
    anyhow::bail!("repeats are being rebuilt")
}

pub(super) fn resume(
    _db: &Path,
    _args: &RunArgs,
    _group: &str,
    _out: &mut dyn Write,
) -> anyhow::Result<()> {
    anyhow::bail!("repeats are being rebuilt")
}
