//! The SQL function `span_energy_j(span)`: active energy of any activation.
//!
//! Sums over root rails, by the attribution with the highest id, on the activation's own
//! thread; NULL if unknown. If windows are of single kinds, nested activations are read,
//! too. The windows of the run queried last are cached until the file changes.

use std::sync::{Mutex, PoisonError};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, OptionalExtension, params};

use super::RowReader;
use super::kinds::read_kinds;
use crate::Error;
use crate::span_ids::{span_ids, split_span_id};
use crate::store::Store;
use energy_attribution::pricing::{SelfTimeInterval, WindowPowers};
use energy_data::rows::WindowPowerRow;

/// Adds the SQL function of recordings, `span_energy_j(span)`, to a connection opened
/// elsewhere.
///
/// # Errors
/// When SQLite refuses.
pub fn register_functions(connection: &Connection) -> rusqlite::Result<()> {
    let cache = Mutex::new(None);
    connection.create_scalar_function(
        "span_energy_j",
        1,
        FunctionFlags::SQLITE_UTF8,
        move |context| call(context, &cache),
    )
}

/// State of the file from which the cached windows were read.
#[derive(PartialEq, Eq, Clone, Copy)]
struct CacheKey {
    run: i64,
    data_version: i64,
    own_changes: u64,
}

/// Window powers and kinds of one run.
struct Prices {
    powers: WindowPowers,
    /// Empty if no window is of a single kind.
    kind_of_node: Vec<u32>,
}

type Cache = Mutex<Option<(CacheKey, Prices)>>;

fn call(context: &Context<'_>, cache: &Cache) -> rusqlite::Result<Option<f64>> {
    let Some(span) = context.get::<Option<i64>>(0)? else {
        return Ok(None);
    };
    // SAFETY: the connection is only borrowed for this call, on the thread that
    // evaluates the function, and is neither closed nor kept.
    let connection = unsafe { context.get_connection()? };
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    span_energy_j(&connection, span, &mut cache)
}

fn span_energy_j(
    connection: &Connection,
    span: i64,
    cache: &mut Option<(CacheKey, Prices)>,
) -> rusqlite::Result<Option<f64>> {
    let Some(activation) = read_activation(connection, span)? else {
        return Ok(None);
    };
    let key = CacheKey {
        run: split_span_id(span).0,
        data_version: connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |r| r.get(0))?,
        own_changes: connection.total_changes(),
    };
    if cache.as_ref().is_none_or(|(cached, _)| *cached != key) {
        *cache = Some((key, read_prices(connection, key.run)?));
    }
    let Some((_, prices)) = cache else {
        return Ok(None);
    };
    let Activation {
        thread,
        start_ns,
        end_ns,
        ..
    } = activation;
    let energy = if prices.kind_of_node.is_empty() {
        prices.powers.energy(thread, start_ns, end_ns)
    } else {
        let within = read_within(connection, &activation)?;
        let intervals = self_time(&within, start_ns, end_ns).into_iter();
        let of_kind = |(node, start_ns, end_ns): (u32, i64, i64)| SelfTimeInterval {
            kind: prices.kind_of_node.get(node as usize).copied().unwrap_or(0),
            start_ns,
            end_ns,
        };
        prices
            .powers
            .energy_of_kinds(thread, intervals.map(of_kind))
    };
    Ok(energy.map(|energy| energy.joules()))
}

/// An activation that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Activation {
    id: i64,
    node: u32,
    thread: u32,
    start_ns: i64,
    end_ns: i64,
}

fn read_activation(connection: &Connection, id: i64) -> rusqlite::Result<Option<Activation>> {
    let sql = "SELECT id, node, thread, start_ns, end_ns FROM spans
               WHERE id = ?1 AND end_ns IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([id], activation).optional()
}

fn activation(r: &rusqlite::Row<'_>) -> rusqlite::Result<Activation> {
    Ok(Activation {
        id: r.get(0)?,
        node: r.get(1)?,
        thread: r.get(2)?,
        start_ns: r.get(3)?,
        end_ns: r.get(4)?,
    })
}

/// Returns the activation and those that began on its thread while it was open. Ids ascend
/// with starts, so the scan stops at its end.
fn read_within(connection: &Connection, outer: &Activation) -> rusqlite::Result<Vec<Activation>> {
    let sql = "SELECT id, node, thread, start_ns, coalesce(end_ns, ?3) FROM spans
               WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let (_, last) = span_ids(split_span_id(outer.id).0);
    let mut rows = statement.query([outer.id, last, outer.end_ns])?;
    let mut within = Vec::new();
    while let Some(r) = rows.next()? {
        let inner = activation(r)?;
        if inner.start_ns >= outer.end_ns && inner.id != outer.id {
            break;
        }
        if inner.thread == outer.thread {
            within.push(inner);
        }
    }
    Ok(within)
}

