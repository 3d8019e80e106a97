//! CPU time of traced threads: readings at the edges of spans and the collector's
//! own, as one series for each thread.
//!
//! ```text
//! edges        e   e        e e        e        in the thread's log, by time
//! collector               c                     taken now, edges before it come later
//! rows         |---|------|-|-|--------|
//! ```
//!
//! The collector reads the clock of a thread whose latest edges may still be in its
//! log: its reading waits until they are read. Neighbouring rows with the same rate
//! become one: a busy thread has one row for each pass, however many edges it has.

use super::series::Mark;
use crate::rows::{CpuOf, CpuRow};

/// Rates that differ by less than this part, or times by less than this much, are
/// the same.
const SAME_PART: f64 = 0.02;
const SAME_NS: f64 = 1_000.0;

/// One thread's readings.
#[derive(Debug)]
struct ThreadSeries {
    of: CpuOf,
    /// The row under way: its first and its latest reading.
    row: Option<(Mark, Mark)>,
    /// The collector's reading, until edges before it are known.
    held: Option<Mark>,
}

impl ThreadSeries {
    /// Takes a reading at an edge.
    fn edge(&mut self, mark: Mark, emit: &mut impl FnMut(CpuRow)) {
        if let Some(held) = self.held.take_if(|held| held.time_ns <= mark.time_ns) {
            self.add(held, emit);
        }
        self.add(mark, emit);
    }

    /// All edges before the collector's last reading are known.
    fn settle(&mut self, emit: &mut impl FnMut(CpuRow)) {
        if let Some(held) = self.held.take() {
            self.add(held, emit);
        }
        if let Some((first, latest)) = &mut self.row
            && first.time_ns < latest.time_ns
        {
            emit(first.row_to(*latest, self.of));
            *first = *latest;
        }
    }

    fn add(&mut self, mark: Mark, emit: &mut impl FnMut(CpuRow)) {
        let Some((first, latest)) = &mut self.row else {
            self.row = Some((mark, mark));
            return;
        };
        let passed = mark.time_ns - latest.time_ns;
        if passed <= 0 {
            return;
        }
        // Clocks of different kinds may disagree a little: no thread goes back or is
        // on two processors. What is cut off here is in the next row.
        let used_ns = (mark.used_ns - latest.used_ns).clamp(0, passed);
        let next = Mark {
            time_ns: mark.time_ns,
            used_ns: latest.used_ns + used_ns,
        };
        if first.time_ns < latest.time_ns && !is_same_rate(*first, *latest, next) {
            emit(first.row_to(*latest, self.of));
            *first = *latest;
        }
        *latest = next;
    }
}

/// Whether the time to `next` was used as that before it was.
fn is_same_rate(first: Mark, latest: Mark, next: Mark) -> bool {
    let rate = (latest.used_ns - first.used_ns) as f64 / (latest.time_ns - first.time_ns) as f64;
    let expected = rate * (next.time_ns - latest.time_ns) as f64;
    let used = (next.used_ns - latest.used_ns) as f64;
    (used - expected).abs() <= SAME_NS.max(SAME_PART * used.max(expected))
}

/// All traced threads, by number from 0.
#[derive(Debug, Default)]
pub(super) struct TracedThreads(Vec<Option<ThreadSeries>>);

impl TracedThreads {
    /// Adds thread `number`, with its CPU time when its log began.
    pub(super) fn add(&mut self, number: usize, id: u32, began: Option<Mark>) {
        let length = self.0.len().max(number + 1);
        self.0.resize_with(length, || None);
        self.0[number] = Some(ThreadSeries {
            of: CpuOf::Thread(id),
            row: began.map(|began| (began, began)),
            held: None,
        });
    }

    /// Takes a reading that thread `number` made at an edge.
    pub(super) fn edge(&mut self, number: usize, mark: Mark, emit: &mut impl FnMut(CpuRow)) {
        if let Some(series) = self.get(number) {
            series.edge(mark, emit);
        }
    }

    /// Emits what thread `number` used until the collector's last reading.
    pub(super) fn settle(&mut self, number: usize, emit: &mut impl FnMut(CpuRow)) {
        if let Some(series) = self.get(number) {
            series.settle(emit);
        }
    }

    /// Takes the collector's reading of thread `number`.
    pub(super) fn hold(&mut self, number: usize, mark: Mark) {
        if let Some(series) = self.get(number) {
            series.held = Some(mark);
        }
    }

