//! `energy fleet forget`.

use std::io::Write;
use std::path::Path;

use clap::Args;
use energy_fleet::destination::destination;
use energy_store::Store;
use serde_json::json;

use super::result::write_result;
use crate::Error;
use crate::format::{Answer, escape};
use crate::options::OutputFormat;

/// Options of `energy fleet forget`.
#[derive(Debug, Args)]
pub struct FleetForgetArgs {
    /// Folder or URL, as `energy fleet push` was given it
    #[arg(value_name = "DEST")]
    destination: String,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(db: &Path, args: &FleetForgetArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if !db.exists() {
        return Err(Error::NoRecording(db.to_owned()).into());
    }
    // A folder that is gone, or a build without object stores, is no reason to keep it.
    let root = destination(&args.destination).map(|found| found.root().to_owned());
    let root = root.unwrap_or_else(|_| args.destination.clone());
    let store = Store::open_writable(db)?;
    if !store.forget_destination(&root)? {
        let known: Vec<String> = store
            .destinations()?
            .into_iter()
            .map(|one| one.root)
            .collect();
        return Err(Error::Unknown {
            what: "destination",
            name: escape(&root),
            known: match known.is_empty() {
                true => "(none: nothing was pushed)".to_owned(),
                false => escape(&known.join(", ")),
            },
        }
        .into());
    }
    let sentence = format!("{} expects no more runs; its objects stay", escape(&root));
    let result = Answer::new("fleet forget", "").with("root", json!(root));
    write_result(out, args.output.format(), sentence, result)
}
