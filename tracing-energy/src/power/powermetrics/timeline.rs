//! Lays intervals of known length on the run's clock.
//!
//! ```text
//! documents say   |--103 ms--|---109 ms---|--104 ms--|      true lengths
//! they arrive                v            v            v    a little late
//! windows         |----------|------------|----------|      lengths added up
//! ```
//!
//! Documents of one process follow each other without a gap, each as long as it says, and
//! none arrives before its end. The first arrival is the anchor; from there lengths are
//! added up, because arrivals jitter. One that arrives much later than the sum says was
//! either kept waiting (its reader or the whole program stood still) or comes after time
//! that no document covers. What follows decides, so it is held back. Documents can only be
//! late: the one that is least late says how much time is missing. If that is next to
//! nothing, all of them had waited; if documents come at their pace again and it is not,
//! there is a gap.
//!
//! ```text
//! the reader stands still   xxxxxxxxxxxxxxxx
//! arrivals        v    v                   vvvv v
//! windows         |----|----|--------------|----|    the last one is in time: no gap
//!
//! nothing is sampled                xxxxxxxx
//! arrivals        v    v                        v    v    v
//! windows         |----|             gap   |----|----|----|
//! ```
//!
//! A window is never shorter than its document says without its energy being less in the
//! same measure: power is what the document says. A document that claims time which has not
//! passed loses that part; one that claims nothing else (it came twice) is dropped.

use crate::units::Nanos;

/// A hundredth of what a document claims is not worth a window.
const SHORTEST_SHARE: f64 = 0.01;

/// Documents that are held back at most.
const HELD: usize = 4_096;

/// So many documents in a row that come at their pace were not kept waiting.
const AT_PACE: u32 = 2;

/// Where an interval lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// Start of the window.
    pub start: Nanos,
    /// End of the window.
    pub end: Nanos,
    /// Time without a sample before it.
    pub gap: Option<Nanos>,
    /// Part of the interval, and of its energy, that the window holds; 0 where its time
    /// has been covered already: there is no window.
    pub share: f64,
}

/// A document that has not been placed.
#[derive(Debug, Clone)]
struct Held<T> {
    arrival: Nanos,
    elapsed: Nanos,
    document: T,
}

/// The windows placed so far, and the documents that wait for their place.
#[derive(Debug, Clone)]
pub struct Timeline<T> {
    tolerance: Nanos,
    end: Option<Nanos>,
    last_arrival: Option<Nanos>,
    anchored: bool,
    held: Vec<Held<T>>,
    /// How many of the last ones that are held came at their pace.
    at_pace: u32,
}

impl<T> Timeline<T> {
    /// For intervals wished to be `interval` long.
    pub fn new(interval: Nanos) -> Self {
        Self {
            tolerance: Nanos::from_nanos(interval.nanos() / 2),
            end: None,
            last_arrival: None,
            anchored: false,
            held: Vec::new(),
            at_pace: 0,
        }
    }

    /// The end of the last window, or of the documents that wait for theirs.
    pub fn end(&self) -> Option<Nanos> {
        self.held.last().map(|last| last.arrival).or(self.end)
    }

    /// The next interval comes from another process: its arrival is a new anchor. Gives what
    /// was held back of the one before.
    pub fn restart(&mut self) -> Vec<(Placed, T)> {
        let placed = self.flush();
        self.anchored = false;
        placed
    }

    /// Takes a document of length `elapsed` that arrived at `arrival`; gives those that have
    /// a place now, in order.
    pub fn push(&mut self, arrival: Nanos, elapsed: Nanos, document: T) -> Vec<(Placed, T)> {
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
        let is_at_pace = since.is_some_and(|off| off.max(-off) <= self.tolerance);
        self.at_pace = match is_at_pace && !self.held.is_empty() {
            true => self.at_pace + 1,
            false => 0,
        };
        self.held.push(held);
        let is_decided = self.at_pace >= AT_PACE || self.held.len() >= HELD;
        match is_decided || self.missing() <= self.tolerance {
            true => self.flush(),
            false => Vec::new(),
        }
    }

