//! Draws the picture with inferno, from integer counts.

use std::io::Write;

use inferno::flamegraph::{Direction, Options, TextTruncateDirection};

use super::options::{Measure, Picture};
use super::{Graph, tooltip};
use crate::error::Result;
use crate::format::label;

/// Replaces spaces while inferno parses lines; replaced back in the picture.
const HARD_SPACE: char = '\u{a0}';

/// Title and subtitle of one picture.
pub(super) struct Heading {
    pub(super) title: String,
    pub(super) subtitle: String,
}

impl Graph {
    /// Draws the graph as SVG.
    ///
    /// # Errors
    /// Fails if `out` cannot be written.
    pub fn draw(&self, picture: &Picture, out: &mut dyn Write) -> Result<()> {
        let heading = match &picture.title {
            Some(title) => Heading {
                title: label::text(title, 200),
                subtitle: format!("{}; {}", self.captions.summary, self.detail(picture)),
            },
            None => Heading {
                title: self.title(),
                subtitle: self.detail(picture),
            },
        };
        out.write_all(self.svg(picture, heading)?.as_bytes())?;
        Ok(())
    }

    /// Describes widths and colours.
    pub(super) fn detail(&self, picture: &Picture) -> String {
        match (self.is_comparison, picture.reverse) {
            (false, _) => self.captions.detail.clone(),
            (true, false) => format!(
                "width: after, red: self grew, blue: shrank; {}",
                self.captions.detail
            ),
            (true, true) => format!(
                "width: before, red: self grew, blue: shrank; {}",
                self.captions.detail
            ),
        }
    }

    /// Returns the picture as text.
    pub(super) fn svg(&self, picture: &Picture, heading: Heading) -> Result<String> {
        let reverse = picture.reverse && self.is_comparison;
        let mut lines: Vec<String> = match reverse {
            true => self.swapped(),
            false => self.lines(HARD_SPACE).collect(),
        };
        // inferno sorts lines unless it draws a flame chart, and sorting would also split a
        // frame where a sibling's name starts with its own. A flame chart is drawn from the
        // last line to the first.
        lines.reverse();
        let mut options = Options::default();
        options.flame_chart = true;
        options.title = heading.title;
        options.subtitle = Some(heading.subtitle);
        options.count_name = format!("{}{}", self.unit.name, self.per.suffix());
        options.name_type = match self.options.measure {
            Measure::Energy => "Energy:".to_owned(),
            Measure::Time => "Self time:".to_owned(),
        };
        options.deterministic = true;
        options.text_truncate_direction = TextTruncateDirection::Right;
        options.negate_differentials = reverse;
        options.colors = picture.colors;
        options.image_width = picture.width;
        options.min_width = picture.min_width;
        if picture.icicle {
            options.direction = Direction::Inverted;
        }
        let mut svg = Vec::new();
        inferno::flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)?;
        let svg = String::from_utf8_lossy(&svg).replace(HARD_SPACE, " ");
        Ok(tooltip::add_details(&svg, self, picture.icicle, reverse))
    }

    /// Returns lines with before and after swapped: widths are those before.
    fn swapped(&self) -> Vec<String> {
        let swap = |line: String| match line.rsplitn(3, ' ').collect::<Vec<_>>().as_slice() {
            [after, before, stack] => format!("{stack} {after} {before}"),
            _ => line.clone(),
        };
        self.lines(HARD_SPACE).map(swap).collect()
    }
}
