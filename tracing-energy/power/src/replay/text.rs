//! Reads recordings in powermetrics' text format.
//!
//! ```text
//! *** Sampled system activity (Mon Mar  1 10:44:49 2021 -0800) (1004.80ms elapsed) ***
//! CPU Power: 954 mW                     the rail cpu
//! Clusters Total Power: 9 mW            the same, if there is no CPU Power
//! GPU Power: 28 mW                      printed twice, counts once
//! Combined Power (CPU + GPU + ANE): 983 mW   a sum, only compared with its parts
//! Intel energy model derived package power (CPUs+GT+SA): 8.53W
//! CPU 0 active residency:  55.11% (...)      activity of a core
//! E-Cluster HW active residency: 100.00% (...)   the same, if no core is listed
//! *** Summary system activity (...) (340146.59ms elapsed) ***    the whole run, dropped
//! ```
//!
//! Energy is power times true length, with powers in steps of a milliwatt.

use std::io::BufRead;

use super::documents::{DocumentInterval, Documents};
use super::placement::IntervalStamp;
use super::recorded::notice;
use super::recording::Recording;
use crate::powermetrics::activity::ProcessorActivity;
use crate::powermetrics::document::RailEnergy;
use crate::powermetrics::rails;
use energy_data::RailKind;
use energy_data::units::{Nanos, Power};

/// First words of the blocks of a text recording.
const SAMPLED: &str = "*** Sampled system activity (";
const SUMMARY: &str = "*** Summary system activity (";

/// Longer lines are ignored.
const LONGEST_LINE: usize = 4096;

/// Returns whether a file begins like a text recording, after an optional byte order mark or
/// warning of a tool.
pub(super) fn begins(start: &[u8]) -> bool {
    let start = String::from_utf8_lossy(start);
    let is_head = |line: &str| {
        line.trim_start_matches('\u{feff}')
            .starts_with("Machine model: ")
    };
    start.contains(SAMPLED) || start.lines().any(is_head)
}

