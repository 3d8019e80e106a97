//! The run cut into intervals in which nothing changes.

use super::segments::SpanSegment;

/// Noise is constant for this long, ns.
pub(crate) const TICK_NS: i64 = 1_000_000;

/// The run from 0 to its end, cut wherever a segment begins or ends and at each tick.
pub(crate) struct RunTimeline {
    /// Edges of intervals, ns, ascending.
    pub(crate) edges_ns: Vec<i64>,
    /// Innermost spans of all threads, interval after interval.
    active: Vec<usize>,
    /// Where each interval's spans end in `active`.
    active_end: Vec<usize>,
}

/// One interval.
pub(crate) struct PowerInterval<'a> {
    /// How long, s.
    pub(crate) seconds: f64,
    /// The tick whose noise holds.
    pub(crate) tick: usize,
    /// Innermost spans, at most one for each thread.
    pub(crate) active: &'a [usize],
}

impl RunTimeline {
    /// `threads` as [`super::self_segments`] returns them.
    pub(crate) fn new(threads: &[Vec<SpanSegment>], end_ns: i64) -> Self {
        let segments = threads.iter().flatten();
        let changes = segments.flat_map(|segment| [segment.start_ns, segment.end_ns]);
        let ticks = (0..end_ns).step_by(TICK_NS as usize);
        let mut edges_ns: Vec<i64> = changes.chain(ticks).chain([end_ns]).collect();
        edges_ns.retain(|edge| (0..=end_ns).contains(edge));
        edges_ns.sort_unstable();
        edges_ns.dedup();
        let mut next = vec![0; threads.len()];
        let mut active = Vec::new();
        let mut active_end = Vec::with_capacity(edges_ns.len());
        for edge in edges_ns.windows(2) {
            for (segments, next) in threads.iter().zip(&mut next) {
                while segments.get(*next).is_some_and(|one| one.end_ns <= edge[0]) {
                    *next += 1;
                }
                let here = segments.get(*next).filter(|one| one.start_ns <= edge[0]);
                active.extend(here.map(|one| one.span));
            }
            active_end.push(active.len());
        }
        Self {
            edges_ns,
            active,
            active_end,
        }
    }

    /// The number of ticks, the last one not full.
    pub(crate) fn ticks(&self) -> usize {
        self.edges_ns
            .last()
            .map_or(0, |end| (end / TICK_NS) as usize + 1)
    }

    pub(crate) fn intervals(&self) -> impl Iterator<Item = PowerInterval<'_>> {
        let begins = std::iter::once(0).chain(self.active_end.iter().copied());
        let active = begins
            .zip(&self.active_end)
            .map(|(begin, &end)| &self.active[begin..end]);
        self.edges_ns
            .windows(2)
            .zip(active)
            .map(|(edge, active)| PowerInterval {
                seconds: (edge[1] - edge[0]) as f64 * 1e-9,
                tick: (edge[0] / TICK_NS) as usize,
                active,
            })
    }
}

/// Energy of one rail since the begin of the run.
pub(crate) struct RailMeter<'a> {
    edges_ns: &'a [i64],
    /// At each edge, mJ.
    energy_mj: Vec<f64>,
}

impl<'a> RailMeter<'a> {
    /// `energy_mj` is the energy at each of `edges_ns`, which ascend.
    pub(crate) fn new(edges_ns: &'a [i64], energy_mj: Vec<f64>) -> Self {
        Self {
            edges_ns,
            energy_mj,
        }
    }

    /// Energy from the begin of the run to `time_ns`, mJ; outside the run as at its
    /// nearest edge.
    pub(crate) fn at(&self, time_ns: f64) -> f64 {
        let after = self
            .edges_ns
            .partition_point(|&edge| edge as f64 <= time_ns);
        let Some(before) = after.checked_sub(1) else {
            return 0.0;
        };
        let Some(&edge) = self.edges_ns.get(after) else {
            return self.energy_mj[before];
        };
        let start = self.edges_ns[before];
        let part = (time_ns - start as f64) / (edge - start) as f64;
        let base = self.energy_mj[before];
        base + part * (self.energy_mj[after] - base)
    }
}
