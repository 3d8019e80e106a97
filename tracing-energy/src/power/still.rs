//! A rail that stands still under load is not to be trusted.
//!
//! ```text
//! energy   5 J  4 J  0  0  0  0  0  0  0  0
//! busy     ======================                 half of two seconds: it is told
//! ```

use crate::units::{Energy, Nanos};

/// A rail that stands still for this long while a processor was busy for at least half
/// of it does not count.
const AFTER: Nanos = Nanos::from_millis(2_000);

/// What is told of it.
pub(super) const MESSAGE: &str = "the counter stands still under load; do not trust it";

/// Watches one rail that a busy processor must move.
#[derive(Debug, Clone, Default)]
pub(super) struct StillWatch {
    since: Option<Since>,
    was_told: bool,
}

/// Since when it stands still, and the machine's busy time then.
#[derive(Debug, Clone, Copy)]
struct Since {
    start: Nanos,
    busy: Nanos,
}

impl StillWatch {
    /// Takes a window, and the machine's busy time at its end; whether it is to be told
    /// now that the rail stands still. It is told once.
    pub(super) fn is_news(
        &mut self,
        energy: Option<Energy>,
        (start, end): (Nanos, Nanos),
        busy: Option<Nanos>,
    ) -> bool {
        let (Some(Energy::ZERO), Some(busy)) = (energy, busy) else {
            self.since = None;
            return false;
        };
        let since = self.since.get_or_insert(Since { start, busy });
        let length = end - since.start;
        let is_loaded = (busy - since.busy).nanos() >= length.nanos() / 2;
        let is_still = length >= AFTER && is_loaded && !self.was_told;
        self.was_told |= is_still;
        is_still
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of half a second with these energies; busy all the time or never.
    fn told(energies: &[Option<f64>], is_busy: bool) -> usize {
        let mut watch = StillWatch::default();
        let windows = energies.iter().enumerate().map(|(at, joules)| {
            let (start, end) = (500 * at as i64, 500 * (at as i64 + 1));
            let busy = Nanos::from_millis(if is_busy { end } else { 0 });
            let window = (Nanos::from_millis(start), Nanos::from_millis(end));
            watch.is_news(joules.map(Energy::from_joules), window, Some(busy))
        });
        windows.filter(|told| *told).count()
    }

    #[test]
    fn standing_still_under_load_is_told_once() {
        assert_eq!(told(&[Some(0.0); 20], true), 1);
        assert_eq!(told(&[Some(0.0); 20], false), 0);
        assert_eq!(told(&[Some(1.0); 20], true), 0);
        let moves: Vec<_> = (0..20).map(|at| Some(f64::from(at % 4 / 3))).collect();
        assert_eq!(told(&moves, true), 0);
        assert_eq!(told(&[None; 20], true), 0);
    }
}
