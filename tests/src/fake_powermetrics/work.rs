//! Power as a function of work: each kind of work has its own watts, and a program
//! reports how much it has done of each.
//!
//! Energy depends on the work, not on its duration: on a machine where other programs are
//! busy, the same work takes longer and costs the same.

use std::time::Instant;

use super::arguments::variable;
use super::noise::ReadingNoise;

/// Idle watts, watts of each kind of work, and the file with the program's work.
pub(crate) struct Work {
    file: String,
    idle_w: f64,
    kinds_w: Vec<f64>,
    noise: ReadingNoise,
    born: Instant,
    /// Before noise, up to the last look.
    true_j: f64,
    /// With noise.
    joules: f64,
}

impl Work {
    /// From `WORK_FILE`, `WORK_WATTS` and `NOISE`.
    pub(crate) fn from_environment() -> Option<Self> {
        let file = variable("WORK_FILE")?;
        let watts = variable("WORK_WATTS")?;
        let mut watts = watts.split(',').map(|watts| watts.trim().parse::<f64>());
        Some(Self {
            file,
            idle_w: watts.next()?.ok()?,
            kinds_w: watts.collect::<Result<_, _>>().ok()?,
            noise: ReadingNoise::from_environment(),
            born: Instant::now(),
            true_j: 0.0,
            joules: 0.0,
        })
    }

    /// Joules up to now, with noise.
    pub(crate) fn joules(&mut self) -> f64 {
        let idle_j = self.idle_w * self.born.elapsed().as_secs_f64();
        let true_j = idle_j + self.work_j();
        // A file that is being created shows less: energy never decreases.
        let more = (true_j - self.true_j).max(0.0);
        self.true_j += more;
        self.joules += more * self.noise.factor();
        self.joules
    }

    /// The file holds seconds of each kind, in nanoseconds, as little-endian words.
    fn work_j(&self) -> f64 {
        let bytes = std::fs::read(&self.file).unwrap_or_default();
        let words = bytes
            .chunks_exact(8)
            .filter_map(|word| word.try_into().ok());
        let seconds = words.map(|word| u64::from_le_bytes(word) as f64 / 1e9);
        let kinds = seconds.zip(&self.kinds_w);
        kinds.map(|(seconds, watts)| seconds * watts).sum()
    }
}
