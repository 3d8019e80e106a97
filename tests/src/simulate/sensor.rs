//! Simulates the sampler of a rail. The time of a reading differs slightly from its
//! timestamp, and its resolution is limited; some readings are late, lost or repeated.

use super::draws::{Draws, Purpose};
use super::timeline::RailMeter;
use super::trace::{SimulatedRail, SimulatedSample};
use super::{PeriodMode, SensorModel, Settings};

/// A RAPL counter moves this often, ns.
const RAPL_UPDATE_NS: f64 = 976_562.5;

/// A RAPL counter counts in these, mJ.
const RAPL_UNIT_MJ: f64 = 0.061_035;

/// A low-pass filter is the mean over this many delays of equal weight.
const LOWPASS_DELAYS: usize = 40;

/// Delay of a late sample in the mean, periods.
const LATE_PERIODS: f64 = 0.3;

/// Samples of one rail in the order of time. `clock_offset_ms` is added to all times.
pub(crate) fn sample_rail(
    settings: &Settings,
    seed: u64,
    (rail, sensor): (SimulatedRail, SensorModel),
    meter: &RailMeter<'_>,
    end_ns: i64,
    clock_offset_ms: f64,
) -> Vec<SimulatedSample> {
    let mut draws = Draws::new(seed, Purpose::Sampling, rail as u64);
    let reported = times(settings, end_ns as f64, &mut draws);
    let jitter_ns = settings.timestamp_jitter_ms * 1e6;
    let read: Vec<f64> = reported
        .iter()
        .map(|time| time + jitter_ns * draws.normal())
        .collect();
    let energy = match sensor {
        SensorModel::Nvml => trailing(settings, meter, &reported, &read),
        SensorModel::Rapl => differences(read.iter().map(|&time| rapl_counter(meter, time))),
        SensorModel::Pm | SensorModel::Multi => intervals(settings, meter, &read),
    };
    let mut samples = Vec::with_capacity(energy.len());
    for (time, energy_mj) in reported.windows(2).zip(energy) {
        let on_sampler_clock = |time: f64| (time + clock_offset_ms * 1e6) as i64;
        let start_ns = on_sampler_clock(time[0]);
        let sample = SimulatedSample {
            start_ns,
            end_ns: on_sampler_clock(time[1]),
            rail,
            energy_mj,
        };
        if !draws.chance(settings.drop_p) {
            if draws.chance(settings.dup_p) {
                samples.push(sample.clone());
            }
            samples.push(sample);
        }
    }
    samples
}

/// When readings are taken, ns.
fn times(settings: &Settings, end_ns: f64, draws: &mut Draws) -> Vec<f64> {
    let period = settings.period_ms * 1e6;
    let mut time = draws.uniform(0.0, period);
    let mut times = vec![time];
    while time < end_ns - 2.0 * period {
        time += match settings.period_mode {
            PeriodMode::Uniform => period * draws.uniform(0.5, 1.5),
            PeriodMode::Fixed => {
                let late = match draws.chance(settings.late_p) {
                    true => draws.exponential(LATE_PERIODS),
                    false => 0.0,
                };
                period * (1.0 + settings.period_jitter * draws.normal().abs() + late)
            }
        };
        times.push(time);
    }
    times
}

/// Delays in ns that together make the low-pass filter; only 0 without one.
fn delays(settings: &Settings) -> Vec<f64> {
    if settings.lowpass_tau_ms <= 0.0 {
        return vec![0.0];
    }
    let share = |index: usize| (index as f64 + 0.5) / LOWPASS_DELAYS as f64;
    let delay = |index| -(1.0 - share(index)).ln() * settings.lowpass_tau_ms * 1e6;
    (0..LOWPASS_DELAYS).map(delay).collect()
}

fn rounded(value: f64, quantum: f64) -> f64 {
    (value / quantum).round() * quantum
}

fn differences(counter: impl Iterator<Item = f64>) -> Vec<f64> {
    let counter: Vec<f64> = counter.collect();
    counter.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn rapl_counter(meter: &RailMeter<'_>, time_ns: f64) -> f64 {
    let updated = (time_ns / RAPL_UPDATE_NS).floor() * RAPL_UPDATE_NS;
    (meter.at(updated) / RAPL_UNIT_MJ).floor() * RAPL_UNIT_MJ
}

fn intervals(settings: &Settings, meter: &RailMeter<'_>, read: &[f64]) -> Vec<f64> {
    let delays = delays(settings);
    let filtered = |time: &f64| {
        let delayed = delays.iter().map(|delay| meter.at(time - delay));
        delayed.sum::<f64>() / delays.len() as f64
    };
    let energy = differences(read.iter().map(filtered));
    energy
        .into_iter()
        .map(|energy| rounded(energy, settings.quantum_mj))
        .collect()
}

fn trailing(
    settings: &Settings,
    meter: &RailMeter<'_>,
    reported: &[f64],
    read: &[f64],
) -> Vec<f64> {
    let delays = delays(settings);
    let window_ns = settings.trailing_window_ms * 1e6;
    let power_mw = |end: f64| {
        let energy = delays.iter().map(|delay| {
            let end = end - delay;
            meter.at(end) - meter.at((end - window_ns).max(0.0))
        });
        energy.sum::<f64>() / delays.len() as f64 / (window_ns * 1e-9)
    };
    let ends = read.iter().skip(1);
    let interval = reported.windows(2).map(|pair| (pair[1] - pair[0]) * 1e-9);
    let power = ends.map(|&end| rounded(power_mw(end), settings.power_quantum_mw));
    power
        .zip(interval)
        .map(|(power_mw, seconds)| power_mw * seconds)
        .collect()
}
