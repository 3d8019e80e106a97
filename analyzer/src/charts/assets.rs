//! Scripts and styles that draw the charts.

/// Colours of the light and the dark theme, as CSS variables. It comes before all other styles.
pub const THEME: &str = include_str!("assets/theme.css");

/// Styles of every page that has charts: elements, charts, tables, print.
pub const STYLES: &str = concat!(
    include_str!("assets/base.css"),
    include_str!("assets/charts.css"),
    include_str!("assets/tables.css"),
    "@media print {\n",
    include_str!("assets/print.css"),
    "}\n",
);

/// Scripts of charts, in the order of their dependencies. They share one scope: a page
/// concatenates them, followed by its own script, in one function.
pub const SCRIPTS: &[&str] = &[
    include_str!("assets/quantity.js"),
    include_str!("assets/colour.js"),
    include_str!("assets/svg.js"),
    include_str!("assets/marks.js"),
    include_str!("assets/words.js"),
    include_str!("assets/reader.js"),
    include_str!("assets/balance.js"),
    include_str!("assets/phases.js"),
    include_str!("assets/timeline.js"),
    include_str!("assets/heatmap.js"),
    include_str!("assets/tokens.js"),
    include_str!("assets/treemap.js"),
    include_str!("assets/sankey.js"),
    include_str!("assets/flame.js"),
    include_str!("assets/stack.js"),
    include_str!("assets/cumulative.js"),
    include_str!("assets/compare.js"),
    include_str!("assets/plot_scale.js"),
    include_str!("assets/plot.js"),
    include_str!("assets/tables.js"),
    include_str!("assets/theme.js"),
];