#[derive(Debug, Default)]
struct TextBlock {
    elapsed: Nanos,
    unix_s: Option<i64>,
    /// Names, kinds and watts, in the order of their first lines.
    rails: Vec<(&'static str, RailKind, f64)>,
    clusters_w: Option<f64>,
    combined_w: Option<f64>,
    /// Sums of the active shares of cores, of clusters, of the GPU.
    cores: Option<f64>,
    clusters: Option<f64>,
    gpu: Option<f64>,
}

/// Reads a recording.
///
/// # Errors
/// A message, if no block has power.
pub(super) fn read(input: impl BufRead) -> Result<Recording, String> {
    let mut blocks: Vec<TextBlock> = Vec::new();
    let mut summaries = 0;
    let mut is_open = false;
    for (number, line) in (1..).zip(input.split(b'\n')) {
        let line = line.map_err(|error| error.to_string())?;
        if line.len() > LONGEST_LINE {
            continue;
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_start_matches('\u{feff}');
        if let Some(head) = line.strip_prefix(SAMPLED) {
            let block = head_of(head).ok_or_else(|| {
                format!(
                    "line {number}: a sample without its length: {}",
                    line.trim_end()
                )
            })?;
            blocks.push(block);
            is_open = true;
        } else if line.starts_with(SUMMARY) {
            summaries += 1;
            is_open = false;
        } else if let (true, Some(block)) = (is_open, blocks.last_mut()) {
            block.line(line.trim());
        }
    }
    build(blocks, summaries)
}

/// Parses date and length in the first line of a block.
fn head_of(head: &str) -> Option<TextBlock> {
    let (date, rest) = head.split_once(") (")?;
    let (millis, _) = rest.split_once("ms elapsed")?;
    let millis: f64 = millis.trim().parse().ok()?;
    let is_length = millis.is_finite() && millis > 0.0 && millis < 7.0 * 86_400e3;
    is_length.then(|| TextBlock {
        elapsed: Nanos::from_nanos((millis * 1e6).round() as i64),
        unix_s: unix_seconds(date),
        ..TextBlock::default()
    })
}

impl TextBlock {
    fn line(&mut self, line: &str) {
        if let Some((of, share)) = line.split_once(" active residency:") {
            self.residency(of, share);
            return;
        }
        let Some((name, value)) = line.rsplit_once(": ") else {
            return;
        };
        let Some(watts) = watts(value) else { return };
        let rail = match name {
            "CPU Power" => ("cpu", RailKind::Cpu),
            "GPU Power" => ("gpu", RailKind::Gpu),
            "ANE Power" => ("ane", RailKind::Ane),
            "DRAM Power" => ("dram", RailKind::Dram),
            "Package Power" => ("package", RailKind::Package),
            "Clusters Total Power" => {
                self.clusters_w = Some(watts);
                return;
            }
            _ if name.starts_with("Combined Power (") => {
                self.combined_w = Some(watts);
                return;
            }
            _ if name.starts_with("Intel energy model derived package power") => {
                ("package", RailKind::Package)
            }
            _ => return,
        };
        if self.rails.iter().all(|known| known.0 != rail.0) {
            self.rails.push((rail.0, rail.1, watts));
        }
    }

    fn residency(&mut self, of: &str, share: &str) {
        let Some(share) = share
            .split_once('%')
            .and_then(|(s, _)| s.trim().parse().ok())
        else {
            return;
        };
        let sum = match of {
            "GPU" | "GPU HW" => &mut self.gpu,
            _ if of.starts_with("CPU ") => &mut self.cores,
            _ if of.trim_end_matches(" HW").ends_with("-Cluster") => &mut self.clusters,
            _ => return,
        };
        let share = f64::clamp(share, 0.0, 100.0) / 100.0;
        *sum = Some(sum.unwrap_or(0.0) + share);
    }

    /// Returns the rails, parents first.
    fn energies(&self) -> Vec<RailEnergy> {
        let mut rails = self.rails.clone();
        let has_cpu = rails.iter().any(|rail| rail.0 == "cpu");
        if let Some(watts) = self.clusters_w.filter(|_| !has_cpu) {
            rails.push(("cpu", RailKind::Cpu, watts));
        }
        rails.sort_by_key(|rail| rails::order(rail.0));
        let energy = |(name, kind, watts): (&'static str, RailKind, f64)| RailEnergy {
            name,
            kind,
            unit: "mW",
            energy: Some(Power::from_watts(watts) * self.elapsed),
        };
        rails.into_iter().map(energy).collect()
    }

    fn interval(&self) -> DocumentInterval {
        DocumentInterval {
            stamp: IntervalStamp {
                elapsed: self.elapsed,
                unix_s: self.unix_s,
            },
            energies: self.energies(),
            figures: Vec::new(),
            active: ProcessorActivity {
                cpu: self.cores.or(self.clusters),
                gpu: self.gpu,
            },
        }
    }

    /// Returns whether the combined power differs from the sum of its parts by more than
    /// rounding to a milliwatt.
    fn is_inconsistent(&self) -> bool {
        let parts = self.rails.iter();
        let parts = parts.filter(|rail| ["cpu", "gpu", "ane"].contains(&rail.0));
        let sum: f64 = parts.map(|rail| rail.2).sum();
        self.combined_w
            .is_some_and(|combined| (combined - sum).abs() > 0.0025)
    }
}

/// Parses a power: `12 mW`, `8.53W`.
fn watts(value: &str) -> Option<f64> {
    let (number, scale) = match value.strip_suffix("mW") {
        Some(number) => (number, 1e-3),
        None => (value.strip_suffix('W')?, 1.0),
    };
    let watts: f64 = number.trim().parse().ok()?;
    (watts.is_finite() && watts >= 0.0).then_some(watts * scale)
}

fn build(blocks: Vec<TextBlock>, summaries: usize) -> Result<Recording, String> {
    if blocks.is_empty() {
        return Err("it contains no sample of powermetrics".to_owned());
    }
    let mut notices = Vec::new();
    if summaries > 0 {
        let message = format!("recording: {summaries} summaries of the whole run were dropped");
        notices.push(notice("rejected_document", message));
    }
    let odd = blocks
        .iter()
        .filter(|block| block.is_inconsistent())
        .count();
    if odd > 0 {
        let message = format!(
            "recording: in {odd} samples the combined power is not the sum of its parts; the \
             parts are used"
        );
        notices.push(notice("odd_document", message));
    }
    let mut documents = Documents::default();
    for block in blocks {
        documents.push(block.interval());
    }
    match documents.is_empty() {
        true => Err("no power here: none of its samples has a rail".to_owned()),
        false => documents.build(notices),
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Converts `Mon Mar  1 10:44:49 2021 -0800` to seconds since 1970.
fn unix_seconds(date: &str) -> Option<i64> {
    let parts: Vec<&str> = date.split_whitespace().collect();
    let [_, month, day, time, year, zone] = parts[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let clock: Vec<i64> = time
        .split(':')
        .map_while(|part| part.parse().ok())
        .collect();
    let [hours, minutes, seconds] = clock[..] else {
        return None;
    };
    let zone_s = {
        let (sign, digits) = match zone.split_at_checked(1)? {
            ("-", digits) => (-1, digits),
            ("+", digits) => (1, digits),
            _ => return None,
        };
        let digits: i64 = digits.parse().ok().filter(|_| digits.len() == 4)?;
        sign * (digits / 100 * 3600 + digits % 100 * 60)
    };
    let days = days_since_1970(year.parse().ok()?, month, day.parse().ok()?)?;
    let of_day = hours * 3600 + minutes * 60 + seconds;
    let is_time = (0..24).contains(&hours) && (0..60).contains(&minutes);
    is_time.then_some(days * 86_400 + of_day - zone_s)
}

/// Returns the days from 1 January 1970 in the Gregorian calendar. Years are counted from
/// March, so that the leap day is the last day.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..3000).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        month => (year, month - 3),
    };
    let of_year = (153 * month + 2) / 5 + day - 1;
    let leaps = year / 4 - year / 100 + year / 400;
    // 719,468 days lie between 1 March of year 0 and the epoch.
    Some(year * 365 + leaps + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(text: &str) -> Result<Recording, String> {
        read(text.as_bytes())
    }

    const HEAD: &str = "Machine model: Macmini9,1\nOS version: 20D80\n\n";

    fn block(second: u32, millis: &str, lines: &str) -> String {
        format!(
            "*** Sampled system activity (Mon Mar  1 10:44:{second:02} 2021 -0800) ({millis}ms elapsed) ***\n\n{lines}\n"
        )
    }

    #[test]
    fn dates_are_seconds_since_1970() {
        for (date, expected) in [
            ("Thu Jan  1 00:00:00 1970 +0000", Some(0)),
            ("Mon Mar  1 10:44:49 2021 -0800", Some(1_614_624_289)),
            ("Sat Feb 29 12:00:00 2020 +0530", Some(1_582_957_800)),
            ("Sat Nov  8 15:54:21 2025 +0900", Some(1_762_584_861)),
            ("Mon Mar  1 10:44 2021 -0800", None),
            ("Mon Foo  1 10:44:49 2021 -0800", None),
            ("", None),
        ] {
            assert_eq!(unix_seconds(date), expected, "{date}");
        }
    }

    #[test]
    fn energy_is_power_times_true_length_and_rails_count_once() {
        let lines = "CPU Power: 900 mW\nGPU Power: 30 mW\nANE Power: 0 mW\n\
            Combined Power (CPU + GPU + ANE): 930 mW\n**** GPU usage ****\nGPU Power: 30 mW\n";
        let text = format!(
            "{HEAD}{}{}",
            block(1, "1000.00", lines),
            block(2, "1100.00", lines)
        );
        let recording = recording(&text).unwrap();
        let names: Vec<_> = recording
            .rails
            .iter()
            .map(|rail| rail.name.as_str())
            .collect();
        assert_eq!(names, ["cpu", "gpu", "ane"]);
        let joules = |rail: usize| -> f64 {
            let own = recording
                .samples
                .iter()
                .filter(|sample| sample.rail == rail);
            own.map(|sample| sample.energy.unwrap().joules()).sum()
        };
        assert!((joules(0) - 0.9 * 2.1).abs() < 1e-9);
        assert!((joules(1) - 0.03 * 2.1).abs() < 1e-9);
        assert_eq!(recording.notices, []);
        assert!(recording.wall.is_some());
    }

    #[test]
    fn old_systems_have_a_package_and_clusters_and_intel_has_watts() {
        let old = "E-Cluster Power: 3 mW\nClusters Total Power: 9 mW\nDRAM Power: 2 mW\n\
            GPU Power: 1 mW\nPackage Power: 45 mW\nGPU Power: 1 mW\n";
        let summary = "*** Summary system activity (Mon Mar  1 10:50:28 2021 -0800) \
            (340146.59ms elapsed) ***\nPackage Power: 3092 mW\n";
        let read = recording(&format!("{HEAD}{}{summary}", block(1, "1000", old))).unwrap();
        let names: Vec<_> = read
            .rails
            .iter()
            .map(|rail| (rail.name.as_str(), rail.parent))
            .collect();
        assert_eq!(
            names,
            [
                ("package", None),
                ("cpu", Some(0)),
                ("gpu", Some(0)),
                ("dram", Some(0))
            ]
        );
        assert!((read.samples[1].energy.unwrap().joules() - 0.009).abs() < 1e-12);
        assert_eq!(read.notices.len(), 1);

        let intel = "Intel energy model derived package power (CPUs+GT+SA): 8.53W\n";
        let read = recording(&block(1, "500", intel)).unwrap();
        assert!((read.samples[0].energy.unwrap().joules() - 4.265).abs() < 1e-9);
    }

    #[test]
    fn inconsistent_power_is_reported_and_invalid_blocks_are_refused() {
        let odd = "CPU Power: 900 mW\nGPU Power: 30 mW\nCombined Power (CPU + GPU + ANE): 990 mW\n";
        let read = recording(&block(1, "1000", odd)).unwrap();
        assert_eq!(read.notices[0].kind, "odd_document");
        for (text, expected) in [
            (HEAD.to_owned(), "no sample"),
            (block(1, "1000", "CPU 0:\n"), "no power here"),
            (block(1, "-5", "CPU Power: 1 mW"), "line 1"),
            (block(1, "nan", "CPU Power: 1 mW"), "line 1"),
        ] {
            let error = recording(&text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
