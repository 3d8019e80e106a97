//! Escaped text and elements of an SVG picture.

use crate::format::label;

/// Mean width of a character in pixels at the size of [`Canvas::text`].
pub(super) const LETTER: f64 = 6.4;

/// Where a text stands relative to its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// Elements of a picture, in the order of drawing.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    elements: String,
}

impl Canvas {
    /// Adds an element that is already written.
    pub(super) fn add(&mut self, element: &str) {
        self.elements.push_str(element);
        self.elements.push('\n');
    }

    /// Adds a text; `class` selects its style.
    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, words: &str) {
        let words = escaped(words);
        let (x, y, anchor) = (round(x), round(y), anchor.name());
        self.add(&format!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" class=\"{class}\">{words}</text>"
        ));
    }

    /// Adds a line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(round);
        self.add(&format!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" class=\"{class}\"/>"
        ));
    }

    /// Returns the elements.
    pub(super) fn into_elements(self) -> String {
        self.elements
    }
}

/// Rounds to a tenth of a pixel.
pub(super) fn round(pixel: f64) -> f64 {
    (pixel * 10.0).round() / 10.0
}

/// Returns text for SVG: one line of valid XML.
pub(super) fn escaped(words: &str) -> String {
    let mut text = String::new();
    for c in label::text(words, 200).chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            c => text.push(c),
        }
    }
    text
}

/// Breaks a text into lines of at most `room` characters.
pub(super) fn lines(words: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