    /// Ends thread `number`, which had used `used_ns`, if that is known.
    pub(super) fn end(
        &mut self,
        number: usize,
        (now_ns, used_ns): (i64, Option<i64>),
        emit: &mut impl FnMut(CpuRow),
    ) {
        let Some(mut series) = self.0.get_mut(number).and_then(Option::take) else {
            return;
        };
        series.settle(emit);
        let latest = series.row.map_or(i64::MAX, |(_, latest)| latest.used_ns);
        if let Some(used_ns) = used_ns.filter(|&used| used > latest) {
            let time_ns = now_ns;
            series.add(Mark { time_ns, used_ns }, emit);
            series.settle(emit);
        }
    }

    fn get(&mut self, number: usize) -> Option<&mut ThreadSeries> {
        self.0.get_mut(number)?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: i64 = 1_000;

    fn mark(time_us: i64, used_us: i64) -> Mark {
        Mark {
            time_ns: time_us * US,
            used_ns: used_us * US,
        }
    }

    /// A thread that began at 0; what `read` makes of it, in us.
    fn rows(read: impl FnOnce(&mut TracedThreads, &mut dyn FnMut(CpuRow))) -> Vec<[i64; 3]> {
        let mut threads = TracedThreads::default();
        threads.add(0, 7, Some(mark(0, 0)));
        let mut rows = Vec::new();
        read(&mut threads, &mut |row: CpuRow| {
            assert_eq!(row.of, CpuOf::Thread(7));
            rows.push([row.start_ns / US, row.end_ns / US, row.on_cpu_ns / US]);
        });
        rows
    }

    /// ```text
    /// edges      0   1,000 .. 7,000 .. 8,000         busy, asleep, busy
    /// collector                   7,500              read before the edges came
    /// ```
    #[test]
    fn the_collectors_reading_waits_for_the_edges_before_it() {
        let rows = rows(|threads, mut emit| {
            threads.hold(0, mark(7_500, 1_500));
            threads.edge(0, mark(1_000, 1_000), &mut emit);
            threads.edge(0, mark(7_000, 1_000), &mut emit);
            threads.edge(0, mark(8_000, 2_000), &mut emit);
            threads.settle(0, &mut emit);
        });
        assert_eq!(
            rows,
            [[0, 1_000, 1_000], [1_000, 7_000, 0], [7_000, 8_000, 1_000]]
        );
    }

    #[test]
    fn edges_of_a_busy_thread_are_one_row() {
        let rows = rows(|threads, mut emit| {
            for i in 1..=40 {
                threads.edge(0, mark(i * 1_000, i * 980 + i % 2 * 8), &mut emit);
            }
            threads.settle(0, &mut emit);
            threads.edge(0, mark(40_100, 39_298), &mut emit);
            threads.settle(0, &mut emit);
        });
        assert_eq!(rows, [[0, 40_000, 39_200], [40_000, 40_100, 98]]);
    }

    /// A reading of another clock that is 30 us behind, then one that is ahead.
    #[test]
    fn a_thread_never_goes_back_and_uses_no_more_than_time_passes() {
        let rows = rows(|threads, mut emit| {
            threads.edge(0, mark(1_000, 500), &mut emit);
            threads.edge(0, mark(2_000, 470), &mut emit);
            threads.edge(0, mark(3_000, 1_600), &mut emit);
            threads.edge(0, mark(4_000, 2_000), &mut emit);
            threads.edge(0, mark(3_500, 9_000), &mut emit);
            threads.settle(0, &mut emit);
        });
        let told = [
            [0, 1_000, 500],
            [1_000, 2_000, 0],
            [2_000, 3_000, 1_000],
            [3_000, 4_000, 500],
        ];
        assert_eq!(rows, told);
    }

    #[test]
    fn a_thread_that_ended_has_used_all_it_used() {
        let rows = rows(|threads, mut emit| {
            threads.edge(0, mark(1_000, 1_000), &mut emit);
            threads.end(0, (50_000 * US, Some(3_000 * US)), &mut emit);
            threads.end(0, (60_000 * US, Some(4_000 * US)), &mut emit);
        });
        assert_eq!(rows, [[0, 1_000, 1_000], [1_000, 50_000, 2_000]]);
    }

    #[test]
    fn a_thread_whose_end_was_read_has_no_row_after_it() {
        let rows = rows(|threads, mut emit| {
            threads.edge(0, mark(1_000, 1_000), &mut emit);
            threads.end(0, (50_000 * US, Some(1_000 * US)), &mut emit);
        });
        assert_eq!(rows, [[0, 1_000, 1_000]]);
    }
}
