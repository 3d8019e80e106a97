//! Power of each rail over time.

use std::collections::HashMap;

use clap::Args;
use energy_data::PeakSamples;
use serde_json::{Value, json};

use super::ViewScope;
use crate::error::Result;
use crate::format::{Answer, Column, Sheet, escape, power as watts, shorten, time_span};
use crate::query::{self, PowerSample, Recording, Run};

/// Terminal columns that the chart doesn't use.
const MARGIN: usize = 4;
/// Relative difference up to which two powers are equal: rounding errors.
const EQUAL: f64 = 1e-9;
/// Bars by height, lowest first.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Options of the list of samples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct SampleOptions {
    /// Only this rail; `None` for the root rails.
    #[arg(
        long,
        value_name = "RAIL",
        help = "Only list samples of this rail [default: the root rails]"
    )]
    pub rail: Option<String>,
    /// Only samples of phases of this name.
    #[arg(
        long,
        value_name = "PHASE",
        help = "Only list samples of this phase, e.g. decode [default: all]"
    )]
    pub phase: Option<String>,
}

/// Lists the rails with mean and peak power, and draws a chart of their power over time. CSV
/// and JSON contain all samples.
///
/// # Errors
/// If the file cannot be read, the rail is unknown, or nothing was sampled.
pub fn power(recording: &Recording, run: &Run, options: &SampleOptions) -> Result<Answer> {
    let mut samples = query::samples(recording, run, options.rail.as_deref())?;
    if let Some(phase) = &options.phase {
        samples.retain(|sample| sample.phase.as_ref() == Some(phase));
    }
    if samples.is_empty() {
        let next = "list its rails and phases with `energy show`";
        return Err(run.missing("it has no matching samples", next));
    }
    let idle = query::idle_powers(recording, run)?;
    let balance = query::balance(recording, run)?.into_iter();
    let peaks: HashMap<i64, i64> = balance
        .filter_map(|rail| Some((rail.id, rail.peak_ns?)))
        .collect();
    // Samples of the idle baseline before the run are only in CSV and JSON.
    let during: Vec<PowerSample> = samples.iter().filter(|s| s.end_ns > 0).cloned().collect();
    let rails: Vec<&[PowerSample]> = during.chunk_by(|a, b| a.rail_id == b.rail_id).collect();
    let rows: Vec<Value> = rails.iter().map(|rail| row(rail, &idle, &peaks)).collect();
    let scope = ViewScope {
        rail: options.rail.clone(),
        phase: options.phase.clone(),
        basis: None,
    };
    let what = format!("power over time{}", scope.text());
    let mut answer = query::run_answer("power", &what, recording, run)?
        .sheet(Sheet::new("samples", "", sample_columns(), &samples).data_only())
        .sheet(Sheet::new("rails", "", rail_columns(), rows));
    for rail in &rails {
        answer = answer.chart(|width| chart(rail, width.saturating_sub(MARGIN)));
    }
    Ok(answer
        .note("Each bar is the mean power over its time; the line below names the active phase."))
}

fn sample_columns() -> Vec<Column> {
    let keys = [
        "source", "rail", "start_ns", "end_ns", "energy_j", "power_w", "phase",
    ];
    keys.map(Column::data).into()
}

fn rail_columns() -> Vec<Column> {
    vec![
        Column::text("rail", "rail"),
        Column::power("avg_w", "average"),
        Column::power("peak_w", "peak"),
        Column::time("peak_ns", "at"),
        Column::text("peak_phase", "in phase"),
        Column::power("idle_w", "idle"),
        Column::count("samples", "samples"),
    ]
}

/// Returns the highest power and the sample that completes it. Of samples with equal powers it is the
/// one that the run's attribution stored, else the first.
fn peak<'s>(
    samples: &'s [PowerSample],
    stored: &HashMap<i64, i64>,
) -> Option<(&'s PowerSample, f64)> {
    let mut peaks = PeakSamples::default();
    let mut power = |sample: &'s PowerSample| {
        let times = (sample.start_ns, sample.end_ns);
        Some((
            sample,
            peaks.add(times, sample.energy_j?, sample.interval_ns)?,
        ))
    };
    let during = samples.iter().filter(|sample| sample.end_ns > 0);
    let powers: Vec<(&PowerSample, f64)> = during.filter_map(&mut power).collect();
    let highest_w = powers
        .iter()
        .map(|(_, power_w)| *power_w)
        .reduce(f64::max)?;
    let is_tied = |power_w: f64| power_w >= highest_w - EQUAL * highest_w.abs();
    let tied = || powers.iter().filter(|(_, power_w)| is_tied(*power_w));
    let is_stored = |sample: &PowerSample| {
        let middle_ns = i64::midpoint(sample.start_ns, sample.end_ns);
        stored.get(&sample.rail_id) == Some(&middle_ns)
    };
    let found = tied().find(|(sample, _)| is_stored(sample));
    found.or_else(|| tied().next()).copied()
}

