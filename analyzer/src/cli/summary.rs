//! `energy summary`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::WhichRun;
use super::ask::{Asked, Part};
use crate::efficiency::{Factor, Price, Rates, parse_factor, parse_price, parse_region};
use crate::format::Format;
use crate::summary::{Summary, SummaryOptions};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy summary
  energy summary sky --format json | jq .totals.j_per_token
  energy summary sky --rail gpu --phase decode
  energy summary sky --price 0.30EUR/kWh --region de
  energy summary sky --co2 400g/kWh
  energy summary sky --attribution 1

With --phase, figures of all tokens are left out; with --basis, lists of nodes, kinds,
layers and components hold only what was found that way. Cost and CO2 are shown where
a price or a factor is given. Factors of regions are averages over a year.")]
pub struct SummaryArgs {
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    part: Part,
    /// What a kWh costs: 0.30/kWh, 0.30EUR/kWh
    #[arg(long, value_name = "PRICE", value_parser = parse_price)]
    price: Option<Price>,
    /// What a kWh emits: 400g/kWh
    #[arg(long, value_name = "FACTOR", value_parser = parse_factor, conflicts_with = "region")]
    co2: Option<Factor>,
    /// CO2 as in this place: de, us, world; an unknown name lists all
    #[arg(long, value_name = "NAME", value_parser = parse_region)]
    region: Option<Factor>,
}

pub(super) fn run(db: &Path, args: &SummaryArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open_figures(db, &args.asked.run)?;
    let options = SummaryOptions {
        scope: args.asked.scope(Some(&args.part)),
        rates: Rates {
            price: args.price.clone(),
            factor: args.co2.clone().or(args.region.clone()),
        },
    };
    let summary = Summary::read(&recording, run, &options)?;
    Ok(summary.write(out, args.asked.format, &super::look())?)
}

/// Prints the summary of a run for people.
pub(super) fn print(db: &Path, which: &WhichRun, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open(db, which)?;
    let summary = Summary::read(&recording, run, &SummaryOptions::default())?;
    Ok(summary.write(out, Format::Table, &super::look())?)
}
