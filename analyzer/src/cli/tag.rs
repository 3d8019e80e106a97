//! `energy tag`.

use std::io::Write;
use std::path::Path;

use clap::Args;
use tracing_energy::store::Store;

use super::Usage;
use crate::format::{counted, escape};
use crate::options::parse_tag;
use crate::upkeep::several;

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
    let (selectors, tag) = match (&args.remove, args.words.split_last()) {
        (None, Some((tag, selectors))) if !selectors.is_empty() => {
            (selectors, Some(parse_tag(tag).map_err(Usage)?))
        }
        (None, _) => {
            let text = "give runs and a tag: energy tag RUN... KEY[=VALUE]; see --help";
            return Err(Usage(text.to_owned()).into());
        }
        (Some(_), _) => (args.words.as_slice(), None),
    };
    let recording = super::open_recording(db)?;
    let runs: Vec<i64> = several(&recording, selectors)?
        .iter()
        .map(|run| run.no)
        .collect();
    drop(recording);
    let store = Store::open_writable(db)?;
    let change = match (tag, &args.remove) {
        (Some((key, value)), _) => {
            store.set_tag(&runs, &key, &value)?;
            let pair = if value.is_empty() {
                key
            } else {
                format!("{key}={value}")
            };
            format!(
                "tagged {} with {}",
                counted(runs.len(), "run"),
                escape(&pair)
            )
        }
        (None, key) => {
            let key = key.as_deref().unwrap_or_default();
            let had = store.remove_tag(&runs, key)?;
            format!("removed {} from {}", escape(key), counted(had, "run"))
        }
    };
    Ok(writeln!(out, "{change}")?)
}
