//! A run as tables: the recording's tables with energies, and one of activations.
//!
//! Times are ns of the run, ids are those of the run. Only activations, samples and `tracing`
//! events are restricted to the selected part of a run: other tables cover all of it.

use super::source::ExportSource;
use crate::error::Result;
use crate::query::{CellValue, ColumnType, StoredTable, TABLES, TableColumn, table_rows};
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkStats, share};

/// Receives tables row by row.
pub(super) trait Tables {
    /// Starts a table; the next rows belong to it.
    fn begin(&mut self, name: &'static str, columns: &[TableColumn]) -> Result<()>;

    /// Adds a row.
    fn row(&mut self, values: &[CellValue<'_>]) -> Result<()>;

    /// Ends the table.
    fn end(&mut self) -> Result<()>;
}

/// Columns of the table of activations. A row without `span` holds the spans' energy that
/// belongs to no activation: those that were not recorded individually, or whose time was not
/// measured.
pub(super) const SPANS: &[TableColumn] = &[
    ("span", ColumnType::Whole),
    ("parent", ColumnType::Whole),
    ("node", ColumnType::Whole),
    ("label", ColumnType::Text),
    ("thread", ColumnType::Whole),
    ("start_ns", ColumnType::Whole),
    ("end_ns", ColumnType::Whole),
    ("token", ColumnType::Whole),
    ("energy_j", ColumnType::Real),
    ("self_j", ColumnType::Real),
    ("self_ns", ColumnType::Whole),
    ("fields", ColumnType::Text),
];

/// Relative remainder below which it is a rounding error of sums.
const ROUNDING: f64 = 1e-9;

/// Writes all tables.
pub(super) fn write(source: &ExportSource<'_>, tables: &mut dyn Tables) -> Result<WalkStats> {
    for table in TABLES {
        tables.begin(table.name, table.columns)?;
        rows(source, table, |row| tables.row(row))?;
        tables.end()?;
    }
    tables.begin("spans", SPANS)?;
    let walked = source.walk(&mut TableRows { source, tables })?;
    if let Some(remaining_j) = source.remaining_j(&walked)
        && remaining_j.abs() > ROUNDING * source.spans_j().abs()
    {
        let mut row = [CellValue::Null; SPANS.len()];
        row[3] = CellValue::Text("(remainder)");
        row[9] = CellValue::Real(remaining_j);
        tables.row(&row)?;
    }
    tables.end()?;
    Ok(walked)
}

/// Passes rows of a table to `emit`; of samples and `tracing` events only those in the selected
/// part.
pub(super) fn rows(
    source: &ExportSource<'_>,
    table: &StoredTable,
    mut emit: impl FnMut(&[CellValue<'_>]) -> Result<()>,
) -> Result<()> {
    let place = |name| table.columns.iter().position(|(column, _)| *column == name);
    let times = match table.name {
        "samples" => place("start_ns").zip(place("end_ns")),
        "span_events" => place("time_ns").zip(place("time_ns")),
        _ => None,
    };
    table_rows(source.recording, source.run, table, |row| {
        let times = times.filter(|_| !source.filter.is_whole());
        let Some(((start, end), (start_ns, end_ns))) =
            times.and_then(|(start, end)| Some(((start, end), time_of(row, start, end)?)))
        else {
            return emit(row);
        };
        let Some(part) = source.filter.clip(start_ns, end_ns) else {
            return Ok(());
        };
        let mut row = row.to_vec();
        (row[start], row[end]) = (CellValue::Whole(part.0), CellValue::Whole(part.1));
        // A clipped sample has the corresponding share of its energy.
        if let Some(CellValue::Real(energy_j)) = place("energy_j").and_then(|at| row.get_mut(at)) {
            *energy_j *= share(part, (start_ns, end_ns));
        }
        emit(&row)
    })
}

/// Returns the start and end of a row.
fn time_of(row: &[CellValue<'_>], start: usize, end: usize) -> Option<(i64, i64)> {
    match (row.get(start)?, row.get(end)?) {
        (CellValue::Whole(start_ns), CellValue::Whole(end_ns)) => Some((*start_ns, *end_ns)),
        _ => None,
    }
}

struct TableRows<'r, 's> {
    source: &'r ExportSource<'s>,
    tables: &'r mut dyn Tables,
}

impl ActivationVisitor for TableRows<'_, '_> {
    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        let row = &activation.row;
        let number =
            |value: Option<u64>| value.map_or(CellValue::Null, |n| CellValue::Whole(n as i64));
        let real = |value: Option<f64>| value.map_or(CellValue::Null, CellValue::Real);
        let fields = activation.fields.as_deref();
        self.tables.row(&[
            number(Some(row.seq)),
            number(row.parent),
            CellValue::Whole(row.node.into()),
            CellValue::Text(self.source.label(row.node)),
            CellValue::Whole(row.thread.into()),
            CellValue::Whole(activation.start_ns),
            CellValue::Whole(activation.end_ns),
            row.token.map_or(CellValue::Null, CellValue::Whole),
            real(cost.inclusive_j),
            real(cost.self_j),
            CellValue::Whole(cost.self_ns),
            fields.map_or(CellValue::Null, CellValue::Text),
        ])
    }
}
