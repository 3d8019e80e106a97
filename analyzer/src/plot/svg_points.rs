//! Points, whiskers, curves, bands and markers of a plot.

use super::data::{Curve, Marker, Plot, PointSeries};
use super::scale::PixelScale;
use super::svg_style::{COLOURS, PictureFrame};
use super::svg_text::{Anchor, Canvas, LETTER, escaped, round};
use super::ticks;

/// Shapes of groups, around the origin.
const SHAPES: [&str; 4] = [
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "M-4 -4h8v8h-8z",
    "M0 -5.5l5.5 10h-11z",
    "M0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
];

/// Draws what is inside of the axes.
pub(super) fn draw_points(
    canvas: &mut Canvas,
    plot: &Plot,
    frame: &PictureFrame,
    scales: (&PixelScale, &PixelScale),
) {
    for marker in &plot.markers {
        draw_marker(canvas, marker, frame, scales.0);
    }
    for (at, curve) in plot.curves.iter().enumerate() {
        draw_curve(canvas, curve, at, scales);
    }
    for (at, series) in plot.series.iter().enumerate() {
        draw_series(canvas, plot, series, at, scales);
    }
}

/// Draws the shape of a group; `is_filled` distinguishes selected points.
pub(super) fn draw_shape(canvas: &mut Canvas, at: usize, (x, y): (f64, f64), is_filled: bool) {
    let (shape, colour) = (SHAPES[at % SHAPES.len()], COLOURS[at % COLOURS.len()]);
    let fill = if is_filled { colour } else { "#ffffff" };
    canvas.add(&format!(
        "<path d=\"{shape}\" transform=\"translate({} {})\" fill=\"{fill}\" stroke=\"{colour}\" \
         stroke-width=\"1.5\"/>",
        round(x),
        round(y)
    ));
}

fn draw_series(
    canvas: &mut Canvas,
    plot: &Plot,
    series: &PointSeries,
    at: usize,
    (x, y): (&PixelScale, &PixelScale),
) {
    let colour = COLOURS[at % COLOURS.len()];
    // Groups at the same x stand next to each other.
    let groups = plot.series.len() as f64;
    let shift = match plot.x.names.is_empty() {
        true => 0.0,
        false => (at as f64 - (groups - 1.0) / 2.0) * 10.0,
    };
    let place = |px: f64, py: f64| (x.within(px) + shift, y.within(py));
    if series.is_joined && series.points.len() > 1 {
        let path: Vec<String> = series
            .points
            .iter()
            .map(|point| place(point.x, point.y))
            .map(|(x, y)| format!("{} {}", round(x), round(y)))
            .collect();
        let d = format!("M{}", path.join("L"));
        canvas.add(&format!(
            "<path d=\"{d}\" class=\"joined\" stroke=\"{colour}\"/>"
        ));
    }
    for point in &series.points {
        let (px, py) = place(point.x, point.y);
        if let (Some(lo), Some(hi)) = (point.lo, point.hi) {
            let [lo, hi] = [lo, hi].map(|end| round(y.within(end)));
            let (left, middle) = (round(px - 3.5), round(px));
            canvas.add(&format!(
                "<path d=\"M{left} {lo}h7M{middle} {lo}V{hi}M{left} {hi}h7\" class=\"whisker\" \
                 stroke=\"{colour}\"/>"
            ));
        }
        let value = ticks::text(&plot.y, point.y);
        canvas.add(&format!(
            "<g><title>{}: {}</title>",
            escaped(&point.name),
            escaped(&value)
        ));
        draw_shape(canvas, at, (px, py), point.is_selected);
        canvas.add("</g>");
    }
}

fn draw_curve(canvas: &mut Canvas, curve: &Curve, at: usize, (x, y): (&PixelScale, &PixelScale)) {
    let colour = COLOURS[at % COLOURS.len()];
    let place = |px: f64, py: f64| format!("{} {}", round(x.within(px)), round(y.within(py)));
    let ends = curve
        .points
        .iter()
        .map(|point| Some((point.x, point.lo?, point.hi?)));
    if let Some(ends) = ends
        .collect::<Option<Vec<_>>>()
        .filter(|ends| ends.len() > 1)
    {
        let upper = ends.iter().map(|(px, _, hi)| place(*px, *hi));
        let lower = ends.iter().rev().map(|(px, lo, _)| place(*px, *lo));
        let d: Vec<String> = upper.chain(lower).collect();
        let d = d.join("L");
        canvas.add(&format!(
            "<path d=\"M{d}z\" class=\"band\" fill=\"{colour}\"/>"
        ));
    }
    let line: Vec<String> = curve
        .points
        .iter()
        .map(|point| place(point.x, point.y))
        .collect();
    if line.len() > 1 {
        let d = line.join("L");
        canvas.add(&format!(
            "<path d=\"M{d}\" class=\"fit\" stroke=\"{colour}\"/>"
        ));
    }
}

fn draw_marker(canvas: &mut Canvas, marker: &Marker, frame: &PictureFrame, x: &PixelScale) {
    if !x.holds(marker.x) {
        return;
    }
    let at = x.at(marker.x);
    if let (Some(lo), Some(hi)) = (marker.lo, marker.hi) {
        let [lo, hi] = [lo, hi].map(|end| x.within(end));
        canvas.add(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"span\"/>",
            round(lo),
            round(frame.top),
            round((hi - lo).max(0.0)),
            round(frame.bottom - frame.top)
        ));
    }
    canvas.line((at, frame.top), (at, frame.bottom), "marker");
    let length = marker.name.chars().count() as f64 * LETTER;
    let (anchor, shift) = match at + length + 8.0 > frame.right {
        true => (Anchor::End, -5.0),
        false => (Anchor::Start, 5.0),
    };
    canvas.text((at + shift, frame.top + 10.0), anchor, "soft", &marker.name);
}
