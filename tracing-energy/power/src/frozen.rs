//! Detects counters that do not follow the load.
//!
//! ```text
//! busy     =====================================
//! frozen   5 J  0  0  0  0  0  0  0  0  0  0        no move for three seconds: unknown
//! energy   5 J  -  -  -  -  -  -  -  -  -  -        since the last move
//!
//! batched  5 J  0  0  0  9 J  0  0  0  8 J          a pause, then all energy at once: one
//! energy   5 J  |--- 9 J ---| |--- 8 J ---|         window since the last move
//! ```
//! Windows without energy are held back until the case is known. On an idle machine they
//! stay zero. Some systems publish counters in batches: macOS 27 about every two seconds if
//! no entitled program reads them.

mod load;

use crate::rail::{Notice, Rail, Sample};
use crate::source::Reading;
use energy_data::RailKind;
use energy_data::units::{Energy, Nanos};
pub(super) use load::Load;

/// A rail that does not move for this long is frozen, if a processor was busy for at least
/// half of that time. Longer than all known batches.
pub(super) const FROZEN_AFTER: Nanos = Nanos::from_millis(3_000);

/// Zeros for less than this before a gap or the end of a run stay zero, because windows may
/// be shorter than the time between two moves.
const SHORT: Nanos = Nanos::from_millis(300);

/// Number of windows without energy before one with energy that make a batch.
const ZERO_WINDOWS: u32 = 2;

/// Number of batches after which batching is reported.
const BATCHES: u32 = 3;

/// Checks the rails of a source that move whenever a processor is busy.
#[derive(Debug, Clone)]
pub(super) struct FrozenCounterDetector {
    source: String,
    rails: Vec<WatchedRail>,
    load: Load,
}

/// Receives the checked samples.
type Emit<'a> = &'a mut dyn FnMut(Sample);

impl FrozenCounterDetector {
    /// Creates a detector for the rails of a source; `load` is this machine's load.
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

    /// Replaces the samples of a reading by checked ones and adds notices of frozen and
    /// batched counters. Samples may be held back for a later reading.
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
            let mut emit = |sample| reading.samples.push(sample);
            let Some(rail) = self.rails.get_mut(sample.rail).filter(|rail| rail.moves) else {
                emit(sample);
                continue;
            };
            let finding = rail.add(sample, &self.load, &mut emit);
            let notice = finding.map(|(kind, what)| Notice {
                time: sample.end,
                kind,
                message: format!("{} {}: {what}", self.source, rail.name),
            });
            reading.notices.extend(notice);
        }
    }

    /// Emits the samples that are still held back.
    pub(super) fn finish(&mut self, reading: &mut Reading) {
        for rail in &mut self.rails {
            let load = &self.load;
            rail.release(load, SHORT, &mut |sample| reading.samples.push(sample));
        }
    }
}

/// The state of one rail.
#[derive(Debug, Clone)]
struct WatchedRail {
    name: String,
    /// Whether work on the processors moves it.
    moves: bool,
    zeros: Option<FrozenCounter>,
    batches: u32,
    is_frozen: bool,
}

/// Consecutive windows without energy, merged into one sample.
#[derive(Debug, Clone, Copy)]
struct FrozenCounter {
    sample: Sample,
    windows: u32,
}