    /// Places what is held back by what is known now.
    pub fn flush(&mut self) -> Vec<(Placed, T)> {
        let missing = self.missing();
        let mut from = match self.end {
            Some(end) if missing > self.tolerance => end + missing,
            Some(end) => end,
            None => return Vec::new(),
        };
        let held = std::mem::take(&mut self.held);
        self.at_pace = 0;
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

    /// Time that none of the documents that are held back covers: how late the least late
    /// of them is.
    fn missing(&self) -> Nanos {
        let mut end = self.end.unwrap_or_default();
        let late = self.held.iter().map(|one| {
            end += one.elapsed;
            one.arrival - end
        });
        late.min().unwrap_or_default()
    }

    /// Whether more time has passed since the last window than the document covers.
    fn is_late(&self, arrival: Nanos, elapsed: Nanos) -> bool {
        let anchor = self.end.filter(|_| self.anchored);
        anchor.is_some_and(|end| arrival - (end + elapsed) > self.tolerance)
    }

    /// Places a document that is not late.
    fn place(&mut self, arrival: Nanos, elapsed: Nanos) -> Placed {
        let from = match self.end {
            Some(end) if self.anchored => end,
            Some(end) => end.max(arrival - elapsed),
            None => arrival - elapsed,
        };
        self.anchored = true;
        self.lay(from, elapsed, arrival)
    }

    /// The window from `from` on, of what it claims up to `arrival`, give or take the
    /// tolerance.
    fn lay(&mut self, from: Nanos, elapsed: Nanos, arrival: Nanos) -> Placed {
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
            return Placed {
                start: at,
                end: at,
                gap: None,
                share: 0.0,
            };
        }
        self.end = Some(end);
        Placed {
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

    fn windows(placed: Vec<(Placed, ())>) -> Vec<Window> {
        let millis = |time: Nanos| time.nanos() / 1_000_000;
        let window = |(placed, ()): &(Placed, ())| {
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
    fn jitter_of_arrivals_does_not_show() {
        let mut timeline = Timeline::new(ms(100));
        assert_eq!(push(&mut timeline, 1103, 103), [(1000, 1103, None)]);
        assert_eq!(push(&mut timeline, 1240, 109), [(1103, 1212, None)]);
        assert_eq!(push(&mut timeline, 1317, 104), [(1212, 1316, None)]);
    }

    #[test]
    fn missed_time_is_a_gap_once_documents_come_at_their_pace() {
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
    fn documents_that_waited_lie_where_they_were_measured() {
        let mut timeline = Timeline::new(ms(100));
        push(&mut timeline, 100, 100);
        // The reader stood still from 150 to 1000; the pipe held three documents, and the
        // sensor waited for room with the fourth one.
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
    fn a_reader_that_is_late_once_makes_no_gap() {
        let mut timeline = Timeline::new(ms(100));
        push(&mut timeline, 100, 100);
        assert_eq!(push(&mut timeline, 280, 100), []);
        assert_eq!(
            push(&mut timeline, 300, 100),
            [(100, 200, None), (200, 300, None)]
        );
    }

    #[test]
    fn what_waits_at_the_end_lies_before_the_last_arrival() {
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
    fn documents_that_come_twice_count_once() {
        let mut timeline = Timeline::new(ms(100));
        for at in 1..=5 {
            let once = [(100 * at - 100, 100 * at, None)];
            assert_eq!(push(&mut timeline, 100 * at, 100), once);
            assert_eq!(push(&mut timeline, 100 * at, 100), []);
        }
    }

    #[test]
    fn a_document_that_claims_more_time_than_has_passed_loses_that_part() {
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
        /// Whatever comes: windows are in order, none is longer than its document says, and
        /// all together they never cover more time than has passed, give or take the
        /// tolerance.
        #[test]
        fn no_document_counts_for_more_time_than_it_says_or_than_has_passed(
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

        /// However a reader stalls, contiguous documents stay contiguous, and each keeps its
        /// length and its place to within the tolerance.
        #[test]
        fn a_stalled_reader_moves_no_document(
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