/// Returns the innermost node of each interval in `[start_ns, end_ns)`: the one entered
/// last of those open. `activations` are of one thread, by start.
///
/// ```text
/// a |-----------------|        a a b b b a
/// b     |-----|
/// ```
fn self_time(activations: &[Activation], start_ns: i64, end_ns: i64) -> Vec<(u32, i64, i64)> {
    let mut intervals = Vec::new();
    let mut open: Vec<&Activation> = Vec::new();
    let mut now = start_ns;
    let mut until = |open: &mut Vec<&Activation>, time: i64| {
        while let Some(top) = open.last() {
            let end = top.end_ns.min(time);
            if end > now {
                intervals.push((top.node, now, end));
                now = end;
            }
            if top.end_ns > time {
                break;
            }
            open.pop();
        }
        now = now.max(time);
    };
    for inner in activations {
        until(&mut open, inner.start_ns.min(end_ns));
        open.push(inner);
    }
    until(&mut open, end_ns);
    if intervals.is_empty()
        && let Some(first) = activations.first()
    {
        intervals.push((first.node, start_ns, start_ns));
    }
    intervals
}

fn read_prices(connection: &Connection, run: i64) -> rusqlite::Result<Prices> {
    let powers = read_windows(connection, run)?;
    let kind_of_node = match powers.has_kinds() {
        true => read_kinds(connection, run, |_| 0)?.of_node,
        false => Vec::new(),
    };
    Ok(Prices {
        powers,
        kind_of_node,
    })
}

fn read_windows(connection: &Connection, run: i64) -> rusqlite::Result<WindowPowers> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(id) FROM attributions WHERE run = ?1")?
        .query_row([run], |r| r.get(0))?;
    let mut statement = connection.prepare_cached(WINDOWS)?;
    let rows = statement.query_map(params![run, newest], window)?;
    let mut powers = WindowPowers::new();
    for row in rows {
        powers.insert(&row?);
    }
    Ok(powers)
}

/// Windows of the run `?1` by its attribution `?2`.
const WINDOWS: &str = "
    SELECT w.rail, w.start_ns, w.end_ns, nullif(w.thread, 0), nullif(w.kind, 0), w.power_w
    FROM window_power w
    CROSS JOIN rails r ON r.run = w.run AND r.id = w.rail AND r.parent IS NULL
    WHERE w.run = ?1 AND w.attribution = ?2
    ORDER BY w.start_ns, w.thread, w.rail, w.kind";

/// CPU time of threads as power: cores in use.
const CPU_USE: &str = "
    SELECT 0, start_ns, end_ns, nullif(thread, 0), NULL, on_cpu_ns * 1.0 / (end_ns - start_ns)
    FROM cpu WHERE run = ?1 AND scope = 'thread' AND end_ns > ?2 AND end_ns > start_ns
    ORDER BY start_ns, thread";

fn window(r: &rusqlite::Row<'_>) -> rusqlite::Result<WindowPowerRow> {
    Ok(WindowPowerRow {
        rail: r.get(0)?,
        start_ns: r.get(1)?,
        end_ns: r.get(2)?,
        thread: r.get(3)?,
        kind: r.get(4)?,
        power_w: r.get(5)?,
    })
}

impl Store {
    /// Reads `window_power` of root rails of one attribution of a run, by start.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn window_powers(&self, run: i64, id: u32) -> Result<RowReader<'_, WindowPowerRow>, Error> {
        self.rows(WINDOWS, (run, i64::from(id)), window)
    }

    /// Reads `window_power` as [`Store::window_powers`] does, without windows that end at
    /// `from_ns` or earlier.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn window_powers_from(
        &self,
        run: i64,
        id: u32,
        from_ns: i64,
    ) -> Result<RowReader<'_, WindowPowerRow>, Error> {
        // Readers bind two values; a number is safe as text.
        let condition = format!("AND w.end_ns > {from_ns} ORDER BY");
        let sql = WINDOWS.replace("ORDER BY", &condition);
        self.rows(&sql, (run, i64::from(id)), window)
    }

    /// Reads the CPU time of threads as if it were power, in cores in use, of rail 0: windows by start,
    /// without those that end at `from_ns` or earlier.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn cpu_use_from(
        &self,
        run: i64,
        from_ns: i64,
    ) -> Result<RowReader<'_, WindowPowerRow>, Error> {
        self.rows(CPU_USE, (run, from_ns), window)
    }
}
