//! A plot as a static picture: no script, no font or file from elsewhere.

use super::data::{AxisScale, Plot};
use super::scale::PixelScale;
use super::svg_grid::draw_grid;
use super::svg_points::{draw_points, draw_shape};
use super::svg_style::{COLOURS, PictureFrame};
use super::svg_text::{Anchor, Canvas, LETTER, escaped, lines, round};
use super::ticks::ticks;
use crate::format::shorten;

/// Smallest width of a picture in pixels.
pub const LEAST_WIDTH: u32 = 300;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#16191f}\
.title{font-weight:600;font-size:14px}.soft{fill:#4c5462}.grid{stroke:#d5dae2;stroke-width:1}\
.axis{stroke:#4c5462;stroke-width:1}.whisker{stroke-width:1.2;fill:none}\
.fit{stroke-width:1.8;fill:none}.joined{stroke-width:1.2;fill:none;opacity:.6}\
.band{opacity:.15;stroke:none}.marker{stroke:#8a3b00;stroke-width:1.4;stroke-dasharray:5 3}\
.span{fill:#8a3b00;opacity:.1}.cell{stroke:#fff;stroke-width:1.5}\
.inside{fill:#000}.inverse{fill:#fff}";

/// Draws a plot as SVG of this width in pixels.
pub fn svg(plot: &Plot, width: u32) -> String {
    let width = f64::from(width.max(LEAST_WIDTH));
    let room = ((width - 24.0) / LETTER) as usize;
    let mut canvas = Canvas::default();
    let mut y = 8.0;
    for line in lines(&plot.title, (room as f64 * 0.85) as usize) {
        y += 18.0;
        canvas.text((12.0, y), Anchor::Start, "title", &line);
    }
    for line in lines(&plot.caption, room) {
        y += 16.0;
        canvas.text((12.0, y), Anchor::Start, "soft", &line);
    }
    let top = y + 22.0;
    let height = match &plot.grid {
        Some(grid) => draw_grid(&mut canvas, plot, grid, (width, top)),
        None => draw_plane(&mut canvas, plot, (width, top)),
    };
    let (width, height) = (round(width), round(height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">\n\
         <style>{STYLE}</style>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         {}</svg>\n",
        escaped(&plot.title),
        canvas.into_elements()
    )
}

/// Draws axes, points, curves and the legend; returns the height.
fn draw_plane(canvas: &mut Canvas, plot: &Plot, (width, top): (f64, f64)) -> f64 {
    let height = (width * 0.5).clamp(200.0, 380.0);
    let frame = PictureFrame {
        left: 74.0,
        right: width - 18.0,
        top: top + 14.0,
        bottom: top + height,
    };
    let (Some(xs), Some(ys)) = (plot.x_range(), plot.y_range()) else {
        canvas.text(
            (12.0, top + 20.0),
            Anchor::Start,
            "soft",
            "Nothing to draw.",
        );
        return top + 40.0;
    };
    let xs = match plot.x.names.len() {
        0 => xs,
        names => (0.0, names as f64 - 1.0),
    };
    let x = PixelScale::new(plot.x.scale, xs, (frame.left, frame.right), false);
    let y = PixelScale::new(plot.y.scale, ys, (frame.bottom, frame.top), true);
    draw_axes(canvas, plot, &frame, (&x, &y));
    draw_points(canvas, plot, &frame, (&x, &y));
    legend(canvas, plot, &frame, frame.bottom + 48.0)
}

fn draw_axes(
    canvas: &mut Canvas,
    plot: &Plot,
    frame: &PictureFrame,
    (x, y): (&PixelScale, &PixelScale),
) {
    for tick in ticks(&plot.y, y, 5, &[]) {
        let at = y.at(tick.value);
        canvas.line((frame.left, at), (frame.right, at), "grid");
        canvas.text(
            (frame.left - 8.0, at + 4.0),
            Anchor::End,
            "soft",
            &tick.text,
        );
    }
    draw_x_texts(canvas, plot, frame, x);
    canvas.line(
        (frame.left, frame.bottom),
        (frame.right, frame.bottom),
        "axis",
    );
    canvas.text((12.0, frame.top - 8.0), Anchor::Start, "", &plot.y.label);
    let middle = (frame.left + frame.right) / 2.0;
    canvas.text(
        (middle, frame.bottom + 36.0),
        Anchor::Middle,
        "",
        &plot.x.label,
    );
}

/// Draws the texts of the horizontal axis. Names are shortened to their slot; numbers that would
/// overlap, or leave the picture, are left out.
fn draw_x_texts(canvas: &mut Canvas, plot: &Plot, frame: &PictureFrame, x: &PixelScale) {
    let wide = frame.right - frame.left;
    let points = plot.distinct_x();
    let slot = (wide / plot.x.names.len().max(1) as f64 / LETTER) as usize;
    let mut free = frame.left - 20.0;
    for tick in ticks(&plot.x, x, ((wide / 70.0) as usize).clamp(2, 9), &points) {
        let at = x.at(tick.value);
        canvas.line((at, frame.bottom), (at, frame.bottom + 4.0), "axis");
        let text = match plot.x.scale {
            AxisScale::Names => shorten(&tick.text, slot),
            _ => tick.text,
        };
        let half = text.chars().count() as f64 * LETTER / 2.0;
        let is_name = plot.x.scale == AxisScale::Names;
        if is_name || (at - half > free && at + half < frame.right + 16.0) {
            canvas.text((at, frame.bottom + 18.0), Anchor::Middle, "soft", &text);
            free = at + half + 6.0;
        }
    }
}

/// Draws the names of groups and curves below the axes; returns the height of the picture.
fn legend(canvas: &mut Canvas, plot: &Plot, frame: &PictureFrame, top: f64) -> f64 {
    let (mut x, mut y) = (12.0, top + 12.0);
    let groups = plot.series.iter().map(|series| &series.name).enumerate();
    let groups = groups.filter(|(_, name)| !name.is_empty() && plot.series.len() > 1);
    let curves = plot.curves.iter().map(|curve| &curve.name).enumerate();
    let entries = groups.map(|entry| (entry, true));
    let entries = entries.chain(curves.map(|entry| (entry, false)));
    for ((at, name), is_group) in entries.filter(|((_, name), _)| !name.is_empty()) {
        let length = 26.0 + name.chars().count() as f64 * LETTER;
        if x > 12.0 && x + length > frame.right {
            (x, y) = (12.0, y + 18.0);
        }
        let colour = COLOURS[at % COLOURS.len()];
        match is_group {
            true => draw_shape(canvas, at, (x + 6.0, y - 4.0), true),
            false => canvas.add(&format!(
                "<path d=\"M{} {}h16\" class=\"fit\" stroke=\"{colour}\"/>",
                round(x),
                round(y - 4.0)
            )),
        }
        canvas.text((x + 20.0, y), Anchor::Start, "soft", name);
        x += length + 14.0;
    }
    y + 14.0
}
