//! `energy summary`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::RunSelector;
use super::views::{CommonArgs, SpanFilter};
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

With --phase, values of all tokens are omitted. With --basis, the lists of call paths,
operations, layers and components only contain rows with that basis. Cost and CO2 are
shown if a price or a factor is given. Factors of regions are yearly averages.")]
pub struct SummaryArgs {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    filter: SpanFilter,
    /// Price of electricity: 0.30/kWh, 0.30EUR/kWh
    #[arg(long, value_name = "PRICE", value_parser = parse_price)]
    price: Option<Price>,
    /// Emission factor of electricity: 400g/kWh
    #[arg(long, value_name = "FACTOR", value_parser = parse_factor, conflicts_with = "region")]
    co2: Option<Factor>,
    /// Region whose emission factor is used: de, us, world, ... (an unknown name lists all)
    #[arg(long, value_name = "NAME", value_parser = parse_region)]
    region: Option<Factor>,
}

pub(super) fn run(db: &Path, args: &SummaryArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open_attributed(db, &args.common.run)?;
    let options = SummaryOptions {
        scope: args.common.scope(Some(&args.filter)),
        rates: Rates {
            price: args.price.clone(),
            factor: args.co2.clone().or(args.region.clone()),
        },
    };
    let summary = Summary::read(&recording, run, &options)?;
    Ok(summary.write(out, args.common.format, &super::style())?)
}

/// Prints the summary of a run as a table.
pub(super) fn print(db: &Path, run: &RunSelector, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, run) = super::open(db, run)?;
    let summary = Summary::read(&recording, run, &SummaryOptions::default())?;
    Ok(summary.write(out, Format::Table, &super::style())?)
}
