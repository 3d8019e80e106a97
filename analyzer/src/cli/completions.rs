//! `energy completions`.

use std::io::Write;

use clap::{Args, Command};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy completions bash > ~/.local/share/bash-completion/completions/energy
  energy completions fish > ~/.config/fish/completions/energy.fish")]
pub struct CompletionsArgs {
    /// Shell to generate the script for
    #[arg(value_name = "SHELL", value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn run(
    args: &CompletionsArgs,
    mut command: Command,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "energy", &mut script);
    Ok(out.write_all(&script)?)
}
