//! The record of spans: edges in, stacks and phases of the time that windows still need out.
//!
//! ```text
//! time      |-- dropped --|------- retained -------|-- to come --
//!                         ^ prune                  ^ sealed
//! ```
//!
//! Edges that arrive before the sealed time are late: their windows may have closed.

use energy_data::rows::{Domain, NodeWindowRow, Role};

use crate::spans::phases::{RUN, Sets};
use crate::spans::segments::{Closed, Opened, SegmentKey, Stacks};
use crate::spans::track::ThreadTrack;

/// Number of segments retained before the oldest are folded.
const RETAIN: usize = 400_000;

/// Data of a node that attribution uses.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NodeInfo {
    pub(crate) known: bool,
    pub(crate) parent: Option<u32>,
    pub(crate) role: Option<Role>,
    pub(crate) instances: u64,
}

/// Spans of a run.
#[derive(Debug)]
pub(crate) struct SpanRecord {
    pub(crate) nodes: Vec<NodeInfo>,
    pub(crate) stacks: Stacks,
    /// Sets of phases that were open together.
    pub(crate) phases: Sets,
    /// First time of a run role.
    pub(crate) run_from: i64,
    /// First start and last end of all spans.
    pub(crate) known: (i64, i64),
    /// Whether there are totals instead of openings and closings.
    pub(crate) has_totals: bool,
    /// Edges before the sealed time.
    pub(crate) late_edges: u64,
    pub(crate) merged_segments: u64,
    /// First time each domain was used: CPU, GPU, neural engine.
    domain_from: [i64; 3],
    sealed_until: i64,
    since_check: usize,
    retain: usize,
}

impl Default for SpanRecord {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            stacks: Stacks::default(),
            phases: Sets::default(),
            run_from: i64::MAX,
            known: (i64::MAX, i64::MIN),
            has_totals: false,
            late_edges: 0,
            merged_segments: 0,
            domain_from: [i64::MAX; 3],
            sealed_until: i64::MIN,
            since_check: 0,
            retain: RETAIN,
        }
    }
}

impl SpanRecord {
    /// Sets the number of segments that are retained before the oldest are folded.
    pub(crate) fn retain(&mut self, segments: usize) {
        self.retain = segments;
    }

    /// Adds a node.
    pub(crate) fn node(
        &mut self,
        id: u32,
        parent: Option<u32>,
        role: Option<Role>,
        domain: Domain,
    ) {
        let info = self.node_mut(id);
        (info.known, info.parent, info.role) = (true, parent, role);
        self.stacks.node_mut(id).domain = domain;
    }

    /// Returns the data of a node; adds the node if necessary.
    pub(crate) fn node_mut(&mut self, node: u32) -> &mut NodeInfo {
        let at = node as usize;
        if self.nodes.len() <= at {
            self.nodes.resize(at + 1, NodeInfo::default());
        }
        &mut self.nodes[at]
    }

    /// Opens an activation.
    pub(crate) fn open(&mut self, opened: &Opened) {
        let start = opened.start_ns;
        self.note_late(start);
        self.extend(start, start);
        let role = self.node_mut(opened.node).role;
        self.note_domain(opened.node, start);
        self.stacks.open(opened);
        self.bound_memory(start);
        match role {
            Some(Role::Run) => {
                self.run_from = self.run_from.min(start);
                self.phases.enter(RUN, start);
            }
            Some(Role::Phase) => self.phases.enter(opened.node, start),
            _ => {}
        }
    }

    /// Closes an activation; others of its thread stay open. Returns it with its role, or `None`
    /// if it was not open.
    pub(crate) fn close(&mut self, seq: u64, end_ns: i64) -> Option<(Closed, Option<Role>)> {
        self.note_late(end_ns);
        let closed = self.stacks.close(seq, end_ns)?;
        let role = self.node_mut(closed.node).role;
        let end = closed.end;
        self.extend(end, end);
        self.bound_memory(end);
        match role {
            Some(Role::Run) => self.phases.leave(RUN, end),
            Some(Role::Phase) => self.phases.leave(closed.node, end),
            _ => {}
        }
        Some((closed, role))
    }

    /// Adds totals of a node and thread in a window.
    pub(crate) fn totals(&mut self, window: &NodeWindowRow) {
        let NodeWindowRow {
            node,
            thread,
            start_ns: start,
            end_ns: end,
            ..
        } = *window;
        self.extend(start, end);
        self.node_mut(node);
        self.note_domain(node, start);
        self.has_totals = true;
        let times = self.stacks.node_mut(node);
        // A negative time corrects what an earlier window counted too much.
        times.self_ns = times.self_ns.saturating_add(window.self_ns).max(0);
        times.activations += window.activations;
        let key = SegmentKey {
            node,
            waiting: false,
        }
        .pack();
        let track = &mut self.stacks.thread_mut(thread).track;
        track.push_sum(start, end, key, window.self_ns);
    }

    /// Whether a span used the domain before `time`.
    pub(crate) fn uses(&self, domain: Domain, time: i64) -> bool {
        self.domain_from[domain as usize] < time
    }

    /// Folds slots that ended by `until`.
    pub(crate) fn seal(&mut self, until: i64) {
        self.tracks_mut().for_each(|track| track.seal(until));
    }

    /// Sets the time before which edges are late.
    pub(crate) fn seal_edges(&mut self, until: i64) {
        self.sealed_until = until;
    }

    /// Drops data of the time before `keep`.
    pub(crate) fn prune(&mut self, keep: i64) {
        self.tracks_mut().for_each(|track| track.prune(keep));
        self.stacks.open.prune_off_thread_times(keep);
    }

    fn extend(&mut self, start: i64, end: i64) {
        self.known = (self.known.0.min(start), self.known.1.max(end));
    }

    fn note_domain(&mut self, node: u32, time: i64) {
        let domain = self.stacks.node_mut(node).domain;
        let from = &mut self.domain_from[domain as usize];
        *from = (*from).min(time);
    }

    /// Counts records that arrive late because their thread was preempted while recording:
    /// their windows may have closed already.
    fn note_late(&mut self, time: i64) {
        self.late_edges += u64::from(time < self.sealed_until);
    }

    /// Returns the tracks of all threads and that of the sets of phases.
    fn tracks(&self) -> impl Iterator<Item = &ThreadTrack> {
        let threads = self.stacks.threads.iter().map(|thread| &thread.track);
        threads.chain([&self.phases.track])
    }

    fn tracks_mut(&mut self) -> impl Iterator<Item = &mut ThreadTrack> {
        let threads = self.stacks.threads.iter_mut();
        let threads = threads.map(|thread| &mut thread.track);
        threads.chain([&mut self.phases.track])
    }

    /// Checks at intervals whether too much is retained, and folds the older half.
    fn bound_memory(&mut self, now: i64) {
        self.since_check += 1;
        if self.since_check < self.retain / 16 {
            return;
        }
        self.since_check = 0;
        if self.tracks().map(ThreadTrack::retained).sum::<usize>() <= self.retain {
            return;
        }
        let oldest = self.tracks().filter_map(ThreadTrack::oldest).min();
        let before = i64::midpoint(oldest.unwrap_or(now), now);
        let merged = self.tracks_mut().map(|track| track.coarsen(before));
        let merged: usize = merged.sum();
        self.merged_segments += merged as u64;
    }
}
