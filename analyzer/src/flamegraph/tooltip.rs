//! What is said of a frame beyond its width: its own part, and how it changed.
//!
//! inferno knows the change of a stack's last frame only, and calls every frame below
//! it unchanged. A frame is found by where it stands, which no other frame shares.

use std::collections::HashMap;

use super::Graph;
use super::words::{amount, change};

/// Heights of frames as inferno draws them.
const FRAME_HEIGHT: usize = inferno::flamegraph::defaults::FRAME_HEIGHT;

/// A frame of the picture.
#[derive(Debug, Clone, Copy)]
struct Drawn<'s> {
    /// `layer 3 (1,234 uJ, 5.60%)`.
    title: &'s str,
    /// Counts to the left of it.
    x: u64,
    /// Pixels from the top.
    y: usize,
}

/// The picture with more to say of each frame.
pub(super) fn told(svg: &str, graph: &Graph, icicle: bool, reverse: bool) -> String {
    let (drawn, rest) = frames(svg);
    let heights = drawn.iter().map(|frame| frame.y);
    let lowest = if icicle { heights.min() } else { heights.max() };
    let places = places(graph, usize::from(!reverse));
    let teller = Teller::new(graph, reverse);
    let mut told = String::with_capacity(svg.len() * 5 / 4);
    let mut done = 0;
    for frame in &drawn {
        let depth = lowest.unwrap_or(frame.y).abs_diff(frame.y) / FRAME_HEIGHT;
        let more = match depth.checked_sub(1) {
            None => teller.all(),
            Some(depth) => places
                .get(&(frame.x, depth))
                .and_then(|at| teller.frame(*at)),
        };
        // Titles are parts of `svg`, in its order.
        let at = frame.title.as_ptr() as usize - svg.as_ptr() as usize;
        told.push_str(&svg[done..at]);
        told.push_str(&with(frame.title, more));
        done = at + frame.title.len();
    }
    debug_assert!(done <= rest);
    told.push_str(&svg[done..]);
    told
}

/// A title that says more within its last parentheses, in place of inferno's change.
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

/// All frames of a picture, and where the last one ends.
fn frames(svg: &str) -> (Vec<Drawn<'_>>, usize) {
    let mut frames = Vec::new();
    let mut at = svg.find(r#"id="frames""#).unwrap_or(svg.len());
    while let Some((title, end)) = between(svg, at, "<title>", "</title>") {
        let Some((rectangle, after)) = between(svg, end, "<rect ", "/>") else {
            break;
        };
        let x = attribute(rectangle, "fg:x").and_then(|x| x.parse().ok());
        let y = attribute(rectangle, "y").and_then(|y| y.parse().ok());
        if let (Some(x), Some(y)) = (x, y) {
            frames.push(Drawn { title, x, y });
        }
        at = after;
    }
    (frames, svg.len())
}

/// The text between two marks, and where the second one ends.
fn between<'s>(text: &'s str, from: usize, open: &str, close: &str) -> Option<(&'s str, usize)> {
    let start = from + text.get(from..)?.find(open)? + open.len();
    let end = start + text[start..].find(close)?;
    Some((&text[start..end], end + close.len()))
}

fn attribute<'s>(tag: &'s str, name: &str) -> Option<&'s str> {
    let start = format!("{name}=\"");
    let mut places = tag.match_indices(&start);
    // `y` is no part of another name.
    let (at, _) = places.find(|(at, _)| *at == 0 || tag.as_bytes()[at - 1] == b' ')?;
    tag[at + start.len()..].split('"').next()
}

/// Frames that have a width, by the counts to their left and their depth.
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

/// Says more of frames.
struct Teller<'g> {
    graph: &'g Graph,
    reverse: bool,
    inclusive: Vec<[f64; 2]>,
    /// Whether something stands on a frame.
    has_more: Vec<bool>,
}

impl<'g> Teller<'g> {
    fn new(graph: &'g Graph, reverse: bool) -> Self {
        let frames = graph.tree.frames();
        let mut has_more = vec![false; frames.len()];
        frames
            .iter()
            .filter_map(|frame| frame.parent)
            .for_each(|parent| has_more[parent] = true);
        Self {
            graph,
            reverse,
            inclusive: graph.tree.inclusive(),
            has_more,
        }
    }

    fn all(&self) -> Option<String> {
        self.graph.compares.then(|| self.changed(self.graph.totals))
    }

    fn frame(&self, at: usize) -> Option<String> {
        let own = self.graph.tree.frames()[at].own;
        let measure = self.graph.what.measure;
        let mut said = Vec::new();
        if self.graph.compares {
            said.push(self.changed(self.inclusive[at]));
        }
        // Of what is a caller of the first row nothing is its own.
        if self.has_more[at] && self.graph.what.value == super::Value::Inclusive {
            said.push(match self.graph.compares {
                true => format!(
                    "self was {}, is {}",
                    amount(measure, own[0]),
                    amount(measure, own[1])
                ),
                false => format!("self {}", amount(measure, own[1])),
            });
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// `was 1.100 mJ, +12.2 %`.
    fn changed(&self, [before, after]: [f64; 2]) -> String {
        let (word, other) = match self.reverse {
            false => ("was", before),
            true => ("is", after),
        };
        let change = change(before, after).map_or(String::new(), |change| format!(", {change}"));
        format!("{word} {}{change}", amount(self.graph.what.measure, other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_said_in_the_last_parentheses() {
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
    fn frames_are_found_with_their_place() {
        let svg = r#"<svg id="frames"><g><title>a (1 uJ, 50%)</title><rect x="0%" y="37" fill="r" fg:x="7" fg:w="1"/>"#;
        let (found, _) = frames(svg);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].title, found[0].x, found[0].y),
            ("a (1 uJ, 50%)", 7, 37)
        );
    }
}
