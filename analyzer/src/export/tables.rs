//! A run as tables: those of the recording that hold figures, and one of activations.
//!
//! Times are ns of the run, ids are those of the run. Only activations, samples and
//! events of the program are narrowed to a part of a run: other tables are of all of it.

use super::cut::share;
use super::{Activation, Cost, Source, Visit, Walked};
use crate::error::Result;
use crate::query::{Column, Kind, TABLES, Table, Value, table_rows};

/// What keeps tables.
pub(super) trait Tables {
    /// Rows that come next are of that table.
    fn begin(&mut self, name: &'static str, columns: &[Column]) -> Result<()>;

    /// A row.
    fn row(&mut self, values: &[Value<'_>]) -> Result<()>;

    /// The table's rows are all told.
    fn end(&mut self) -> Result<()>;
}

/// Columns of the table of activations. A row without `span` is what no activation
/// holds of the spans' energy: of those that were not recorded one by one, or whose
/// time was not measured.
pub(super) const SPANS: &[Column] = &[
    ("span", Kind::Whole),
    ("parent", Kind::Whole),
    ("node", Kind::Whole),
    ("label", Kind::Text),
    ("thread", Kind::Whole),
    ("start_ns", Kind::Whole),
    ("end_ns", Kind::Whole),
    ("token", Kind::Whole),
    ("energy_j", Kind::Real),
    ("self_j", Kind::Real),
    ("self_ns", Kind::Whole),
    ("fields", Kind::Text),
];

/// Less than that part of all is the rounding of sums.
const ROUNDING: f64 = 1e-9;

/// Writes all tables.
pub(super) fn write(source: &Source<'_>, tables: &mut dyn Tables) -> Result<Walked> {
    for table in TABLES {
        tables.begin(table.name, table.columns)?;
        rows(source, table, |row| tables.row(row))?;
        tables.end()?;
    }
    tables.begin("spans", SPANS)?;
    let walked = source.walk(&mut Rows { source, tables })?;
    if let Some(rest_j) = source.rest_j(&walked)
        && rest_j.abs() > ROUNDING * source.spans_j().abs()
    {
        let mut row = [Value::Null; SPANS.len()];
        row[3] = Value::Text("(rest)");
        row[9] = Value::Real(rest_j);
        tables.row(&row)?;
    }
    tables.end()?;
    Ok(walked)
}

/// Tells rows of a table; samples and events of the program only those of the part that
/// is wanted.
pub(super) fn rows(
    source: &Source<'_>,
    table: &Table,
    mut tell: impl FnMut(&[Value<'_>]) -> Result<()>,
) -> Result<()> {
    let place = |name| table.columns.iter().position(|(column, _)| *column == name);
    let times = match table.name {
        "samples" => place("start_ns").zip(place("end_ns")),
        "marks" => place("time_ns").zip(place("time_ns")),
        _ => None,
    };
    table_rows(source.recording, source.run, table, |row| {
        let times = times.filter(|_| !source.cut.is_whole());
        let Some(((start, end), (start_ns, end_ns))) =
            times.and_then(|(start, end)| Some(((start, end), time_of(row, start, end)?)))
        else {
            return tell(row);
        };
        let Some(part) = source.cut.part(start_ns, end_ns) else {
            return Ok(());
        };
        let mut row = row.to_vec();
        (row[start], row[end]) = (Value::Whole(part.0), Value::Whole(part.1));
        // A part of a sample has its part of the energy.
        if let Some(Value::Real(energy_j)) = place("energy_j").and_then(|at| row.get_mut(at)) {
            *energy_j *= share(part, (start_ns, end_ns));
        }
        tell(&row)
    })
}

/// Where a row begins and ends.
fn time_of(row: &[Value<'_>], start: usize, end: usize) -> Option<(i64, i64)> {
    match (row.get(start)?, row.get(end)?) {
        (Value::Whole(start_ns), Value::Whole(end_ns)) => Some((*start_ns, *end_ns)),
        _ => None,
    }
}

struct Rows<'r, 's> {
    source: &'r Source<'s>,
    tables: &'r mut dyn Tables,
}

impl Visit for Rows<'_, '_> {
    fn exit(&mut self, activation: &Activation, cost: &Cost) -> Result<()> {
        let row = &activation.row;
        let number = |value: Option<u64>| value.map_or(Value::Null, |n| Value::Whole(n as i64));
        let real = |value: Option<f64>| value.map_or(Value::Null, Value::Real);
        let fields = activation.fields.as_deref();
        self.tables.row(&[
            number(Some(row.seq)),
            number(row.parent),
            Value::Whole(row.node.into()),
            Value::Text(self.source.label(row.node)),
            Value::Whole(row.thread.into()),
            Value::Whole(activation.start_ns),
            Value::Whole(activation.end_ns),
            row.token.map_or(Value::Null, Value::Whole),
            real(cost.inclusive_j),
            real(cost.self_j),
            Value::Whole(cost.self_ns),
            fields.map_or(Value::Null, Value::Text),
        ])
    }
}
