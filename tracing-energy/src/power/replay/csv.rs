//! Recordings as tables.
//!
//! The header alone says what the columns are and in which unit; one of
//!
//! ```text
//! t_start_ns,t_end_ns,rail,energy_mj
//! interval_start_s,interval_end_s,rail,power_w
//! timestamp_s,rail,power_w        holds up to the rail's next row, but no
//!                                 longer than the median distance of its rows
//! ```
//!
//! in any order, other columns beside them. An empty value is "not known".

use std::io::BufRead;

use super::Recording;
use super::names;
use crate::power::{Notice, Rail, Sample};
use crate::units::{Energy, Nanos, Power};

/// The headers, for the message that refuses another one.
const HEADERS: &str = "`t_start_ns,t_end_ns,rail,energy_mj`, \
    `interval_start_s,interval_end_s,rail,power_w` or `timestamp_s,rail,power_w`";

/// What the columns mean and where they stand.
enum Layout {
    Energy {
        start: usize,
        end: usize,
        rail: usize,
        value: usize,
    },
    Power {
        start: usize,
        end: usize,
        rail: usize,
        value: usize,
    },
    Point {
        time: usize,
        rail: usize,
        value: usize,
    },
}

impl Layout {
    fn of(header: &str) -> Option<Self> {
        let names: Vec<_> = fields(header.trim_start_matches('\u{feff}')).collect();
        let at = |name: &str| names.iter().position(|column| *column == name);
        let rail = at("rail")?;
        if let (Some(start), Some(end), Some(value)) =
            (at("t_start_ns"), at("t_end_ns"), at("energy_mj"))
        {
            return Some(Self::Energy {
                start,
                end,
                rail,
                value,
            });
        }
        let value = at("power_w")?;
        match (
            at("interval_start_s"),
            at("interval_end_s"),
            at("timestamp_s"),
        ) {
            (Some(start), Some(end), _) => Some(Self::Power {
                start,
                end,
                rail,
                value,
            }),
            (_, _, Some(time)) => Some(Self::Point { time, rail, value }),
            _ => None,
        }
    }

    /// Times and energy or power of a row. A point has no end yet.
    fn row(&self, columns: &[&str]) -> Result<Row, String> {
        let column = |index: usize| columns.get(index).copied().ok_or("a column is missing");
        let (start, end, rail, value, scale) = match *self {
            Self::Energy {
                start,
                end,
                rail,
                value,
            } => (start, Some(end), rail, value, 0),
            Self::Power {
                start,
                end,
                rail,
                value,
            } => (start, Some(end), rail, value, 9),
            Self::Point { time, rail, value } => (time, None, rail, value, 9),
        };
        Ok(Row {
            start: nanos(column(start)?, scale)?,
            end: end.map(|end| nanos(column(end)?, scale)).transpose()?,
            rail: column(rail)?.to_owned(),
            value: quantity(column(value)?)?,
        })
    }
}

struct Row {
    start: Nanos,
    end: Option<Nanos>,
    rail: String,
    value: Option<f64>,
}

/// Reads a table.
///
/// # Errors
/// A message with the line's number.
pub(super) fn read(input: impl BufRead) -> Result<Recording, String> {
    let mut lines = input.lines().enumerate();
    let header = match lines.next() {
        Some((_, line)) => line.map_err(|error| error.to_string())?,
        None => return Err(format!("it is empty; a header is needed: {HEADERS}")),
    };
    let layout = Layout::of(&header).ok_or_else(|| {
        let header: String = header.chars().take(200).collect();
        format!("the header `{header}` is none of {HEADERS}")
    })?;
    let mut rails: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for (index, line) in lines {
        let number = index + 1;
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let columns: Vec<_> = fields(&line).collect();
        let row = layout
            .row(&columns)
            .map_err(|why| format!("line {number}: {why}"))?;
        let known = rails.iter().position(|rail| *rail == row.rail);
        let rail = known.unwrap_or_else(|| {
            rails.push(row.rail.clone());
            rails.len() - 1
        });
        rows.push((rail, row));
    }
    let unit = match layout {
        Layout::Energy { .. } => "mJ",
        _ => "W",
    };
    let is_point = matches!(layout, Layout::Point { .. });
    let samples = samples(&layout, rows, rails.len());
    let gaps = if is_point { gaps(&samples) } else { 0 };
    let mut recording = Recording::new(described(&rails, unit), samples);
    recording.counts_from_1970();
    if gaps > 0 {
        recording.notices.push(Notice {
            time: Nanos::ZERO,
            kind: "gap",
            message: format!(
                "recording: {gaps} values are followed by a gap; they hold for the usual \
                 distance of values, and what came after is missing"
            ),
        });
    }
    Ok(recording)
}

