//! Replayed recordings: what is delivered when, and what bad input gives.

use std::path::PathBuf;

use tempfile::TempDir;
use tracing_energy::ManualClock;
use tracing_energy::power::replay::{Replay, ReplayMode};
use tracing_energy::power::{PowerSource, Provenance, RailKind, Reading, SourceError};
use tracing_energy::units::Nanos;

const MJ: &str = "t_start_ns,t_end_ns,rail,energy_mj\n";
const POINTS: &str = "timestamp_s,rail,power_w\n";

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn open(text: &str, mode: ReplayMode) -> Result<Replay, SourceError> {
    let (_folder, path) = file(text);
    Replay::open(path, mode)
}

/// Plays up to each of `times` (ms) and then stops.
fn play(replay: &mut Replay, times: &[i64]) -> (Reading, Option<SourceError>) {
    let clock = ManualClock::default();
    let (mut reading, mut end) = (Reading::default(), None);
    replay.start(&clock).unwrap();
    for &time in times {
        clock.set(Nanos::from_millis(time));
        if let Err(error) = replay.read(&clock, Nanos::ZERO, &mut reading) {
            end = Some(error);
        }
    }
    replay.stop(&clock, &mut reading);
    (reading, end)
}

/// Rail, start and end in ms, energy in mJ.
fn table(reading: &Reading) -> Vec<(usize, i64, i64, Option<f64>)> {
    let row = |s: &tracing_energy::power::Sample| {
        let ms = |time: Nanos| time.nanos() / 1_000_000;
        let mj = s.energy.map(|e| (e.joules() * 1e6).round() / 1e3);
        (s.rail, ms(s.start), ms(s.end), mj)
    };
    reading.samples.iter().map(row).collect()
}

#[test]
fn energies_begin_with_the_source_and_the_end_is_gone() {
    let text = format!("{MJ}5000000000,5100000000,cpu,200\n5100000000,5300000000,cpu,\n");
    let mut replay = open(&text, ReplayMode::Fast).unwrap();
    let description = replay.describe();
    assert_eq!(description.provenance, Provenance::Replayed);
    assert_eq!(description.rails[0].kind, RailKind::Cpu);
    let (reading, end) = play(&mut replay, &[50, 120, 400]);
    assert_eq!(
        table(&reading),
        [(0, 0, 100, Some(200.0)), (0, 100, 300, None)]
    );
    assert!(matches!(end, Some(SourceError::Gone { .. })));
}

#[test]
fn a_sample_in_progress_is_cut_by_time() {
    let text = format!("{MJ}0,100000000,cpu,200\n0,200000000,gpu,400\n");
    let mut replay = open(&text, ReplayMode::RealTime).unwrap();
    let (reading, _) = play(&mut replay, &[150]);
    assert_eq!(
        table(&reading),
        [(0, 0, 100, Some(200.0)), (1, 0, 150, Some(300.0))]
    );
}

#[test]
fn a_loop_goes_on_until_it_is_stopped() {
    let text = format!("{MJ}0,100000000,cpu,200\n100000000,200000000,cpu,10\n");
    let mut replay = open(&text, ReplayMode::Looped).unwrap();
    let (reading, end) = play(&mut replay, &[250, 420, 450]);
    assert_eq!(end, None);
    assert_eq!(
        table(&reading),
        [
            (0, 0, 100, Some(200.0)),
            (0, 100, 200, Some(10.0)),
            (0, 200, 300, Some(200.0)),
            (0, 300, 400, Some(10.0)),
            (0, 400, 450, Some(100.0)),
        ]
    );
}

#[test]
fn watts_of_intervals_win_over_time_stamps_and_columns_may_be_more() {
    let text = "timestamp_s,power_w,source,rail,interval_start_s,interval_end_s\n\
        1784491122.2,3,powermetrics,cpu_power,1784491122.1,1784491122.2\n\
        1784491122.2,0.5,powermetrics,gpu_power,1784491122.1,1784491122.2\n";
    let mut replay = open(text, ReplayMode::Fast).unwrap();
    let (reading, _) = play(&mut replay, &[1000]);
    assert_eq!(
        table(&reading),
        [(0, 0, 100, Some(300.0)), (1, 0, 100, Some(50.0))]
    );
}

#[test]
fn points_hold_to_the_next_but_no_longer_than_the_median_distance() {
    let rows = ["0.0,cpu,1", "0.1,cpu,2", "0.2,cpu,3", "0.9,cpu,4"];
    let mut replay = open(&format!("{POINTS}{}", rows.join("\n")), ReplayMode::Fast).unwrap();
    let (reading, _) = play(&mut replay, &[2000]);
    assert_eq!(
        table(&reading),
        [
            (0, 0, 100, Some(100.0)),
            (0, 100, 200, Some(200.0)),
            (0, 200, 300, Some(300.0)),
            (0, 900, 1000, Some(400.0)),
        ]
    );
}

