//! Places intervals of known length on the run's clock.
//!
//! ```text
//! documents       |--103 ms--|---109 ms---|--104 ms--|      true lengths
//! arrivals                   v            v            v    slightly late
//! windows         |----------|------------|----------|      lengths added up
//! ```
//!
//! Documents of one process are contiguous, and none arrives before its end. The first
//! arrival is the anchor. From there lengths are added up, because arrivals jitter. A document
//! that arrives much later than the sum was either delayed (its reader or the whole program
//! was stopped) or follows time that no document covers. It is held back until later documents
//! decide. Documents can only be late, so the smallest delay is the missing time. If it is
//! nearly zero, all documents were delayed. If documents arrive at their interval again and
//! it is not zero, there is a gap.
//!
//! ```text
//! reader stopped            xxxxxxxxxxxxxxxx
//! arrivals        v    v                   vvvv v
//! windows         |----|----|--------------|----|    the last one is in time: no gap
//!
//! no sampling                       xxxxxxxx
//! arrivals        v    v                        v    v    v
//! windows         |----|             gap   |----|----|----|
//! ```
//!
//! If a window is shorter than its document, its energy is reduced by the same factor, so that
//! its power is that of the document. A document that covers time in the future loses that
//! part. If nothing remains (it was delivered twice), it is dropped.

use energy_data::units::Nanos;

/// Smallest share of a document that makes a window.
const SHORTEST_SHARE: f64 = 0.01;

/// Maximum number of held documents.
const HELD: usize = 4_096;

/// Number of consecutive documents at their interval that show that none is delayed.
const ON_TIME: u32 = 2;

/// The window of an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlacedDocument {
    /// Start of the window.
    pub start: Nanos,
    /// End of the window.
    pub end: Nanos,
    /// Length of the gap before it.
    pub gap: Option<Nanos>,
    /// Share of the interval, and of its energy, in the window; 0 if its time is already
    /// covered and there is no window.
    pub share: f64,
}

/// A document that is held back.
#[derive(Debug, Clone)]
struct Held<T> {
    arrival: Nanos,
    elapsed: Nanos,
    document: T,
}

/// The end of the placed windows, and the held documents.
#[derive(Debug, Clone)]
pub struct Timeline<T> {
    tolerance: Nanos,
    end: Option<Nanos>,
    last_arrival: Option<Nanos>,
    anchored: bool,
    held: Vec<Held<T>>,
    /// Number of held documents, counted from the last, that arrived at their interval.
    on_time: u32,
}

impl<T> Timeline<T> {
    /// Creates a timeline for a requested interval.
    pub fn new(interval: Nanos) -> Self {
        Self {
            tolerance: Nanos::from_nanos(interval.nanos() / 2),
            end: None,
            last_arrival: None,
            anchored: false,
            held: Vec::new(),
            on_time: 0,
        }
    }

    /// Returns the arrival of the last held document, else the end of the last window.
    pub fn end(&self) -> Option<Nanos> {
        self.held.last().map(|last| last.arrival).or(self.end)
    }

    /// Starts a new anchor at the next interval, which comes from another process. Returns the
    /// held documents.
    pub fn restart(&mut self) -> Vec<(PlacedDocument, T)> {
        let placed = self.flush();
        self.anchored = false;
        placed
    }

    /// Adds a document of length `elapsed` that arrived at `arrival`. Returns the documents
    /// that can be placed now, in order.
    pub fn push(
        &mut self,
        arrival: Nanos,
        elapsed: Nanos,
        document: T,
    ) -> Vec<(PlacedDocument, T)> {
        let before = self.last_arrival.replace(arrival);
        let held = Held {
            arrival,
            elapsed,
            document,
        };
        if self.held.is_empty() && !self.is_late(arrival, elapsed) {
            let placed = self.place(arrival, elapsed);
            return vec![(placed, held.document)];
        }
        let since = before.map(|before| arrival - before - elapsed);
        let is_on_time = since.is_some_and(|off| off.max(-off) <= self.tolerance);
        self.on_time = match is_on_time && !self.held.is_empty() {
            true => self.on_time + 1,
            false => 0,
        };
        self.held.push(held);
        let is_decided = self.on_time >= ON_TIME || self.held.len() >= HELD;
        match is_decided || self.missing() <= self.tolerance {
            true => self.flush(),
            false => Vec::new(),
        }
    }

