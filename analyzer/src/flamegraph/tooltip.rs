//! Adds details to the tooltips of frames: self energy, and the change in a comparison.
//!
//! inferno computes the change of a stack's last frame only, and shows every frame below it as
//! unchanged. Frames are identified by their position in the picture, which is unique.

use std::collections::HashMap;

use super::Graph;
use super::text::{amount, change};

/// Height of a frame as inferno draws it.
const FRAME_HEIGHT: usize = inferno::flamegraph::defaults::FRAME_HEIGHT;

/// A frame of the picture.
#[derive(Debug, Clone, Copy)]
struct DrawnFrame<'s> {
    /// `layer 3 (1,234 uJ, 5.60%)`.
    title: &'s str,
    /// Counts to the left of it.
    x: u64,
    /// Pixels from the top.
    y: usize,
}

/// Returns the picture with details added to each frame's title.
pub(super) fn add_details(svg: &str, graph: &Graph, icicle: bool, reverse: bool) -> String {
    let (drawn, frames_end) = frames(svg);
    let heights = drawn.iter().map(|frame| frame.y);
    let lowest = if icicle { heights.min() } else { heights.max() };
    let places = places(graph, usize::from(!reverse));
    let writer = TooltipWriter::new(graph, reverse);
    let mut annotated = String::with_capacity(svg.len() * 5 / 4);
    let mut done = 0;
    for frame in &drawn {
        let depth = lowest.unwrap_or(frame.y).abs_diff(frame.y) / FRAME_HEIGHT;
        let more = match depth.checked_sub(1) {
            None => writer.all(),
            Some(depth) => places
                .get(&(frame.x, depth))
                .and_then(|at| writer.frame(*at)),
        };
        // Titles are slices of `svg`, in its order.
        let at = frame.title.as_ptr() as usize - svg.as_ptr() as usize;
        annotated.push_str(&svg[done..at]);
        annotated.push_str(&with(frame.title, more));
        done = at + frame.title.len();
    }
    debug_assert!(done <= frames_end);
    annotated.push_str(&svg[done..]);
    annotated
}

/// Adds `more` within a title's last parentheses, in place of inferno's change.
fn with(title: &str, more: Option<String>) -> String {
    match (more, title.strip_suffix(')')) {
        (Some(more), Some(begun)) => {
            let inside = begun.rfind(" (").unwrap_or(0);
            let end = begun[inside..]
                .find(';')
                .map_or(begun.len(), |at| inside + at);
            format!("{}; {more})", &begun[..end])
        }
        _ => title.to_owned(),
    }
}

/// Returns all frames of a picture, and where the last one ends.
fn frames(svg: &str) -> (Vec<DrawnFrame<'_>>, usize) {
    let mut frames = Vec::new();
    let mut at = svg.find(r#"id="frames""#).unwrap_or(svg.len());
    while let Some((title, end)) = between(svg, at, "<title>", "</title>") {
        let Some((rectangle, after)) = between(svg, end, "<rect ", "/>") else {
            break;
        };
        let x = attribute(rectangle, "fg:x").and_then(|x| x.parse().ok());
        let y = attribute(rectangle, "y").and_then(|y| y.parse().ok());
        if let (Some(x), Some(y)) = (x, y) {
            frames.push(DrawnFrame { title, x, y });
        }
        at = after;
    }
    (frames, svg.len())
}

/// Returns the text between `open` and `close`, and where the latter ends.
fn between<'s>(text: &'s str, from: usize, open: &str, close: &str) -> Option<(&'s str, usize)> {
    let start = from + text.get(from..)?.find(open)? + open.len();
    let end = start + text[start..].find(close)?;
    Some((&text[start..end], end + close.len()))
}

