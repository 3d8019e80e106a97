//! The power model of one rail:
//!
//! ```text
//! P(t) = idle(t) + background(t) + gain(t) * n(t)^(alpha-1) * sum of p over active spans
//! ```
//!
//! Active are the innermost spans of each thread that use the rail, n of them, each
//! with the power p of its kind varied by span and layer. A span's energy is its own
//! term of that sum; idle and background belong to no span.

use super::draws::{Draws, Purpose};
use super::timeline::{RailMeter, RunTimeline};
use super::trace::{RailTruth, SimulatedRail};
use super::{SensorModel, Settings};

/// Length of a tick of the noise, ms.
const TICK_MS: f64 = 1.0;

/// Correlation time of idle power, ms.
const IDLE_TAU_MS: f64 = 10_000.0;

/// The gain of all rails at each tick: it wanders and has a trend.
pub(crate) fn gain(settings: &Settings, ticks: usize, draws: &mut Draws) -> Vec<f64> {
    let tau_ms = settings.gain_tau_s * 1e3;
    let mut gain = draws.wander(ticks, TICK_MS, tau_ms, settings.gain_sd);
    let last = ticks.saturating_sub(1).max(1) as f64;
    for (tick, value) in gain.iter_mut().enumerate() {
        let trend = settings.gain_trend * tick as f64 / last;
        *value = 1.0 + settings.noise * (*value + trend);
    }
    gain
}

/// Power of a rail independent of spans, W at each tick.
struct Floor {
    idle_w: Vec<f64>,
    background_w: Vec<f64>,
}

impl Floor {
    fn draw(settings: &Settings, rail: SimulatedRail, ticks: usize, draws: &mut Draws) -> Self {
        let scale = rail.scale();
        let mut idle_w = draws.wander(ticks, TICK_MS, IDLE_TAU_MS, settings.idle_drift);
        for value in &mut idle_w {
            *value = settings.idle_w * scale * (1.0 + settings.noise * *value);
        }
        let mean = settings.background_w * scale;
        let mut background_w = draws.wander(ticks, TICK_MS, settings.background_tau_ms, mean);
        for value in &mut background_w {
            *value = settings.noise * (mean + *value).max(0.0);
        }
        for _ in 0..draws.count(settings.bursts_per_s * ticks as f64 * TICK_MS * 1e-3) {
            let begin = draws.whole(0, ticks);
            let length = 1 + draws.exponential(settings.burst_ms) as usize;
            let watts = settings.noise * scale * draws.exponential(settings.burst_w);
            background_w
                .iter_mut()
                .skip(begin)
                .take(length)
                .for_each(|value| *value += watts);
        }
        Self {
            idle_w,
            background_w,
        }
    }
}

/// Simulated energy of a rail.
pub(crate) struct RailRun<'a> {
    pub(crate) meter: RailMeter<'a>,
    /// Energy of each span, mJ.
    pub(crate) span_energy_mj: Vec<f64>,
    pub(crate) truth: RailTruth,
}

/// Runs one rail: `span_power_w` is each span's power while it runs alone, 0 where it
/// does not use the rail.
pub(crate) fn run_rail<'a>(
    settings: &Settings,
    seed: u64,
    rail: SimulatedRail,
    timeline: &'a RunTimeline,
    gain: &[f64],
    span_power_w: &[f64],
) -> RailRun<'a> {
    let mut draws = Draws::new(seed, Purpose::Noise, rail as u64);
    let floor = Floor::draw(settings, rail, timeline.ticks(), &mut draws);
    let mut span_energy_mj = vec![0.0; span_power_w.len()];
    let mut total_mj = Vec::with_capacity(timeline.edges_ns.len());
    total_mj.push(0.0);
    let (mut total, mut idle, mut background) = (0.0, 0.0, 0.0);
    for interval in timeline.intervals() {
        let ms = interval.seconds * 1e3;
        let tick = interval.tick;
        let users = interval
            .active
            .iter()
            .filter(|&&span| span_power_w[span] > 0.0);
        let sharing = match users.clone().count() {
            0 => 0.0,
            count => gain[tick] * (count as f64).powf(settings.alpha - 1.0),
        };
        let mut spans_w = 0.0;
        for &span in users {
            let watts = span_power_w[span] * sharing;
            span_energy_mj[span] += watts * ms;
            spans_w += watts;
        }
        idle += floor.idle_w[tick] * ms;
        background += floor.background_w[tick] * ms;
        total += (floor.idle_w[tick] + floor.background_w[tick] + spans_w) * ms;
        total_mj.push(total);
    }
    let idle_w = floor.idle_w.iter().sum::<f64>() / floor.idle_w.len().max(1) as f64;
    let truth = RailTruth {
        idle_mj: idle,
        background_mj: background,
        total_mj: total,
        idle_w,
        spans_mj: span_energy_mj.iter().sum(),
        sensor: sensor_of(settings.sensor, rail),
    };
    RailRun {
        meter: RailMeter::new(&timeline.edges_ns, total_mj),
        span_energy_mj,
        truth,
    }
}

/// The one sensor that measures `rail`.
fn sensor_of(sensor: SensorModel, rail: SimulatedRail) -> SensorModel {
    match (sensor, rail) {
        (SensorModel::Multi, SimulatedRail::Gpu) => SensorModel::Nvml,
        (SensorModel::Multi, _) => SensorModel::Rapl,
        (one, _) => one,
    }
}
