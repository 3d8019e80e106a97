//! A run with activations of tokens, layers, components and operations, and constant power, so
//! that the energy of each part follows from its time.
//!
//! ```text
//! inference > decode > token i > layer l > attention (10 ms) > softmax (4 ms)
//!                                        > mlp (12 ms) > up_proj (6 ms)
//!                              > lm_head (5 ms)
//! 100 ms   |   token 0, 90 ms   |   token 1, 90 ms   |  ...       10 W all the time
//! ```

use std::path::{Path, PathBuf};

use energy_data::AttributeOptions;
use energy_data::rows::*;
use energy_store::{Store, reattribute};
use rusqlite::Connection;
use tempfile::TempDir;
use tracing_energy::{Batch, Method};

use super::fixture::rows::{self, MS, callsite, node, sample};
use super::fixture::write;
use super::served::Served;

pub const TOKENS: i64 = 6;
pub const LAYERS: i64 = 2;
pub const WATTS: f64 = 10.0;

/// Properties of the run.
#[derive(Debug, Clone)]
pub struct Nested {
    pub name: String,
    pub prompt: Option<String>,
    pub text: Option<String>,
    /// Factor of the power.
    pub factor: f64,
    pub tags: Vec<(String, String)>,
    pub host: String,
    pub start_s: i64,
    pub status: RunStatus,
    pub op: String,
}

impl Default for Nested {
    fn default() -> Self {
        Self {
            name: "nested".into(),
            prompt: Some("why?".into()),
            text: Some(" blue".into()),
            factor: 1.0,
            tags: Vec::new(),
            host: "box".into(),
            start_s: 0,
            status: RunStatus::Complete,
            op: "softmax".into(),
        }
    }
}

/// Adds the run to the recording in `folder`; returns the file and the run's id.
pub fn add(folder: &Path, options: &Nested) -> (PathBuf, String) {
    let path = folder.join("energy.db");
    let store = Store::create(&path).unwrap();
    let runs = store.runs().unwrap().len() + store.unreadable_runs().unwrap().len();
    let uuid = format!("{runs:08x}-aaaa-4000-8000-000000000000");
    let mut batch = Batch::default();
    head(&mut batch, options, &uuid);
    let mut maker = Maker {
        batch,
        text: options.text.clone(),
    };
    maker.spans();
    write(&path, &[maker.batch]);
    if options.status != RunStatus::Running {
        let method = AttributeOptions::new(Method::Proportional);
        reattribute(&path, &uuid, &method).unwrap();
    }
    (path, uuid)
}

/// Serves a recording with the run; returns its folder, too.
pub fn serve(options: &Nested) -> (TempDir, Served) {
    let folder = tempfile::tempdir().unwrap();
    let (db, _) = add(folder.path(), options);
    let server = Served::start(&db, &[]);
    (folder, server)
}

/// Sets the recorder of all runs in the file: the id of this process, with a time of its start.
pub fn set_recorder(db: &Path, start: Option<i64>) -> Connection {
    let host = energy_host::Host::here();
    let connection = Connection::open(db).unwrap();
    let sql = "UPDATE runs SET pid = ?1, pid_start = ?2, pid_space = ?3, boot_id = ?4";
    let identity = rusqlite::params![std::process::id(), start, host.pid_space, host.boot_id];
    connection.execute(sql, identity).unwrap();
    connection
}

fn end_ns() -> i64 {
    (TOKENS + 2) * 100 * MS
}

