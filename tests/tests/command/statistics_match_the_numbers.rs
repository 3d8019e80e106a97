//! `energy run --stats`: the stored statistics of activations and attention equal an
//! independent computation from the weights.

use std::collections::HashMap;
use std::path::Path;

use candle_core::quantized::gguf_file;
use energy_models::tiny::TinyConfig;
use energy_tests::{StoredRun, energy_run_of, tiny_model};

const PROMPT: &str = "hello the tea";
/// Of activations, of attention weights, and of `zero_ratio`.
const THRESHOLDS: [f64; 3] = [0.05, 0.04, 0.003];

/// Metrics of a layer: of four outputs, of four heads and their means, of two norms, of the
/// activation function, and of seven projections.
const METRICS: usize = 4 * 6 + 4 * 6 + 5 + 2 * 2 + 2 + 7 * 6;

type Row = Vec<f64>;

/// The weights of a file in f64.
struct Weights(HashMap<String, Vec<f64>>);

impl Weights {
    fn read(path: &Path) -> Self {
        let mut file = std::fs::File::open(path).expect("a file");
        let content = gguf_file::Content::read(&mut file).expect("a model");
        let device = candle_core::Device::Cpu;
        let mut all = HashMap::new();
        for name in content.tensor_infos.keys() {
            let tensor = content.tensor(&mut file, name, &device).expect("a tensor");
            let numbers = tensor.dequantize(&device).and_then(|t| t.flatten_all());
            let numbers: Vec<f32> = numbers.and_then(|t| t.to_vec1()).expect("numbers");
            all.insert(name.clone(), numbers.into_iter().map(f64::from).collect());
        }
        Self(all)
    }

    fn get(&self, name: &str) -> &[f64] {
        &self.0[&format!("{name}.weight")]
    }

    fn times(&self, name: &str, x: &[f64]) -> Row {
        let rows = self.get(name).chunks(x.len());
        rows.map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
            .collect()
    }

    fn norm(&self, name: &str, x: &[f64]) -> Row {
        let squares = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        let scale = 1.0 / (squares + 1e-5).sqrt();
        let weights = self.get(name).iter();
        x.iter().zip(weights).map(|(x, w)| x * scale * w).collect()
    }
}

/// Rotates the pairs `2i, 2i + 1` of each head.
fn turned(x: &[f64], head_dim: usize, position: usize) -> Row {
    let mut out = x.to_vec();
    for head in out.chunks_mut(head_dim) {
        for (i, pair) in head.chunks_mut(2).enumerate() {
            let angle = position as f64 * 10_000_f64.powf(-((2 * i) as f64) / head_dim as f64);
            let (a, b) = (pair[0], pair[1]);
            pair[0] = a * angle.cos() - b * angle.sin();
            pair[1] = a * angle.sin() + b * angle.cos();
        }
    }
    out
}

fn mean(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let (count, sum) = numbers
        .into_iter()
        .fold((0, 0.0), |(n, s), x| (n + 1, s + x));
    sum / f64::from(count)
}

fn variance(x: &[f64]) -> f64 {
    let centre = mean(x.iter().copied());
    mean(x.iter().map(|x| (x - centre).powi(2)))
}

fn share(x: &[f64], is_in: impl Fn(f64) -> bool) -> f64 {
    mean(x.iter().map(|x| f64::from(u8::from(is_in(*x)))))
}

fn share_below(x: &[f64], threshold: f64) -> f64 {
    share(x, |x| x.abs() < threshold)
}

/// Standard deviation with the divisor of a sample.
fn sample_std(x: &[f64]) -> f64 {
    let count = x.len() as f64;
    (variance(x) * count / (count - 1.0)).sqrt()
}

