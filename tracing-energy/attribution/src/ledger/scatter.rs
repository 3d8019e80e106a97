//! Differences between the mean powers of neighbouring times.
//!
//! Powers of windows are averaged in blocks of 1, 2, 4, .. windows. At each length the
//! differences of neighbouring blocks are collected, as in an Allan variance (Allan,
//! Proc. IEEE 54, 1966): they are the errors that an estimate from the neighbours would
//! have made of a gap of that length.
//!
//! ```text
//! windows      |a|b|c|d|e|f|     blocks of 2  |ab|cd|ef|
//! one side     cd - ab           only one neighbour of the gap is known
//! two sides    cd - (ab + ef)/2  both neighbours are known
//! ```
//!
//! Memory grows with the logarithm of the number of windows.

use crate::stats::t95;

/// Number of block means kept for each length.
const KEPT: usize = 8;
/// A gap is estimated from this part of its length on each side ..
const NEIGHBOURS: f64 = 0.5;
/// .. and from at least this number of windows.
const LEAST_NEIGHBOURS: f64 = 4.0;
/// Number of differences required to prefer a longer block length.
const ENOUGH: u64 = 4;
/// The error's variance falls with (length)^-this beyond the longest block: between that of
/// noise (1) and that of slow changes (0).
const FALL: f64 = 0.25;
/// Degrees of freedom of each difference: neighbours share a block, and lengths are chosen.
const FREEDOM: f64 = 0.4;
/// Assumed part of the white noise that is the sensor's own and does not cancel in the
/// measured part.
const OWN_NOISE: f64 = 0.25;

/// Which neighbours of a gap are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sides {
    One,
    Two,
}

/// The mean power of some windows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct MeanPower {
    pub(crate) sum_w: f64,
    pub(crate) windows: f64,
}

/// A variance, and how well it is known: the sum of its parts' squares over their
/// degrees of freedom (Welch-Satterthwaite).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Variance {
    value: f64,
    square_over_df: f64,
}

/// Powers of windows that follow each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scatter {
    levels: Vec<Level>,
    windows: u64,
    ns: i64,
}

/// Blocks of one length.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// Ring buffer of the last block means.
    recent: [f64; KEPT],
    blocks: u64,
    /// A block that waits for another one to form a block of twice the length.
    unpaired: Option<f64>,
    one_sided: Squares,
    /// Sum of one-sided differences: last block less the first.
    drift: f64,
    two_sided: Squares,
}

#[derive(Debug, Clone, Copy, Default)]
struct Squares {
    count: u64,
    sum: f64,
}

impl MeanPower {
    pub(crate) fn add(&mut self, power_w: f64) {
        self.sum_w += power_w;
        self.windows += 1.0;
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            sum_w: self.sum_w + other.sum_w,
            windows: self.windows + other.windows,
        }
    }

    pub(crate) fn power_w(self) -> Option<f64> {
        (self.windows > 0.0).then(|| self.sum_w / self.windows)
    }
}

impl Variance {
    /// A variance that is exactly known.
    pub(crate) fn exact(value: f64) -> Self {
        Self {
            value,
            square_over_df: 0.0,
        }
    }

    pub(crate) fn new(value: f64, df: f64) -> Self {
        Self {
            value,
            square_over_df: value * value / df.max(1.0),
        }
    }

    /// Adds the variance of `factor` times an independent quantity.
    pub(crate) fn add_scaled(&mut self, other: Self, factor: f64) {
        let square = factor * factor;
        self.value += other.value * square;
        self.square_over_df += other.square_over_df * square * square;
    }

    /// Half of the 90 % interval.
    pub(crate) fn half(self) -> f64 {
        let df = match self.square_over_df > 0.0 {
            true => self.value * self.value / self.square_over_df,
            false => f64::MAX,
        };
        student(df) * self.value.max(0.0).sqrt()
    }
}

