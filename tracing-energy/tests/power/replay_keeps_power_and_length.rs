//! Tests replayed recordings: delivered samples, and errors of invalid input.

use std::path::PathBuf;

use energy_data::units::Nanos;
use energy_power::ManualClock;
use energy_power::replay::{Replay, ReplayMode};
use energy_power::{PowerSource, Provenance, Rail, RailKind, Reading, Recording, SourceError};
use tempfile::TempDir;

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

/// Plays up to each of `times` (ms), then stops.
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

/// Returns rail, start and end in ms, and energy in mJ.
fn table(reading: &Reading) -> Vec<(usize, i64, i64, Option<f64>)> {
    let row = |s: &energy_power::Sample| {
        let ms = |time: Nanos| time.nanos() / 1_000_000;
        let mj = s.energy.map(|e| (e.joules() * 1e6).round() / 1e3);
        (s.rail, ms(s.start), ms(s.end), mj)
    };
    reading.samples.iter().map(row).collect()
}

#[test]
fn a_recording_begins_with_the_source_and_ends_as_gone() {
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
fn a_sample_in_progress_is_cut_in_proportion_to_time() {
    let text = format!("{MJ}0,100000000,cpu,200\n0,200000000,gpu,400\n");
    let mut replay = open(&text, ReplayMode::RealTime).unwrap();
    let (reading, _) = play(&mut replay, &[150]);
    assert_eq!(
        table(&reading),
        [(0, 0, 100, Some(200.0)), (1, 0, 150, Some(300.0))]
    );
}

#[test]
fn a_looped_recording_repeats_until_stopped() {
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
fn intervals_are_preferred_to_time_stamps_and_other_columns_ignored() {
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
fn points_hold_until_the_next_but_no_longer_than_the_median_distance() {
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
fn out_of_order_samples_are_sorted_and_reported() {
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
fn invalid_rows_are_refused_with_their_line() {
    for row in [
        "0,1,cpu,nan",
        "0,1,cpu,inf",
        "0,1,cpu,\"1,5\"",
        "0,1,cpu,1,5",
        "0,x,cpu,1",
        "0,1,cpu",
        "0,,cpu,1",
        "0,1,,1",
        "2,1,cpu,1",
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
fn unknown_headers_and_empty_files_are_refused_with_the_accepted_headers() {
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

/// Returns the joules of each rail that has energy, and the kinds of notices.
type RailsAndNotices = (Vec<(String, f64)>, Vec<&'static str>);

fn joules(text: &str) -> Result<RailsAndNotices, String> {
    let (_folder, path) = file(text);
    let recording = Recording::open(&path).map_err(|error| error.to_string())?;
    let of_rail = |(at, rail): (usize, &Rail)| {
        let own = recording.samples.iter().filter(|sample| sample.rail == at);
        let known = own
            .filter_map(|sample| sample.energy)
            .map(|energy| energy.joules());
        let known: Vec<f64> = known.collect();
        let total = (known.iter().sum::<f64>() * 1e6).round() / 1e6;
        (!known.is_empty()).then(|| (rail.name.clone(), total))
    };
    let rails = recording.rails.iter().enumerate().filter_map(of_rail);
    let kinds = recording.notices.iter().map(|notice| notice.kind);
    Ok((rails.collect(), kinds.collect()))
}

#[test]
fn all_table_dialects_have_the_same_energy() {
    let expected = Ok((
        vec![("cpu".to_owned(), 3.5), ("gpu".to_owned(), 2.0)],
        vec![],
    ));
    for text in [
        "interval_start_s,interval_end_s,rail,power_w\n10,10.5,cpu,3\n10.5,11,cpu,4\n10,11,gpu,2\n",
        "\u{feff}interval_start_s,interval_end_s,rail,power_w\r\n10,10.5,cpu,3\r\n10.5,11,cpu,4\r\n10,11,gpu,2\r\n",
        "\"interval_start_s\",\"interval_end_s\",\"rail\",\"power_w\"\n\"10\",\"10.5\",\"cpu\",\"3\"\n10.5,11,cpu,4\n10,11,gpu,2",
        "interval_start_s;interval_end_s;rail;power_w\n10;10,5;cpu;3\n10,5;11;cpu;4,0\n10;11;gpu;2\n",
        "Interval_Start_s, Interval_End_s, Rail, Power_W\n1e1, 1.05e1, cpu, 3e0\n10.5,11,cpu,4\n10,11,gpu,2\n",
    ] {
        assert_eq!(joules(text), expected, "{text:?}");
    }
    let quoted = "note,t_start_ns,t_end_ns,rail,energy_mj\n\"a, b\",0,100000000,\"cpu, left\",5\n";
    assert_eq!(joules(quoted).unwrap().0, [("cpu, left".to_owned(), 0.005)]);
}

#[test]
fn text_around_rows_is_ignored_and_reported() {
    let text = format!("meter: warming up\n{POINTS}1,cpu,5\n# pause\n{POINTS}2,cpu,5\n3,c");
    let (rails, kinds) = joules(&text).unwrap();
    assert_eq!(rails, [("cpu".to_owned(), 10.0)]);
    assert_eq!(
        kinds,
        ["comment", "cut_file", "repeated_header", "stray_text"]
    );
}

#[test]
fn limits_of_live_sampling_apply_to_tables() {
    let mut text = POINTS.to_owned();
    for second in 0..10 {
        let watts = [
            "20",
            "18446744073709.551",
            "20",
            "-4",
            "20",
            "20",
            "1e30",
            "20",
            "20",
            "20",
        ];
        text += &format!("{},gpu,{}\n", 1_700_000_000 + second, watts[second]);
    }
    let (rails, kinds) = joules(&text).unwrap();
    assert_eq!(rails, [("gpu".to_owned(), 140.0)]);
    assert_eq!(kinds, ["dropped_sample", "dropped_sample", "gap"]);
    let error = joules(&format!("{MJ}1700000000,1700000001,cpu,50\n")).unwrap_err();
    assert!(
        error.contains("line 2") && error.contains("units"),
        "{error}"
    );
}

#[test]
fn invalid_tables_are_refused_with_the_reason() {
    let intervals = "interval_start_s,interval_end_s,rail,power_w\n";
    for (text, expected) in [
        (
            format!("{intervals}5,4,gpu,50\n"),
            "line 2: the interval ends before it starts",
        ),
        (
            format!("{POINTS}7,gpu,50\n"),
            "line 2: a single value has no length",
        ),
        (
            format!("{POINTS}1700000000000,gpu,5\n1700000000100,gpu,5\n"),
            "line 2: \"1700000000000\" must be in seconds; it looks like milliseconds",
        ),
        (
            format!("{POINTS}1,gpu,5\n1,gpu,9\n2,gpu,5\n2,gpu,9\n"),
            "line 3: rail gpu has two values at one time",
        ),
        (
            format!("{intervals}1,2,gpu,5\n1,2,gpu,9\n2,3,gpu,5\n2,3,gpu,9\n"),
            "line 3: rail gpu has two values at one time",
        ),
        (format!("{POINTS}2026-09-20 10:00:00,gpu,5\n"), "not a date"),
        (
            "timestamp_s,rail,power_w,rail\n1,a,5,b\n".to_owned(),
            "`rail` twice",
        ),
        ("\u{1f}\u{8b}".to_owned(), "is none of"),
    ] {
        let error = joules(&text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let (_folder, path) = file("");
    for (bytes, expected) in [
        (&b"\x1f\x8b\x08\x00"[..], "gunzip"),
        (b"\xff\xfet\x00i\x00", "UTF-16"),
        (b"bplist00\xd1", "plutil"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = Recording::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_single_time_of_1970_is_dropped() {
    let mut text = format!("{POINTS}12,cpu,5\n");
    for at in 0..30 {
        text += &format!("{}.{},cpu,5\n", 1_790_000_000 + at / 10, at % 10);
    }
    let (_folder, path) = file(&text);
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.length, Nanos::from_millis(3_000));
    assert_eq!(recording.samples.len(), 30);
    let notice = &recording.notices[0];
    assert_eq!(notice.kind, "stray_time");
    assert!(
        notice.message.contains("1 samples") && notice.message.contains("line 2"),
        "{notice:?}"
    );
}

/// Returns a document that ends in second `second` of 1 October 2026.
fn stamped(ms: i64, second: i64, rails: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\
         <key>elapsed_ns</key><integer>{}</integer><key>timestamp</key>\
         <date>2026-10-01T00:{:02}:{:02}Z</date><key>processor</key><dict>{rails}</dict></dict>\n</plist>\n",
        ms * 1_000_000,
        second / 60,
        second % 60
    )
}

fn energy(rail: &str, mj: i64) -> String {
    format!("<key>{rail}_energy</key><integer>{mj}</integer>")
}

fn documents(all: &[String]) -> String {
    all.join("\0")
}

#[test]
fn rails_of_later_documents_are_recorded() {
    let both = energy("cpu", 4_000) + &energy("gpu", 500);
    for missing in ["cpu", "gpu"] {
        let other = if missing == "cpu" {
            energy("gpu", 500)
        } else {
            energy("cpu", 4_000)
        };
        let mut all = vec![stamped(1000, 1, &other)];
        all.extend((2..12).map(|second| stamped(1000, second, &both)));
        let (rails, kinds) = joules(&documents(&all)).unwrap();
        let count = |rail: &str| if rail == missing { 10.0 } else { 11.0 };
        let expected = [
            ("cpu".to_owned(), 4.0 * count("cpu")),
            ("gpu".to_owned(), 0.5 * count("gpu")),
        ];
        assert_eq!(rails, expected);
        assert_eq!(kinds, ["unknown_energy"]);
    }
    let block = |second: i64, lines: &str| {
        format!(
            "*** Sampled system activity (Thu Oct  1 00:00:{second:02} 2026 +0000) (1000.00ms elapsed) ***\n{lines}"
        )
    };
    let later = (2..6).map(|second| block(second, "CPU Power: 2000 mW\nGPU Power: 100 mW\n"));
    let text = block(1, "GPU Power: 100 mW\n") + &later.collect::<String>();
    let (rails, _) = joules(&text).unwrap();
    assert_eq!(rails, [("cpu".to_owned(), 8.0), ("gpu".to_owned(), 0.5)]);
}

#[test]
fn documents_are_read_equally_in_all_line_formats() {
    let all: Vec<String> = (1..6)
        .map(|s| stamped(1000, s, &energy("cpu", 700)))
        .collect();
    let plain = documents(&all);
    let cpu = vec![("cpu".to_owned(), 3.5)];
    for (text, expected) in [
        (plain.clone(), vec![]),
        (plain.replace('\n', "\r\n"), vec![]),
        (format!("\u{feff}{plain}"), vec![]),
        (plain.replace("<dict>", "<!-- a > b <c> --><dict>"), vec![]),
        (
            plain.replace("<plist", "<!-- made by hand -->\n<plist"),
            vec![],
        ),
        (
            format!("Second underflow occured.\n{plain}"),
            vec!["stray_text"],
        ),
        (
            plain.replace('\0', "\0Second underflow occured.\n"),
            vec!["stray_text"],
        ),
        (
            format!("{plain}<?xml version=\"1.0\"?>\n<pl"),
            vec!["incomplete_document"],
        ),
        (
            format!("<?xml version=\"1.0\"?>\n<pl{plain}"),
            vec!["incomplete_document"],
        ),
    ] {
        assert_eq!(joules(&text), Ok((cpu.clone(), expected)), "{text:?}");
    }
    let head = "Machine model: Mac99,1\n\n";
    let block = "*** Sampled system activity (Thu Oct  1 00:00:09 2026 +0000) (500.00ms elapsed) ***\nCPU Power: 7000 mW\n";
    for text in [
        format!("{head}{block}"),
        format!("{head}{block}").replace('\n', "\r\n"),
        format!("\u{feff}{head}{block}"),
        format!("\u{feff}{block}"),
        format!("Second underflow occured.\n{block}"),
    ] {
        assert_eq!(joules(&text), Ok((cpu.clone(), vec![])), "{text:?}");
    }
}

#[test]
fn a_recording_that_occurs_twice_in_its_file_counts_once() {
    let steady: Vec<String> = (1..8)
        .map(|s| stamped(1000, s, &energy("cpu", 700)))
        .collect();
    let twice = documents(&[steady.clone(), steady.clone()].concat());
    let (rails, kinds) = joules(&twice).unwrap();
    assert_eq!(
        (rails, kinds),
        (vec![("cpu".to_owned(), 4.9)], vec!["duplicate"])
    );
    let block = |second: i64| {
        format!(
            "*** Sampled system activity (Thu Oct  1 00:00:{second:02} 2026 +0000) (1003.17ms elapsed) ***\nCPU Power: 1000 mW\n"
        )
    };
    let once: String =
        "Machine model: Mac99,1\n".to_owned() + &(1..5).map(block).collect::<String>();
    let (rails, kinds) = joules(&format!("{once}{once}")).unwrap();
    assert_eq!(
        (rails, kinds),
        (vec![("cpu".to_owned(), 4.01268)], vec!["duplicate"])
    );
    let table = "1,cpu,5\n2,cpu,5\n3,cpu,6\n4,cpu,5\n";
    let (rails, kinds) = joules(&format!("{POINTS}{table}{POINTS}{table}")).unwrap();
    assert_eq!(rails, [("cpu".to_owned(), 21.0)]);
    assert_eq!(kinds, ["repeated_header", "unsorted", "duplicate"]);
}

#[test]
fn implausible_energies_of_documents_are_dropped_and_others_kept() {
    let mut all: Vec<String> = (1..11)
        .map(|second| stamped(1000, second, &(energy("cpu", 700) + &energy("gpu", 100))))
        .collect();
    let wrapped = "<key>gpu_energy</key><integer>18446744073709551609</integer>".to_owned();
    all[4] = stamped(1000, 5, &(energy("cpu", 700) + &wrapped));
    all[7] = stamped(1000, 8, &(energy("cpu", 700) + &energy("gpu", -3)));
    let (rails, kinds) = joules(&documents(&all)).unwrap();
    assert_eq!(rails, [("cpu".to_owned(), 7.0), ("gpu".to_owned(), 0.8)]);
    assert_eq!(kinds, ["unknown_energy", "dropped_sample", "gap"]);
}

#[test]
fn inconsistencies_of_documents_are_reported_once_with_their_count() {
    let odd = energy("cpu", 700)
        + "<key>cpu_power</key><real>700</real><key>gpu_power</key><real>50</real>\
           <key>combined_power</key><real>900</real>";
    let all: Vec<String> = (1..20).map(|second| stamped(1000, second, &odd)).collect();
    let (_folder, path) = file(&documents(&all));
    let recording = Recording::open(&path).unwrap();
    let odd: Vec<_> = recording
        .notices
        .iter()
        .filter(|one| one.kind == "odd_document")
        .collect();
    assert_eq!(odd.len(), 1);
    assert!(odd[0].message.contains("19 times"), "{odd:?}");
}

#[test]
fn zero_under_load_is_unknown() {
    let clusters = |idle: f64| {
        format!(
            "<key>clusters</key><array><dict><key>name</key><string>P0</string><key>cpus</key><array>\
             <dict><key>idle_ratio</key><real>{idle}</real></dict></array></dict></array>"
        )
    };
    let stream = |idle: f64| {
        let rails = energy("cpu", 0) + &energy("gpu", 30) + &clusters(idle);
        let all: Vec<String> = (1..9).map(|second| stamped(1000, second, &rails)).collect();
        joules(&documents(&all)).unwrap()
    };
    assert_eq!(
        stream(0.04),
        (vec![("gpu".to_owned(), 0.24)], vec!["frozen"])
    );
    assert_eq!(
        stream(0.99).0,
        [("cpu".to_owned(), 0.0), ("gpu".to_owned(), 0.24)]
    );
    let block = |second: i64| {
        format!(
            "*** Sampled system activity (Thu Oct  1 00:00:{second:02} 2026 +0000) (1000.00ms elapsed) ***\n\
             CPU Power: 0 mW\nGPU Power: 10 mW\nCPU 0 active residency:  93.50% (600 MHz:  93%)\n"
        )
    };
    let (rails, kinds) = joules(&(1..6).map(block).collect::<String>()).unwrap();
    assert_eq!(
        (rails, kinds),
        (vec![("gpu".to_owned(), 0.05)], vec!["frozen"])
    );
}

#[test]
fn days_between_documents_are_a_gap() {
    let late = stamped(1000, 1, &energy("cpu", 3_000)).replace("2026-10-01", "2026-10-31");
    let all = [stamped(1000, 1, &energy("cpu", 3_000)), late];
    let (_folder, path) = file(&documents(&all));
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.notices.len(), 1);
    let notice = &recording.notices[0];
    assert_eq!(notice.kind, "gap");
    assert!(
        notice.message.contains("30.0 days without samples"),
        "{notice:?}"
    );
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
