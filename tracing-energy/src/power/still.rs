//! Counters that do not follow the load are not to be trusted.
//!
//! ```text
//! busy     ==========================================
//! frozen   5 J  4 J  0  0  0  0  0  0  0  0  0  0  0     still for three seconds
//! batched  0  0  0  9 J  0  0  0  8 J  0  0  0  9 J      still, then all of it at once
//! ```
//! Some systems publish counters in batches: macOS 27 every two seconds or so where no
//! entitled program reads them.

use std::cell::OnceCell;

use crate::power::{Notice, Rail, RailKind, Sample};
use crate::units::{Energy, Nanos};

/// A rail that stands still for this long while a processor was busy for at least half
/// of it is frozen; longer than the batches that are known.
pub(super) const FROZEN_AFTER: Nanos = Nanos::from_millis(3_000);

/// So many windows without energy, and then one with, are one batch.
const STILL_WINDOWS: u32 = 2;

/// So many batches are no accident.
const BATCHES: u32 = 3;

/// Watches the rails of a source that a busy processor must move.
#[derive(Debug, Clone, Default)]
pub(super) struct StillWatch {
    rails: Vec<RailWatch>,
}

impl StillWatch {
    /// Takes new samples of these rails and what reads the machine's busy time; each
    /// kind of oddity is told once for each rail.
    pub(super) fn check(
        &mut self,
        (source, rails): (&str, &[Rail]),
        samples: &[Sample],
        busy: fn() -> Option<Nanos>,
        notices: &mut Vec<Notice>,
    ) {
        self.rails.resize(rails.len(), RailWatch::default());
        let once = OnceCell::new();
        let busy = || *once.get_or_init(busy);
        let moves_with_work = |sample: &&Sample| {
            let kind = rails[sample.rail].kind;
            matches!(kind, RailKind::Cpu | RailKind::Package | RailKind::Dram)
        };
        for sample in samples.iter().filter(moves_with_work) {
            let rail = &rails[sample.rail];
            let window = (sample.start, sample.end);
            let news = self.rails[sample.rail].news(sample.energy, window, busy);
            if let Some((kind, what)) = news {
                notices.push(Notice {
                    time: sample.end,
                    kind,
                    message: format!("{source} {}: {what}", rail.name),
                });
            }
        }
    }
}

#[derive(Debug, Clone, Default)]
struct RailWatch {
    still: Option<Still>,
    batches: u32,
    was_told: bool,
}

/// Since when a rail stands still, and the machine's busy time then.
#[derive(Debug, Clone, Copy)]
struct Still {
    start: Nanos,
    busy: Nanos,
    windows: u32,
}

impl Still {
    fn is_loaded(&self, end: Nanos, busy: Nanos) -> bool {
        (busy - self.busy).nanos() >= (end - self.start).nanos() / 2
    }
}

impl RailWatch {
    /// Takes a window; the kind of its oddity and what it says, if that is new. The
    /// busy time is read only where the rail stands still or stood still before.
    fn news(
        &mut self,
        energy: Option<Energy>,
        (start, end): (Nanos, Nanos),
        busy: impl FnOnce() -> Option<Nanos>,
    ) -> Option<(&'static str, String)> {
        let Some(energy) = energy else {
            self.still = None;
            return None;
        };
        if energy == Energy::ZERO {
            if self.was_told {
                return None;
            }
            let busy = busy()?;
            let still = self.still.get_or_insert(Still {
                start,
                busy,
                windows: 0,
            });
            still.windows += 1;
            let is_news = end - still.start >= FROZEN_AFTER
                && still.is_loaded(end, busy)
                && !std::mem::replace(&mut self.was_told, true);
            let what = "the counter stands still under load; do not trust it";
            return is_news.then(|| ("frozen", what.to_owned()));
        }
        let still = self.still.take()?;
        if still.windows < STILL_WINDOWS || !still.is_loaded(end, busy()?) {
            return None;
        }
        self.batches += 1;
        (self.batches == BATCHES).then(|| {
            let seconds = (end - still.start).seconds();
            let what = format!(
                "the counter moves every {seconds:.1} s only, by all that was used since; \
                 figures of shorter times are not to be trusted"
            );
            ("batched", what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds told of windows of half a second with these energies; busy all the
    /// time or never.
    fn told(energies: &[Option<f64>], is_busy: bool) -> Vec<&'static str> {
        let mut watch = RailWatch::default();
        let windows = energies.iter().enumerate().filter_map(|(at, joules)| {
            let (start, end) = (500 * at as i64, 500 * (at as i64 + 1));
            let busy = Nanos::from_millis(if is_busy { end } else { 0 });
            let window = (Nanos::from_millis(start), Nanos::from_millis(end));
            watch.news(joules.map(Energy::from_joules), window, || Some(busy))
        });
        windows.map(|(kind, _)| kind).collect()
    }

    #[test]
    fn standing_still_under_load_is_told_once() {
        assert_eq!(told(&[Some(0.0); 20], true), ["frozen"]);
        assert!(told(&[Some(0.0); 20], false).is_empty());
        assert!(told(&[Some(1.0); 20], true).is_empty());
        assert!(told(&[None; 20], true).is_empty());
    }

    #[test]
    fn batches_are_told_once_with_their_length() {
        let every_second = |length: usize| -> Vec<Option<f64>> {
            let joules = |at| if at % length == length - 1 { 5.0 } else { 0.0 };
            (0..40).map(|at| Some(joules(at))).collect()
        };
        assert_eq!(told(&every_second(4), true), ["batched"]);
        assert!(told(&every_second(4), false).is_empty());
        // One window without energy is a counter that is read a little too fast.
        assert!(told(&every_second(2), true).is_empty());
    }
}
