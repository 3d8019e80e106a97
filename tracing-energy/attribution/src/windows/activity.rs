//! Activity in one window: covered and active time of every thread, their union, and the
//! self time of nodes.
//!
//! ```text
//!            0    5    10   15
//! window     |--------------|
//! thread 1   |====|  |===|          covered 9, active 9
//! thread 2       |====|             covered 5, active 5
//! union      |===========|          12
//! elsewhere       |xx|              3: thread 1 is uncovered, thread 2 active
//! ```
//!
//! Active time is covered time in which the innermost activation does not wait. The covered
//! time of a folded block counts as contiguous, with the active part first.

use energy_data::rows::Domain;

use crate::spans::node_kinds::NodeKinds;
use crate::spans::segments::{NodeTime, SegmentKey, Stacks, ThreadStack};

/// One thread's part of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ThreadPart {
    pub(crate) thread: u32,
    pub(crate) covered_ns: i64,
    first_cell: usize,
    end_cell: usize,
}

/// Active time in a window, by thread in the order of [`Window::threads`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Activity {
    pub(crate) active_ns: Vec<i64>,
    /// Time in which any thread was active while this one was uncovered.
    pub(crate) active_elsewhere_ns: Vec<i64>,
    /// Time in which any thread was active.
    pub(crate) union_ns: i64,
}

/// A node on a thread in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActivityCell {
    pub(crate) node: u32,
    /// Its kind; 0 if it is unknown.
    pub(crate) kind: u32,
    pub(crate) domain: Domain,
    /// Self time.
    pub(crate) ns: i64,
    /// The part of it in which its activations did not wait.
    pub(crate) active_ns: i64,
}

impl ActivityCell {
    /// Self time in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.ns as f64 / 1e9
    }

    /// Whether its node works in `domain`; `None` is any.
    pub(crate) fn is_in(&self, domain: Option<Domain>) -> bool {
        domain.is_none_or(|domain| self.domain == domain)
    }
}

/// Threads and nodes that ran in `[start, end)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Window {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Threads with spans, by id.
    pub(crate) threads: Vec<ThreadPart>,
    cells: Vec<ActivityCell>,
}

impl ThreadPart {
    /// Indices of its cells in [`Window::cells`].
    pub(crate) fn cells(&self) -> std::ops::Range<usize> {
        self.first_cell..self.end_cell
    }
}

impl Window {
    /// Cells of a thread, by node.
    pub(crate) fn cells_of(&self, part: &ThreadPart) -> &[ActivityCell] {
        &self.cells[part.cells()]
    }

    /// All cells, thread by thread.
    pub(crate) fn cells(&self) -> &[ActivityCell] {
        &self.cells
    }

    /// Index of a node of `part` among all cells.
    pub(crate) fn cell(&self, part: &ThreadPart, node: u32) -> Option<usize> {
        let cells = self.cells_of(part);
        let at = cells.binary_search_by_key(&node, |cell| cell.node).ok()?;
        Some(part.first_cell + at)
    }

    /// Length in nanoseconds.
    pub(crate) fn length(&self) -> i64 {
        self.end - self.start
    }
}

/// Reads windows from stacks, and reuses its buffers.
#[derive(Debug, Default)]
pub(crate) struct WindowReader {
    /// Self time and its active part.
    by_node: Vec<(i64, i64)>,
    touched: Vec<u32>,
    edges: Vec<Edge>,
}

/// A change of a thread's covered or active depth.
#[derive(Debug, Clone, Copy)]
struct Edge {
    time: i64,
    part: u32,
    covered: i8,
    active: i8,
}