    /// Places the held documents by the current knowledge.
    pub fn flush(&mut self) -> Vec<(PlacedDocument, T)> {
        let missing = self.missing();
        let mut from = match self.end {
            Some(end) if missing > self.tolerance => end + missing,
            Some(end) => end,
            None => return Vec::new(),
        };
        let held = std::mem::take(&mut self.held);
        self.on_time = 0;
        let lay = |Held {
                       arrival,
                       elapsed,
                       document,
                   }: Held<T>| {
            let placed = self.lay(from, elapsed, arrival);
            from = placed.end;
            (placed, document)
        };
        held.into_iter().map(lay).collect()
    }

    /// Returns the time that no held document covers: their smallest delay.
    fn missing(&self) -> Nanos {
        let mut end = self.end.unwrap_or_default();
        let late = self.held.iter().map(|one| {
            end += one.elapsed;
            one.arrival - end
        });
        late.min().unwrap_or_default()
    }

    /// Returns whether more time has passed since the last window than the document covers.
    fn is_late(&self, arrival: Nanos, elapsed: Nanos) -> bool {
        let anchor = self.end.filter(|_| self.anchored);
        anchor.is_some_and(|end| arrival - (end + elapsed) > self.tolerance)
    }

    /// Places a document that is not late.
    fn place(&mut self, arrival: Nanos, elapsed: Nanos) -> PlacedDocument {
        let from = match self.end {
            Some(end) if self.anchored => end,
            Some(end) => end.max(arrival - elapsed),
            None => arrival - elapsed,
        };
        self.anchored = true;
        self.lay(from, elapsed, arrival)
    }