fn row(
    samples: &[PowerSample],
    idle: &HashMap<i64, f64>,
    stored_peaks: &HashMap<i64, i64>,
) -> Value {
    let measured = || samples.iter().filter(|sample| sample.power_w.is_some());
    let time_ns: i64 = measured()
        .map(|sample| sample.end_ns - sample.start_ns)
        .sum();
    let energy_j: f64 = measured().filter_map(|sample| sample.energy_j).sum();
    let peak = peak(samples, stored_peaks);
    let idle = samples.first().and_then(|first| idle.get(&first.rail_id));
    json!({
        "rail": samples.first().map(|sample| &sample.rail),
        "source": samples.first().map(|sample| &sample.source),
        "samples": samples.len(),
        "energy_j": energy_j,
        "avg_w": query::average_w(Some(energy_j), Some(time_ns)),
        "idle_w": idle,
        "peak_w": peak.map(|(_, power_w)| power_w),
        "peak_ns": peak.map(|(sample, _)| i64::midpoint(sample.start_ns, sample.end_ns)),
        "peak_phase": peak.and_then(|(sample, _)| sample.phase.as_ref()),
    })
}

/// Draws a rail's power in bars of equal duration, with the phases below.
fn chart(samples: &[PowerSample], width: usize) -> String {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return String::new();
    };
    let (start, end) = (first.start_ns.max(0), last.end_ns.max(first.start_ns + 1));
    let step = (end - start) as f64 / width as f64;
    let column = |at: usize| {
        let (from, to) = (
            start as f64 + step * at as f64,
            start as f64 + step * (at + 1) as f64,
        );
        let mut sum = (0.0, 0.0);
        let mut phase = (0.0, None);
        for sample in samples {
            let inside = (sample.end_ns as f64).min(to) - (sample.start_ns as f64).max(from);
            if let Some(watts) = sample.power_w.filter(|_| inside > 0.0) {
                sum = (sum.0 + watts * inside, sum.1 + inside);
                if inside > phase.0 {
                    phase = (inside, sample.phase.as_deref());
                }
            }
        }
        ((sum.1 > 0.0).then(|| sum.0 / sum.1), phase.1)
    };
    let columns: Vec<(Option<f64>, Option<&str>)> = (0..width).map(column).collect();
    let highest = columns
        .iter()
        .filter_map(|(power, _)| *power)
        .fold(0.0, f64::max);
    let bar = |power: Option<f64>| match power {
        Some(power) if highest > 0.0 => {
            let height = (power / highest * 7.0).round().clamp(0.0, 7.0);
            HEIGHTS[height as usize]
        }
        Some(_) => HEIGHTS[0],
        None => ' ',
    };
    let bars: String = columns.iter().map(|(power, _)| bar(*power)).collect();
    let title = format!(
        "{}, 0 to {}, {} to {}",
        shorten(&escape(&first.rail), 20),
        watts(Some(highest)),
        time_span(Some(start)),
        time_span(Some(end))
    );
    let title = shorten(&title, width + MARGIN);
    format!("{title}\n  {bars}\n  {}", legend(&columns))
}

/// Returns the line of phase names, each at its start and cut to the available width.
fn legend(columns: &[(Option<f64>, Option<&str>)]) -> String {
    let mut text = String::new();
    let mut before = None;
    for (at, (_, phase)) in columns.iter().enumerate() {
        let is_new = *phase != before;
        before = *phase;
        if let (true, Some(phase)) = (is_new && text.chars().count() <= at, phase) {
            let gap = at - text.chars().count();
            text.push_str(&" ".repeat(gap));
            let room = columns[at..]
                .iter()
                .take_while(|(_, other)| *other == Some(*phase))
                .count();
            text.push('|');
            text.push_str(&shorten(&escape(phase), room.saturating_sub(2)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(start_ns: i64, watts: Option<f64>, phase: &str) -> PowerSample {
        PowerSample {
            rail: "cpu".into(),
            source: "test".into(),
            start_ns,
            end_ns: start_ns + 10,
            energy_j: watts.map(|watts| watts * 1e-8),
            power_w: watts,
            phase: Some(phase.into()),
            rail_id: 1,
            interval_ns: 10,
        }
    }

    #[test]
    fn samples_far_shorter_than_the_interval_are_no_peak() {
        let short = PowerSample {
            end_ns: 4,
            energy_j: Some(69.56e-9),
            ..sample(0, Some(17.39), "prefill")
        };
        let after = |start_ns| sample(start_ns, Some(15.0), "decode");
        let samples = [short.clone(), after(10), after(20)];
        let found = peak(&samples, &HashMap::new()).map(|(_, power_w)| power_w);
        assert!((found.expect("a peak") - 15.0).abs() < 1e-9, "{found:?}");
        assert_eq!(peak(&[short], &HashMap::new()), None);
    }

    #[test]
    fn chart_bars_scale_with_power_and_are_blank_without_samples() {
        let samples = [
            sample(0, Some(8.0), "prefill"),
            sample(10, None, "prefill"),
            sample(20, Some(4.0), "decode"),
            sample(30, Some(4.0), "decode"),
        ];
        let text = chart(&samples, 64);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("cpu, 0 to 8.000 W"), "{text}");
        let bars: Vec<char> = lines[1].chars().skip(2).collect();
        assert_eq!((bars[0], bars[20], bars[40]), ('█', ' ', '▅'), "{text}");
        assert!(
            lines[2].contains("|prefill") && lines[2].contains("|decode"),
            "{text}"
        );
    }
}
