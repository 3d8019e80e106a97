//! `energy tag`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::database::open_recording;
use super::exit::UsageError;
use crate::format::{counted, escape};
use crate::options::parse_tag;
use crate::upkeep::{TagChange, change_tag};

#[derive(Debug, Args)]
#[command(
    override_usage = "energy tag RUN... KEY[=VALUE]\n       energy tag RUN... --remove KEY",
    after_help = "Examples:
  energy tag sky keep
  energy tag 1f0c 2a7b gpu=on
  energy tag group=nightly baseline=v2
  energy tag last --remove keep

RUN is an id, an id prefix, a name, `last`, KEY=VALUE of a tag, or a group.
`energy prune` keeps runs with the tag `keep` or `baseline`."
)]
pub struct TagArgs {
    /// Runs, and the tag to set
    #[arg(value_name = "RUN... KEY[=VALUE]", required = true)]
    words: Vec<String>,
    /// Remove this tag from the runs
    #[arg(long, value_name = "KEY")]
    remove: Option<String>,
}

pub(super) fn run(db: &Path, args: &TagArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (selectors, change) = match (&args.remove, args.words.split_last()) {
        (None, Some((tag, selectors))) if !selectors.is_empty() => {
            let (key, value) = parse_tag(tag).map_err(UsageError)?;
            (selectors, TagChange::Set { key, value })
        }
        (None, _) => {
            let text = "give runs and a tag: energy tag RUN... KEY[=VALUE]; see --help";
            return Err(UsageError(text.to_owned()).into());
        }
        (Some(key), _) => {
            let key = key.clone();
            (args.words.as_slice(), TagChange::Remove { key })
        }
    };
    let recording = open_recording(db)?;
    let changed = counted(change_tag(recording, selectors, &change, db)?, "run");
    let text = match change {
        TagChange::Set { key, value } => {
            let pair = match value.is_empty() {
                true => key,
                false => format!("{key}={value}"),
            };
            format!("tagged {changed} with {}", escape(&pair))
        }
        TagChange::Remove { key } => format!("removed {} from {changed}", escape(&key)),
    };
    Ok(writeln!(out, "{text}")?)
}