impl WindowReader {
    /// Reads the window `[start, end)`.
    pub(crate) fn read(
        &mut self,
        stacks: &Stacks,
        kinds: &NodeKinds,
        start: i64,
        end: i64,
    ) -> Window {
        let mut window = Window {
            start,
            end,
            ..Window::default()
        };
        for (thread, stack) in stacks.threads.iter().enumerate() {
            self.add_nodes(stack, start, end);
            if self.touched.is_empty() {
                continue;
            }
            self.touched.sort_unstable();
            let first_cell = window.cells.len();
            let mut covered_ns = 0;
            for node in self.touched.drain(..) {
                let (ns, active_ns) = std::mem::take(&mut self.by_node[node as usize]);
                covered_ns += ns;
                window.cells.push(ActivityCell {
                    node,
                    kind: kinds.of(node),
                    domain: domain(&stacks.nodes, node).unwrap_or_default(),
                    ns,
                    active_ns,
                });
            }
            window.threads.push(ThreadPart {
                thread: thread as u32,
                covered_ns,
                first_cell,
                end_cell: window.cells.len(),
            });
        }
        window
    }

    /// Returns active times in `window` of activations whose node passes.
    pub(crate) fn activity(
        &mut self,
        stacks: &[ThreadStack],
        window: &Window,
        passes: impl Fn(u32) -> bool,
    ) -> Activity {
        self.edges.clear();
        for (part, thread) in window.threads.iter().enumerate() {
            let stack = &stacks[thread.thread as usize];
            self.add_edges(stack, window, part as u32, &passes);
        }
        sweep(&mut self.edges, window.start, window.threads.len())
    }

    /// Returns active times of the given threads of the window, as if there were no others.
    pub(crate) fn activity_of(
        &mut self,
        stacks: &[ThreadStack],
        window: &Window,
        members: &[usize],
    ) -> Activity {
        self.edges.clear();
        for (member, &at) in members.iter().enumerate() {
            let stack = &stacks[window.threads[at].thread as usize];
            self.add_edges(stack, window, member as u32, &|_| true);
        }
        sweep(&mut self.edges, window.start, members.len())
    }

    fn add_nodes(&mut self, stack: &ThreadStack, start: i64, end: i64) {
        stack.each_piece(start, end, |_, _, key, ns| self.add_node(key, ns));
    }

    fn add_node(&mut self, key: SegmentKey, ns: i64) {
        if ns <= 0 {
            return;
        }
        let at = key.node as usize;
        if self.by_node.len() <= at {
            self.by_node.resize(at + 1, (0, 0));
        }
        let (sum, active) = &mut self.by_node[at];
        if *sum == 0 {
            self.touched.push(key.node);
        }
        *sum += ns;
        *active += if key.waiting { 0 } else { ns };
    }

    fn add_edges(
        &mut self,
        stack: &ThreadStack,
        window: &Window,
        part: u32,
        passes: &impl Fn(u32) -> bool,
    ) {
        let active = |key: u32| {
            let key = SegmentKey::unpack(key);
            !key.waiting && passes(key.node)
        };
        let (start, end) = (window.start, window.end);
        let segments = stack.track.segments(start, end);
        let current = stack
            .current()
            .map(|(since, key)| (since.max(start), end, key));
        let pieces = segments.map(|s| (s.start, s.end, s.key)).chain(current);
        let mut run: Option<(i64, i64, bool)> = None;
        for (from, to, key) in pieces {
            let is_active = active(key);
            match &mut run {
                Some((_, last, was)) if *last == from && *was == is_active => *last = to,
                _ => {
                    self.add_run(run.replace((from, to, is_active)), part);
                }
            }
        }
        self.add_run(run, part);
        for (from, to, block) in stack.track.blocks(start, end) {
            let (mut all, mut busy) = (0, 0);
            for (key, ns) in block.cut(from, to) {
                all += ns;
                busy += if active(key) { ns } else { 0 };
            }
            // Sums over a block may exceed its length if totals are imprecise.
            let (all, busy) = (all.min(to - from), busy.min(to - from));
            self.add_run(Some((from, from + busy, true)), part);
            self.add_run(Some((from + busy, from + all, false)), part);
        }
    }

    fn add_run(&mut self, run: Option<(i64, i64, bool)>, part: u32) {
        if let Some((from, to, active)) = run.filter(|(from, to, _)| to > from) {
            let active = i8::from(active);
            let edge = |time, sign: i8| Edge {
                time,
                part,
                covered: sign,
                active: active * sign,
            };
            self.edges.extend([edge(from, 1), edge(to, -1)]);
        }
    }
}

