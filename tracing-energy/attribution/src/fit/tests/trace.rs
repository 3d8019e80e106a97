//! Traces with known powers, made from a small random generator.

use super::super::{FitSensor, FitWindow, KindInfo, RailInput, Timeline, TimelineBuilder};

/// A small generator of random numbers (xorshift).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.uniform();
        }
        random
    }

    pub(super) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Pieces of work with their powers, and windows over them.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    /// Start, end, kind, in order.
    pub(super) pieces: Vec<(i64, i64, u32)>,
    pub(super) kinds: Vec<KindInfo>,
    /// Watts of each kind.
    pub(super) power_w: Vec<f64>,
    pub(super) windows: Vec<FitWindow>,
}

pub(super) const IDLE_W: f64 = 4.0;
pub(super) const MS: i64 = 1_000_000;

impl Trace {
    /// `kinds` kinds in random order for `seconds`, after half a second of idle.
    pub(super) fn random(seed: u64, kinds: u32, seconds: i64) -> Self {
        let mut random = Random::new(seed);
        let mut trace = Self::default();
        for k in 0..kinds {
            trace.kinds.push(KindInfo {
                parent: (k > 0).then_some(0),
            });
            trace.power_w.push(4.0 + 20.0 * random.uniform());
        }
        let mut t = 500 * MS;
        while t < seconds * 1000 * MS {
            let kind = (random.uniform() * f64::from(kinds)) as u32;
            let length = (MS as f64 * (2.0 + 30.0 * random.uniform())) as i64;
            trace.pieces.push((t, t + length, kind));
            t += length + (random.uniform() * 3.0 * MS as f64) as i64;
        }
        trace
    }

    /// Two kinds that alternate in a fixed ratio, and a third one.
    pub(super) fn tied(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut trace = Self {
            kinds: vec![KindInfo::default(); 3],
            power_w: vec![25.0, 10.0, 14.0],
            ..Self::default()
        };
        let mut t = 500 * MS;
        while t < 15_000 * MS {
            for _ in 0..200 + (random.uniform() * 800.0) as i64 {
                trace.pieces.push((t, t + MS / 5, 0));
                trace.pieces.push((t + MS / 5, t + MS / 2, 1));
                t += MS / 2;
            }
            let length = (random.uniform() * 300.0 * MS as f64) as i64;
            trace.pieces.push((t, t + length, 2));
            t += length + 5 * MS;
        }
        trace
    }

    /// Samples every `every_ns` with `noise` (share of the energy) by a clock that is
    /// `clock_offset_ns` ahead.
    pub(super) fn sampled(
        mut self,
        seed: u64,
        every_ns: i64,
        clock_offset_ns: i64,
        noise: f64,
    ) -> Self {
        let mut random = Random::new(seed ^ 0xABCD);
        let end = self.pieces.last().map_or(0, |piece| piece.1) + 300 * MS;
        let mut first = 0;
        let mut from = 17 * MS;
        while from + every_ns < end {
            let to = from + every_ns;
            while self.pieces.get(first).is_some_and(|piece| piece.1 <= from) {
                first += 1;
            }
            let here = self.pieces[first..].iter().take_while(|piece| piece.0 < to);
            let joules = here.map(|(a, b, k)| {
                (b.min(&to) - a.max(&from)) as f64 * 1e-9 * self.power_w[*k as usize]
            });
            let energy = joules.sum::<f64>() * (1.0 + noise * random.normal());
            let energy_j = energy + IDLE_W * every_ns as f64 * 1e-9;
            self.windows.push(FitWindow {
                start_ns: from + clock_offset_ns,
                end_ns: to + clock_offset_ns,
                energy_j,
            });
            from = to;
        }
        self
    }

    pub(super) fn timeline(&self) -> Timeline {
        let mut builder = TimelineBuilder::new(250_000);
        for (start, end, kind) in &self.pieces {
            builder.piece(*start, *end, *kind, 1.0, 1.0);
        }
        builder.build()
    }

    pub(super) fn rail(&self) -> RailInput {
        RailInput {
            windows: self.windows.clone(),
            ..RailInput::default()
        }
    }

    /// True energy of each kind in joules.
    pub(super) fn truth(&self) -> Vec<f64> {
        let mut truth = vec![0.0; self.kinds.len()];
        for (start, end, kind) in &self.pieces {
            truth[*kind as usize] += (end - start) as f64 * 1e-9 * self.power_w[*kind as usize];
        }
        truth
    }

    /// Calls `with` with a sensor of one rail.
    pub(super) fn with_sensor<T>(
        &self,
        rail: RailInput,
        with: impl FnOnce(FitSensor<'_>) -> T,
    ) -> T {
        let timelines = [self.timeline()];
        with(FitSensor {
            kinds: &self.kinds,
            timelines: &timelines,
            rails: &[rail],
        })
    }
}
