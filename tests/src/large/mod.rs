//! Generates large runs: a decoder that generates tokens for hours, written in the
//! recorder's format, in constant memory and without real time passing.

mod meter;
mod tree;

use std::path::Path;

use energy_data::AttributeOptions;
use energy_data::rows::{
    BaselineRow, CpuRow, CpuScope, FieldsRow, RailRow, RunMetadata, RunRow, RunStatus, SpanRow,
    ThreadRole, ThreadRow,
};
use energy_host as host;
use energy_power::{Kernel, Provenance, RailKind};
use energy_store::SqliteSink;
use energy_store::reattribute;
use rand::rngs::ChaCha12Rng;
use rand::{RngExt as _, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use tracing_energy::Method;
use tracing_energy::{Batch, Sink};

use meter::{IDLE_W, SAMPLE_NS, SampleMeter};
use tree::{SpanPart, SpanTree};

/// Spans per write to the file.
const PER_BATCH: usize = 100_000;
/// Time between CPU times.
const CPU_NS: i64 = 50_000_000;
/// Start of the decoder after the start of the run.
const BEGIN_NS: i64 = 1_000_000_000;

/// Error of the file or of the attribution.
type LargeRunError = Box<dyn std::error::Error>;

/// Options of a generated run.
#[derive(Debug, Clone)]
pub struct LargeRun {
    /// Spans, about.
    pub spans: u64,
    /// Layers of the decoder.
    pub layers: u32,
    /// Seed; the same seed gives the same run.
    pub seed: u64,
    /// Factor of the work of `down_proj`.
    pub factor: f64,
    /// Its name.
    pub name: String,
    /// Name of a made-up host; `None`: this one.
    pub host: Option<String>,
    /// Tags of the run.
    pub tags: Vec<(String, String)>,
    /// The methods by which it is attributed, one after the other.
    pub methods: Vec<Method>,
}

/// A generated run.
#[derive(Debug, Clone)]
pub struct GeneratedRun {
    /// Its id.
    pub uuid: String,
    /// Its spans.
    pub spans: u64,
    /// Its tokens.
    pub tokens: u64,
    /// Its length, s.
    pub seconds: f64,
}

impl LargeRun {
    /// Writes it into the recording at `path`, which is made where it is not there, and
    /// attributes it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn make(&self, path: &Path) -> Result<GeneratedRun, LargeRunError> {
        let mut sink = SqliteSink::create(path)?;
        let made = Maker::new(self).write(&mut sink)?;
        sink.finish()?;
        drop(sink);
        for method in &self.methods {
            reattribute(path, &made.uuid, &AttributeOptions::new(*method))?;
        }
        Ok(made)
    }
}

struct Maker<'l> {
    options: &'l LargeRun,
    tree: SpanTree,
    random: ChaCha12Rng,
    meter: SampleMeter,
    batch: Batch,
    run: RunRow,
    seq: u64,
    now_ns: i64,
    cpu_ns: i64,
}

impl<'l> Maker<'l> {
    fn new(options: &'l LargeRun) -> Self {
        let mut random = ChaCha12Rng::seed_from_u64(options.seed);
        let uuid = uuid(&mut random);
        Self {
            tree: SpanTree::new(options.layers, options.factor),
            random,
            meter: SampleMeter::default(),
            batch: Batch::default(),
            run: run(options, uuid),
            seq: 0,
            now_ns: BEGIN_NS,
            cpu_ns: 0,
            options,
        }
    }

    fn write(mut self, sink: &mut SqliteSink) -> Result<GeneratedRun, LargeRunError> {
        self.begin();
        let inference = self.open(self.tree.inference, None);
        for part in self.tree.before.clone() {
            self.execute(&part, Some(inference.seq), None);
        }
        let decode = self.open(self.tree.decode, Some(inference.seq));
        let token = self.tree.token.clone();
        let mut tokens = 0;
        while self.seq + token.spans() <= self.options.spans {
            let seq = self.seq + 1;
            self.execute(&token, Some(decode.seq), Some(tokens));
            self.batch.fields.push(FieldsRow {
                span: seq,
                json: format!(
                    "{{\"token_id\":{tokens},\"text\":\" word{}\"}}",
                    tokens % 97
                ),
            });
            tokens += 1;
            if self.batch.spans.len() >= PER_BATCH {
                self.flush(sink)?;
            }
        }
        self.close(decode, sink)?;
        let after = self.tree.after.clone();
        self.execute(&after, Some(inference.seq), None);
        self.close(inference, sink)?;
        self.end(sink, tokens)
    }

    fn begin(&mut self) {
        self.batch.run = Some(self.run.clone());
        self.batch.rails = vec![
            rail(1, "package", RailKind::Cpu),
            rail(2, "dram", RailKind::Dram),
        ];
        self.batch.threads = vec![ThreadRow {
            id: 1,
            tid: 1,
            name: Some("main".to_owned()),
            role: ThreadRole::Program,
            process: None,
        }];
        self.batch.callsites = std::mem::take(&mut self.tree.callsites);
        self.batch.nodes = std::mem::take(&mut self.tree.nodes);
        let baseline = |(at, power_w): (usize, f64)| BaselineRow {
            rail: at as u32 + 1,
            start_ns: 0,
            end_ns: BEGIN_NS,
            power_w,
            samples: 10,
            spread_w: None,
        };
        self.batch.baselines = IDLE_W.into_iter().enumerate().map(baseline).collect();
    }