    /// Returns the window that starts at `from`. It ends at `arrival` if the document extends
    /// beyond that by more than the tolerance.
    fn lay(&mut self, from: Nanos, elapsed: Nanos, arrival: Nanos) -> PlacedDocument {
        let gap = self
            .end
            .map(|end| from - end)
            .filter(|gap| *gap > Nanos::ZERO);
        let whole = from + elapsed;
        let end = match whole - arrival <= self.tolerance {
            true => whole,
            false => arrival,
        };
        let share = (end - from).nanos() as f64 / elapsed.nanos().max(1) as f64;
        if share < SHORTEST_SHARE {
            let at = self.end.unwrap_or(from);
            return PlacedDocument {
                start: at,
                end: at,
                gap: None,
                share: 0.0,
            };
        }
        self.end = Some(end);
        PlacedDocument {
            start: from,
            end,
            gap,
            share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(millis: i64) -> Nanos {
        Nanos::from_millis(millis)
    }

    type Window = (i64, i64, Option<i64>);

    fn windows(placed: Vec<(PlacedDocument, ())>) -> Vec<Window> {
        let millis = |time: Nanos| time.nanos() / 1_000_000;
        let window = |(placed, ()): &(PlacedDocument, ())| {
            (
                millis(placed.start),
                millis(placed.end),
                placed.gap.map(millis),
            )
        };
        let kept = placed.iter().filter(|(placed, ())| placed.share > 0.0);
        kept.map(window).collect()
    }

    fn push(timeline: &mut Timeline<()>, arrival: i64, elapsed: i64) -> Vec<Window> {
        windows(timeline.push(ms(arrival), ms(elapsed), ()))
    }

    #[test]
    fn windows_are_free_of_arrival_jitter() {
        let mut timeline = Timeline::new(ms(100));
        assert_eq!(push(&mut timeline, 1103, 103), [(1000, 1103, None)]);
        assert_eq!(push(&mut timeline, 1240, 109), [(1103, 1212, None)]);
        assert_eq!(push(&mut timeline, 1317, 104), [(1212, 1316, None)]);
    }

    #[test]
    fn missed_time_is_a_gap_once_documents_are_on_time() {
        let mut timeline = Timeline::new(ms(100));
        push(&mut timeline, 100, 100);
        assert_eq!(push(&mut timeline, 700, 100), []);
        assert_eq!(timeline.end(), Some(ms(700)));
        assert_eq!(push(&mut timeline, 805, 100), []);
        assert_eq!(
            push(&mut timeline, 900, 100),
            [(600, 700, Some(500)), (700, 800, None), (800, 900, None)]
        );
        assert_eq!(push(&mut timeline, 1010, 100), [(900, 1000, None)]);
    }

    #[test]
    fn delayed_documents_are_placed_where_they_were_measured() {
        let mut timeline = Timeline::new(ms(100));
        push(&mut timeline, 100, 100);
        // The reader was stopped from 150 to 1000. The pipe buffered three documents, and the
        // sensor blocked on the fourth.
        for _ in 0..3 {
            assert_eq!(push(&mut timeline, 1000, 100), []);
        }
        assert_eq!(
            push(&mut timeline, 1050, 650),
            [
                (100, 200, None),
                (200, 300, None),
                (300, 400, None),
                (400, 1050, None),
            ]
        );
    }

    #[test]
    fn a_reader_that_is_late_once_causes_no_gap() {
        let mut timeline = Timeline::new(ms(100));
        push(&mut timeline, 100, 100);
        assert_eq!(push(&mut timeline, 280, 100), []);
        assert_eq!(
            push(&mut timeline, 300, 100),
            [(100, 200, None), (200, 300, None)]
        );
    }

    #[test]
    fn held_documents_end_at_the_last_arrival_on_flush() {
        let mut timeline = Timeline::new(ms(100));
        push(&mut timeline, 100, 100);
        push(&mut timeline, 1000, 100);
        push(&mut timeline, 1001, 100);
        assert_eq!(
            windows(timeline.flush()),
            [(801, 901, Some(701)), (901, 1001, None)]
        );
        assert!(timeline.flush().is_empty());
    }

    #[test]
    fn repeated_documents_count_once() {
        let mut timeline = Timeline::new(ms(100));
        for at in 1..=5 {
            let once = [(100 * at - 100, 100 * at, None)];
            assert_eq!(push(&mut timeline, 100 * at, 100), once);
            assert_eq!(push(&mut timeline, 100 * at, 100), []);
        }
    }

    #[test]
    fn a_document_longer_than_the_passed_time_is_cut() {
        let mut timeline = Timeline::new(ms(100));
        push(&mut timeline, 100, 100);
        let placed = timeline.push(ms(200), ms(400), ());
        assert_eq!(placed[0].0.share, 0.25);
        assert_eq!(windows(placed), [(100, 200, None)]);
    }

    #[test]
    fn a_restart_is_a_new_anchor() {
        let mut timeline = Timeline::new(ms(100));
        push(&mut timeline, 100, 100);
        timeline.restart();
        assert_eq!(push(&mut timeline, 230, 100), [(130, 230, Some(30))]);
        push(&mut timeline, 800, 100);
        assert_eq!(windows(timeline.restart()), [(700, 800, Some(470))]);
        assert_eq!(push(&mut timeline, 880, 100), [(800, 900, None)]);
    }

    proptest! {
        /// For any input, windows are in order, none is longer than its document, and together
        /// they cover no more time than has passed, within the tolerance.
        #[test]
        fn windows_are_no_longer_than_documents_and_the_passed_time(
            steps in prop::collection::vec((-300_i64..900, 1_i64..400, 0_u8..10), 1..60)
        ) {
            let mut timeline = Timeline::new(ms(100));
            let mut arrival = 0;
            let mut all = Vec::new();
            for &(step, elapsed, chance) in &steps {
                arrival += step.max(0);
                if chance == 0 {
                    all.extend(timeline.restart());
                }
                all.extend(timeline.push(ms(arrival), ms(elapsed), elapsed));
            }
            all.extend(timeline.flush());
            prop_assert_eq!(all.len(), steps.len());
            let mut last: Option<Nanos> = None;
            for (placed, elapsed) in all.iter().filter(|(placed, _)| placed.share > 0.0) {
                prop_assert!(last.is_none_or(|last| placed.start >= last));
                prop_assert!(placed.end <= ms(arrival) + ms(50));
                let length = (placed.end - placed.start).nanos() as f64;
                let expected = placed.share * ms(*elapsed).nanos() as f64;
                prop_assert!((length - expected).abs() < 1.5 && placed.share <= 1.0);
                last = Some(placed.end);
            }
        }

        /// For any stalls of the reader, contiguous documents stay contiguous, and each keeps
        /// its length and its place within the tolerance.
        #[test]
        fn a_stalled_reader_does_not_move_documents(
            lengths in prop::collection::vec(95_i64..130, 5..80),
            stalls in prop::collection::vec((0_usize..80, 1_i64..40), 0..3),
        ) {
            let mut timeline = Timeline::new(ms(100));
            let ends: Vec<i64> = lengths
                .iter()
                .scan(0, |end, length| {
                    *end += length;
                    Some(*end)
                })
                .collect();
            let mut arrivals = ends.clone();
            for (from, count) in stalls {
                let from = 1 + from % (ends.len() - 1);
                let until = ends[from] + 100 * count;
                for arrival in &mut arrivals[from..] {
                    *arrival = (*arrival).max(until);
                }
            }
            let mut all = Vec::new();
            for (at, (&arrival, &length)) in arrivals.iter().zip(&lengths).enumerate() {
                all.extend(timeline.push(ms(arrival), ms(length), at));
            }
            let first = arrivals[0] - ends[0];
            for (placed, at) in &all {
                prop_assert_eq!(placed.share, 1.0);
                let true_end = ms(ends[*at] + first);
                prop_assert!((placed.end - true_end).nanos().abs() <= ms(50).nanos());
            }
        }
    }
}
