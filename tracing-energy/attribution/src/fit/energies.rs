//! Energies of kinds in single windows.

use super::input::RailInput;
use super::outcome::RailOutcome;
use super::timeline::{Timeline, weights};
use super::windows::weighted_intervals;

impl RailOutcome {
    /// Returns, for each window of `input`, kinds and their energies in joules, by kind. They
    /// sum to the window's `spans_j`. `timeline` and `clock_offset_ns` must be those of the fit.
    pub fn energies_j(
        &self,
        input: &RailInput,
        timeline: &Timeline,
        clock_offset_ns: f64,
    ) -> Vec<Vec<(u32, f64)>> {
        let table = weights(self.alpha);
        let mut pieces = Vec::new();
        let windows = input.windows.iter().enumerate();
        let energies = windows.map(|(at, window)| {
            if !self.windows.get(at).is_some_and(|window| window.used) {
                return Vec::new();
            }
            let (start, end) = (window.start_ns as f64, window.end_ns as f64);
            weighted_intervals(
                input.kernel,
                start - clock_offset_ns,
                end - clock_offset_ns,
                &mut pieces,
            );
            let mut kinds: Vec<(u32, f64)> = Vec::new();
            for &(from, to, factor) in &pieces {
                timeline.between(from, to, &table, |kind, seconds| {
                    kinds.push((kind, seconds * factor));
                });
            }
            kinds.sort_by_key(|&(kind, _)| kind);
            kinds.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 += if same { next.1 } else { 0.0 };
                same
            });
            let priced = kinds.into_iter();
            let priced = priced.map(|(kind, seconds)| (kind, seconds * self.price_w(at, kind)));
            priced.filter(|&(_, energy)| energy > 0.0).collect()
        });
        energies.collect()
    }
}
