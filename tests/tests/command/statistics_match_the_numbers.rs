//! `energy run --stats`: the stored statistics of activations and attention equal an
//! independent computation from the weights.

use std::collections::HashMap;
use std::path::Path;

use candle_core::quantized::gguf_file;
use energy_models::tiny::TinyConfig;
use energy_tests::{StoredRun, energy_run_of, tiny_model};

const PROMPT: &str = "hello the tea";
const THRESHOLD: f64 = 0.05;

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

fn share_below(x: &[f64]) -> f64 {
    mean(x.iter().map(|x| f64::from(u8::from(x.abs() < THRESHOLD))))
}

/// `component metric`, with the head, and the value.
#[derive(Default)]
struct Expected(Vec<(&'static str, &'static str, Option<usize>, f64)>);

impl Expected {
    fn output(&mut self, component: &'static str, rows: &[Row]) {
        let all: Row = rows.concat();
        let largest = all.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        for (metric, value) in [
            ("mean_abs", mean(all.iter().map(|x| x.abs()))),
            ("std", variance(&all).sqrt()),
            ("max_abs", largest),
            ("sparsity", share_below(&all)),
        ] {
            self.0.push((component, metric, None, value));
        }
    }

    fn norm(&mut self, component: &'static str, before: &[Row], after: &[Row]) {
        let pairs = before.iter().zip(after);
        let ratio = mean(pairs.map(|(x, y)| variance(y) / variance(x)));
        self.0.push((component, "variance_ratio", None, ratio));
        self.output(component, after);
    }

    fn head(&mut self, head: usize, weights: &[Row]) {
        let entropy = |row: &Row| row.iter().map(|p| -p * p.ln()).sum::<f64>();
        let later = weights.iter().filter(|row| row.len() > 1);
        let evenness = mean(later.map(|row| entropy(row) / (row.len() as f64).ln()));
        let largest = weights.concat().into_iter().fold(0.0, f64::max);
        for (metric, value) in [
            ("entropy", mean(weights.iter().map(entropy))),
            ("evenness", evenness),
            ("max_weight", largest),
            (
                "weight_sparsity",
                mean(weights.iter().map(|row| share_below(row))),
            ),
        ] {
            self.0.push(("attention", metric, Some(head), value));
        }
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
    let (q, k) = (
        turn(projected("blk.0.attn_q")),
        turn(projected("blk.0.attn_k")),
    );
    let v = projected("blk.0.attn_v");
    let mut mixed = vec![vec![0.0; width]; x.len()];
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
        expected.head(head, &rows);
    }
    let attended = each(&mixed, &|x| weights.times("blk.0.attn_output", x));
    expected.output("attention", &attended);

    let x = sums(&x, &attended);
    let normed = each(&x, &|x| weights.norm("blk.0.ffn_norm", x));
    expected.norm("post_attention_norm", &x, &normed);
    let silu = |x: &Row| x.iter().map(|x| x / (1.0 + (-x).exp())).collect::<Row>();
    let active = each(&normed, &|x| silu(&weights.times("blk.0.ffn_gate", x)));
    expected
        .0
        .push(("mlp", "kill_ratio", None, share_below(&active.concat())));
    let up = each(&normed, &|x| weights.times("blk.0.ffn_up", x));
    let product = |(a, b): (&Row, &Row)| a.iter().zip(b).map(|(a, b)| a * b).collect();
    let mixed: Vec<Row> = active.iter().zip(&up).map(product).collect();
    expected.output(
        "mlp",
        &each(&mixed, &|x| weights.times("blk.0.ffn_down", x)),
    );
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
        let output = run(folder.path(), &["--depth", depth, "--stats=0.05"]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
        let model = folder.path().join("tiny.gguf");
        let loaded = energy_models::Model::load(&model, &Default::default()).expect("a model");
        let tokens = loaded.tokenizer().encode(PROMPT).expect("tokens");
        let expected = first_layer(&Weights::read(&model), &tiny_model(), &tokens);
        let run = StoredRun::open(&folder.path().join("energy.db"), "last");
        // The first value of each metric is prefill's.
        let value = |component: &str, metric: &str, head: Option<usize>| {
            let head = head.map_or("IS NULL".to_owned(), |head| format!("= {head}"));
            run.number(&format!(
                "SELECT value FROM span_metrics WHERE run = ?1 AND layer = 'layer 0'
                 AND component = '{component}' AND metric = '{metric}' AND head {head}
                 ORDER BY span_event LIMIT 1"
            ))
        };
        assert_eq!(expected.0.len(), 4 * 4 + 4 * 4 + 2 + 1, "each metric once");
        for (component, metric, head, expected) in expected.0 {
            let found = value(component, metric, head);
            assert!(
                (found - expected).abs() <= 1e-4 * expected.abs().max(1e-2),
                "{depth} {component} {metric} {head:?}: {found}, not {expected}"
            );
        }
        // Four layers, prefill and one step of decode; every metric belongs to its span.
        let all = "SELECT count(*) FROM span_metrics WHERE run = ?1";
        assert_eq!(run.number(all), f64::from(2 * 4 * 35));
        let lost = format!("{all} AND (node IS NULL OR component IS NULL)");
        assert_eq!(run.number(&lost), 0.0);
        // Computing statistics has its own span.
        assert!(run.labels()["statistics"] > 0);
    }
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