fn head(batch: &mut Batch, options: &Nested, uuid: &str) {
    let run = rows::run(uuid);
    batch.run = Some(RunRow {
        status: options.status,
        start_unix_ns: run.start_unix_ns + options.start_s * 1000 * MS,
        end_ns: (options.status != RunStatus::Running).then(end_ns),
        host: Some(options.host.clone()),
        metadata: RunMetadata {
            name: Some(options.name.clone()),
            model: Some("smollm2".into()),
            engine: Some("candle".into()),
            prompt: options.prompt.clone(),
            response: options.text.clone(),
            input_tokens: Some(3),
            output_tokens: Some(TOKENS),
            tags: options.tags.clone(),
            config: Some("{\"depth\":\"deep\"}".into()),
            ..RunMetadata::default()
        },
        ..run
    });
    batch.threads = vec![ThreadRow {
        id: 1,
        tid: 1,
        name: Some("main".into()),
        role: ThreadRole::Program,
        process: None,
    }];
    batch.rails = vec![rows::rail(1, "cpu", None)];
    for at in 0..TOKENS + 2 {
        let joules = WATTS * options.factor * 0.1;
        batch
            .samples
            .push(sample(1, at * 100 * MS, (at + 1) * 100 * MS, Some(joules)));
    }
    let names = [
        ("inference", Role::Run),
        ("decode", Role::Phase),
        ("token", Role::Token),
        ("layer", Role::Layer),
        ("attention", Role::Component),
        (options.op.as_str(), Role::Op),
        ("mlp", Role::Component),
        ("up_proj", Role::Op),
        ("lm_head", Role::Section),
    ];
    for (id, (name, role)) in (1..).zip(names) {
        batch.callsites.push(callsite(id, name, Some(role)));
    }
    batch.callsites.push(CallsiteRow {
        target: "model::span_metrics".into(),
        ..callsite(10, "metrics", None)
    });
    batch.nodes = vec![
        node(1, None, 1, "inference", 0),
        node(2, Some(1), 2, "decode", 1),
        node(3, Some(2), 3, "token", 2),
    ];
    for layer in 0..LAYERS as u32 {
        let first = 4 + 5 * layer;
        batch.nodes.extend([
            node(first, Some(3), 4, &format!("layer {layer}"), 3),
            node(first + 1, Some(first), 5, "attention", 4),
            node(first + 2, Some(first + 1), 6, &options.op, 5),
            node(first + 3, Some(first), 7, "mlp", 4),
            node(first + 4, Some(first + 3), 8, "up_proj", 5),
        ]);
    }
    batch.nodes.push(node(lm_head(), Some(3), 9, "lm_head", 3));
}

fn lm_head() -> u32 {
    4 + 5 * LAYERS as u32
}

struct Maker {
    batch: Batch,
    text: Option<String>,
}

impl Maker {
    fn spans(&mut self) {
        let run = self.span(1, None, (0, end_ns() / MS), None);
        let decode = self.span(2, Some(run), (50, end_ns() / MS - 50), None);
        for token in 0..TOKENS {
            let at = 100 * (token + 1);
            let own = self.span(3, Some(decode), (at, at + 90), Some(token));
            if let Some(text) = &self.text {
                let json = serde_json::json!({ "text": text }).to_string();
                self.batch.fields.push(FieldsRow { span: own, json });
            }
            for layer in 0..LAYERS {
                self.layer(own, layer, token, at + 5 + layer * 30);
            }
            self.span(lm_head(), Some(own), (at + 80, at + 85), None);
        }
    }

    fn layer(&mut self, token: u64, layer: i64, index: i64, at: i64) {
        let first = 4 + 5 * layer as u32;
        let own = self.span(first, Some(token), (at, at + 24), None);
        let attention = self.span(first + 1, Some(own), (at + 1, at + 11), None);
        self.span(first + 2, Some(attention), (at + 2, at + 6), None);
        let mean = index as f64 + layer as f64 / 10.0;
        let json = serde_json::json!({
            "mean_abs": mean, "std": 2.0 * mean, "max_abs": 9.0, "sparsity": 0.25
        });
        self.batch.span_events.push(SpanEventRow {
            time_ns: (at + 10) * MS,
            thread: 1,
            span: Some(attention),
            callsite: 10,
            json: json.to_string(),
        });
        let mlp = self.span(first + 3, Some(own), (at + 12, at + 24), None);
        self.span(first + 4, Some(mlp), (at + 13, at + 19), None);
    }

    /// Adds a span from one millisecond to another.
    fn span(
        &mut self,
        node: u32,
        parent: Option<u64>,
        (start, end): (i64, i64),
        token: Option<i64>,
    ) -> u64 {
        let seq = self.batch.spans.len() as u64 + 1;
        self.batch.spans.push(SpanRow {
            parent,
            token,
            ..rows::span(seq, node, start * MS, end * MS)
        });
        seq
    }
}
