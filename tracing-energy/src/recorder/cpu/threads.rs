//! CPU time of traced threads: readings at the edges of spans and by the collector, merged
//! into one series per thread.
//!
//! ```text
//! edges        e   e        e e        e        in the thread's log, by time
//! collector               c                     read now; earlier edges arrive later
//! rows         |---|------|-|-|--------|
//! ```
//!
//! The collector reads the clock of a thread whose latest edges may still be in its log, so
//! its reading waits for them. Neighbouring rows with the same rate are merged: a busy
//! thread has one row per pass, however many edges it has.

use super::series::CpuReading;
use energy_data::rows::{CpuRow, CpuScope};

/// Rates with a smaller relative difference, or times with a smaller difference in ns, are
/// the same.
const SAME_PART: f64 = 0.02;
const SAME_NS: f64 = 1_000.0;

/// One thread's readings.
#[derive(Debug)]
struct ThreadSeries {
    scope: CpuScope,
    /// First and latest reading of the current row.
    row: Option<(CpuReading, CpuReading)>,
    /// The collector's reading, until all earlier edges are known.
    held: Option<CpuReading>,
}

impl ThreadSeries {
    /// Adds a reading at an edge.
    fn edge(&mut self, reading: CpuReading, emit: &mut impl FnMut(CpuRow)) {
        if let Some(held) = self.held.take_if(|held| held.time_ns <= reading.time_ns) {
            self.add(held, emit);
        }
        self.add(reading, emit);
    }

    /// Emits up to the collector's last reading; all edges before it must be known.
    fn settle(&mut self, emit: &mut impl FnMut(CpuRow)) {
        if let Some(held) = self.held.take() {
            self.add(held, emit);
        }
        if let Some((first, latest)) = &mut self.row
            && first.time_ns < latest.time_ns
        {
            emit(first.row_to(*latest, self.scope));
            *first = *latest;
        }
    }

    fn add(&mut self, reading: CpuReading, emit: &mut impl FnMut(CpuRow)) {
        let Some((first, latest)) = &mut self.row else {
            self.row = Some((reading, reading));
            return;
        };
        let passed = reading.time_ns - latest.time_ns;
        if passed <= 0 {
            return;
        }
        // Different clocks may disagree slightly: CPU time neither decreases nor exceeds
        // the elapsed time. The excess is counted in the next row.
        let used_ns = (reading.used_ns - latest.used_ns).clamp(0, passed);
        let next = CpuReading {
            time_ns: reading.time_ns,
            used_ns: latest.used_ns + used_ns,
        };
        if first.time_ns < latest.time_ns && !is_same_rate(*first, *latest, next) {
            emit(first.row_to(*latest, self.scope));
            *first = *latest;
        }
        *latest = next;
    }
}

/// Returns whether the CPU rate up to `next` is that before `latest`.
fn is_same_rate(first: CpuReading, latest: CpuReading, next: CpuReading) -> bool {
    let rate = (latest.used_ns - first.used_ns) as f64 / (latest.time_ns - first.time_ns) as f64;
    let expected = rate * (next.time_ns - latest.time_ns) as f64;
    let used = (next.used_ns - latest.used_ns) as f64;
    (used - expected).abs() <= SAME_NS.max(SAME_PART * used.max(expected))
}

/// All traced threads, by number from 0.
#[derive(Debug, Default)]
pub(super) struct TracedThreads(Vec<Option<ThreadSeries>>);

impl TracedThreads {
    /// Adds thread `number`, with its CPU time at the start of its log.
    pub(super) fn add(&mut self, number: usize, id: u32, began: Option<CpuReading>) {
        let length = self.0.len().max(number + 1);
        self.0.resize_with(length, || None);
        self.0[number] = Some(ThreadSeries {
            scope: CpuScope::Thread(id),
            row: began.map(|began| (began, began)),
            held: None,
        });
    }

