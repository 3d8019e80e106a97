//! Counters that do not follow the load are not to be trusted.
//!
//! ```text
//! busy     =====================================
//! frozen   5 J  0  0  0  0  0  0  0  0  0  0        still for three seconds: unknown since
//! energy   5 J  -  -  -  -  -  -  -  -  -  -        it stands still
//!
//! batched  5 J  0  0  0  9 J  0  0  0  8 J          still, then all of it at once: one
//! energy   5 J  |--- 9 J ---| |--- 8 J ---|         window since it moved
//! ```
//! Windows without energy are held back until it is known which of them it is. A rail
//! that stands still on a machine at rest has its zeros. Some systems publish counters in
//! batches: macOS 27 every two seconds or so where no entitled program reads them.

mod load;

use crate::power::{Notice, Rail, RailKind, Reading, Sample};
use crate::units::{Energy, Nanos};
pub(super) use load::Load;

/// A rail that stands still for this long while a processor was busy for at least half
/// of it is frozen; longer than the batches that are known.
pub(super) const FROZEN_AFTER: Nanos = Nanos::from_millis(3_000);

/// A rail that stands still at the end of a run for less than this has its zeros: windows
/// may be shorter than the time between two moves.
const SHORT: Nanos = Nanos::from_millis(300);

/// So many windows without energy, and then one with, are one batch.
const STILL_WINDOWS: u32 = 2;

/// So many batches are no accident.
const BATCHES: u32 = 3;

/// Watches the rails of a source that a busy processor must move.
#[derive(Debug, Clone)]
pub(super) struct FrozenCounters {
    source: String,
    rails: Vec<WatchedRail>,
    load: Load,
}

/// What to do with a sample.
type Take<'a> = &'a mut dyn FnMut(Sample);

impl FrozenCounters {
    /// Watches rails of a source; `load` is how busy this machine is.
    pub(super) fn new(source: &str, rails: &[Rail], load: Load) -> Self {
        let mut watched = Self {
            source: source.to_owned(),
            rails: Vec::new(),
            load,
        };
        watched.extend(rails.iter());
        watched
    }

    fn extend<'r>(&mut self, rails: impl Iterator<Item = &'r Rail>) {
        let new = rails.skip(self.rails.len());
        self.rails.extend(new.map(WatchedRail::new));
    }

    /// Replaces the samples of a reading by those that can be trusted, and reports what
    /// cannot. Samples may be held back for a later reading.
    pub(super) fn check(&mut self, reading: &mut Reading) {
        if let Some(rails) = &reading.rails {
            self.extend(rails.iter().map(|(rail, _)| rail));
        }
        let Some(last) = reading.samples.iter().map(|sample| sample.end).max() else {
            return;
        };
        self.load.read(last);
        let samples = std::mem::take(&mut reading.samples);
        for sample in samples {
            let mut take = |sample| reading.samples.push(sample);
            let Some(rail) = self.rails.get_mut(sample.rail).filter(|rail| rail.moves) else {
                take(sample);
                continue;
            };
            let oddity = rail.add(sample, &self.load, &mut take);
            let notice = oddity.map(|(kind, what)| Notice {
                time: sample.end,
                kind,
                message: format!("{} {}: {what}", self.source, rail.name),
            });
            reading.notices.extend(notice);
        }
    }

    /// Hands on what is still held back.
    pub(super) fn finish(&mut self, reading: &mut Reading) {
        for rail in &mut self.rails {
            let load = &self.load;
            rail.release(load, SHORT, &mut |sample| reading.samples.push(sample));
        }
    }
}

/// One rail.
#[derive(Debug, Clone)]
struct WatchedRail {
    name: String,
    /// Whether work on the processors moves it.
    moves: bool,
    still: Option<Still>,
    batches: u32,
    is_frozen: bool,
}

/// Windows without energy, as one.
#[derive(Debug, Clone, Copy)]
struct Still {
    sample: Sample,
    windows: u32,
}

