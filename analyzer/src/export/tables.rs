//! A run as tables: those of the recording that hold figures, and one of activations.
//!
//! Times are ns of the run, ids are those of the run. Only activations, samples and
//! events of the program are narrowed to a part of a run: other tables are of all of it.

use super::{Activation, Cost, Source, Visit, Walked};
use crate::error::Result;
use crate::query::{Column, Kind, TABLES, Value, table_rows};

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
        let place = |name| table.columns.iter().position(|(column, _)| *column == name);
        let time = |name| place(name).filter(|_| is_cut(table.name));
        let (start, end) = (time("start_ns").or(time("time_ns")), time("end_ns"));
        table_rows(source.recording, source.run, table, |row| {
            let at = |place: Option<usize>| place.and_then(|place| whole(row.get(place)));
            let is_in = at(start).is_none_or(|start_ns| {
                let end_ns = at(end).unwrap_or(start_ns);
                source.cut.part(start_ns, end_ns).is_some()
            });
            if is_in { tables.row(row) } else { Ok(()) }
        })?;
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

/// Whether rows of a table are narrowed to a part of a run.
fn is_cut(table: &str) -> bool {
    matches!(table, "samples" | "marks")
}

fn whole(value: Option<&Value<'_>>) -> Option<i64> {
    match value {
        Some(Value::Whole(value)) => Some(*value),
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
