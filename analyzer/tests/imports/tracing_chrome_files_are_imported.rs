//! Traces written by the crate tracing-chrome are imported, in both of its styles,
//! complete and truncated.

use std::path::Path;
use std::sync::{Arc, Mutex};

use energy_analyzer::import::{ChromeOptions, Imported, import_chrome};
use energy_data::units::Nanos;
use energy_store::Store;
use tracing::{info, info_span};
use tracing_chrome::{ChromeLayerBuilder, TraceStyle};
use tracing_subscriber::prelude::*;

/// A file in memory.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Spans with fields of many types, events, late values, and a second thread.
fn work() {
    let _run = info_span!("inference", model = "tiny \"q\"").entered();
    for token in 0..3_u64 {
        let span = info_span!("token", token, loss = tracing::field::Empty);
        let _entered = span.enter();
        for layer in 0..2_i32 {
            info_span!("layer", layer, scale = 0.5, fused = true).in_scope(|| {
                info!(layer, "in it");
                std::thread::sleep(std::time::Duration::from_millis(2));
            });
        }
        span.record("loss", 1.5);
    }
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let other = std::thread::Builder::new()
        .name("helper".into())
        .spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                info_span!("sampling", name = %"top k").in_scope(|| ());
            });
        });
    other.unwrap().join().unwrap();
}

fn traced(style: TraceStyle) -> Vec<u8> {
    let written = Written::default();
    let (layer, guard) = ChromeLayerBuilder::new()
        .writer(written.clone())
        .include_args(true)
        .trace_style(style)
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    drop(guard);
    std::mem::take(&mut *written.0.lock().unwrap())
}

fn import(folder: &Path, trace: &[u8]) -> Imported {
    std::fs::write(folder.join("trace.json"), trace).unwrap();
    let power = "t_start_ns,t_end_ns,rail,energy_mj\n0,100000000,cpu,500\n";
    std::fs::write(folder.join("power.csv"), power).unwrap();
    let options = ChromeOptions {
        trace: folder.join("trace.json"),
        power: folder.join("power.csv"),
        offset: Some(Nanos::ZERO),
        ..ChromeOptions::default()
    };
    import_chrome(&folder.join("a.db"), &options).unwrap()
}

fn column(folder: &Path, sql: &str) -> Vec<String> {
    let store = Store::open(folder.join("a.db")).unwrap();
    let mut statement = store.connection().prepare(sql).unwrap();
    let rows = statement
        .query_map([], |row| row.get::<_, Option<String>>(0))
        .unwrap();
    rows.map(|text| text.unwrap().unwrap_or("-".into()))
        .collect()
}

const PATHS: &str = "SELECT coalesce(p.label || ' > ', '') || n.label FROM nodes n \
                     LEFT JOIN nodes p ON p.run = n.run AND p.id = n.parent ORDER BY 1";

fn assert_is_the_program(folder: &Path) {
    let paths = [
        "inference",
        "inference > token",
        "sampling top k",
        "token > layer 0",
        "token > layer 1",
    ];
    assert_eq!(column(folder, PATHS), paths);
    let fields = column(folder, "SELECT json FROM span_fields ORDER BY span");
    let fields: Vec<serde_json::Value> = fields
        .iter()
        .map(|json| serde_json::from_str(json).unwrap())
        .collect();
    assert_eq!(fields[0]["model"], serde_json::json!("tiny \"q\""));
    assert_eq!(fields[1]["loss"], serde_json::json!(1.5));
    assert_eq!(fields[2], serde_json::json!({"scale": 0.5, "fused": true}));
    let tokens = "SELECT CAST(token AS TEXT) FROM spans WHERE token IS NOT NULL ORDER BY id";
    assert_eq!(column(folder, tokens), ["0", "1", "2"]);
    let places = "SELECT DISTINCT target || ' ' || file FROM callsites";
    let file = file!();
    assert_eq!(
        column(folder, places),
        [format!("{} {file}", module_path!())]
    );
    let span_events = column(folder, "SELECT json FROM span_events");
    assert_eq!(span_events.len(), 6);
    let span_event: serde_json::Value = serde_json::from_str(&span_events[0]).unwrap();
    assert_eq!(span_event["message"], serde_json::json!("in it"));
    let run_time = column(
        folder,
        "SELECT CAST(max(end_ns - start_ns) / 1000000 AS TEXT) FROM spans WHERE parent IS NULL",
    );
    assert!(run_time[0].parse::<i64>().unwrap() >= 12, "{run_time:?}");
}

#[test]
fn the_threaded_style_gives_threads_and_executions() {
    let folder = tempfile::tempdir().unwrap();
    let trace = traced(TraceStyle::Threaded);
    let imported = import(folder.path(), &trace);
    assert_eq!(imported.spans, 1 + 3 + 6 + 1);
    assert_is_the_program(folder.path());
    let threads = column(folder.path(), "SELECT name FROM threads ORDER BY id");
    assert_eq!(threads[1], "helper");
    assert!(
        !imported
            .warnings
            .iter()
            .any(|warning| warning.contains("open time"))
    );

    // Written by a program that ended without its guard: truncated anywhere.
    let cut = trace.len() * 2 / 3;
    let part = import(tempfile::tempdir().unwrap().path(), &trace[..cut]);
    let cut = part
        .warnings
        .iter()
        .find(|warning| warning.contains("trace file is truncated"));
    assert!(cut.is_some() && part.spans < imported.spans, "{part:?}");
    let open = part
        .warnings
        .iter()
        .find(|warning| warning.contains("spans have no end"));
    assert!(open.is_some(), "{part:?}");
}

#[test]
fn the_asynchronous_style_gives_lifetimes() {
    let folder = tempfile::tempdir().unwrap();
    let imported = import(folder.path(), &traced(TraceStyle::Async));
    assert_eq!(imported.spans, 1 + 3 + 6 + 1);
    assert_is_the_program(folder.path());
    assert!(
        imported
            .warnings
            .iter()
            .any(|warning| warning.contains("open time")),
        "{imported:?}"
    );
    let message = imported.notes.join("; ");
    assert!(
        message.contains("by the method proportional, without intervals"),
        "{message}"
    );
}