fn attribute<'s>(tag: &'s str, name: &str) -> Option<&'s str> {
    let start = format!("{name}=\"");
    let mut places = tag.match_indices(&start);
    // Rejects matches within longer names: `y` also ends other attributes' names.
    let (at, _) = places.find(|(at, _)| *at == 0 || tag.as_bytes()[at - 1] == b' ')?;
    tag[at + start.len()..].split('"').next()
}

/// Returns frames with a width, by the counts to their left and their depth.
fn places(graph: &Graph, side: usize) -> HashMap<(u64, usize), usize> {
    let frames = graph.tree.frames();
    let mut widths = vec![0; frames.len()];
    for (at, counts) in graph.order.iter().zip(&graph.counts) {
        widths[*at] += counts[side];
    }
    for at in (0..frames.len()).rev() {
        if let Some(parent) = frames[at].parent {
            widths[parent] += widths[at];
        }
    }
    let (mut places, mut x) = (HashMap::new(), 0);
    for (at, counts) in graph.order.iter().zip(&graph.counts) {
        if widths[*at] > 0 {
            places.insert((x, frames[*at].depth), *at);
        }
        x += counts[side];
    }
    places
}

/// Writes details of frames.
struct TooltipWriter<'g> {
    graph: &'g Graph,
    reverse: bool,
    inclusive: Vec<[f64; 2]>,
    /// Whether a frame has children.
    has_children: Vec<bool>,
}

impl<'g> TooltipWriter<'g> {
    fn new(graph: &'g Graph, reverse: bool) -> Self {
        let frames = graph.tree.frames();
        let mut has_children = vec![false; frames.len()];
        frames
            .iter()
            .filter_map(|frame| frame.parent)
            .for_each(|parent| has_children[parent] = true);
        Self {
            graph,
            reverse,
            inclusive: graph.tree.inclusive(),
            has_children,
        }
    }

    fn all(&self) -> Option<String> {
        self.graph
            .is_comparison
            .then(|| self.change_text(self.graph.totals))
    }

    fn frame(&self, at: usize) -> Option<String> {
        let own = self.graph.tree.frames()[at].own;
        let measure = self.graph.options.measure;
        let mut details = Vec::new();
        if self.graph.is_comparison {
            details.push(self.change_text(self.inclusive[at]));
        }
        // In an inverted graph, frames above the first row are callers without self energy.
        if self.has_children[at] && self.graph.options.value == super::Value::Inclusive {
            details.push(match self.graph.is_comparison {
                true => format!(
                    "self was {}, is {}",
                    amount(measure, own[0]),
                    amount(measure, own[1])
                ),
                false => format!("self {}", amount(measure, own[1])),
            });
        }
        (!details.is_empty()).then(|| details.join("; "))
    }

    /// Formats a change: `was 1.100 mJ, +12.2 %`.
    fn change_text(&self, [before, after]: [f64; 2]) -> String {
        let (word, other) = match self.reverse {
            false => ("was", before),
            true => ("is", after),
        };
        let change = change(before, after).map_or(String::new(), |change| format!(", {change}"));
        format!(
            "{word} {}{change}",
            amount(self.graph.options.measure, other)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_added_in_the_last_parentheses() {
        let more = || Some("self 1 J".to_owned());
        assert_eq!(
            with("f(x; y) (1 uJ, 2.0%)", more()),
            "f(x; y) (1 uJ, 2.0%; self 1 J)"
        );
        assert_eq!(
            with("a (1 uJ, 2.0%; +1.0%)", more()),
            "a (1 uJ, 2.0%; self 1 J)"
        );
        assert_eq!(with("a (1 uJ, 2.0%)", None), "a (1 uJ, 2.0%)");
    }

    #[test]
    fn frames_are_found_with_their_positions() {
        let svg = r#"<svg id="frames"><g><title>a (1 uJ, 50%)</title><rect x="0%" y="37" fill="r" fg:x="7" fg:w="1"/>"#;
        let (found, _) = frames(svg);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].title, found[0].x, found[0].y),
            ("a (1 uJ, 50%)", 7, 37)
        );
    }
}