    /// Adds a reading that thread `number` made at an edge.
    pub(super) fn edge(
        &mut self,
        number: usize,
        reading: CpuReading,
        emit: &mut impl FnMut(CpuRow),
    ) {
        if let Some(series) = self.get(number) {
            series.edge(reading, emit);
        }
    }

    /// Emits the CPU time of thread `number` up to the collector's last reading.
    pub(super) fn settle(&mut self, number: usize, emit: &mut impl FnMut(CpuRow)) {
        if let Some(series) = self.get(number) {
            series.settle(emit);
        }
    }

    /// Holds the collector's reading of thread `number`.
    pub(super) fn hold(&mut self, number: usize, reading: CpuReading) {
        if let Some(series) = self.get(number) {
            series.held = Some(reading);
        }
    }

    /// Ends thread `number`, whose total CPU time is `used_ns`, if known.
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
            series.add(CpuReading { time_ns, used_ns }, emit);
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

    fn reading(time_us: i64, used_us: i64) -> CpuReading {
        CpuReading {
            time_ns: time_us * US,
            used_ns: used_us * US,
        }
    }

    /// Returns the rows, in us, of a thread that began at 0 with the readings of `read`.
    fn rows(read: impl FnOnce(&mut TracedThreads, &mut dyn FnMut(CpuRow))) -> Vec<[i64; 3]> {
        let mut threads = TracedThreads::default();
        threads.add(0, 7, Some(reading(0, 0)));
        let mut rows = Vec::new();
        read(&mut threads, &mut |row: CpuRow| {
            assert_eq!(row.scope, CpuScope::Thread(7));
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
            threads.hold(0, reading(7_500, 1_500));
            threads.edge(0, reading(1_000, 1_000), &mut emit);
            threads.edge(0, reading(7_000, 1_000), &mut emit);
            threads.edge(0, reading(8_000, 2_000), &mut emit);
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
                threads.edge(0, reading(i * 1_000, i * 980 + i % 2 * 8), &mut emit);
            }
            threads.settle(0, &mut emit);
            threads.edge(0, reading(40_100, 39_298), &mut emit);
            threads.settle(0, &mut emit);
        });
        assert_eq!(rows, [[0, 40_000, 39_200], [40_000, 40_100, 98]]);
    }

    /// A reading of another clock that is 30 us behind, then one that is ahead.
    #[test]
    fn cpu_time_never_decreases_nor_exceeds_elapsed_time() {
        let rows = rows(|threads, mut emit| {
            threads.edge(0, reading(1_000, 500), &mut emit);
            threads.edge(0, reading(2_000, 470), &mut emit);
            threads.edge(0, reading(3_000, 1_600), &mut emit);
            threads.edge(0, reading(4_000, 2_000), &mut emit);
            threads.edge(0, reading(3_500, 9_000), &mut emit);
            threads.settle(0, &mut emit);
        });
        let expected = [
            [0, 1_000, 500],
            [1_000, 2_000, 0],
            [2_000, 3_000, 1_000],
            [3_000, 4_000, 500],
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn an_ended_thread_has_its_final_cpu_time() {
        let rows = rows(|threads, mut emit| {
            threads.edge(0, reading(1_000, 1_000), &mut emit);
            threads.end(0, (50_000 * US, Some(3_000 * US)), &mut emit);
            threads.end(0, (60_000 * US, Some(4_000 * US)), &mut emit);
        });
        assert_eq!(rows, [[0, 1_000, 1_000], [1_000, 50_000, 2_000]]);
    }

    #[test]
    fn a_thread_whose_end_was_read_has_no_row_after_it() {
        let rows = rows(|threads, mut emit| {
            threads.edge(0, reading(1_000, 1_000), &mut emit);
            threads.end(0, (50_000 * US, Some(1_000 * US)), &mut emit);
        });
        assert_eq!(rows, [[0, 1_000, 1_000]]);
    }
}
