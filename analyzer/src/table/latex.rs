//! A table in LaTeX, with the rules of the package booktabs.

use std::fmt::Write as _;

use super::row::ConfigurationRow;
use crate::format::{escape, precision_name};

/// Maximum length of a text.
const LONGEST: usize = 200;
/// Units of energies by size, in joules.
const UNITS: [(f64, &str); 3] = [(1.0, "J"), (1e-3, "mJ"), (1e-6, "\\textmu J")];

/// A column: heading, alignment and content.
struct LatexColumn {
    heading: String,
    alignment: char,
    cells: Vec<String>,
}

/// Writes rows as a `tabular`. `notes` are comments above it and lines below it.
pub(super) fn latex(rows: &[ConfigurationRow], notes: &[String]) -> String {
    let columns = columns(rows);
    let mut text = String::from("% \\usepackage{booktabs}\n");
    for note in notes {
        let _ = writeln!(text, "% {}", escape(note));
    }
    let alignments: String = columns.iter().map(|column| column.alignment).collect();
    let _ = writeln!(text, "\\begin{{tabular}}{{{alignments}}}");
    text.push_str("\\toprule\n");
    let _ = writeln!(
        text,
        "{} \\\\",
        joined(columns.iter().map(|column| &column.heading))
    );
    text.push_str("\\midrule\n");
    for at in 0..rows.len() {
        let cells = columns.iter().filter_map(|column| column.cells.get(at));
        let _ = writeln!(text, "{} \\\\", joined(cells));
    }
    text.push_str("\\bottomrule\n");
    for note in notes {
        let (width, note) = (columns.len(), escaped(note));
        let _ = writeln!(
            text,
            "\\multicolumn{{{width}}}{{l}}{{\\footnotesize {note}}} \\\\"
        );
    }
    text.push_str("\\end{tabular}\n");
    text
}

fn joined<'t>(cells: impl Iterator<Item = &'t String>) -> String {
    cells.map(String::as_str).collect::<Vec<_>>().join(" & ")
}

fn columns(rows: &[ConfigurationRow]) -> Vec<LatexColumn> {
    let energies = rows.iter().flat_map(|row| {
        [
            row.j_per_input_token,
            row.j_per_output_token,
            row.j_per_token,
        ]
    });
    let (size, unit) = unit(energies.flatten());
    let energy = |of: fn(&ConfigurationRow) -> Option<f64>| {
        cells(rows, |row| of(row).map(|joules| digits(joules / size)))
    };
    let number = |heading: &str, cells: Vec<String>| LatexColumn {
        heading: heading.to_owned(),
        alignment: 'r',
        cells,
    };
    let text = |heading: &str, of: fn(&ConfigurationRow) -> Option<&String>| LatexColumn {
        heading: heading.to_owned(),
        alignment: 'l',
        cells: cells(rows, |row| of(row).map(|text| escaped(text))),
    };
    let per = |of: &str| format!("{of} ({unit}/tok)");
    let mut columns = vec![
        text("Model", |row| row.model.as_ref()),
        LatexColumn {
            heading: "Precision".to_owned(),
            alignment: 'l',
            cells: cells(rows, |row| {
                let name = precision_name(row.precision.as_deref()?);
                Some(escaped(&name))
            }),
        },
    ];
    let engines: Vec<_> = rows.iter().map(|row| &row.engine).collect();
    if engines.windows(2).any(|pair| pair[0] != pair[1]) {
        columns.push(text("Engine", |row| row.engine.as_ref()));
    }
    if rows
        .windows(2)
        .any(|pair| pair[0].other_settings != pair[1].other_settings)
    {
        columns.push(text("Other settings", |row| Some(&row.other_settings)));
    }
    columns.extend([
        number(
            "Batch",
            cells(rows, |row| row.batch.map(|batch| batch.to_string())),
        ),
        number(
            "Prompt",
            cells(rows, |row| row.prompt_tokens.map(|count| count.to_string())),
        ),
        number(
            "Output",
            cells(rows, |row| {
                row.output_tokens.map(|count| format!("{count:.0}"))
            }),
        ),
        number("Runs", cells(rows, |row| Some(row.runs.to_string()))),
        number(&per("Prefill"), energy(|row| row.j_per_input_token)),
        number(&per("Decode"), energy(|row| row.j_per_output_token)),
        number(&per("All"), energy(|row| row.j_per_token)),
        number(
            "$\\pm$ (\\%)",
            cells(rows, |row| {
                row.relative_half_interval
                    .map(|share| format!("{:.1}", share * 100.0))
            }),
        ),
        number("Tokens/s", cells(rows, |row| row.tokens_per_s.map(digits))),
        number("Peak (W)", cells(rows, |row| row.peak_w.map(digits))),
    ]);
    columns
}

/// Returns the cells of a column; unknown ones are a dash.
fn cells(
    rows: &[ConfigurationRow],
    of: impl Fn(&ConfigurationRow) -> Option<String>,
) -> Vec<String> {
    let cell = |row| of(row).unwrap_or_else(|| "--".to_owned());
    rows.iter().map(cell).collect()
}

/// Returns the largest unit in which the median is at least one.
fn unit(values: impl Iterator<Item = f64>) -> (f64, &'static str) {
    let mut values: Vec<f64> = values.filter(|value| *value > 0.0).collect();
    values.sort_by(f64::total_cmp);
    let median = values.get(values.len() / 2).copied().unwrap_or(1.0);
    let found = UNITS.iter().find(|(size, _)| median >= *size);
    found.copied().unwrap_or(UNITS[UNITS.len() - 1])
}

/// Formats four significant digits.
fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "--".to_owned();
    }
    let decimals = match value.abs() {
        size if size >= 999.95 => 0,
        size if size >= 99.995 => 1,
        size if size >= 9.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// Escapes text for LaTeX. Characters without a place in text become a question mark.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in crate::format::shorten(text, LONGEST).chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                safe.push('\\');
                safe.push(c);
            }
            '\\' => safe.push_str("\\textbackslash{}"),
            '~' => safe.push_str("\\textasciitilde{}"),
            '^' => safe.push_str("\\textasciicircum{}"),
            '<' => safe.push_str("\\textless{}"),
            '>' => safe.push_str("\\textgreater{}"),
            '±' => safe.push_str("$\\pm$"),
            '…' => safe.push_str("\\ldots{}"),
            c if c.is_control() => safe.push('?'),
            c => safe.push(c),
        }
    }
    safe
}
