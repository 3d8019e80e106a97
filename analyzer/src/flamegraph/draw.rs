//! The picture: inferno draws it, from whole numbers that are already added up.

use std::io::Write;

use inferno::flamegraph::{Direction, Options, TextTruncateDirection};

use super::options::{Measure, Picture};
use super::{Graph, label, tooltip};
use crate::error::Result;

/// Stands for spaces while inferno reads lines, and is a space in a picture, too.
const HARD_SPACE: char = '\u{a0}';

/// Words above one picture.
pub(super) struct Heading {
    pub(super) title: String,
    pub(super) subtitle: String,
}

impl Graph {
    /// Draws it as SVG.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn draw(&self, picture: &Picture, out: &mut dyn Write) -> Result<()> {
        let heading = match &picture.title {
            Some(title) => Heading {
                title: label::text(title, 200),
                subtitle: format!("{}; {}", self.words.figure, self.detail(picture)),
            },
            None => Heading {
                title: self.title(),
                subtitle: self.detail(picture),
            },
        };
        out.write_all(self.svg(picture, heading)?.as_bytes())?;
        Ok(())
    }

    /// What widths and colours are.
    pub(super) fn detail(&self, picture: &Picture) -> String {
        match (self.compares, picture.reverse) {
            (false, _) => self.words.detail.clone(),
            (true, false) => format!(
                "width: after, red: own grew, blue: shrank; {}",
                self.words.detail
            ),
            (true, true) => format!(
                "width: before, red: own grew, blue: shrank; {}",
                self.words.detail
            ),
        }
    }

    /// The picture as text.
    pub(super) fn svg(&self, picture: &Picture, heading: Heading) -> Result<String> {
        let reverse = picture.reverse && self.compares;
        let mut lines: Vec<String> = match reverse {
            true => self.swapped(),
            false => self.lines(HARD_SPACE).collect(),
        };
        // The only way to have frames in another order than that of the alphabet, which
        // would also tear a frame apart where a sibling's name begins with its own.
        lines.reverse();
        let mut options = Options::default();
        options.flame_chart = true;
        options.title = heading.title;
        options.subtitle = Some(heading.subtitle);
        options.count_name = format!("{}{}", self.unit.name, self.per.suffix());
        options.name_type = match self.what.measure {
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
        Ok(tooltip::told(&svg, self, picture.icicle, reverse))
    }

    /// Lines whose widths are what was before.
    fn swapped(&self) -> Vec<String> {
        let swap = |line: String| match line.rsplitn(3, ' ').collect::<Vec<_>>().as_slice() {
            [after, before, stack] => format!("{stack} {after} {before}"),
            _ => line.clone(),
        };
        self.lines(HARD_SPACE).map(swap).collect()
    }
}