/// Samples after which nothing is known for a while.
fn gaps(samples: &[Sample]) -> usize {
    let pairs = samples.windows(2);
    pairs
        .filter(|pair| pair[0].rail == pair[1].rail && pair[0].end < pair[1].start)
        .count()
}

fn described(rails: &[String], unit: &'static str) -> Vec<Rail> {
    names::tree(rails, unit)
}

fn samples(layout: &Layout, rows: Vec<(usize, Row)>, rails: usize) -> Vec<Sample> {
    match layout {
        Layout::Point { .. } => (0..rails).flat_map(|rail| held(&rows, rail)).collect(),
        Layout::Energy { .. } => lasting(rows, |value, _| Energy::from_millijoules(value)),
        Layout::Power { .. } => lasting(rows, |value, time| Power::from_watts(value) * time),
    }
}

fn lasting(rows: Vec<(usize, Row)>, energy: impl Fn(f64, Nanos) -> Energy) -> Vec<Sample> {
    let sample = |(rail, row): (usize, Row)| {
        let end = row.end.unwrap_or(row.start);
        Sample {
            rail,
            start: row.start,
            end,
            energy: row.value.map(|value| energy(value, end - row.start)),
        }
    };
    rows.into_iter().map(sample).collect()
}

/// Points of a rail, each held to the next one or for the median distance.
fn held(rows: &[(usize, Row)], rail: usize) -> Vec<Sample> {
    let own = rows.iter().filter(|(of, _)| *of == rail);
    let mut points: Vec<(Nanos, Option<f64>)> =
        own.map(|(_, row)| (row.start, row.value)).collect();
    points.sort_by_key(|point| point.0);
    points.dedup();
    let mut distances: Vec<Nanos> = points
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .collect();
    let nexts: Vec<Nanos> = distances.clone();
    distances.sort();
    let median = distances
        .get(distances.len() / 2)
        .copied()
        .unwrap_or_default();
    let sample = |(index, &(start, watts)): (usize, &(Nanos, Option<f64>))| {
        let length = nexts.get(index).map_or(median, |&next| next.min(median));
        Sample {
            rail,
            start,
            end: start + length,
            energy: watts.map(|watts| Power::from_watts(watts) * length),
        }
    };
    points.iter().enumerate().map(sample).collect()
}

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',')
        .map(|field| field.trim().trim_matches('"').trim())
}

fn quantity(text: &str) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(Some(value)),
        _ => Err(format!(
            "{text:?} is no energy or power: it must be a number from 0 up"
        )),
    }
}

/// A decimal number times 10^`scale`, exactly: seconds since 1970 as a floating
/// point number would be off by 200 ns.
fn nanos(text: &str, scale: usize) -> Result<Nanos, String> {
    let wrong = || format!("{text:?} is no time");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return Err(wrong());
    }
    let fraction: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(scale)
        .collect();
    let value: i64 = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
    // A quarter of the range, so that no sum or difference overflows.
    if value > i64::MAX / 4 {
        return Err(wrong());
    }
    Ok(Nanos::from_nanos(if negative { -value } else { value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        let exact = |text, scale| nanos(text, scale).map(Nanos::nanos);
        assert_eq!(
            exact("1784491122.7544994", 9),
            Ok(1_784_491_122_754_499_400)
        );
        assert_eq!(exact("-0.5", 9), Ok(-500_000_000));
        assert_eq!(exact("12", 0), Ok(12));
        assert_eq!(exact("12.9", 0), Ok(12));
        for wrong in [
            "",
            ".",
            "1e9",
            "nan",
            "1.2.3",
            "99999999999999999999",
            "5000000000000000000",
        ] {
            assert!(exact(wrong, 9).is_err(), "{wrong}");
        }
    }
}