/// What a metric of a component is about.
#[derive(Debug, Clone, Copy)]
enum Subject {
    Component,
    Head(usize),
    Projection(&'static str),
}

impl Subject {
    /// Condition on rows of `span_metrics`.
    fn sql(self) -> String {
        let projection = "json_extract(fields, '$.projection')";
        match self {
            Self::Component => format!("head IS NULL AND {projection} IS NULL"),
            Self::Head(head) => format!("head = {head} AND {projection} IS NULL"),
            Self::Projection(name) => format!("head IS NULL AND {projection} = '{name}'"),
        }
    }
}

/// Component, metric, its subject, and the value.
#[derive(Default)]
struct Expected(Vec<(&'static str, &'static str, Subject, f64)>);

impl Expected {
    fn output(&mut self, component: &'static str, rows: &[Row]) {
        let all: Row = rows.concat();
        let largest = all.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        for (metric, value) in [
            ("mean_abs", mean(all.iter().map(|x| x.abs()))),
            ("std", variance(&all).sqrt()),
            ("max_abs", largest),
            ("sparsity", share_below(&all, THRESHOLDS[0])),
            ("sample_std", sample_std(&all)),
            ("zero_ratio", share_below(&all, THRESHOLDS[2])),
        ] {
            self.0.push((component, metric, Subject::Component, value));
        }
    }

    fn projection(&mut self, component: &'static str, name: &'static str, rows: &[Row]) {
        let all: Row = rows.concat();
        let largest = all.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        for (metric, value) in [
            ("projection_mean_abs", mean(all.iter().map(|x| x.abs()))),
            ("projection_std", variance(&all).sqrt()),
            ("projection_max_abs", largest),
            ("projection_sparsity", share_below(&all, THRESHOLDS[0])),
            ("projection_sample_std", sample_std(&all)),
            ("projection_zero_ratio", share_below(&all, THRESHOLDS[2])),
        ] {
            self.0
                .push((component, metric, Subject::Projection(name), value));
        }
    }

    fn norm(&mut self, component: &'static str, before: &[Row], after: &[Row]) {
        let pairs = before.iter().zip(after);
        let ratio = mean(pairs.map(|(x, y)| variance(y) / variance(x)));
        let whole = variance(&before.concat()) / variance(&after.concat());
        for (metric, value) in [("variance_ratio", ratio), ("input_output_variance", whole)] {
            self.0.push((component, metric, Subject::Component, value));
        }
        self.output(component, after);
    }

