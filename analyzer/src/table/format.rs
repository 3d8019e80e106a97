//! Formats of a table.

/// Output format of `energy table`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum TableFormat {
    /// A text table that fits the terminal
    #[default]
    Table,
    /// Markdown
    Markdown,
    /// Comma-separated values
    Csv,
    /// A LaTeX table; it needs the package booktabs
    Latex,
    /// JSON of the schema energy-table/1
    Json,
}