/// State of one thread during the sweep over edges.
#[derive(Debug, Clone, Copy, Default)]
struct Walker {
    covered: i32,
    active: i32,
    active_since: i64,
    /// Union when it became uncovered.
    union_mark: i64,
}

/// Computes active times in one sweep over all edges in order of time.
fn sweep(edges: &mut [Edge], start: i64, count: usize) -> Activity {
    // Each thread's edges are in order already, so that the stable sort merges sorted runs.
    edges.sort_by_key(|edge| edge.time);
    let mut walkers = vec![Walker::default(); count];
    let mut activity = Activity {
        active_ns: vec![0; count],
        active_elsewhere_ns: vec![0; count],
        union_ns: 0,
    };
    let (mut busy, mut last) = (0, start);
    for edge in edges.iter() {
        if busy > 0 {
            activity.union_ns += edge.time - last;
        }
        last = edge.time;
        let part = edge.part as usize;
        let walker = &mut walkers[part];
        let (covered, active) = (walker.covered, walker.active);
        walker.covered += i32::from(edge.covered);
        walker.active += i32::from(edge.active);
        if covered == 0 {
            activity.active_elsewhere_ns[part] += activity.union_ns - walker.union_mark;
        } else if walker.covered == 0 {
            walker.union_mark = activity.union_ns;
        }
        if active == 0 && walker.active > 0 {
            walker.active_since = edge.time;
            busy += 1;
        } else if active > 0 && walker.active == 0 {
            activity.active_ns[part] += edge.time - walker.active_since;
            busy -= 1;
        }
    }
    for (elsewhere, walker) in activity.active_elsewhere_ns.iter_mut().zip(&walkers) {
        *elsewhere += activity.union_ns - walker.union_mark;
    }
    activity
}

/// Returns a predicate for nodes of `domain`; `None` passes all.
pub(crate) fn in_domain(nodes: &[NodeTime], wanted: Option<Domain>) -> impl Fn(u32) -> bool + '_ {
    move |node| wanted.is_none() || domain(nodes, node) == wanted
}

fn domain(nodes: &[NodeTime], node: u32) -> Option<Domain> {
    nodes.get(node as usize).map(|node| node.domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::segments::Opened;

    fn stacks(spans: &[(u32, i64, i64)]) -> Stacks {
        let mut stacks = Stacks::default();
        let mut events: Vec<(i64, bool, u64, u32)> = Vec::new();
        for (seq, &(thread, start, end)) in spans.iter().enumerate() {
            events.push((start, true, seq as u64, thread));
            events.push((end, false, seq as u64, thread));
        }
        events.sort_by_key(|e| (e.0, e.1));
        for (time, enter, seq, thread) in events {
            if enter {
                let node = thread;
                let opened = Opened {
                    seq,
                    node,
                    parent: None,
                    thread,
                    start_ns: time,
                };
                stacks.open(&opened);
            } else {
                stacks.close(seq, time);
            }
        }
        stacks
    }

    /// ```text
    ///            0    5    10   15
    /// thread 1   |=====|    |====|     0-5, 8-12
    /// thread 2       |====|            4-9 (window ends at 15)
    /// ```
    #[test]
    fn union_and_active_elsewhere() {
        let stacks = stacks(&[(1, 0, 5), (2, 4, 9), (1, 8, 12)]);
        let mut reader = WindowReader::default();
        let window = reader.read(&stacks, &NodeKinds::default(), 0, 15);
        let activity = reader.activity(&stacks.threads, &window, |_| true);
        assert_eq!(activity.active_ns, [9, 5]);
        assert_eq!(activity.union_ns, 12);
        assert_eq!(activity.active_elsewhere_ns, [3, 7]);
        let only_two = reader.activity(&stacks.threads, &window, |node| node == 2);
        assert_eq!((only_two.active_ns, only_two.union_ns), (vec![0, 5], 5));
    }
}