    /// Returns the values of one head that have means over all heads.
    fn head(&mut self, head: usize, weights: &[Row]) -> [f64; 5] {
        let entropy = |row: &Row| row.iter().map(|p| -p * p.ln()).sum::<f64>();
        let later = weights.iter().filter(|row| row.len() > 1);
        let evenness = mean(later.map(|row| entropy(row) / (row.len() as f64).ln()));
        let largest = weights.concat().into_iter().fold(0.0, f64::max);
        let sparsity = mean(weights.iter().map(|row| share_below(row, THRESHOLDS[1])));
        let most = |row: &Row| row.iter().copied().fold(0.0, f64::max);
        let whole: Vec<Row> = weights
            .iter()
            .map(|row| {
                let masked = vec![0.0; weights.len() - row.len()];
                [row.clone(), masked].concat()
            })
            .collect();
        let masked_sparsity = share_below(&whole.concat(), THRESHOLDS[1]);
        let means = [
            ("entropy", mean(weights.iter().map(entropy))),
            ("max_weight", largest),
            ("query_max_weight", mean(weights.iter().map(most))),
            ("weight_sparsity", sparsity),
            ("masked_weight_sparsity", masked_sparsity),
        ];
        for (metric, value) in means.into_iter().chain([("evenness", evenness)]) {
            self.0
                .push(("attention", metric, Subject::Head(head), value));
        }
        means.map(|(_, value)| value)
    }
}

fn softmax(scores: &[f64]) -> Row {
    let most = scores.iter().copied().fold(f64::MIN, f64::max);
    let powers: Row = scores.iter().map(|score| (score - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

fn sums(a: &[Row], b: &[Row]) -> Vec<Row> {
    let sum = |(a, b): (&Row, &Row)| a.iter().zip(b).map(|(a, b)| a + b).collect();
    a.iter().zip(b).map(sum).collect()
}

/// Computes the statistics of the first layer for these tokens.
fn first_layer(weights: &Weights, config: &TinyConfig, tokens: &[u32]) -> Expected {
    let mut expected = Expected::default();
    let (width, heads) = (config.width, config.heads);
    let head_dim = width / heads;
    let each = |rows: &[Row], of: &dyn Fn(&Row) -> Row| rows.iter().map(of).collect::<Vec<Row>>();
    let table: Vec<Row> = weights
        .get("token_embd")
        .chunks(width)
        .map(<[f64]>::to_vec)
        .collect();
    let x: Vec<Row> = tokens
        .iter()
        .map(|id| table[*id as usize].clone())
        .collect();

    let normed = each(&x, &|x| weights.norm("blk.0.attn_norm", x));
    expected.norm("input_norm", &x, &normed);
    let projected = |name: &str| each(&normed, &|x| weights.times(name, x));
    let turn = |rows: Vec<Row>| -> Vec<Row> {
        let rows = rows.iter().enumerate();
        rows.map(|(at, row)| turned(row, head_dim, at)).collect()
    };
    let [q, k, v] = ["blk.0.attn_q", "blk.0.attn_k", "blk.0.attn_v"].map(projected);
    for (name, rows) in [("q_proj", &q), ("k_proj", &k), ("v_proj", &v)] {
        expected.projection("attention", name, rows);
    }
    let (q, k) = (turn(q), turn(k));
    let (mut mixed, mut of_heads) = (vec![vec![0.0; width]; x.len()], Vec::new());
    for head in 0..heads {
        let shared = head / (heads / config.kv_heads) * head_dim;
        let own = head * head_dim;
        let score = |from: usize, to: usize| -> f64 {
            let products = (0..head_dim).map(|c| q[from][own + c] * k[to][shared + c]);
            products.sum::<f64>() / (head_dim as f64).sqrt()
        };
        let rows: Vec<Row> = (0..x.len())
            .map(|from| softmax(&(0..=from).map(|to| score(from, to)).collect::<Row>()))
            .collect();
        for (from, row) in rows.iter().enumerate() {
            for (to, weight) in row.iter().enumerate() {
                for c in 0..head_dim {
                    mixed[from][own + c] += weight * v[to][shared + c];
                }
            }
        }
        of_heads.push(expected.head(head, &rows));
    }
    let names = [
        "mean_entropy",
        "mean_max_weight",
        "mean_query_max_weight",
        "mean_weight_sparsity",
        "mean_masked_weight_sparsity",
    ];
    for (at, name) in names.into_iter().enumerate() {
        let value = mean(of_heads.iter().map(|values| values[at]));
        expected
            .0
            .push(("attention", name, Subject::Component, value));
    }
    let attended = each(&mixed, &|x| weights.times("blk.0.attn_output", x));
    expected.projection("attention", "o_proj", &attended);
    expected.output("attention", &attended);

    let x = sums(&x, &attended);
    let normed = each(&x, &|x| weights.norm("blk.0.ffn_norm", x));
    expected.norm("post_attention_norm", &x, &normed);
    let silu = |x: &Row| x.iter().map(|x| x / (1.0 + (-x).exp())).collect::<Row>();
    let gate = each(&normed, &|x| weights.times("blk.0.ffn_gate", x));
    let active = each(&gate, &silu);
    let kills = share_below(&active.concat(), THRESHOLDS[0]);
    let negative = share(&gate.concat(), |x| x < 0.0);
    for (metric, value) in [("kill_ratio", kills), ("negative_ratio", negative)] {
        expected.0.push(("mlp", metric, Subject::Component, value));
    }
    let up = each(&normed, &|x| weights.times("blk.0.ffn_up", x));
    expected.projection("mlp", "gate_proj", &gate);
    expected.projection("mlp", "up_proj", &up);
    let product = |(a, b): (&Row, &Row)| a.iter().zip(b).map(|(a, b)| a * b).collect();
    let mixed: Vec<Row> = active.iter().zip(&up).map(product).collect();
    let down = each(&mixed, &|x| weights.times("blk.0.ffn_down", x));
    expected.projection("mlp", "down_proj", &down);
    expected.output("mlp", &down);
    expected
}

fn run(folder: &Path, more: &[&str]) -> std::process::Output {
    let mut command = energy_run_of(env!("CARGO_BIN_EXE_energy-command"), folder, PROMPT);
    command
        .current_dir(folder)
        .args([
            "--db",
            "energy.db",
            "--max-tokens",
            "2",
            "--source",
            "modelled",
        ])
        .args(["--requantize", "none"])
        .args(more);
    command.output().expect("the command")
}

#[test]
fn statistics_match_the_numbers() {
    for depth in ["module", "deep"] {
        let folder = tempfile::tempdir().expect("a folder");
        let sets = "--stats=default,alternative,projections";
        let kinds = ["activations", "weights", "zero"].iter().zip(THRESHOLDS);
        let thresholds = kinds.map(|(kind, x)| format!("--stats-threshold={kind}={x}"));
        let thresholds: Vec<String> = thresholds.collect();
        let mut arguments = vec!["--depth", depth, sets];
        arguments.extend(thresholds.iter().map(String::as_str));
        let output = run(folder.path(), &arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
        let model = folder.path().join("tiny.gguf");
        let loaded = energy_models::Model::load(&model, &Default::default()).expect("a model");
        let tokens = loaded.tokenizer().encode(PROMPT).expect("tokens");
        let expected = first_layer(&Weights::read(&model), &tiny_model(), &tokens);
        let run = StoredRun::open(&folder.path().join("energy.db"), "last");
        // The first value of each metric is prefill's.
        let value = |component: &str, metric: &str, subject: Subject| {
            run.number(&format!(
                "SELECT value FROM span_metrics WHERE run = ?1 AND layer = 'layer 0'
                 AND component = '{component}' AND metric = '{metric}' AND {}
                 ORDER BY span_event LIMIT 1",
                subject.sql()
            ))
        };
        assert_eq!(expected.0.len(), METRICS, "each metric once");
        for (component, metric, subject, expected) in expected.0 {
            let found = value(component, metric, subject);
            assert!(
                (found - expected).abs() <= 1e-5 * expected.abs(),
                "{depth} {component} {metric} {subject:?}: {found}, not {expected}"
            );
        }
        // Four layers, prefill and one step of decode; every metric belongs to its span.
        let all = "SELECT count(*) FROM span_metrics WHERE run = ?1";
        assert_eq!(run.number(all), (2 * 4 * METRICS) as f64);
        let lost = format!("{all} AND (node IS NULL OR component IS NULL)");
        assert_eq!(run.number(&lost), 0.0);
        // Computing statistics has its own span.
        assert!(run.labels()["statistics"] > 0);
    }
}

#[test]
fn each_set_has_its_own_metrics() {
    let mut all = Vec::new();
    for (set, count) in [("default", 35), ("alternative", 24), ("projections", 42)] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = run(folder.path(), &[&format!("--stats={set}")]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
        let run = StoredRun::open(&folder.path().join("energy.db"), "last");
        let rows = run.number("SELECT count(*) FROM span_metrics WHERE run = ?1");
        assert_eq!(rows, f64::from(2 * 4 * count), "{set}");
        let connection = run.store().connection();
        let names = "SELECT DISTINCT metric FROM span_metrics WHERE run = ?1";
        let mut names = connection.prepare(names).expect("a query");
        let names = names.query_map([run.no], |row| row.get::<_, String>(0));
        all.extend(names.expect("rows").map(|name| name.expect("a name")));
        let stored = run.number(&format!(
            "SELECT json_extract(config, '$.statistics[0]') = '{set}' FROM runs WHERE no = ?1"
        ));
        assert_eq!(stored, 1.0);
    }
    let names = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), names, "no name is in two sets");
}

#[test]
fn statistics_are_opt_in_and_need_depth_module() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), &[]);
    assert!(output.status.success());
    let run_without = StoredRun::open(&folder.path().join("energy.db"), "last");
    let all = "SELECT count(*) FROM span_metrics WHERE run = ?1";
    assert_eq!(run_without.number(all), 0.0);
    let refused = run(folder.path(), &["--depth", "layer", "--stats"]);
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && message.contains("--depth module"),
        "{message}"
    );
}
