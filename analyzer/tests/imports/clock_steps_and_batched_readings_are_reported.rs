//! Imports report sensors whose clock was set or whose counter updates rarely, and their
//! energies are close to those of the simulated machine.
//!
//! ```text
//! rest 6 s | kinds a, b, c, d interleaved, 40 s | rest 6 s
//! power    = 5 W + 10, 20, 40 or 4 W while a, b, c or d runs
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use crate::fixture::command::{energy, errors, import_csv};
use rusqlite::Connection;

const IDLE_W: f64 = 5.0;
const KINDS: [(&str, f64); 4] = [("a", 10.0), ("b", 20.0), ("c", 40.0), ("d", 4.0)];
const MS: i64 = 1_000_000;
const REST_MS: i64 = 6_000;
const END_MS: i64 = 52_000;

/// A span: kind, begin and end in ms.
type Span = (usize, i64, i64);

/// Returns fixed spans of 40 to 900 ms with pauses between them.
fn program() -> Vec<Span> {
    let mut state = 12_345_u64;
    let mut draw = |from: i64, to: i64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        from + ((state >> 33) as i64) % (to - from)
    };
    let (mut spans, mut at) = (Vec::new(), REST_MS);
    loop {
        let (kind, length) = (draw(0, 4) as usize, draw(40, 900));
        if at + length > END_MS - REST_MS {
            return spans;
        }
        spans.push((kind, at, at + length));
        at += length + draw(20, 300);
    }
}

/// Power in each millisecond.
fn power(spans: &[Span]) -> Vec<f64> {
    let mut power = vec![IDLE_W; END_MS as usize];
    for &(kind, from, to) in spans {
        for watts in &mut power[from as usize..to as usize] {
            *watts += KINDS[kind].1;
        }
    }
    power
}

/// Joules of each kind above idle.
fn truth(spans: &[Span]) -> BTreeMap<String, f64> {
    let mut truth = BTreeMap::new();
    for &(kind, from, to) in spans {
        let (name, watts) = KINDS[kind];
        *truth.entry(name.to_owned()).or_default() += watts * (to - from) as f64 / 1e3;
    }
    truth
}

fn write_spans(folder: &Path, spans: &[Span]) {
    let mut text = "span_id,parent_id,thread,kind,start_ns,end_ns,rail\n".to_owned();
    for (id, &(kind, from, to)) in (1..).zip(spans) {
        let name = KINDS[kind].0;
        text += &format!("{id},0,main,{name},{},{},cpu\n", from * MS, to * MS);
    }
    std::fs::write(folder.join("spans.csv"), text).unwrap();
}

/// Readings each 100 ms: `energy(from, to)` in joules, at `clock(ms)`.
fn write_samples(folder: &Path, energy: impl Fn(i64, i64) -> f64, clock: impl Fn(i64) -> i64) {
    let mut text = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned();
    for from in (0..END_MS).step_by(100) {
        let (start, end) = (clock(from), clock(from + 99) + 1);
        let millijoules = energy(from, from + 100) * 1e3;
        text += &format!("{},{},cpu,{millijoules}\n", start * MS, end * MS);
    }
    std::fs::write(folder.join("samples.csv"), text).unwrap();
}

fn joules(power: &[f64], from: i64, to: i64) -> f64 {
    let clamp = |at: i64| at.clamp(0, END_MS) as usize;
    power[clamp(from)..clamp(to)].iter().sum::<f64>() / 1e3
}

/// A recording in a folder, with the messages of its import.
struct Imported {
    folder: tempfile::TempDir,
    message: String,
}

impl Imported {
    fn new(energy_of: impl Fn(i64, i64) -> f64, clock: impl Fn(i64) -> i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_spans(folder.path(), &program());
        write_samples(folder.path(), energy_of, clock);
        let output = import_csv(folder.path(), &[]);
        assert!(output.status.success(), "{}", errors(&output));
        let message = errors(&output);
        Self { folder, message }
    }

    fn query<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let connection = Connection::open(self.folder.path().join("energy.db")).unwrap();
        let value = connection.query_row(sql, [], |row| row.get(0));
        value.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn attribute(&self, arguments: &[&str]) {
        let output = energy(self.folder.path(), &[&["attribute"], arguments].concat());
        assert!(output.status.success(), "{}", errors(&output));
    }

    /// Returns the idle energy of the newest attribution in joules.
    fn idle_j(&self) -> f64 {
        self.query("SELECT idle_j FROM balance ORDER BY attribution DESC LIMIT 1")
    }