/// Returns the 95 % quantile of Student's t with `df` degrees of freedom. Below 4, interpolates
/// table values in 1/df.
fn student(df: f64) -> f64 {
    const FEW: [f64; 4] = [6.314, 2.920, 2.353, 2.132];
    if df >= 4.0 {
        return t95(df);
    }
    let df = df.max(1.0);
    let below = df.floor() as usize;
    let (low, high) = (FEW[below - 1], FEW[below.min(3)]);
    let (from, to) = (1.0 / below as f64, 1.0 / (below + 1) as f64);
    low + (high - low) * (1.0 / df - from) / (to - from)
}

/// Number of windows on each side from which a gap of `windows` windows is estimated.
pub(crate) fn neighbours(windows: f64) -> f64 {
    (windows * NEIGHBOURS).max(LEAST_NEIGHBOURS)
}

impl Scatter {
    /// Adds the mean power of the next window.
    pub(crate) fn push(&mut self, power_w: f64, ns: i64) {
        self.windows += 1;
        self.ns += ns;
        let mut block = power_w;
        for at in 0.. {
            if self.levels.len() == at {
                self.levels.push(Level::default());
            }
            let level = &mut self.levels[at];
            level.add(block);
            match level.unpaired.take() {
                Some(first) => block = f64::midpoint(first, block),
                None => {
                    level.unpaired = Some(block);
                    return;
                }
            }
        }
    }

    /// Mean length of its windows.
    pub(crate) fn window_ns(&self) -> Option<f64> {
        (self.windows > 0).then(|| self.ns as f64 / self.windows as f64)
    }

    /// Returns the mean over about the last `windows` windows.
    pub(crate) fn recent(&self, windows: f64) -> MeanPower {
        let windows = (windows.ceil() as u64).min(self.windows);
        let longest = (windows / LEAST_NEIGHBOURS as u64).max(1).ilog2() as usize;
        let mut mean = MeanPower::default();
        for (at, level) in self.levels.iter().enumerate().take(longest) {
            if let Some(block) = level.unpaired {
                let length = (1_u64 << at) as f64;
                mean.sum_w += block * length;
                mean.windows += length;
            }
        }
        let Some(level) = self.levels.get(longest) else {
            return mean;
        };
        let length = (1_u64 << longest) as f64;
        let blocks = ((windows as f64 - mean.windows) / length).max(1.0) as u64;
        for back in 0..blocks.min(level.blocks).min(KEPT as u64) {
            mean.sum_w += level.recent[((level.blocks - 1 - back) % KEPT as u64) as usize] * length;
            mean.windows += length;
        }
        mean
    }

    /// Returns the variance of the estimated mean power of a gap of `windows` windows; `None`
    /// without any difference.
    pub(crate) fn error(&self, windows: f64, sides: Sides) -> Option<Variance> {
        let at = self.level(windows, sides);
        let (at, sides) = match at {
            Some(at) => (at, sides),
            None => (self.level(windows, Sides::One)?, Sides::One),
        };
        let level = &self.levels[at];
        let squares = level.squares(sides);
        let length = (1_u64 << at) as f64;
        let fall = (length / windows.max(length)).powf(FALL);
        let mut value = squares.sum / squares.count as f64 * fall;
        if sides == Sides::One {
            let slope = level.drift / level.one_sided.count as f64 / length;
            value += (slope * (windows + neighbours(windows)) / 2.0).powi(2);
        }
        Some(Variance::new(value, squares.count as f64 * FREEDOM))
    }

    /// Variance of the sum of all its powers due to the sensor's own noise.
    pub(crate) fn own_noise(&self) -> Variance {
        let mut noise = Variance::default();
        let factor = OWN_NOISE / 2.0 * self.windows as f64;
        noise.add_scaled(self.step(), factor.sqrt());
        noise
    }

    /// The variance of the difference between windows that follow each other.
    pub(crate) fn step(&self) -> Variance {
        let squares = self.levels.first().map(|level| level.one_sided);
        let squares = squares.filter(|squares| squares.count > 0);
        squares.map_or(Variance::default(), |squares| {
            Variance::new(squares.sum / squares.count as f64, squares.count as f64)
        })
    }

