//! `energy man`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy man | man -l -
  energy man --dir ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Folder to write a page for each command to, created if missing [default: print the main
    /// page]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs, command: Command, out: &mut dyn Write) -> anyhow::Result<()> {
    let Some(folder) = &args.dir else {
        let command = command.disable_help_subcommand(true);
        return Ok(clap_mangen::Man::new(command).render(&mut &mut *out)?);
    };
    let named = || folder.display().to_string();
    std::fs::create_dir_all(folder).with_context(named)?;
    clap_mangen::generate_to(command, folder).with_context(named)?;
    let _ = writeln!(std::io::stderr(), "wrote man pages to {}", named());
    Ok(())
}