    /// Returns the error of the newest attribution's kinds relative to their energy.
    fn error(&self) -> f64 {
        let truth = truth(&program());
        let off = truth.iter().map(|(kind, joules)| {
            let found: f64 = self.query(&format!(
                "SELECT coalesce(sum(e.self_j), 0) FROM node_energy e
                 JOIN nodes n ON n.run = e.run AND n.id = e.node
                 JOIN callsites c ON c.run = n.run AND c.id = n.callsite
                 WHERE c.name = '{kind}'
                   AND e.attribution = (SELECT max(id) FROM attributions)"
            ));
            (found - joules).abs()
        });
        off.sum::<f64>() / truth.values().sum::<f64>()
    }

    fn events(&self, kind: &str) -> i64 {
        self.query(&format!(
            "SELECT count(*) FROM events WHERE kind = '{kind}'"
        ))
    }
}

fn true_idle_j() -> f64 {
    IDLE_W * END_MS as f64 / 1e3
}

#[test]
fn a_complete_recording_has_neither_warnings_nor_errors() {
    let power = power(&program());
    let whole = Imported::new(|from, to| joules(&power, from, to), |ms| ms);
    for kind in ["batched", "clock_changed", "idle_disagrees"] {
        assert_eq!(whole.events(kind), 0, "{}", whole.message);
    }
    assert!((whole.idle_j() / true_idle_j() - 1.0).abs() < 0.01);
    assert!(whole.error() < 0.3, "{}", whole.error());
    whole.attribute(&["--method", "fitted"]);
    assert!(whole.error() < 0.05, "{}", whole.error());
}

#[test]
fn readings_of_a_slow_counter_are_merged() {
    let power = power(&program());
    for period_ms in [333, 2_100] {
        let moved = |ms: i64| ms / period_ms * period_ms;
        let batched = Imported::new(|from, to| joules(&power, moved(from), moved(to)), |ms| ms);
        let message = &batched.message;
        let seconds = format!("moves every {:.1}", period_ms as f64 / 1e3);
        assert!(message.contains(&seconds), "{message}");
        assert_eq!(batched.events("batched"), 1);
        let off = batched.idle_j() / true_idle_j() - 1.0;
        assert!(off.abs() < 0.1, "{period_ms} ms: idle is off by {off}");
        let peak: f64 =
            batched.query("SELECT max(energy_j * 1e9 / (end_ns - start_ns)) FROM samples");
        // The bounds of a merged window are uncertain by one reading.
        let widest = 1.0 + 100.0 / (period_ms as f64 - 100.0);
        assert!(peak <= 45.0 * widest, "{period_ms} ms: {peak} W of 45 W");
        let measured: f64 = batched.query("SELECT measured_j FROM balance");
        let all = joules(&power, 0, moved(END_MS));
        assert!(
            (measured / all - 1.0).abs() < 1e-6,
            "{measured} J of {all} J"
        );
        let proportional = batched.error();
        batched.attribute(&["--method", "fitted"]);
        assert!(
            batched.error() <= proportional + 0.01,
            "{period_ms} ms: fitted {} proportional {proportional}",
            batched.error()
        );
        let off = batched.idle_j() / true_idle_j() - 1.0;
        assert!(
            off.abs() < 0.15,
            "{period_ms} ms: fitted idle is off by {off}"
        );
    }
}

#[test]
fn a_clock_step_is_reported_and_idle_is_that_of_the_lower_baseline() {
    let power = power(&program());
    // A clock that is set back gives two values for one time, which an import refuses.
    for step_ms in [1_000, 700] {
        let clock = |ms: i64| if ms >= 24_000 { ms + step_ms } else { ms };
        let stepped = Imported::new(|from, to| joules(&power, from, to), clock);
        assert_eq!(stepped.events("clock_changed"), 1, "{}", stepped.message);
        let off = stepped.idle_j() / true_idle_j() - 1.0;
        assert!(off.abs() < 0.1, "{step_ms} ms: idle is off by {off}");
    }
}

#[test]
fn the_method_proportional_uses_a_given_offset() {
    let power = power(&program());
    let late = Imported::new(|from, to| joules(&power, from, to), |ms| ms + 300);
    let before = late.error();
    late.attribute(&["--method", "proportional", "--offset", "300ms"]);
    let after = late.error();
    assert!(after < before - 0.1, "{before} before, {after} after");
    let stored: f64 = late.query(
        "SELECT clock_offset_ns / 1e6 FROM attributions WHERE method = 'proportional'
         ORDER BY id DESC LIMIT 1",
    );
    assert_eq!(stored, 300.0);

    // As if the clocks had agreed.
    let exact = Imported::new(|from, to| joules(&power, from, to), |ms| ms);
    assert!(
        (exact.error() - after).abs() < 0.01,
        "{} {after}",
        exact.error()
    );
    late.attribute(&["--method", "proportional", "--offset", "0ms"]);
    assert!((late.error() - before).abs() < 1e-9);
    let kinds: i64 = late.query("SELECT count(*) FROM kind_energy WHERE attribution > 1");
    assert_eq!(kinds, 0, "shares of time have no intervals of kinds");
}