/// The kind of an oddity and its description.
type Oddity = (&'static str, String);

impl WatchedRail {
    fn new(rail: &Rail) -> Self {
        let moves = matches!(
            rail.kind,
            RailKind::Cpu | RailKind::Package | RailKind::Dram | RailKind::System
        );
        Self {
            name: rail.name.clone(),
            moves,
            still: None,
            batches: 0,
            is_frozen: false,
        }
    }

    fn add(&mut self, sample: Sample, load: &Load, take: Take<'_>) -> Option<Oddity> {
        match sample.energy {
            None => {
                self.release(load, SHORT, take);
                take(sample);
                None
            }
            Some(Energy::ZERO) if self.is_frozen => {
                take(Sample {
                    energy: None,
                    ..sample
                });
                None
            }
            Some(Energy::ZERO) => self.stand_still(sample, load, take),
            Some(_) if std::mem::take(&mut self.is_frozen) => {
                // This step may hold all that was used since it stood still.
                take(Sample {
                    energy: None,
                    ..sample
                });
                Some(("frozen", "the counter moves again".to_owned()))
            }
            Some(_) => self.move_on(sample, load, take),
        }
    }

    fn stand_still(&mut self, sample: Sample, load: &Load, take: Take<'_>) -> Option<Oddity> {
        // A gap between two windows is no part of either.
        if self
            .still
            .is_some_and(|still| still.sample.end != sample.start)
        {
            self.release(load, SHORT, take);
        }
        let still = self.still.get_or_insert(Still { sample, windows: 0 });
        still.sample.end = sample.end;
        still.windows += 1;
        if still.sample.end - still.sample.start < FROZEN_AFTER {
            return None;
        }
        self.is_frozen = load.is_busy(still.sample.start, still.sample.end);
        self.release(load, SHORT, take);
        let what = "the counter stands still under load: its energy is unknown from then on";
        self.is_frozen.then(|| ("frozen", what.to_owned()))
    }

    /// The energy of a window after some without any is that of all of them.
    fn move_on(&mut self, sample: Sample, load: &Load, take: Take<'_>) -> Option<Oddity> {
        let touching = |still: &Still| still.sample.end == sample.start;
        let Some(still) = self.still.filter(touching) else {
            self.release(load, SHORT, take);
            take(sample);
            return None;
        };
        self.still = None;
        take(Sample {
            start: still.sample.start,
            ..sample
        });
        let is_batch = still.windows >= STILL_WINDOWS;
        if !is_batch || !load.is_busy(still.sample.start, sample.end) {
            return None;
        }
        self.batches += 1;
        (self.batches == BATCHES).then(|| {
            let seconds = (sample.end - still.sample.start).seconds();
            let what = format!(
                "the counter moves every {seconds:.1} s only, by all that was used since; its \
                 windows are as long"
            );
            ("batched", what)
        })
    }

    /// Hands on windows without energy: unknown if they are longer than `short` and the
    /// machine was busy.
    fn release(&mut self, load: &Load, short: Nanos, take: Take<'_>) {
        let Some(Still { sample, .. }) = self.still.take() else {
            return;
        };
        let is_short = sample.end - sample.start < short;
        let is_known = is_short || !load.is_busy(sample.start, sample.end);
        take(Sample {
            energy: sample.energy.filter(|_| is_known),
            ..sample
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: i64) -> Nanos {
        Nanos::from_millis(millis)
    }

    fn rail(kind: RailKind) -> Rail {
        Rail {
            name: "r".into(),
            kind,
            parent: None,
            unit: "uJ",
        }
    }

    type Window = (i64, i64, Option<f64>);

    /// What becomes of windows of half a second with these energies, on a machine with
    /// one busy processor or none.
    fn checked(
        kind: RailKind,
        energies: &[Option<f64>],
        is_busy: bool,
    ) -> (Vec<Window>, Vec<&'static str>) {
        let busy: fn(Nanos) -> Option<Nanos> = match is_busy {
            true => |now| Some(now),
            false => |_| Some(Nanos::ZERO),
        };
        let mut counters = FrozenCounters::new("fake", &[rail(kind)], Load::new(busy));
        let (mut windows, mut kinds) = (Vec::new(), Vec::new());
        let mut keep = |reading: Reading| {
            windows.extend(reading.samples.iter().map(|one| {
                let [start, end] = [one.start, one.end].map(|time| time.nanos() / 1_000_000);
                (start, end, one.energy.map(Energy::joules))
            }));
            kinds.extend(reading.notices.iter().map(|one| one.kind));
        };
        for (at, joules) in (0..).zip(energies) {
            let mut reading = Reading::default();
            reading.samples.push(Sample {
                rail: 0,
                start: ms(500 * at),
                end: ms(500 * at + 500),
                energy: joules.map(Energy::from_joules),
            });
            counters.check(&mut reading);
            keep(reading);
        }
        let mut reading = Reading::default();
        counters.finish(&mut reading);
        keep(reading);
        (windows, kinds)
    }

    #[test]
    fn a_counter_that_stands_still_under_load_is_unknown_since_then() {
        let mut energies = vec![Some(5.0), Some(5.0)];
        energies.extend([Some(0.0); 10]);
        let (windows, kinds) = checked(RailKind::Package, &energies, true);
        assert_eq!(kinds, ["frozen"]);
        assert_eq!(
            windows[..3],
            [
                (0, 500, Some(5.0)),
                (500, 1000, Some(5.0)),
                (1000, 4000, None)
            ]
        );
        assert!(windows[2..].iter().all(|window| window.2.is_none()));
        assert_eq!(windows.last().map(|window| window.1), Some(6000));

        let (windows, kinds) = checked(RailKind::Package, &energies, false);
        assert_eq!(kinds, [""; 0]);
        assert!(
            windows.iter().all(|window| window.2.is_some()),
            "{windows:?}"
        );
    }

    #[test]
    fn a_counter_that_moves_again_is_known_from_the_next_window_on() {
        let mut energies = vec![Some(0.0); 7];
        energies.extend([Some(40.0), Some(5.0)]);
        let (windows, kinds) = checked(RailKind::Cpu, &energies, true);
        assert_eq!(kinds, ["frozen", "frozen"]);
        assert_eq!(
            windows[1..],
            [
                (3000, 3500, None),
                (3500, 4000, None),
                (4000, 4500, Some(5.0))
            ]
        );
    }

    #[test]
    fn batches_are_one_window_each_and_are_reported_once() {
        let energies: Vec<Option<f64>> = (0..40)
            .map(|at| Some(if at % 4 == 3 { 8.0 } else { 0.0 }))
            .collect();
        let (windows, kinds) = checked(RailKind::Cpu, &energies, true);
        assert_eq!(kinds, ["batched"]);
        assert_eq!(windows.len(), 10);
        assert!(
            windows
                .iter()
                .all(|one| one.1 - one.0 == 2000 && one.2 == Some(8.0))
        );
        assert_eq!(checked(RailKind::Cpu, &energies, false).1, [""; 0]);
    }

    #[test]
    fn a_run_that_ends_while_a_counter_stands_still_does_not_know_its_energy() {
        let energies = [Some(5.0), Some(0.0), Some(0.0)];
        let (windows, _) = checked(RailKind::Package, &energies, true);
        assert_eq!(windows, [(0, 500, Some(5.0)), (500, 1500, None)]);
        let (windows, _) = checked(RailKind::Package, &energies, false);
        assert_eq!(windows[1], (500, 1500, Some(0.0)));
    }

    #[test]
    fn a_device_may_rest_while_processors_work() {
        let (windows, kinds) = checked(RailKind::Ane, &[Some(0.0); 20], true);
        assert_eq!((windows.len(), kinds.len()), (20, 0));
        assert!(windows.iter().all(|window| window.2 == Some(0.0)));
    }
}
