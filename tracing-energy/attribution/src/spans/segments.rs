//! Per-thread stacks of open activations, converted into segments: the innermost activation
//! over time, and whether it waited.
//!
//! ```text
//! thread 1  enter a      enter b   exit b     exit a
//!           |-----a------|----b----|----a-----|
//! thread 2        |--c (child of a)---|
//! segments  |--a--|~~a~~~|----b----|~a|--a----|       ~ a waits for c
//!                 |---------c---------|
//! ```
//!
//! An activation waits while a descendant of its own domain is open on another
//! thread: a kernel on a GPU does not make a CPU wait. Only links that cross threads or
//! domains can cause this, so only those walk up the ancestors; each ancestor on another
//! thread than the new activation counts it. If an activation closes before its children,
//! its parent becomes theirs.
//!
//! ```text
//! thread 1  |--launch (cpu)--|-----step (cpu)-----|
//! gpu             |==kernel (gpu), child of launch, then of step==|
//! segments  |--launch--------|-----step-----------|     no one waits
//! ```

use crate::spans::activation::{ActivationSlot, Elsewhere, NONE, OffThreadTime, Slab};
use crate::spans::idle::SharedTime;
use crate::spans::track::ThreadTrack;
use energy_data::rows::Domain;

/// Opening of an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Sequence number within the run.
    pub seq: u64,
    /// Its node.
    pub node: u32,
    /// Sequence number of its parent, open or not.
    pub parent: Option<u64>,
    /// Its thread.
    pub thread: u32,
    /// Start in run time.
    pub start_ns: i64,
}

/// A closed activation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Closed {
    pub(crate) slot: ActivationSlot,
    pub(crate) seq: u64,
    pub(crate) node: u32,
    pub(crate) thread: u32,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) off_thread_times: Vec<OffThreadTime>,
}

/// Content of a segment's key: a node, and whether its activation waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentKey {
    pub(crate) node: u32,
    pub(crate) waiting: bool,
}

impl SegmentKey {
    pub(crate) const fn pack(self) -> u32 {
        self.node << 1 | self.waiting as u32
    }
    pub(crate) const fn unpack(packed: u32) -> Self {
        Self {
            node: packed >> 1,
            waiting: packed & 1 == 1,
        }
    }
}

/// One thread's stack and its retained segments.
#[derive(Debug, Default)]
pub(crate) struct ThreadStack {
    stack: Vec<ActivationSlot>,
    innermost: Option<(ActivationSlot, SegmentKey)>,
    since: i64,
    pub(crate) track: ThreadTrack,
}

impl ThreadStack {
    /// Start time and key of the current segment, if an activation is open.
    pub(crate) fn current(&self) -> Option<(i64, u32)> {
        self.innermost.map(|(_, key)| (self.since, key.pack()))
    }

    /// Calls `take` with each piece of `[start, end)`: its start, end, key, and the key's time
    /// in it. In a folded piece several keys share the time.
    pub(crate) fn each_piece(
        &self,
        start: i64,
        end: i64,
        mut take: impl FnMut(i64, i64, SegmentKey, i64),
    ) {
        for segment in self.track.segments(start, end) {
            let length = segment.end - segment.start;
            take(
                segment.start,
                segment.end,
                SegmentKey::unpack(segment.key),
                length,
            );
        }
        for (from, to, block) in self.track.blocks(start, end) {
            for (key, ns) in block.cut(from, to) {
                take(from, to, SegmentKey::unpack(key), ns);
            }
        }
        if let Some((since, key)) = self.current() {
            let from = since.max(start);
            take(from, end, SegmentKey::unpack(key), end - from);
        }
    }
}

/// Domain of a node, and its time summed over threads.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct NodeTime {
    pub(crate) domain: Domain,
    pub(crate) self_ns: i64,
    pub(crate) idle_ns: f64,
    pub(crate) activations: u64,
}

/// All threads.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    pub(crate) open: Slab,
    pub(crate) threads: Vec<ThreadStack>,
    pub(crate) nodes: Vec<NodeTime>,
    shared: SharedTime,
    now: i64,
    /// Closings of activations that were not open.
    pub(crate) unmatched: u64,
}

