//! Records a service under load, and prints the CPU time that its routes really needed as JSON.
//!
//! ```text
//! route-load --concurrent 64 --workers 8 --db energy.db --name many
//! ```

#![allow(clippy::print_stdout, reason = "a program")]

use std::path::PathBuf;

use clap::Parser;
use energy_tests::route_load::{LoadOptions, run};
use tracing_energy::{EnergyLayer, RunMetadata};
use tracing_subscriber::prelude::*;

/// Records a service under load.
#[derive(Debug, Parser)]
struct Cli {
    /// The load.
    #[command(flatten)]
    load: LoadOptions,
    /// Database file
    #[arg(long, default_value = "energy.db")]
    db: PathBuf,
    /// Name of the run
    #[arg(long)]
    name: Option<String>,
    /// Do not record
    #[arg(long)]
    plain: bool,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cli = Cli::parse();
    let truth = match cli.plain {
        true => run(&cli.load)?,
        false => {
            let metadata = RunMetadata {
                name: cli.name.clone(),
                ..RunMetadata::default()
            };
            let builder = EnergyLayer::builder().database(&cli.db).metadata(metadata);
            let (layer, guard) = builder.build()?;
            tracing_subscriber::registry().with(layer).init();
            let truth = run(&cli.load)?;
            drop(guard.finish());
            truth
        }
    };
    println!("{}", serde_json::to_string(&truth)?);
    Ok(())
}
