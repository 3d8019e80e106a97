//! Heatmap of two factors.

use super::data::{FactorGrid, Plot, PlotAxis};
use super::svg_text::{Anchor, Canvas, LETTER, escaped, round};
use super::ticks;

/// Shades from the lowest to the highest value.
const SHADES: [&str; 8] = [
    "#e8f1fb", "#c9dff5", "#a3c8ec", "#78ace0", "#4c8fd0", "#2e73b7", "#1b5897", "#0f3f73",
];
/// Shade from which on text is white.
const DARK: usize = 4;
const ROW: f64 = 34.0;

/// Draws the cells with their values; returns the height of the picture.
pub(super) fn draw_grid(
    canvas: &mut Canvas,
    plot: &Plot,
    grid: &FactorGrid,
    (width, top): (f64, f64),
) -> f64 {
    let longest = plot.y.names.iter().map(|name| name.chars().count()).max();
    let left = (longest.unwrap_or(4) as f64 * LETTER + 24.0).clamp(48.0, width / 3.0);
    let columns = plot.x.names.len().max(1) as f64;
    let cell = (width - left - 16.0) / columns;
    canvas.text((12.0, top + 4.0), Anchor::Start, "", &plot.y.label);
    let top = top + 14.0;
    let known = || grid.values.iter().flatten().flatten().copied();
    let (lo, hi) = (
        known().fold(f64::MAX, f64::min),
        known().fold(f64::MIN, f64::max),
    );
    let unit = PlotAxis {
        unit: grid.unit,
        ..PlotAxis::default()
    };
    for (row, values) in grid.values.iter().enumerate() {
        let y = top + row as f64 * ROW;
        let name = plot.y.names.get(row).map_or("", String::as_str);
        canvas.text((left - 8.0, y + 21.0), Anchor::End, "soft", name);
        for (column, value) in values.iter().enumerate() {
            let x = left + column as f64 * cell;
            let shade = value.map(|value| shade(value, lo, hi));
            let fill = shade.map_or("#f3f5f8", |shade| SHADES[shade]);
            let text = value.map_or_else(
                || "not measured".to_owned(),
                |value| ticks::text(&unit, value),
            );
            canvas.add(&format!(
                "<g><title>{} {}: {}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{ROW}\" \
                 fill=\"{fill}\" class=\"cell\"/></g>",
                escaped(name),
                escaped(plot.x.names.get(column).map_or("", String::as_str)),
                escaped(&text),
                round(x),
                round(y),
                round(cell)
            ));
            let class = match shade {
                Some(shade) if shade >= DARK => "inverse",
                Some(_) => "inside",
                None => "soft",
            };
            let words = if value.is_some() { text.as_str() } else { "-" };
            if words.chars().count() as f64 * LETTER < cell {
                canvas.text((x + cell / 2.0, y + 21.0), Anchor::Middle, class, words);
            }
        }
    }
    let bottom = top + grid.values.len() as f64 * ROW;
    for (column, name) in plot.x.names.iter().enumerate() {
        if name.chars().count() as f64 * LETTER < cell {
            let x = left + (column as f64 + 0.5) * cell;
            canvas.text((x, bottom + 18.0), Anchor::Middle, "soft", name);
        }
    }
    let middle = left + columns * cell / 2.0;
    canvas.text((middle, bottom + 38.0), Anchor::Middle, "", &plot.x.label);
    bottom + 54.0
}

/// Returns the shade of a value, on a logarithmic scale if all values are positive.
fn shade(value: f64, lo: f64, hi: f64) -> usize {
    let share = match lo > 0.0 && hi > lo {
        true => (value / lo).ln() / (hi / lo).ln(),
        false if hi > lo => (value - lo) / (hi - lo),
        false => 0.5,
    };
    ((share * SHADES.len() as f64) as usize).min(SHADES.len() - 1)
}