    /// One execution of a part with all below it; times vary by a few percent.
    fn execute(&mut self, part: &SpanPart, parent: Option<u64>, token: Option<i64>) {
        self.seq += 1;
        let seq = self.seq;
        let at = self.batch.spans.len();
        let start_ns = self.now_ns;
        let row = |end_ns| SpanRow {
            seq,
            node: part.node,
            instance: None,
            parent,
            thread: 1,
            start_ns,
            end_ns,
            token,
        };
        self.batch.spans.push(row(None));
        let pieces = part.children.len() as i64 + 1;
        let normal: f64 = StandardNormal.sample(&mut self.random);
        let own_ns = (part.self_ns as f64 * (1.0 + 0.05 * normal).max(0.2)) as i64 / pieces;
        for child in &part.children {
            self.work(own_ns, part.watts);
            self.execute(child, Some(seq), None);
        }
        self.work(own_ns, part.watts);
        self.batch.spans[at] = row(Some(self.now_ns));
    }

    fn work(&mut self, time_ns: i64, watts: f64) {
        let end = self.now_ns + time_ns.max(1);
        self.meter.work(self.now_ns, end, watts);
        self.now_ns = end;
    }

    /// A span that stays open over many batches.
    fn open(&mut self, node: u32, parent: Option<u64>) -> SpanRow {
        self.seq += 1;
        let row = SpanRow {
            seq: self.seq,
            node,
            instance: None,
            parent,
            thread: 1,
            start_ns: self.now_ns,
            end_ns: None,
            token: None,
        };
        self.batch.spans.push(row);
        row
    }

    /// Its row once more, with its end, in a batch of its own: rows go by their numbers.
    fn close(&mut self, row: SpanRow, sink: &mut SqliteSink) -> Result<(), LargeRunError> {
        self.flush(sink)?;
        self.batch.spans.push(SpanRow {
            end_ns: Some(self.now_ns),
            ..row
        });
        self.flush(sink)
    }

    fn flush(&mut self, sink: &mut SqliteSink) -> Result<(), LargeRunError> {
        while self.cpu_ns + CPU_NS <= self.now_ns {
            let (start_ns, end_ns) = (self.cpu_ns, self.cpu_ns + CPU_NS);
            let on_cpu_ns = (end_ns - start_ns.max(BEGIN_NS)).max(0);
            let row = |scope, start_ns| CpuRow {
                scope,
                start_ns,
                end_ns,
                on_cpu_ns,
            };
            self.batch.cpu.push(row(CpuScope::Process, start_ns));
            self.batch.cpu.push(row(CpuScope::Thread(1), start_ns));
            self.batch.cpu.push(row(CpuScope::Machine, start_ns));
            self.cpu_ns = end_ns;
        }
        let random = &mut self.random;
        let samples = self
            .meter
            .take(self.now_ns, || StandardNormal.sample(random));
        self.batch.samples = samples;
        self.batch.time_ns = self.now_ns;
        self.batch.heartbeat_unix_ns = self.run.start_unix_ns + self.now_ns;
        let batch = std::mem::take(&mut self.batch);
        Ok(sink.write(&batch)?)
    }

    fn end(mut self, sink: &mut SqliteSink, tokens: i64) -> Result<GeneratedRun, LargeRunError> {
        self.run.status = RunStatus::Complete;
        self.run.end_ns = Some(self.now_ns);
        self.run.metadata.output_tokens = Some(tokens);
        self.batch.run = Some(self.run.clone());
        self.flush(sink)?;
        Ok(GeneratedRun {
            uuid: self.run.uuid,
            spans: self.seq,
            tokens: tokens.unsigned_abs(),
            seconds: self.now_ns as f64 / 1e9,
        })
    }
}

fn rail(id: u32, name: &str, kind: RailKind) -> RailRow {
    RailRow {
        id,
        source: "made".to_owned(),
        name: name.to_owned(),
        parent: None,
        kind,
        unit: "J".to_owned(),
        interval_ns: SAMPLE_NS,
        kernel: Kernel::Box,
        provenance: Provenance::Measured,
    }
}

fn run(options: &LargeRun, uuid: String) -> RunRow {
    let here = host::Host::here();
    RunRow {
        uuid,
        status: RunStatus::Running,
        pid: std::process::id(),
        pid_start: host::process_start(std::process::id()),
        boot_id: here.boot_id,
        start_unix_ns: host::unix_ns(),
        end_ns: None,
        host_id: options.host.as_deref().map(host_id).or(here.id),
        host: options.host.clone().or(here.name),
        os: here.os,
        chip: options
            .host
            .as_ref()
            .map_or(here.chip, |_| Some("made chip".to_owned())),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        parent_run: None,
        metadata: RunMetadata {
            name: Some(options.name.clone()),
            model: Some("made".to_owned()),
            prompt: Some("Count on.".to_owned()),
            engine: Some("made".to_owned()),
            precision: Some("q4_1".to_owned()),
            batch: Some(1),
            input_tokens: Some(8),
            config: Some(format!(
                "{{\"layers\":{},\"parameters\":135000000,\"seed\":{}}}",
                options.layers, options.seed
            )),
            tags: [("large".to_owned(), options.name.clone())]
                .into_iter()
                .chain(options.tags.iter().cloned())
                .collect(),
            ..RunMetadata::default()
        },
    }
}

/// Returns the id of a made-up host: 32 digits, as of a real one.
fn host_id(name: &str) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(name);
    hash.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Of the shape of a random uuid, by the seed.
fn uuid(random: &mut ChaCha12Rng) -> String {
    let (a, b): (u64, u64) = (random.random(), random.random());
    let bits =
        (u128::from(a) << 64 | u128::from(b)) & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let text = format!("{bits:032x}");
    [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ]
    .join("-")
}