impl Stacks {
    /// Opens an activation. Times must not decrease.
    pub(crate) fn open(&mut self, opened: &Opened) {
        let now = self.tick(opened.start_ns);
        let parent = self.parent_slot(opened);
        let (node, thread) = (opened.node, opened.thread);
        let domain = self.node_mut(node).domain;
        let slot = self.open.insert(opened.seq, node, thread, parent, now);
        self.open[slot].domain = domain;
        if parent == NONE {
            self.shared.add_root(now);
        }
        self.thread_mut(thread).stack.push(slot);
        self.refresh(thread, now);
        if self.crosses(slot) {
            self.count_elsewhere(parent, (thread, domain), now);
        }
    }

    /// Closes an activation at any position on its thread's stack. `None` if it is not open.
    pub(crate) fn close(&mut self, seq: u64, end_ns: i64) -> Option<Closed> {
        let now = self.tick(end_ns);
        let Some(slot) = self.open.find(seq) else {
            self.unmatched += 1;
            return None;
        };
        let (thread, parent) = (self.open[slot].thread, self.open[slot].parent);
        if self.crosses(slot) {
            let domain = self.open[slot].domain;
            self.uncount_elsewhere(parent, (thread, domain), now);
        }
        let children = self.open[slot].children > 0;
        if children {
            self.pass_children_on(slot, now);
        }
        self.leave_stack(slot, thread, now);
        if parent == NONE {
            self.shared.remove_root(now);
        }
        self.node_mut(self.open[slot].node).activations += 1;
        let closed = self.closed(slot, now);
        self.open.remove(slot);
        Some(closed)
    }

    /// Sequence numbers of all open activations, innermost last.
    pub(crate) fn open_numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.open.open().map(|(_, a)| a.seq).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Returns the node's times; adds the node if necessary.
    pub(crate) fn node_mut(&mut self, node: u32) -> &mut NodeTime {
        let at = node as usize;
        if self.nodes.len() <= at {
            self.nodes.resize(at + 1, NodeTime::default());
        }
        &mut self.nodes[at]
    }

    /// Returns the thread's stack; adds the thread if necessary.
    pub(crate) fn thread_mut(&mut self, thread: u32) -> &mut ThreadStack {
        let at = thread as usize;
        if self.threads.len() <= at {
            self.threads.resize_with(at + 1, ThreadStack::default);
        }
        &mut self.threads[at]
    }

    fn tick(&mut self, time: i64) -> i64 {
        self.now = self.now.max(time);
        self.now
    }

    fn parent_slot(&mut self, opened: &Opened) -> ActivationSlot {
        let Some(parent) = opened.parent else {
            return NONE;
        };
        let below = self.thread_mut(opened.thread).stack.last().copied();
        match below {
            Some(below) if self.open[below].seq == parent => below,
            _ => self.open.find(parent).unwrap_or(NONE),
        }
    }

    /// Ends the thread's segment and begins the next one.
    fn refresh(&mut self, thread: u32, now: i64) {
        let Self {
            open,
            threads,
            nodes,
            shared,
            ..
        } = self;
        let stack = &mut threads[thread as usize];
        if let Some((slot, key)) = stack.innermost {
            stack.track.push(stack.since, now, key.pack());
            let node = &mut nodes[key.node as usize];
            node.self_ns += now - stack.since;
            if !key.waiting {
                let (root, mark) = (open[slot].root, open[slot].mark);
                node.idle_ns += open[root].time.leave(mark, shared, now);
            }
        }
        stack.since = now;
        stack.innermost = stack.stack.last().map(|&slot| {
            let top = &open[slot];
            let (node, waiting) = (top.node, top.waits_for > 0);
            (slot, SegmentKey { node, waiting })
        });
        if let Some((slot, SegmentKey { waiting: false, .. })) = stack.innermost {
            let root = open[slot].root;
            open[slot].mark = open[root].time.join(shared, now);
        }
    }

    fn leave_stack(&mut self, slot: ActivationSlot, thread: u32, now: i64) {
        let stack = &mut self.threads[thread as usize].stack;
        if stack.last() == Some(&slot) {
            stack.pop();
            self.refresh(thread, now);
        } else if let Some(at) = stack.iter().rposition(|&other| other == slot) {
            stack.remove(at);
        }
    }

    fn closed(&mut self, slot: ActivationSlot, end: i64) -> Closed {
        let gone = &mut self.open[slot];
        for Elsewhere { thread, since, .. } in std::mem::take(&mut gone.elsewhere) {
            gone.add_off_thread_time(thread, since, end);
        }
        Closed {
            slot,
            seq: gone.seq,
            node: gone.node,
            thread: gone.thread,
            start: gone.start,
            end,
            off_thread_times: std::mem::take(&mut gone.off_thread_times),
        }
    }