    /// The largest root mean square difference between neighbouring blocks of any length.
    pub(crate) fn largest_w(&self) -> f64 {
        let known = self.levels.iter().filter(|level| level.one_sided.count > 0);
        let mean = known.map(|level| level.one_sided.sum / level.one_sided.count as f64);
        mean.fold(0.0, f64::max).sqrt()
    }

    /// Returns the level of the longest blocks with enough differences that are not longer than
    /// the gap.
    fn level(&self, windows: f64, sides: Sides) -> Option<usize> {
        let counts = self.levels.iter().map(|level| level.squares(sides).count);
        let serves = |&(at, count): &(usize, u64)| {
            count > 0 && (at == 0 || count >= ENOUGH && (1_u64 << at) as f64 <= windows.max(1.0))
        };
        counts
            .enumerate()
            .take_while(serves)
            .last()
            .map(|(at, _)| at)
    }
}

impl Level {
    fn add(&mut self, block: f64) {
        let back = |by: u64| self.recent[((self.blocks - by) % KEPT as u64) as usize];
        if self.blocks >= 1 {
            let difference = block - back(1);
            self.drift += difference;
            self.one_sided.add(difference);
        }
        if self.blocks >= 2 {
            let between = back(1) - f64::midpoint(back(2), block);
            self.two_sided.add(between);
        }
        self.recent[(self.blocks % KEPT as u64) as usize] = block;
        self.blocks += 1;
    }

    fn squares(&self, sides: Sides) -> Squares {
        match sides {
            Sides::One => self.one_sided,
            Sides::Two => self.two_sided,
        }
    }
}

impl Squares {
    fn add(&mut self, difference: f64) {
        self.count += 1;
        self.sum += difference * difference;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scatter(powers: impl IntoIterator<Item = f64>) -> Scatter {
        let mut scatter = Scatter::default();
        powers.into_iter().for_each(|power| scatter.push(power, 10));
        scatter
    }

    #[test]
    fn any_number_of_recent_windows_is_averaged() {
        let ramp = scatter((0..1000).map(f64::from));
        for windows in [1.0, 3.0, 7.0, 40.0, 300.0, 5000.0] {
            let mean = ramp.recent(windows);
            let expected = windows.min(1000.0);
            assert!(
                (mean.windows - expected).abs() <= 0.3 * expected,
                "{mean:?}"
            );
            let centre = 999.0 - (mean.windows - 1.0) / 2.0;
            assert!((mean.power_w().unwrap() - centre).abs() < 1e-9, "{mean:?}");
        }
        assert_eq!(Scatter::default().recent(4.0).power_w(), None);
    }

    #[test]
    fn a_steady_drift_gives_an_error_if_only_one_side_is_known() {
        let ramp = scatter((0..256).map(|at| f64::from(at) * 0.1));
        let two = ramp.error(16.0, Sides::Two).unwrap();
        let one = ramp.error(16.0, Sides::One).unwrap();
        assert!(two.half() < 1e-9 && one.half() > 1.0, "{two:?} {one:?}");
    }

    #[test]
    fn longer_gaps_of_white_noise_have_a_smaller_mean_error() {
        let noise = (0..4096_u64).map(|at| {
            let mixed = at.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) as f64 / u64::MAX as f64
        });
        let noise = scatter(noise);
        let at = |windows| noise.error(windows, Sides::Two).unwrap().half();
        assert!(at(64.0) < 0.3 * at(1.0), "{} {}", at(64.0), at(1.0));
    }

    #[test]
    fn few_degrees_of_freedom_widen_an_interval() {
        assert!((Variance::new(1.0, 1.0).half() - 6.314).abs() < 1e-9);
        assert!((Variance::new(1.0, 2.0).half() - 2.920).abs() < 1e-9);
        assert!((Variance::new(4.0, 1e6).half() - 3.290).abs() < 1e-3);
        assert_eq!(Variance::default().half(), 0.0);
    }
}
