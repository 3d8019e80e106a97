//! Reads recordings in tables.
//!
//! The header determines the columns and their units; one of
//!
//! ```text
//! t_start_ns,t_end_ns,rail,energy_mj
//! interval_start_s,interval_end_s,rail,power_w
//! timestamp_s,rail,power_w        holds until the rail's next row, but no
//!                                 longer than the median distance of its rows
//! ```
//!
//! in any order; other columns are ignored. An empty value is unknown. For the accepted
//! dialects see [`crate::table`].

use std::io::Read;

use super::points::{self, TimedPoint};
use super::recorded::{Origin, RecordedSample, count, notice};
use super::strays::main_group;
use super::times::nanos;
use super::{Recording, names};
use crate::rail::{Notice, Rail, Sample};
use crate::table::{self, Table, TableRow};
use energy_data::units::{Energy, Nanos, Power};

/// The accepted headers, for messages.
const HEADERS: &str = "`t_start_ns,t_end_ns,rail,energy_mj`, \
    `interval_start_s,interval_end_s,rail,power_w` or `timestamp_s,rail,power_w`";

/// The quantity of a table's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    /// Energies in mJ of intervals whose ends are in ns.
    Energy,
    /// Powers in W, times in s.
    Power,
}

/// The indices of the columns.
#[derive(Debug, Clone, Copy)]
struct CsvLayout {
    quantity: Quantity,
    start: usize,
    /// `None` if values are for points in time.
    end: Option<usize>,
    rail: usize,
    value: usize,
}

impl CsvLayout {
    fn of(header: &[&str]) -> Result<Self, String> {
        if header.is_empty() {
            return Err(format!("a header is needed: {HEADERS}"));
        }
        let at = |name| table::column(header, name);
        let unknown = || {
            let header = table::excerpt(header);
            format!("the header `{header}` is none of {HEADERS}")
        };
        let rail = at("rail")?.ok_or_else(unknown)?;
        let energies = (at("t_start_ns")?, at("t_end_ns")?, at("energy_mj")?);
        if let (Some(start), end @ Some(_), Some(value)) = energies {
            let quantity = Quantity::Energy;
            return Ok(Self {
                quantity,
                start,
                end,
                rail,
                value,
            });
        }
        let value = at("power_w")?.ok_or_else(unknown)?;
        let interval = at("interval_start_s")?.zip(at("interval_end_s")?);
        let (start, end) = match (interval, at("timestamp_s")?) {
            (Some((start, end)), _) => (start, Some(end)),
            (None, Some(time)) => (time, None),
            (None, None) => return Err(unknown()),
        };
        Ok(Self {
            quantity: Quantity::Power,
            start,
            end,
            rail,
            value,
        })
    }

    const fn unit(self) -> &'static str {
        match self.quantity {
            Quantity::Energy => "mJ",
            Quantity::Power => "W",
        }
    }

    /// Parses the times and the value of a row.
    fn reading(self, row: &TableRow<'_>, rails: &mut Vec<String>) -> Result<TableReading, String> {
        let scale = match self.quantity {
            Quantity::Energy => 0,
            Quantity::Power => 9,
        };
        let time = |at| nanos(&row.number(at)?, scale);
        let start = time(self.start)?;
        let end = self.end.map(time).transpose()?;
        if end.is_some_and(|end| end < start) {
            return Err("the interval ends before it starts".to_owned());
        }
        let rail = row.field(self.rail)?;
        if rail.is_empty() {
            return Err("the rail has no name".to_owned());
        }
        let value = quantity(&row.number(self.value)?)?;
        let known = rails.iter().position(|known| known == rail);
        let rail = known.unwrap_or_else(|| {
            rails.push(rail.to_owned());
            rails.len() - 1
        });
        Ok(TableReading {
            rail,
            start,
            end,
            value,
            line: row.line,
        })
    }
}

/// One parsed row.
#[derive(Debug, Clone, Copy)]
struct TableReading {
    rail: usize,
    start: Nanos,
    /// `None` for a value at one point in time.
    end: Option<Nanos>,
    value: Option<f64>,
    line: u64,
}

impl TableReading {
    fn point(&self) -> TimedPoint {
        TimedPoint {
            rail: self.rail,
            time: self.start,
            value: self.value,
            line: self.line,
        }
    }

    fn sample(&self, quantity: Quantity) -> RecordedSample {
        let end = self.end.unwrap_or(self.start);
        let energy = self.value.map(|value| match quantity {
            Quantity::Energy => Energy::from_millijoules(value),
            Quantity::Power => Power::from_watts(value) * (end - self.start),
        });
        let sample = Sample {
            rail: self.rail,
            start: self.start,
            end,
            energy,
        };
        let place = self.line;
        RecordedSample { sample, place }
    }
}

/// Reads a table.
///
/// # Errors
/// A message with the line number.
pub(super) fn read(input: impl Read) -> Result<Recording, String> {
    let (mut table, layout) = Table::open(input, CsvLayout::of)?;
    let mut names: Vec<String> = Vec::new();
    let mut readings = Vec::new();
    table.read(|row| {
        readings.push(layout.reading(row, &mut names)?);
        Ok(())
    })?;
    let left_out = table.left_out();
    let mut notices: Vec<Notice> = left_out
        .map(|(kind, count, what)| notice(kind, format!("recording: {count} {what}")))
        .collect();
    drop_strays(&mut readings, &mut notices);
    let rails = names::rails(&names, layout.unit());
    let found = samples(layout, &readings, &rails, &mut notices)?;
    let mut recording = Recording::new(rails, found, "line", notices)?;
    recording.counts_from_1970();
    Ok(recording)
}

fn samples(
    layout: CsvLayout,
    readings: &[TableReading],
    rails: &[Rail],
    notices: &mut Vec<Notice>,
) -> Result<Vec<RecordedSample>, String> {
    if layout.end.is_some() {
        let sample = |reading: &TableReading| reading.sample(layout.quantity);
        return Ok(readings.iter().map(sample).collect());
    }
    let origin = Origin {
        rails,
        word: "line",
    };
    let points = readings.iter().map(TableReading::point).collect();
    points::held(points, origin, notices)
}

/// Drops readings from before the recorder's clock was set.
fn drop_strays(readings: &mut Vec<TableReading>, notices: &mut Vec<Notice>) {
    let starts = readings.iter().map(|reading| reading.start.nanos());
    let Some((first, last)) = main_group(starts) else {
        return;
    };
    let is_stray = |reading: &TableReading| !(first..=last).contains(&reading.start.nanos());
    let line = readings
        .iter()
        .find(|one| is_stray(one))
        .map_or(0, |one| one.line);
    let all = readings.len();
    readings.retain(|reading| !is_stray(reading));
    let what = format!(
        "are half a year or more from all others and were dropped: their clock was not set (first: \
         line {line})"
    );
    count(notices, "stray_time", all - readings.len(), &what);
}

fn quantity(text: &str) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(format!(
            "{text:?} is not an energy or power: it must be a number"
        )),
    }
}