#[test]
fn disorder_is_mended_and_told() {
    let text = format!(
        "{MJ}100000000,200000000,cpu,2\n0,100000000,cpu,1\n0,100000000,cpu,1\n\
         150000000,250000000,cpu,8\n9,9,cpu,1\n"
    );
    let mut replay = open(&text, ReplayMode::Fast).unwrap();
    let (reading, _) = play(&mut replay, &[1000]);
    assert_eq!(
        table(&reading),
        [
            (0, 0, 100, Some(1.0)),
            (0, 100, 200, Some(2.0)),
            (0, 200, 250, Some(4.0))
        ]
    );
    let kinds: Vec<_> = reading.notices.iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, ["zero_length", "unsorted", "duplicate", "overlap"]);
}

#[test]
fn bad_rows_are_refused_with_their_line() {
    for row in [
        "0,1,cpu,nan",
        "0,1,cpu,-1",
        "0,1,cpu,inf",
        "0,x,cpu,1",
        "0,1,cpu",
        "0,1e5,cpu,1",
    ] {
        let error = open(&format!("{MJ}0,1,cpu,1\n\n{row}\n"), ReplayMode::Fast)
            .err()
            .unwrap();
        assert!(
            matches!(error, SourceError::BadInput { .. }),
            "{row}: {error}"
        );
        assert!(error.to_string().contains("line 4"), "{row}: {error}");
    }
}

#[test]
fn other_headers_and_empty_files_are_refused_with_the_list() {
    for text in [
        "",
        "time,rail,watts\n1,cpu,2\n",
        "t_start_ns,t_end_ns,rail,power_w\n",
    ] {
        let error = open(text, ReplayMode::Fast).err().unwrap().to_string();
        assert!(
            error.contains("t_start_ns,t_end_ns,rail,energy_mj"),
            "{error}"
        );
        assert!(error.contains("timestamp_s,rail,power_w"), "{error}");
    }
    let error = open(POINTS, ReplayMode::Fast).err().unwrap();
    assert!(error.to_string().contains("no sample"), "{error}");
    let error = Replay::open("/nonexistent/recording", ReplayMode::Fast)
        .err()
        .unwrap();
    assert!(matches!(error, SourceError::NotPresent { .. }), "{error}");
}

#[test]
fn documents_are_laid_end_to_end() {
    let document = |ns: i64, mj: i64| {
        format!(
            "<plist version=\"1.0\">\n<dict><key>elapsed_ns</key><integer>{ns}</integer>\
             <key>processor</key><dict><key>cpu_energy</key><integer>{mj}</integer></dict>\
             </dict>\n</plist>\n"
        )
    };
    let text = format!(
        "{}\0{}\0<plist",
        document(104_000_000, 7),
        document(109_000_000, 9)
    );
    let mut replay = open(&text, ReplayMode::Fast).unwrap();
    let (reading, _) = play(&mut replay, &[1000]);
    assert_eq!(
        table(&reading),
        [(0, 0, 104, Some(7.0)), (0, 104, 213, Some(9.0))]
    );
    assert_eq!(reading.notices[0].kind, "incomplete_document");
}

#[test]
fn recordings_of_real_machines() {
    let Some(folder) = std::env::var_os("POWERMETRICS_RECORDINGS").map(PathBuf::from) else {
        eprintln!("SKIPPED: POWERMETRICS_RECORDINGS names no folder with recordings");
        return;
    };
    let table_file = folder.join("m3max_joulewise_d078_r01_100ms_power_trace.csv");
    let mut replay = Replay::open(table_file, ReplayMode::Fast).unwrap();
    let (reading, _) = play(&mut replay, &[5000]);
    assert_eq!(reading.samples.len(), 27);
    let gpu: f64 = reading
        .samples
        .iter()
        .filter(|s| s.rail == 1)
        .map(|s| s.energy.unwrap().joules())
        .sum();
    assert!((gpu - 6.682).abs() < 0.001, "{gpu}");
    let length = reading.samples.last().unwrap().end;
    assert!((length.seconds() - 1.022586).abs() < 1e-5, "{length:?}");

    let mut replay =
        Replay::open(folder.join("m4pro_24F74_gpu_5s_n5.plist"), ReplayMode::Fast).unwrap();
    let (reading, _) = play(&mut replay, &[30_000]);
    assert_eq!(reading.samples.len(), 5);
    for name in [
        "intel_catapult_unsupported_hw.plist",
        "m4pro_24F74_battery_n3.plist",
    ] {
        let error = Replay::open(folder.join(name), ReplayMode::Fast)
            .err()
            .unwrap();
        assert!(error.to_string().contains("no power here"), "{error}");
    }
    let vmware = Replay::open(folder.join("intel_catapult_vmware.plist"), ReplayMode::Fast);
    assert!(vmware.err().unwrap().to_string().contains("line 1661"));
}