/// The kind and the description of a finding.
type FrozenFinding = (&'static str, String);

impl WatchedRail {
    fn new(rail: &Rail) -> Self {
        let moves = matches!(
            rail.kind,
            RailKind::Cpu | RailKind::Package | RailKind::Dram | RailKind::System
        );
        Self {
            name: rail.name.clone(),
            moves,
            zeros: None,
            batches: 0,
            is_frozen: false,
        }
    }

    fn add(&mut self, sample: Sample, load: &Load, emit: Emit<'_>) -> Option<FrozenFinding> {
        match sample.energy {
            None => {
                self.release(load, SHORT, emit);
                emit(sample);
                None
            }
            Some(Energy::ZERO) if self.is_frozen => {
                emit(Sample {
                    energy: None,
                    ..sample
                });
                None
            }
            Some(Energy::ZERO) => self.hold(sample, load, emit),
            Some(_) if std::mem::take(&mut self.is_frozen) => {
                // This step may include all energy since the counter froze.
                emit(Sample {
                    energy: None,
                    ..sample
                });
                Some(("frozen", "the counter moves again".to_owned()))
            }
            Some(_) => self.merge_held(sample, load, emit),
        }
    }

    fn hold(&mut self, sample: Sample, load: &Load, emit: Emit<'_>) -> Option<FrozenFinding> {
        // A gap between windows ends the sequence.
        if self
            .zeros
            .is_some_and(|zeros| zeros.sample.end != sample.start)
        {
            self.release(load, SHORT, emit);
        }
        let zeros = self
            .zeros
            .get_or_insert(FrozenCounter { sample, windows: 0 });
        zeros.sample.end = sample.end;
        zeros.windows += 1;
        if zeros.sample.end - zeros.sample.start < FROZEN_AFTER {
            return None;
        }
        self.is_frozen = load.is_busy(zeros.sample.start, zeros.sample.end);
        self.release(load, SHORT, emit);
        let what = "the counter is frozen under load: its energy is unknown until it moves again";
        self.is_frozen.then(|| ("frozen", what.to_owned()))
    }

    /// Merges a window with energy and the held windows before it.
    fn merge_held(&mut self, sample: Sample, load: &Load, emit: Emit<'_>) -> Option<FrozenFinding> {
        let touching = |zeros: &FrozenCounter| zeros.sample.end == sample.start;
        let Some(zeros) = self.zeros.filter(touching) else {
            self.release(load, SHORT, emit);
            emit(sample);
            return None;
        };
        self.zeros = None;
        emit(Sample {
            start: zeros.sample.start,
            ..sample
        });
        let is_batch = zeros.windows >= ZERO_WINDOWS;
        if !is_batch || !load.is_busy(zeros.sample.start, sample.end) {
            return None;
        }
        self.batches += 1;
        (self.batches == BATCHES).then(|| {
            let seconds = (sample.end - zeros.sample.start).seconds();
            let what = format!(
                "the counter moves every {seconds:.1} s only, by all energy since; its windows \
                 have that length"
            );
            ("batched", what)
        })
    }

    /// Emits the held windows. Their energy is unknown if they are longer than `short` and
    /// the machine was busy.
    fn release(&mut self, load: &Load, short: Nanos, emit: Emit<'_>) {
        let Some(FrozenCounter { sample, .. }) = self.zeros.take() else {
            return;
        };
        let is_short = sample.end - sample.start < short;
        let is_known = is_short || !load.is_busy(sample.start, sample.end);
        emit(Sample {
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

    /// Returns the checked windows and the kinds of notices for windows of half a second with
    /// these energies, on a machine with one busy processor or none.
    fn checked(
        kind: RailKind,
        energies: &[Option<f64>],
        is_busy: bool,
    ) -> (Vec<Window>, Vec<&'static str>) {
        let busy: fn(Nanos) -> Option<Nanos> = match is_busy {
            true => |now| Some(now),
            false => |_| Some(Nanos::ZERO),
        };
        let mut counters = FrozenCounterDetector::new("fake", &[rail(kind)], Load::new(busy));
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
    fn energy_of_a_counter_that_is_frozen_under_load_is_unknown() {
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
    fn energy_is_known_from_the_second_window_after_a_freeze() {
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
    fn each_batch_is_one_window_and_batching_is_reported_once() {
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
    fn zeros_before_the_end_of_a_busy_run_are_unknown() {
        let energies = [Some(5.0), Some(0.0), Some(0.0)];
        let (windows, _) = checked(RailKind::Package, &energies, true);
        assert_eq!(windows, [(0, 500, Some(5.0)), (500, 1500, None)]);
        let (windows, _) = checked(RailKind::Package, &energies, false);
        assert_eq!(windows[1], (500, 1500, Some(0.0)));
    }

    #[test]
    fn zeros_of_a_device_rail_are_kept_under_cpu_load() {
        let (windows, kinds) = checked(RailKind::Ane, &[Some(0.0); 20], true);
        assert_eq!((windows.len(), kinds.len()), (20, 0));
        assert!(windows.iter().all(|window| window.2 == Some(0.0)));
    }
}
