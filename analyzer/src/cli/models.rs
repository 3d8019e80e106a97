//! `energy models`.

use std::io::Write;

use clap::Args;

use super::console::style;
use super::exit::UsageError;
use super::progress::Progress;
use crate::models::{ModelsOptions, models};
use crate::options::OutputFormat;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy models
  energy models --models ~/models --format json")]
pub struct ModelsArgs {
    /// Folders to list.
    #[command(flatten)]
    options: ModelsOptions,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(args: &ModelsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(folder) = args
        .options
        .models
        .as_ref()
        .filter(|folder| !folder.is_dir())
    {
        let text = format!(
            "--models {}: not a folder; give one with GGUF files, or with folders of safetensors",
            folder.display()
        );
        return Err(UsageError(text).into());
    }
    let progress = Progress::new("reading models");
    let answer = models(&args.options);
    drop(progress);
    Ok(answer.write(out, args.output.format(), &style())?)
}
