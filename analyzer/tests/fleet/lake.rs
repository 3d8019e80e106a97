//! Reads a folder of packs by itself, and sums in 128 bits.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A row by column.
pub(super) type Row = BTreeMap<String, Value>;

/// Returns all files below a folder with the hash of their content, except unfinished ones.
pub(super) fn objects(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in files(root) {
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let hash = Sha256::digest(std::fs::read(&path).unwrap());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        found.insert(name, hash);
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with(".unfinished") => {}
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// Returns the rows of a table that count: their object has the name of the object with their pack's
/// manifest, of which the compacted one with the greatest name counts.
pub(super) fn rows(root: &Path, table: &str) -> Vec<Row> {
    let mut manifests: BTreeMap<String, (bool, PathBuf)> = BTreeMap::new();
    for path in files(&root.join("v1/packs")) {
        let is_compacted = name(&path).starts_with("compacted.");
        for row in rows_of(&path) {
            let place = manifests.entry(pack(&row)).or_default();
            *place = (is_compacted, path.clone()).max(place.clone());
        }
    }
    let all = files(&root.join("v1").join(table));
    let counting = all.iter().flat_map(|path| {
        let counts = |row: &Row| match manifests.get(&pack(row)) {
            Some((_, manifest)) => tail(manifest) == tail(path),
            None => false,
        };
        rows_of(path).into_iter().filter(counts).collect::<Vec<_>>()
    });
    counting.collect()
}

/// Returns the rows of a table in objects that are not compacted.
pub(super) fn sources(root: &Path, table: &str) -> Vec<Row> {
    let all = files(&root.join("v1").join(table));
    let sources = all
        .iter()
        .filter(|path| !name(path).starts_with("compacted."));
    sources.flat_map(|path| rows_of(path)).collect()
}

fn pack(row: &Row) -> String {
    ["host_id", "run", "attribution", "bucket"]
        .map(|key| row[key].to_string())
        .join(" ")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Returns the folder of the day and the name.
fn tail(path: &Path) -> (String, String) {
    (name(path.parent().unwrap()), name(path))
}

fn rows_of(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let row = |row: parquet::record::Row| {
        let columns = row.get_column_iter();
        columns
            .map(|(name, field)| (name.clone(), value(field)))
            .collect()
    };
    reader
        .get_row_iter(None)
        .unwrap()
        .map(|one| row(one.unwrap()))
        .collect()
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => json!(value),
        Field::Long(value) => json!(value),
        Field::Double(value) => json!(value),
        Field::Str(value) => json!(value),
        other => panic!("{other:?}"),
    }
}

/// Returns an integer; null is 0.
pub(super) fn whole(row: &Row, column: &str) -> i128 {
    match &row[column] {
        Value::Null => 0,
        value => value
            .as_i64()
            .unwrap_or_else(|| panic!("{column}: {value}"))
            .into(),
    }
}

/// Returns the sum of a column by rail.
pub(super) fn by_rail<'r>(
    rows: impl IntoIterator<Item = &'r Row>,
    column: &str,
) -> BTreeMap<String, i128> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let rail = row["rail"].as_str().unwrap().to_owned();
        *sums.entry(rail).or_insert(0) += whole(row, column);
    }
    sums
}

/// Returns nanojoules by rail of a column of the balance, of the newest attribution.
pub(super) fn recorded(db: &Path, uuid: &str, column: &str) -> BTreeMap<String, i128> {
    let connection = Connection::open(db).unwrap();
    let sql = format!(
        "SELECT l.source || '/' || l.name, b.{column} FROM balance b
         JOIN runs r ON r.no = b.run AND r.uuid = ?1
         JOIN rails l ON l.run = b.run AND l.id = b.rail
         WHERE b.attribution = (SELECT max(id) FROM attributions WHERE run = r.no)"
    );
    let mut statement = connection.prepare(&sql).unwrap();
    let rows = statement.query_map([uuid], |r| Ok((r.get(0)?, r.get::<_, Option<f64>>(1)?)));
    let rows = rows.unwrap().map(|row| row.unwrap());
    rows.map(|(rail, joules)| (rail, (joules.unwrap_or(0.0) * 1e9).round() as i128))
        .collect()
}

/// Accounts of a measured energy.
pub(super) const PARTS: [&str; 7] = [
    "idle_nj",
    "spans_nj",
    "unattributed_nj",
    "other_processes_nj",
    "profiler_nj",
    "residual_nj",
    "unknown_nj",
];

/// Checks what must hold for each pack below a root.
pub(super) fn check(root: &Path) {
    let accounts = rows(root, "accounts");
    for row in &accounts {
        let parts: i128 = PARTS.iter().map(|part| whole(row, part)).sum();
        assert_eq!(parts, whole(row, "measured_nj"), "{row:?}");
    }
    let packs = rows(root, "packs");
    let objects = objects(root);
    for pack in &packs {
        let same = |row: &&Row| {
            ["host_id", "run", "attribution", "bucket"]
                .iter()
                .all(|key| row[*key] == pack[*key])
        };
        let table = pack["table_name"].as_str().unwrap();
        let all = rows(root, table);
        let own: Vec<&Row> = all.iter().filter(same).collect();
        assert_eq!(own.len() as i128, whole(pack, "rows"), "{pack:?}");
        let Some(object) = pack["object"].as_str() else {
            assert!(own.is_empty());
            continue;
        };
        if let Some(hash) = objects.get(object) {
            assert_eq!(pack["sha256"].as_str(), Some(hash.as_str()), "{object}");
        }
        let accounts: Vec<&Row> = accounts.iter().filter(same).collect();
        if matches!(table, "kinds" | "nodes") {
            let mut spans = by_rail(accounts.iter().copied(), "spans_nj");
            spans.retain(|_, nanojoules| *nanojoules != 0);
            let mut own = by_rail(own.iter().copied(), "self_nj");
            own.retain(|_, nanojoules| *nanojoules != 0);
            assert_eq!(own, spans, "{table}");
        }
        if matches!(table, "kinds" | "nodes") {
            let sum: i128 = own.iter().map(|row| whole(row, "self_nj")).sum();
            assert_eq!(sum, whole(pack, "sum_nj"));
        }
        if table == "accounts" {
            let roots = accounts.iter().filter(|row| row["root"] == json!(true));
            let sum: i128 = roots.map(|row| whole(row, "measured_nj")).sum();
            assert_eq!(sum, whole(pack, "sum_nj"));
        }
    }
}
