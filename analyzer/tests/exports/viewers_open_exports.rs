//! Exported runs open in common viewers. `TRACE_VIEWERS` names the folder that
//! `tests/viewers/install` has filled; without it these tests print a line and pass.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixture::command::{energy, errors};
use crate::fixture::spanned::{odd_names, spanned, spans_j};
use serde_json::Value;
use tracing_energy::Method;

/// An exported run and the folder of viewers.
struct ExportedRun {
    folder: tempfile::TempDir,
    viewers: PathBuf,
    spans_j: f64,
}

impl ExportedRun {
    /// Exports a run; `None` without viewers.
    fn new(formats: &[&str]) -> Option<Self> {
        let Some(viewers) = std::env::var_os("TRACE_VIEWERS").map(PathBuf::from) else {
            eprintln!("SKIPPED: TRACE_VIEWERS names no folder of viewers");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let db = spanned(folder.path(), Method::Fitted);
        for format in formats {
            let done = energy(folder.path(), &["export", format, "-o", format]);
            assert!(done.status.success(), "{}", errors(&done));
        }
        Some(Self {
            spans_j: spans_j(&db),
            folder,
            viewers,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Executes a program, which must succeed, and returns its lines.
    fn lines(&self, program: &Path, arguments: &[&str]) -> Vec<String> {
        let output = self.execute(program, arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            errors(&output)
        );
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().map(str::to_owned).collect()
    }

    fn execute(&self, program: &Path, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).args(arguments);
        command.output().unwrap()
    }

    /// Executes a script of `tests/viewers` by node.
    fn node(&self, script: &str, arguments: &[&str]) -> Vec<Value> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/viewers")
            .join(script);
        let viewers = std::path::absolute(&self.viewers).unwrap();
        let first = [script.to_str().unwrap(), viewers.to_str().unwrap()];
        let lines = self.lines(Path::new("node"), &[&first, arguments].concat());
        let is_json = |line: &&String| line.starts_with(['[', '{']);
        let json = lines.iter().filter(is_json);
        json.map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn close(&self, sum: &Value, scale: f64) {
        let sum = sum.as_f64().unwrap() / scale;
        let error = (sum - self.spans_j).abs() / self.spans_j;
        assert!(error < 1e-9, "{sum} for {}", self.spans_j);
    }
}

/// `args.` in Chrome traces, `debug.` in Perfetto's own.
fn sum_queries(prefix: &str) -> [String; 5] {
    [
        "select name, severity, value from stats
         where severity in ('error', 'data_loss') and value > 0"
            .to_owned(),
        format!(
            "select count(*) n, sum(extract_arg(arg_set_id, '{prefix}self_j')) self_j
             from slice where dur > 0"
        ),
        format!(
            "select s.name, s.ts, s.dur, s.depth, t.name thread,
                    extract_arg(s.arg_set_id, '{prefix}energy_j') energy_j
             from slice s join thread_track k on k.id = s.track_id join thread t using (utid)
             where s.dur > 0 order by s.ts, t.tid, s.depth, s.dur"
        ),
        "select k.name, k.unit, count(*) n, max(c.value) most, min(c.ts) first
         from counter c join counter_track k on k.id = c.track_id group by 1, 2 order by 1"
            .to_owned(),
        "select name from process where name = 'spanned'".to_owned(),
    ]
}

#[test]
fn perfetto_reads_both_traces_equally_and_without_errors() {
    let Some(exported) = ExportedRun::new(&["chrome", "perfetto"]) else {
        return;
    };
    let query = |file: &str, prefix: &str| {
        let queries = sum_queries(prefix);
        let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
        let file = exported.path(file);
        let all = [&[file.to_str().unwrap()], queries.as_slice()].concat();
        exported.node("trace-processor.mjs", &all)
    };
    let chrome = query("chrome", "args.");
    let perfetto = query("perfetto", "debug.");
    for answers in [&chrome, &perfetto] {
        assert_eq!(answers[0], serde_json::json!([]), "import errors");
        let activations = 2 + 5 * 40 + odd_names().len();
        assert_eq!(answers[1][0]["n"], activations);
        exported.close(&answers[1][0]["self_j"], 1.0);
        assert_eq!(answers[4].as_array().unwrap().len(), 1);
    }
    let (chrome_slices, slices) = (&chrome[2], &perfetto[2]);
    let slices = slices.as_array().unwrap();
    for (one, other) in chrome_slices.as_array().unwrap().iter().zip(slices) {
        for key in ["name", "ts", "dur", "depth", "thread"] {
            assert_eq!(one[key], other[key]);
        }
        let energy = |slice: &Value| slice["energy_j"].as_f64().unwrap();
        assert!((energy(one) - energy(other)).abs() < 1e-12 * energy(other).abs() + 1e-17);
    }
    let counters = perfetto[3].as_array().unwrap();
    let of = |name: &str| counters.iter().find(|counter| counter["name"] == name);
    let (watts, joules) = (of("import cpu (W)").unwrap(), of("import cpu (J)").unwrap());
    assert_eq!(
        (&watts["unit"], &joules["unit"]),
        (&"W".into(), &"J".into())
    );
    assert_eq!(watts["n"], 60);
    // 20 samples of 0.4 J and 40 of 1.2 J and more.
    let all: i64 = (10..50).map(|at| 1200 + at * 37 % 300).sum();
    let total = joules["most"].as_f64().unwrap();
    assert!((total - 8.0 - all as f64 / 1e3).abs() < 1e-9, "{total}");
}

#[test]
fn field_numbers_are_those_of_perfetto() {
    let Some(exported) = ExportedRun::new(&[]) else {
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (script, proto) = (
        folder.join("tests/viewers/check-protos"),
        folder.join("exchange/src/export/perfetto/proto.rs"),
    );
    let arguments = [script.to_str().unwrap(), proto.to_str().unwrap()];
    let viewers = std::path::absolute(&exported.viewers).unwrap();
    let lines = exported.lines(&viewers.join("python/bin/python"), &arguments);
    assert!(lines[0].ends_with(" agree"), "{lines:?}");
}

#[test]
fn firefox_profiler_shows_joules_and_power() {
    let Some(exported) = ExportedRun::new(&["firefox"]) else {
        return;
    };
    let home = exported.path("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::rename(exported.path("firefox"), exported.path("run.firefox.json")).unwrap();
    let viewers = std::path::absolute(&exported.viewers).unwrap();
    let cli = viewers.join("node_modules/.bin/profiler-cli");
    let home = format!("HOME={}", home.display());
    let words = [home.as_str(), "node", cli.to_str().unwrap()];
    let query = |arguments: &[&str]| {
        let all = [&words, arguments].concat();
        exported.lines(Path::new("env"), &all).join("\n")
    };
    // It waits half a second for its own server, which a busy machine may not give it.
    let load = || {
        let all = [&words, ["load", "run.firefox.json"].as_slice()].concat();
        let output = exported.execute(Path::new("env"), &all);
        let late = errors(&output).contains("did not become ready");
        assert!(output.status.success() || late, "{}", errors(&output));
        if let (true, Some((_, rest))) = (late, errors(&output).split_once(" as pid ")) {
            let pid: String = rest.chars().take_while(char::is_ascii_digit).collect();
            exported.execute(Path::new("kill"), &[&pid]);
        }
        !late
    };
    assert!((0..20).any(|_| load()), "its server does not start");
    let threads = query(&["thread", "list"]);
    let counters = query(&["counter", "list"]);
    let handles: Vec<&str> = threads
        .split_whitespace()
        .filter(|word| word.starts_with("t-"))
        .collect();
    let mut total = 0.0;
    for handle in ["t-0", "t-1", "t-2", "t-3"] {
        assert!(handles.contains(&handle), "{threads}");
        let functions = query(&[
            "thread",
            "functions",
            "--thread",
            handle,
            "--limit",
            "0",
            "--include-idle",
            "--json",
        ]);
        let functions: Value = serde_json::from_str(&functions).unwrap();
        let of = |function: &Value| function["selfSamples"].as_f64().unwrap();
        let functions = functions["functions"].as_array().unwrap().iter();
        total += functions.map(of).sum::<f64>();
    }
    query(&["stop", "--all"]);
    let expected = exported.spans_j * 1e6;
    assert!((total - expected).abs() <= 4.0, "{total} uJ for {expected}");
    for track in ["import cpu (power)", "import gpu (power)"] {
        assert!(counters.contains(track), "{counters}");
    }
}

#[test]
fn speedscope_shows_the_whole_energy() {
    let Some(exported) = ExportedRun::new(&["speedscope"]) else {
        return;
    };
    let Some(chromium) = chromium() else {
        eprintln!("SKIPPED: a viewer is missing: no Chromium");
        return;
    };
    let profile = std::fs::read_to_string(exported.path("speedscope")).unwrap();
    let script = format!(
        "speedscope.loadFileFromBase64('run.speedscope.json', btoa(unescape(encodeURIComponent({}))))",
        Value::from(profile.replace('\u{2028}', "\\u2028"))
    );
    std::fs::write(exported.path("load.js"), script).unwrap();
    let viewers = std::path::absolute(&exported.viewers).unwrap();
    let page = viewers.join("node_modules/speedscope/dist/release/index.html");
    let address = format!(
        "file://{}#localProfilePath={}",
        page.display(),
        exported.path("load.js").display()
    );
    let user = format!("--user-data-dir={}", exported.path("browser").display());
    let lines = exported.lines(
        &chromium,
        &[
            "--headless=new",
            "--no-sandbox",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--allow-file-access-from-files",
            "--virtual-time-budget=8000",
            &user,
            "--dump-dom",
            &address,
        ],
    );
    let page = lines.join(" ");
    let shown = format!("{:.3}", exported.spans_j * 1e6);
    let (whole, rest) = shown.split_once('.').unwrap();
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let shown = format!("{grouped}.{rest}");
    let shown = shown.trim_end_matches('0');
    assert!(page.contains(shown), "no {shown} in {page}");
}

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let all = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    named.into_iter().chain(all).find(|path| path.is_file())
}

#[test]
fn pprof_is_decoded_by_its_published_form() {
    let Some(exported) = ExportedRun::new(&["pprof"]) else {
        return;
    };
    let file = exported.path("pprof");
    let profile = &exported.node("pprof.mjs", &[file.to_str().unwrap()])[0];
    let types = &profile["types"];
    assert_eq!(types[0], "energy nanojoules");
    assert_eq!(profile["shown"], "energy");
    let nanojoules: f64 = profile["sums"][0].as_str().unwrap().parse().unwrap();
    exported.close(&nanojoules.into(), 1e9);
    assert_eq!(
        profile["deepest"], 5,
        "run, decode, token, attention, kernel"
    );
    let functions = profile["functions"].as_array().unwrap();
    assert!(functions.contains(&Value::from(odd_names()[0].as_str())));
}

#[cfg(feature = "parquet")]
#[test]
fn duckdb_sums_match_the_balance() {
    let Some(exported) = ExportedRun::new(&["parquet"]) else {
        return;
    };
    let viewers = std::path::absolute(&exported.viewers).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/viewers/tables.py");
    let table = |name: &str| {
        format!("read_parquet('parquet/{name}/*/*/*/*.parquet', hive_partitioning = true)")
    };
    let (balance, spans, nodes) = (table("balance"), table("spans"), table("node_energy"));
    let queries = [
        format!("select sum(spans_nj) from {balance}"),
        format!("select sum(self_nj) from {spans}"),
        format!("select sum(self_nj) from {nodes}"),
        format!("select count(distinct run), min(host), min(date) is not null from {spans}"),
        format!(
            "select label, sum(self_j) from {spans} where label in ('mlp', 'kernel')
             group by 1 having sum(self_j) > 0 order by 1"
        ),
    ];
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let arguments = [&[script.to_str().unwrap()], queries.as_slice()].concat();
    let lines = exported.lines(&viewers.join("python/bin/python"), &arguments);
    let answers: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    exported.close(&answers[0][0][0], 1e9);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    assert_eq!(answers[3][0][0], 1);
    assert_eq!(answers[4].as_array().unwrap().len(), 2);
}
