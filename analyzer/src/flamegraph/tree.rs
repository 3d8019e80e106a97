//! Tree of frames: stacks with equal labels are merged.

use std::collections::HashMap;

/// Maximum depth. Deeper frames are merged into one, so that a recursion of a thousand levels
/// produces neither an unreadable picture nor gigabytes of stacks.
const MAX_DEPTH: usize = 512;

/// Label of the frame that merges all deeper levels.
const DEEPER: &str = "(deeper)";

/// One frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) label: String,
    pub(super) parent: Option<usize>,
    /// 0 for roots.
    pub(super) depth: usize,
    /// Self amounts in base units: before and after; without a comparison only the second is
    /// used.
    pub(super) own: [f64; 2],
}

/// All frames: parents first, siblings in insertion order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FrameTree {
    frames: Vec<Frame>,
    places: HashMap<(Option<usize>, String), usize>,
}

impl FrameTree {
    /// Returns the child of `parent` with this label, and creates it if needed. Beyond the
    /// maximum depth, returns the frame that merges all deeper levels.
    pub(super) fn child(&mut self, parent: Option<usize>, label: String) -> usize {
        let depth = parent.map_or(0, |parent| self.frames[parent].depth + 1);
        let (parent, label) = match depth {
            MAX_DEPTH.. => (
                parent.and_then(|p| self.frames[p].parent),
                DEEPER.to_owned(),
            ),
            _ if depth + 1 == MAX_DEPTH => (parent, DEEPER.to_owned()),
            _ => (parent, label),
        };
        let next = self.frames.len();
        let frames = &mut self.frames;
        *self
            .places
            .entry((parent, label))
            .or_insert_with_key(|key| {
                frames.push(Frame {
                    label: key.1.clone(),
                    parent,
                    depth: parent.map_or(0, |parent| frames[parent].depth + 1),
                    own: [0.0; 2],
                });
                next
            })
    }

    /// Adds to a frame's self amount.
    pub(super) fn add(&mut self, frame: usize, side: usize, amount: f64) {
        self.frames[frame].own[side] += amount;
    }

    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Returns the labels from the root down to a frame.
    pub(super) fn path(&self, frame: usize) -> Vec<&str> {
        let up = |frame: &usize| self.frames[*frame].parent;
        let chain = std::iter::successors(Some(frame), up);
        let mut path: Vec<&str> = chain.map(|at| self.frames[at].label.as_str()).collect();
        path.reverse();
        path
    }

    /// Sets negative self amounts, which have no width, to zero; returns their sum on each
    /// side.
    pub(super) fn clip(&mut self) -> [f64; 2] {
        let mut negative = [0.0; 2];
        for frame in &mut self.frames {
            for (own, negative) in frame.own.iter_mut().zip(&mut negative) {
                if *own < 0.0 {
                    *negative += *own;
                    *own = 0.0;
                }
            }
        }
        negative
    }

    /// Returns the inclusive amounts of each frame.
    pub(super) fn inclusive(&self) -> Vec<[f64; 2]> {
        let mut sums: Vec<[f64; 2]> = self.frames.iter().map(|frame| frame.own).collect();
        for at in (0..sums.len()).rev() {
            if let Some(parent) = self.frames[at].parent {
                let [before, after] = sums[at];
                sums[parent][0] += before;
                sums[parent][1] += after;
            }
        }
        sums
    }

    /// Returns the same stacks from the leaf to the root: each self amount is added to a root
    /// frame of its label, with its callers on top.
    pub(super) fn inverted(&self) -> Self {
        let mut inverted = Self::default();
        for (at, frame) in self.frames.iter().enumerate() {
            if frame.own == [0.0; 2] {
                continue;
            }
            let path = self.path(at).into_iter().rev();
            let last = path.fold(None, |on, label| Some(inverted.child(on, label.to_owned())));
            if let Some(last) = last {
                inverted.add(last, 0, frame.own[0]);
                inverted.add(last, 1, frame.own[1]);
            }
        }
        inverted
    }

    /// Returns frames from left to right, each before the frames on top of it. Siblings are in
    /// insertion order, or widest first.
    pub(super) fn order(&self, widest_first: bool) -> Vec<usize> {
        let mut above: Vec<Vec<usize>> = vec![Vec::new(); self.frames.len()];
        let mut roots = Vec::new();
        for (at, frame) in self.frames.iter().enumerate() {
            frame
                .parent
                .map_or(&mut roots, |parent| &mut above[parent])
                .push(at);
        }
        if widest_first {
            let sums = self.inclusive();
            let widest = |a: &usize, b: &usize| sums[*b][1].total_cmp(&sums[*a][1]);
            above
                .iter_mut()
                .chain([&mut roots])
                .for_each(|siblings| siblings.sort_by(widest));
        }
        let mut order = Vec::with_capacity(self.frames.len());
        let mut open: Vec<usize> = roots.into_iter().rev().collect();
        while let Some(at) = open.pop() {
            order.push(at);
            open.extend(above[at].iter().rev());
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(stacks: &[(&str, f64)]) -> FrameTree {
        let mut tree = FrameTree::default();
        for (stack, amount) in stacks {
            let mut at = None;
            for label in stack.split(';') {
                at = Some(tree.child(at, label.to_owned()));
            }
            tree.add(at.unwrap(), 1, *amount);
        }
        tree
    }

    #[test]
    fn equal_stacks_are_merged_and_amounts_sum_towards_the_root() {
        let tree = tree(&[("a;b", 1.0), ("a", 2.0), ("a;b", 4.0), ("c", 8.0)]);
        assert_eq!(tree.frames().len(), 3);
        assert_eq!(tree.inclusive(), [[0.0, 7.0], [0.0, 5.0], [0.0, 8.0]]);
        assert_eq!(tree.order(false), [0, 1, 2]);
        assert_eq!(tree.order(true), [2, 0, 1]);
    }

    #[test]
    fn inverted_stacks_keep_all_amounts() {
        let tree = tree(&[("a;x", 1.0), ("b;x", 2.0), ("b", 4.0)]).inverted();
        let paths: Vec<_> = (0..tree.frames().len())
            .map(|at| tree.path(at).join(";"))
            .collect();
        assert_eq!(paths, ["x", "x;a", "b", "x;b"]);
        assert_eq!(tree.inclusive()[0], [0.0, 3.0]);
    }

    #[test]
    fn negative_amounts_are_reported_and_clipped() {
        let mut tree = tree(&[("a", -1.5), ("b", 2.0)]);
        assert_eq!(tree.clip(), [0.0, -1.5]);
        assert_eq!(tree.inclusive(), [[0.0; 2], [0.0, 2.0]]);
    }

    #[test]
    fn deep_recursion_is_merged_into_one_frame() {
        let mut tree = FrameTree::default();
        let mut at = None;
        for level in 0..10_000 {
            let frame = tree.child(at, format!("f{level}"));
            tree.add(frame, 1, 1.0);
            at = Some(frame);
        }
        assert_eq!(tree.frames().len(), MAX_DEPTH);
        assert_eq!(tree.path(MAX_DEPTH - 1).last(), Some(&DEEPER));
        assert_eq!(tree.inclusive()[0][1], 10_000.0);
    }
}
