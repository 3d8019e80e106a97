//! The pieces of a window: what each thread did, and the CPU time that it used.

use energy_data::rows::Domain;

use crate::spans::segments::SegmentKey;
use crate::windows::inputs::RunInputs;
use crate::windows::view::WindowContent;

/// A time in which a thread did one thing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadPiece {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Its node, and whether its activation waited.
    pub(crate) key: SegmentKey,
    pub(crate) domain: Domain,
    /// The key's time in it. In a folded piece several keys share the time.
    pub(crate) ns: i64,
    /// CPU time in it; 0 for a thread whose cells all have one rate.
    pub(crate) used_ns: f64,
}

/// Returns the pieces of a window, in the order of its threads.
pub(crate) fn pieces(inputs: &RunInputs, content: &WindowContent) -> Vec<Vec<ThreadPiece>> {
    let window = &content.window;
    let (start, end) = (window.start, window.end);
    let stacks = &inputs.spans.stacks;
    let threads = window.threads.iter().zip(&content.used.threads);
    let pieces = threads.map(|(part, used)| {
        let mut rows = inputs.cpu.thread_rows(part.thread, start, end);
        let mut pieces = Vec::new();
        stacks.threads[part.thread as usize].each_piece(start, end, |from, to, key, ns| {
            if to <= from {
                return;
            }
            let node = stacks.nodes.get(key.node as usize);
            pieces.push(ThreadPiece {
                start: from,
                end: to,
                key,
                domain: node.map(|node| node.domain).unwrap_or_default(),
                ns,
                used_ns: match used.is_even {
                    true => 0.0,
                    false => rows.used_next(from, to),
                },
            });
        });
        pieces
    });
    pieces.collect()
}
