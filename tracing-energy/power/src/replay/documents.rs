//! Builds a recording from powermetrics documents (plist or text): true lengths laid end to
//! end, the rails of all documents, each document once.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::placement::{IntervalStamp, PlacedInterval, place};
use super::recorded::{RecordedSample, notice};
use super::recording::Recording;
use super::repeats::Repeats;
use super::strays::main_group;
use crate::powermetrics::activity::{Figure, ProcessorActivity};
use crate::powermetrics::document::RailEnergy;
use crate::powermetrics::rails;
use crate::rail::{Notice, Rail, Sample, SensorMetric};
use crate::zero_under_load::{WindowReading, unknown_under_load};
use energy_data::RailKind;
use energy_data::units::Energy;

/// What [`RecordedSample::place`] counts.
const WORD: &str = "sample";
const SECOND_NS: i64 = 1_000_000_000;

/// The contents of one document.
#[derive(Debug, Clone)]
pub(super) struct DocumentInterval {
    pub(super) stamp: IntervalStamp,
    pub(super) energies: Vec<RailEnergy>,
    pub(super) figures: Vec<Figure>,
    pub(super) active: ProcessorActivity,
}

impl DocumentInterval {
    /// Returns a hash of the contents.
    fn content(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.stamp.elapsed, self.stamp.unix_s).hash(&mut hasher);
        for rail in &self.energies {
            let energy = rail.energy.map(|energy| energy.joules().to_bits());
            (rail.name, energy).hash(&mut hasher);
        }
        for figure in &self.figures {
            (&figure.name, figure.value.to_bits()).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// The documents of a file, each once.
#[derive(Debug, Default)]
pub(super) struct Documents {
    intervals: Vec<DocumentInterval>,
    repeats: Repeats,
    repeated: usize,
}

impl Documents {
    /// Adds the next document of the file.
    pub(super) fn push(&mut self, interval: DocumentInterval) {
        match self.repeats.is_repeat(interval.content(), &interval.stamp) {
            true => self.repeated += 1,
            false => self.intervals.push(interval),
        }
    }

    /// Returns whether no document has a rail.
    pub(super) fn is_empty(&self) -> bool {
        self.intervals
            .iter()
            .all(|interval| interval.energies.is_empty())
    }

    /// Builds the recording; `notices` are those of reading the file.
    ///
    /// # Errors
    /// A message, if no sample is plausible.
    pub(super) fn build(mut self, mut notices: Vec<Notice>) -> Result<Recording, String> {
        if self.repeated > 0 {
            let message = format!(
                "recording: {} samples occur twice in the file; each counts once",
                self.repeated
            );
            notices.push(notice("duplicate", message));
        }
        notices.extend(self.forget_stray_stamps());
        let stamps: Vec<IntervalStamp> = self.intervals.iter().map(|one| one.stamp).collect();
        let placed = place(&stamps);
        notices.extend(set_back(&placed));
        let rails = rails::describe(&self.all_rails());
        let mut samples = self.samples(&rails, &placed);
        for at in 0..rails.len() {
            notices.extend(self.check_rail(at, &rails, &mut samples));
        }
        let mut recording = Recording::new(rails, samples.concat(), WORD, notices)?;
        recording.metrics = self.metrics(&placed, &recording);
        recording.wall = placed.wall.map(|mut wall| {
            wall.start_unix_ns += recording.first.nanos();
            wall
        });
        Ok(recording)
    }

    /// Removes time stamps from before the clock was set. Their documents are placed by order.
    fn forget_stray_stamps(&mut self) -> Option<Notice> {
        let times = self.intervals.iter().filter_map(|one| one.stamp.unix_s);
        let (first, last) = main_group(times.map(|s| s.saturating_mul(SECOND_NS)))?;
        let is_near = |s: i64| (first..=last).contains(&s.saturating_mul(SECOND_NS));
        let mut count = 0;
        for stamp in self.intervals.iter_mut().map(|one| &mut one.stamp) {
            if stamp.unix_s.is_some_and(|s| !is_near(s)) {
                stamp.unix_s = None;
                count += 1;
            }
        }
        let message = format!(
            "recording: the times of {count} samples are half a year or more from all others; \
             these samples are placed after the previous ones"
        );
        Some(notice("stray_time", message))
    }

    /// Returns the rails of all documents, parents first.
    fn all_rails(&self) -> Vec<RailEnergy> {
        let mut all: Vec<RailEnergy> = Vec::new();
        for rail in self.intervals.iter().flat_map(|one| &one.energies) {
            if all.iter().all(|known| known.name != rail.name) {
                all.push(rail.clone());
            }
        }
        all.sort_by_key(|rail| rails::order(rail.name));
        all
    }

    /// Returns the samples by rail, without energy for documents that lack the rail.
    fn samples(&self, rails: &[Rail], placed: &PlacedInterval) -> Vec<Vec<RecordedSample>> {
        let mut samples: Vec<Vec<RecordedSample>> = vec![Vec::new(); rails.len()];
        for ((one, &(start, end)), place) in self.intervals.iter().zip(&placed.windows).zip(1..) {
            for sample in rails::samples(rails, &one.energies, start, end) {
                samples[sample.rail].push(RecordedSample { sample, place });
            }
        }
        samples
    }

    /// Reports a rail's samples without energy, and makes the energy unknown while the counter
    /// was frozen under load.
    fn check_rail(
        &self,
        at: usize,
        rails: &[Rail],
        samples: &mut [Vec<RecordedSample>],
    ) -> Vec<Notice> {
        let (rail, samples) = (&rails[at], &mut samples[at]);
        let missing = samples.iter().filter(|one| one.sample.energy.is_none());
        let missing = match missing.count() {
            0 => None,
            count => Some(notice(
                "unknown_energy",
                format!(
                    "recording: {count} of {} samples have no energy of rail {}",
                    samples.len(),
                    rail.name
                ),
            )),
        };
        let load = |active: &ProcessorActivity| match rail.kind {
            RailKind::Gpu => active.gpu,
            RailKind::Cpu | RailKind::Package | RailKind::Dram => active.cpu,
            _ => None,
        };
        let readings = samples
            .iter()
            .zip(&self.intervals)
            .map(|(found, interval)| {
                let Sample {
                    start, end, energy, ..
                } = found.sample;
                let busy = load(&interval.active);
                WindowReading {
                    start,
                    end,
                    energy,
                    busy,
                }
            });
        let unknown = unknown_under_load(readings);
        for &at in &unknown {
            samples[at].sample.energy = None::<Energy>;
        }
        let frozen = unknown.first().map(|&first| Notice {
            time: samples[first].sample.start,
            kind: "frozen",
            message: format!(
                "recording: rail {} reads 0 in {} samples while its device works; their energy is \
                 unknown",
                rail.name,
                unknown.len()
            ),
        });
        missing.into_iter().chain(frozen).collect()
    }

    fn metrics(&self, placed: &PlacedInterval, recording: &Recording) -> Vec<SensorMetric> {
        let first = recording.first;
        let windows = self.intervals.iter().zip(&placed.windows);
        let later = windows.filter(|(_, window)| window.0 >= first);
        later
            .flat_map(|(one, &(start, end))| {
                let (start, end) = (start - first, end - first);
                one.figures
                    .iter()
                    .map(move |figure| figure.over(start, end))
            })
            .collect()
    }
}

/// Returns a notice if the clock was set back. Windows are laid end to end there.
fn set_back(placed: &PlacedInterval) -> Option<Notice> {
    let mut back = placed.gaps.iter().filter(|gap| gap.1.nanos() <= 0);
    let first = back.next()?.0;
    let count = 1 + back.count();
    Some(Notice {
        time: placed.windows[first].0,
        kind: "clock_set_back",
        message: format!(
            "recording: the clock was set back {count} times, first before sample {}; samples are \
             laid end to end there",
            first + 1
        ),
    })
}
