//! Recordings as CSV. Units come from the header only.

use super::{Recorded, Recording};
use crate::power::{Rail, RailKind};
use crate::units::{Energy, Nanos, Power};

const HEADERS: [[&str; 4]; 3] = [
    ["t_start_ns", "t_end_ns", "rail", "energy_mj"],
    ["interval_start_s", "interval_end_s", "rail", "power_w"],
    ["timestamp_s", "", "rail", "power_w"],
];

/// Where the columns of one header stand.
struct Columns {
    header: usize,
    at: [usize; 4],
}

impl Columns {
    fn find(header: &str) -> Result<Self, String> {
        let names: Vec<&str> = header.split(',').map(str::trim).collect();
        let place = |wanted: &str| match wanted {
            "" => Some(usize::MAX),
            _ => names.iter().position(|name| *name == wanted),
        };
        for (header, wanted) in HEADERS.iter().enumerate() {
            let places: Vec<usize> = wanted.iter().filter_map(|name| place(name)).collect();
            if let Ok(at) = places.try_into() {
                return Ok(Self { header, at });
            }
        }
        let known = HEADERS.map(|names| names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(","));
        Err(format!("the header is '{header}'; give it one of: {}", known.join(" | ")))
    }
}

/// Reads a recording.
pub(super) fn read(bytes: &[u8]) -> Result<Recording, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("is no text: {error}"))?;
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, header) = lines.next().ok_or("is empty")?;
    let columns = Columns::find(header)?;
    let mut recording = Recording::default();
    for (index, line) in lines {
        let sample = row(&columns, line, &mut recording).map_err(|why| format!("line {}: {why}", index + 1))?;
        recording.samples.push(sample);
    }
    if columns.header == 2 {
        hold(&mut recording);
    }
    Ok(recording)
}

fn row(columns: &Columns, line: &str, recording: &mut Recording) -> Result<Recorded, String> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let cell = |column: usize| {
        let at = columns.at[column];
        cells.get(at).copied().ok_or_else(|| format!("has {} columns, wants {}", cells.len(), at + 1))
    };
    let name = cell(2)?;
    let rail = recording.rail(rail(name));
    let value = number(cell(3)?)?;
    if value < 0.0 {
        return Err(format!("'{value}' is negative: energy and power cannot be"));
    }
    let (start, end) = match columns.header {
        0 => (nanos(cell(0)?)?, nanos(cell(1)?)?),
        1 => (Nanos::from_seconds(number(cell(0)?)?), Nanos::from_seconds(number(cell(1)?)?)),
        _ => {
            let time = Nanos::from_seconds(number(cell(0)?)?);
            (time, time)
        }
    };
    let energy = match columns.header {
        0 => Energy::from_millijoules(value),
        1 => Power::from_watts(value) * (end - start),
        // Power for now: how long it holds is known when all rows are read.
        _ => Energy::from_joules(value),
    };
    Ok(Recorded { rail, start, end, energy: Some(energy) })
}

fn rail(name: &str) -> Rail {
    let base = name.strip_suffix("_power").unwrap_or(name);
    let kind = RailKind::from_name(base.split(['-', ':', '_']).next().unwrap_or(base));
    Rail { name: base.to_owned(), kind: kind.unwrap_or(RailKind::Other), parent: None, unit: "csv" }
}

fn number(cell: &str) -> Result<f64, String> {
    let number: f64 = cell.parse().map_err(|_| format!("'{cell}' is no number"))?;
    number.is_finite().then_some(number).ok_or_else(|| format!("'{cell}' is not finite"))
}

fn nanos(cell: &str) -> Result<Nanos, String> {
    cell.parse().map(Nanos::from_nanos).map_err(|_| format!("'{cell}' is no whole number of nanoseconds"))
}

/// Readings at instants hold until the next one of their rail, at most for the
/// median gap; the last one holds for the median gap.
fn hold(recording: &mut Recording) {
    let samples = &mut recording.samples;
    samples.sort_by_key(|sample| (sample.rail, sample.start));
    let follows = |pair: &[Recorded]| pair[0].rail == pair[1].rail;
    let mut gaps: Vec<Nanos> =
        samples.windows(2).filter(|pair| follows(pair)).map(|pair| pair[1].start - pair[0].start).collect();
    gaps.sort_unstable();
    let median = gaps.get(gaps.len() / 2).copied().unwrap_or(Nanos::from_seconds(1.0));
    for at in 0..samples.len() {
        let next = samples.get(at + 1).filter(|next| next.rail == samples[at].rail);
        let gap = next.map_or(median, |next| (next.start - samples[at].start).min(median));
        let sample = &mut samples[at];
        sample.end = sample.start + gap;
        sample.energy = sample.energy.map(|watts| Power::from_watts(watts.joules()) * gap);
    }
    recording.doubts.push(format!(
        "readings at instants held until the next one, at most {:.3} s",
        median.seconds()
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_headers_give_the_same_joules() {
        let files = [
            "t_start_ns,t_end_ns,rail,energy_mj\n0,500000000,cpu,1000\n500000000,1000000000,cpu,2000\n",
            "interval_start_s,interval_end_s,rail,power_w\n0,0.5,cpu,2\n0.5,1.0,cpu,4\n",
            "timestamp_s,rail,power_w\n0,cpu,2\n0.5,cpu,4\n",
        ];
        for file in files {
            let recording = read(file.as_bytes()).expect("readable");
            let joules: Vec<_> = recording.samples.iter().filter_map(|s| Some(s.energy?.joules())).collect();
            assert_eq!(joules, [1.0, 2.0], "{file}");
            assert_eq!(recording.rails[0].kind, RailKind::Cpu);
        }
    }

    #[test]
    fn another_header_is_refused_with_the_list() {
        let refusal = read(b"time,watts\n1,2\n").expect_err("refused");
        assert!(refusal.contains("time,watts") && refusal.contains("timestamp_s,rail,power_w"), "{refusal}");
    }

    #[test]
    fn a_bad_line_is_named() {
        for bad in ["1,2,cpu", "1,2,cpu,nan", "1,2,cpu,-3", "x,2,cpu,3"] {
            let file = format!("t_start_ns,t_end_ns,rail,energy_mj\n{bad}\n");
            assert!(read(file.as_bytes()).expect_err(bad).starts_with("line 2: "), "{bad}");
        }
    }
}
