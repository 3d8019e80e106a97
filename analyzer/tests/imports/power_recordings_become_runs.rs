//! `energy import power`: a recording of powermetrics or another tool becomes a run that
//! can be queried; quantities that it lacks are unknown, never zero.

use std::path::Path;

use crate::fixture::command::{energy, errors, json, text};
use serde_json::Value;

/// Returns a stream of documents of one second each with `watts` on the CPU; the clock
/// starts `begin_ms` after a full second.
fn plist(watts: &[f64], begin_ms: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, watts) in watts.iter().enumerate() {
        if at > 0 {
            out.push(0);
        }
        let end_ms = begin_ms + 1000 * (at as i64 + 1);
        let second = end_ms / 1000;
        let (millis, milliwatts) = ((watts * 1000.0).round(), watts * 1000.0);
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
             <plist version=\"1.0\">\n<dict>\n<key>is_delta</key><true/>\n\
             <key>elapsed_ns</key><integer>1000000000</integer>\n\
             <key>hw_model</key><string>Mac16,5</string>\n\
             <key>timestamp</key><date>2026-01-22T21:{:02}:{:02}Z</date>\n\
             <key>gpu</key>\n<dict>\n<key>freq_hz</key><real>338</real>\n</dict>\n\
             <key>processor</key>\n<dict>\n<key>cpu_energy</key><integer>{millis}</integer>\n\
             <key>cpu_power</key><real>{milliwatts}</real>\n</dict>\n</dict>\n</plist>\n",
            second / 60,
            second % 60
        );
        out.extend(document.as_bytes());
    }
    out
}

#[test]
fn a_stream_has_its_wall_time_and_balances() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("night.plist");
    std::fs::write(&file, plist(&[2.0, 4.0, 6.0], 400)).unwrap();
    let output = energy(folder.path(), &["import", "power", "night.plist"]);
    assert!(output.status.success(), "{}", errors(&output));
    let message = errors(&output);
    assert!(
        message.contains("3 samples\n  recorded from 2026-01-22 21:00:"),
        "{message}"
    );

    let runs = json(folder.path(), &["runs"]);
    assert_eq!(runs["runs"][0]["name"], "night");
    let balance = json(folder.path(), &["balance", "night"]);
    let cpu = &balance["rails"][0];
    assert_eq!(balance["provenance"], "replayed");
    assert!((cpu["measured_j"].as_f64().unwrap() - 12.0).abs() < 1e-9);
    for account in [
        "idle_j",
        "unattributed_j",
        "other_processes_j",
        "profiler_j",
    ] {
        assert_eq!(cpu[account], Value::Null, "{account} is not known");
    }
    let sql = "SELECT count(*), sum(value), max(end_ns) FROM sensor_metrics
               WHERE name = 'gpu_freq_mhz'";
    let sensor_metrics = &json(folder.path(), &["query", sql])["rows"][0];
    let expected = serde_json::json!([3, 1014.0, 3_000_000_000_i64]);
    assert_eq!(sensor_metrics, &expected);
    let power = json(folder.path(), &["power", "night"]);
    assert!((power["rails"][0]["peak_w"].as_f64().unwrap() - 6.0).abs() < 1e-9);
    let summary = text(&energy(folder.path(), &["summary", "night"]));
    assert!(summary.contains("replayed from a recording"), "{summary}");
    assert!(summary.contains("(no phase)"), "{summary}");
}

/// The days between two readings are unknown.
#[test]
fn days_between_readings_are_a_gap_without_energy() {
    let folder = tempfile::tempdir().unwrap();
    let late = plist(&[3.0], 0);
    let late = String::from_utf8(late)
        .unwrap()
        .replace("2026-01-22", "2026-02-11");
    let both = [plist(&[2.0], 0), late.into_bytes()].concat();
    std::fs::write(folder.path().join("days.plist"), both).unwrap();
    let output = energy(folder.path(), &["import", "power", "days.plist"]);
    assert!(
        errors(&output).contains("20.0 days without samples"),
        "{}",
        errors(&output)
    );
    let balance = json(folder.path(), &["balance", "days"]);
    let cpu = &balance["rails"][0];
    assert!((cpu["measured_j"].as_f64().unwrap() - 5.0).abs() < 1e-9);
    assert_eq!(cpu["extrapolated_j"], Value::Null);
    let summary = json(folder.path(), &["summary", "days"]);
    assert_eq!(summary["totals"]["energy_j"], Value::Null);
}