    fn crosses(&self, slot: ActivationSlot) -> bool {
        let place = |slot: ActivationSlot| (self.open[slot].thread, self.open[slot].domain);
        let parent = self.open[slot].parent;
        parent != NONE && place(parent) != place(slot)
    }

    /// Counts an open descendant on that thread for `from` and its ancestors.
    fn count_elsewhere(&mut self, from: ActivationSlot, (thread, domain): (u32, Domain), now: i64) {
        let mut at = from;
        while at != NONE {
            let ancestor = &mut self.open[at];
            let (next, own) = (ancestor.parent, ancestor.thread);
            if own != thread {
                match ancestor.elsewhere.iter_mut().find(|e| e.thread == thread) {
                    Some(there) => there.count += 1,
                    None => ancestor.elsewhere.push(Elsewhere {
                        thread,
                        count: 1,
                        since: now,
                    }),
                }
                if ancestor.domain == domain {
                    ancestor.waits_for += 1;
                    if ancestor.waits_for == 1 {
                        self.waiting_changed(at, own, now);
                    }
                }
            }
            at = next;
        }
    }

    /// Reverts one [`Self::count_elsewhere`].
    fn uncount_elsewhere(
        &mut self,
        from: ActivationSlot,
        (thread, domain): (u32, Domain),
        now: i64,
    ) {
        let mut at = from;
        while at != NONE {
            let ancestor = &mut self.open[at];
            let (next, own) = (ancestor.parent, ancestor.thread);
            let there = ancestor.elsewhere.iter().position(|e| e.thread == thread);
            if let Some(there) = there {
                ancestor.elsewhere[there].count -= 1;
                if ancestor.elsewhere[there].count == 0 {
                    let since = ancestor.elsewhere.swap_remove(there).since;
                    ancestor.add_off_thread_time(thread, since, now);
                }
                if ancestor.domain == domain {
                    ancestor.waits_for -= 1;
                    if ancestor.waits_for == 0 {
                        self.waiting_changed(at, own, now);
                    }
                }
            }
            at = next;
        }
    }

    fn waiting_changed(&mut self, slot: ActivationSlot, thread: u32, now: i64) {
        if self.threads[thread as usize].stack.last() == Some(&slot) {
            self.refresh(thread, now);
        }
    }

    /// Assigns open children of `slot`, which closes, to its parent, or makes them roots.
    fn pass_children_on(&mut self, slot: ActivationSlot, now: i64) {
        let new_parent = self.open[slot].parent;
        let children: Vec<ActivationSlot> = {
            let all = self.open.open().filter(|(_, a)| a.parent == slot);
            all.map(|(child, _)| child).collect()
        };
        for child in children {
            let place = (self.open[child].thread, self.open[child].domain);
            if self.crosses(child) {
                self.uncount_elsewhere(slot, place, now);
            }
            self.open[slot].children -= 1;
            self.open[child].parent = new_parent;
            if new_parent == NONE {
                self.shared.add_root(now);
            } else {
                self.open[new_parent].children += 1;
            }
            if self.crosses(child) {
                self.count_elsewhere(new_parent, place, now);
            }
        }
        if new_parent == NONE {
            let stopped = self.end_segments(slot, now);
            self.find_roots();
            stopped
                .into_iter()
                .for_each(|thread| self.refresh(thread, now));
        }
    }

    /// Ends the segments of all threads that work for `root`, and returns these threads.
    fn end_segments(&mut self, root: ActivationSlot, now: i64) -> Vec<u32> {
        let works_for_root = |thread: &ThreadStack| {
            let innermost = thread.innermost;
            innermost.is_some_and(|(slot, _)| self.open[slot].root == root)
        };
        let threads = self.threads.iter().enumerate();
        let stopped: Vec<u32> = threads
            .filter(|(_, thread)| works_for_root(thread))
            .map(|(at, _)| at as u32)
            .collect();
        for &thread in &stopped {
            let stack = std::mem::take(&mut self.threads[thread as usize].stack);
            self.refresh(thread, now);
            self.threads[thread as usize].stack = stack;
        }
        stopped
    }

    /// Recomputes the root of every open activation.
    fn find_roots(&mut self) {
        let links: Vec<(ActivationSlot, ActivationSlot)> =
            self.open.open().map(|(slot, a)| (slot, a.parent)).collect();
        for (slot, mut parent) in links {
            let mut root = slot;
            while parent != NONE {
                root = parent;
                parent = self.open[root].parent;
            }
            self.open[slot].root = root;
        }
    }
}
