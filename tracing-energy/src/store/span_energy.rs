//! The SQL function `span_energy_j(span)`: active energy of any activation.
//!
//! Sums over root rails, of the attribution with the highest id, on the
//! activation's own thread; NULL where it is not known. The windows of the run
//! asked about last stay in memory until something is written to the file.

use std::sync::{Mutex, PoisonError};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, OptionalExtension, params};

use super::split_span_id;
use crate::sink::{WindowPowerRow, WindowPowers};

/// Adds the function to `connection`.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let cache = Mutex::new(None);
    connection.create_scalar_function(
        "span_energy_j",
        1,
        FunctionFlags::SQLITE_UTF8,
        move |context| call(context, &cache),
    )
}

/// What the cached windows were read from.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Key {
    run: i64,
    data_version: i64,
    own_changes: u64,
}

type Cache = Mutex<Option<(Key, WindowPowers)>>;

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
    cache: &mut Option<(Key, WindowPowers)>,
) -> rusqlite::Result<Option<f64>> {
    let sql = "SELECT thread, start_ns, end_ns FROM spans WHERE id = ?1";
    let times = connection
        .prepare_cached(sql)?
        .query_row([span], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get::<_, Option<i64>>(2)?))
        })
        .optional()?;
    let Some((thread, start_ns, Some(end_ns))) = times else {
        return Ok(None);
    };
    let key = Key {
        run: split_span_id(span).0,
        data_version: connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |r| r.get(0))?,
        own_changes: connection.total_changes(),
    };
    if cache.as_ref().is_none_or(|(cached, _)| *cached != key) {
        *cache = Some((key, read_windows(connection, key.run)?));
    }
    let powers = cache.as_ref().map(|(_, powers)| powers);
    let energy = powers.and_then(|powers| powers.energy(thread, start_ns, end_ns));
    Ok(energy.map(|energy| energy.joules()))
}

fn read_windows(connection: &Connection, run: i64) -> rusqlite::Result<WindowPowers> {
    let mut statement = connection.prepare_cached(
        "SELECT w.rail, w.start_ns, w.end_ns, nullif(w.thread, 0), nullif(w.kind, 0), w.power_w
         FROM window_power w
         JOIN rails r ON r.run = w.run AND r.id = w.rail AND r.parent IS NULL
         WHERE w.run = ?1
           AND w.attribution = (SELECT max(id) FROM attributions WHERE run = ?1)",
    )?;
    let mut rows = statement.query(params![run])?;
    let mut powers = WindowPowers::new();
    while let Some(r) = rows.next()? {
        powers.insert(&WindowPowerRow {
            rail: r.get(0)?,
            start_ns: r.get(1)?,
            end_ns: r.get(2)?,
            thread: r.get(3)?,
            kind: r.get(4)?,
            power_w: r.get(5)?,
        });
    }
    Ok(powers)
}