#[test]
fn invalid_recordings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, expected) in [
        (
            "notes.txt",
            "just words\n",
            "the header `just words` is none of",
        ),
        ("wrong.csv", "time,power_kw\n1,2\n", "is none of"),
        ("bad.csv", "timestamp_s,rail,power_w\n1,cpu,x\n", "line 2"),
        ("empty.plist", "", "it is empty"),
        ("cut.plist", "<?xml version=\"1.0\"?>\n<plist>", "recording"),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
        let output = energy(folder.path(), &["import", "power", name]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let message = errors(&output);
        assert!(
            message.contains(name) && message.contains(expected),
            "{name}: {message}"
        );
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    }
    let missing = energy(folder.path(), &["import", "power", "missing.plist"]);
    assert!(
        errors(&missing).contains("not present"),
        "{}",
        errors(&missing)
    );
    assert!(
        !folder.path().join("energy.db").exists(),
        "nothing was written"
    );
}

/// Each recording of a real machine gives rails with joules, or a refusal.
#[test]
fn recordings_of_real_machines() {
    let Some(recordings) = std::env::var_os("POWERMETRICS_RECORDINGS") else {
        eprintln!("SKIPPED: POWERMETRICS_RECORDINGS names no folder with recordings");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let import = |name: &str| {
        let path = Path::new(&recordings).join(name);
        let path = path.to_str().unwrap();
        energy(folder.path(), &["import", "power", path, "--name", name])
    };
    let expected: [(&str, &[(&str, f64)]); 6] = [
        ("m4pro_24F74_gpu_5s_n5.plist", &[("gpu", 1.186)]),
        (
            "m1_pumas_cpu_gpu_thermal_n1.plist",
            &[("cpu", 0.089), ("gpu", 0.031), ("ane", 0.0)],
        ),
        (
            "m4max_25C56_tasks_disk_cpu_gpu_thermal_1s_n1.plist",
            &[("cpu", 3.049), ("gpu", 0.276), ("ane", 0.0)],
        ),
        (
            "text_m4max_24F74_default.txt",
            &[
                ("cpu", 0.954 * 5.02196),
                ("gpu", 0.028 * 5.02196),
                ("ane", 0.0),
            ],
        ),
        (
            "text_m1air_21G115_cpu_100ms.txt",
            &[
                ("package", f64::NAN),
                ("cpu", f64::NAN),
                ("gpu", f64::NAN),
                ("ane", f64::NAN),
                ("dram", f64::NAN),
            ],
        ),
        (
            "m3max_joulewise_d078_r01_100ms_power_trace.csv",
            &[
                ("cpu_power", f64::NAN),
                ("gpu_power", 6.682),
                ("ane_power", f64::NAN),
            ],
        ),
    ];
    for (name, rails) in expected {
        let output = import(name);
        assert!(output.status.success(), "{name}: {}", errors(&output));
        let balance = json(folder.path(), &["balance", name]);
        let found = balance["rails"].as_array().unwrap();
        assert_eq!(found.len(), rails.len(), "{name}: {found:?}");
        for (rail, (expected, joules)) in found.iter().zip(rails) {
            assert_eq!(rail["rail"], *expected, "{name}");
            let measured = rail["measured_j"].as_f64().unwrap();
            let is_expected = (measured - joules).abs() < 1e-3;
            assert!(
                joules.is_nan() || is_expected,
                "{name} {expected}: {measured}"
            );
        }
    }
    for (name, why) in [
        (
            "intel_catapult_powermetrics_output.plist",
            "no document in it covers a single interval",
        ),
        ("intel_catapult_unsupported_hw.plist", "no power here"),
        ("intel_catapult_vmware.plist", "line 1661"),
        ("m4pro_24F74_battery_n3.plist", "no power here"),
        ("text_m1mini_20D80_cinebench_1s.txt.gz", "gunzip"),
        ("help_macos11.txt", "is none of"),
        ("MANIFEST.tsv", "is none of"),
    ] {
        let output = import(name);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(errors(&output).contains(why), "{name}: {}", errors(&output));
    }
}
