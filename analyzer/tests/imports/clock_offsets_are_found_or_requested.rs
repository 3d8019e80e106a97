//! The offset between the clocks of a trace and of a power recording is found from the
//! program's activity, or requested from the user: it is never guessed.

use crate::fixture::traced::{Power, Sensor, Written, periodic_program, random_program};
use energy_analyzer::import::{ChromeOptions, import_chrome};

/// Returns the offset of the imported run in ms, or the error.
fn found(
    written: &Written,
    power: &Power,
    sensor: Sensor,
    seed: u64,
) -> Result<(f64, f64), String> {
    let folder = tempfile::tempdir().unwrap();
    let options = ChromeOptions {
        trace: written.write(folder.path()),
        power: sensor.write(power, folder.path(), seed),
        ..ChromeOptions::default()
    };
    let db = folder.path().join("energy.db");
    let imported = import_chrome(&db, &options).map_err(|error| error.to_string())?;
    let store = energy_store::Store::open(&db).unwrap();
    let run = store.find_run(&imported.uuid).unwrap();
    let config: serde_json::Value =
        serde_json::from_str(run.row.metadata.config.as_deref().unwrap()).unwrap();
    let own = config["clock_offset_ms"].as_f64().unwrap();
    let more: Option<f64> = store
        .connection()
        .query_row(
            "SELECT clock_offset_ns / 1e6 FROM attributions ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .unwrap();
    Ok((own, own + more.unwrap_or(0.0)))
}

/// Returns the seeds of the programs; a variable raises their number.
fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("SEEDS").map_or(6, |text| text.parse().unwrap())
}

/// Length of most programs.
const SHORT_MS: f64 = 10_000.0;
const OFFSETS_MS: [f64; 5] = [730.0, -412.0, 3_100.0, 0.0, -9_000.0];

fn clock_offset_ms(seed: u64) -> f64 {
    OFFSETS_MS[seed as usize % OFFSETS_MS.len()]
}

/// Checks that the errors of the import's offset are below 20 ms, with and without the
/// offset of the fit, and prints them. Returns the number of refusals.
fn check(label: &str, mut program: impl FnMut(u64) -> (Written, Power, Sensor)) -> usize {
    let (mut own, mut all, mut refused) = (Vec::new(), Vec::new(), 0);
    for seed in seeds() {
        let (written, power, sensor) = program(seed);
        match found(&written, &power, sensor, seed) {
            Ok((one, two)) => {
                let error = one - sensor.clock_offset_ms;
                assert!(error.abs() <= 20.0, "{label}, {seed}: {error} ms");
                own.push(error.abs());
                all.push((two - sensor.clock_offset_ms).abs());
            }
            Err(why) => {
                assert!(why.contains("give it with --offset MS"), "{why}");
                refused += 1;
            }
        }
    }
    let quantiles = |errors: &mut Vec<f64>| {
        errors.sort_by(f64::total_cmp);
        let at = |share: f64| errors.get(((errors.len() as f64 - 1.0) * share) as usize);
        [0.5, 0.9, 1.0].map(|share| at(share).copied().unwrap_or(f64::NAN))
    };
    let (own, all) = (quantiles(&mut own), quantiles(&mut all));
    eprintln!("{label}: median, p90, max {own:.2?} ms; with the fit {all:.2?}; refused {refused}");
    refused
}

#[test]
fn offsets_of_irregular_work_are_found_through_noise() {
    for (label, noise_w, drift_w) in [("quiet", 0.1, 0.0), ("noise", 1.0, 0.5)] {
        let refused = check(label, |seed| {
            let (written, power) = random_program(seed, SHORT_MS);
            let sensor = Sensor {
                clock_offset_ms: clock_offset_ms(seed),
                noise_w,
                drift_w,
                ..Sensor::default()
            };
            (written, power, sensor)
        });
        assert_eq!(refused, 0, "{label}");
    }
}

/// Noise as large as the power of some work, and a rail of which spans explain a half: an
/// offset is right, or it is requested.
#[test]
fn uncertain_offsets_are_right_or_requested() {
    check("much noise", |seed| {
        let (written, power) = random_program(seed, SHORT_MS);
        let sensor = Sensor {
            clock_offset_ms: clock_offset_ms(seed),
            noise_w: 2.0,
            drift_w: 2.0,
            ..Sensor::default()
        };
        (written, power, sensor)
    });
    for length_ms in [SHORT_MS, 60_000.0] {
        let label = format!("half of the work is not traced, {length_ms} ms");
        check(&label, |seed| {
            let (written, mut power) = random_program(seed, length_ms);
            let (_, other) = random_program(seed + 1_000, length_ms);
            power.pieces.extend(other.pieces);
            let sensor = Sensor {
                clock_offset_ms: clock_offset_ms(seed),
                noise_w: 0.5,
                from_to_ms: (-2_000.0, length_ms + 2_000.0),
                ..Sensor::default()
            };
            (written, power, sensor)
        });
    }
}

#[test]
fn one_burst_between_idle_times_is_enough() {
    let refused = check("one burst", |seed| {
        let (written, power) = periodic_program(1, (2_000.0, 10.0));
        let sensor = Sensor {
            clock_offset_ms: clock_offset_ms(seed),
            noise_w: 0.3,
            from_to_ms: (-3_000.0, 6_000.0),
            ..Sensor::default()
        };
        (written, power, sensor)
    });
    assert_eq!(refused, 0);
}

#[test]
fn lifetimes_of_the_asynchronous_style_give_the_offset() {
    let refused = check("asynchronous", |seed| {
        let (mut written, power) = random_program(seed, SHORT_MS);
        for event in &mut written.events {
            let phase = |from: &str| format!("\"ph\":\"{from}\"");
            *event = event
                .replace(&phase("B"), &(phase("b") + ",\"id\":7"))
                .replace(&phase("E"), &(phase("e") + ",\"id\":7"));
        }
        let sensor = Sensor {
            clock_offset_ms: clock_offset_ms(seed),
            noise_w: 0.5,
            ..Sensor::default()
        };
        (written, power, sensor)
    });
    assert_eq!(refused, 0);
}

/// Without wall clocks both start together: the first sample with the first span.
#[test]
fn without_wall_clocks_the_whole_overlap_is_searched() {
    for seed in seeds() {
        let (written, power) = random_program(seed, SHORT_MS);
        let sensor = Sensor {
            noise_w: 1.0,
            from_to_ms: (-30_000.0, 20_000.0),
            wall: false,
            ..Sensor::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let table = std::fs::read_to_string(sensor.write(&power, folder.path(), seed)).unwrap();
        let first_ns: f64 = table
            .lines()
            .nth(1)
            .unwrap()
            .split(',')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let (own, all) = found(&written, &power, sensor, seed).unwrap();
        let truth_ms = -first_ns / 1e6;
        assert!((own - truth_ms).abs() < 20.0, "{own} {truth_ms}");
        assert!((all - truth_ms).abs() < 20.0, "{all} {truth_ms}");
    }
}

/// Checks that every program is refused with the expected reason.
fn refused(label: &str, expected: &str, program: impl Fn(u64) -> (Written, Power, (f64, f64))) {
    for seed in seeds() {
        let (written, power, from_to_ms) = program(seed);
        let sensor = Sensor {
            clock_offset_ms: 730.0,
            noise_w: 0.3,
            drift_w: 0.3,
            from_to_ms,
            ..Sensor::default()
        };
        let why = found(&written, &power, sensor, seed).unwrap_err();
        assert!(why.contains("is ambiguous: "), "{label}: {why}");
        assert!(why.contains("give it with --offset MS"), "{label}: {why}");
        assert!(why.contains(expected), "{label}, {seed}: {why}");
    }
}

#[test]
fn flat_power_and_constant_work_are_refused() {
    let flat = Power {
        idle_w: 5.0,
        pieces: Vec::new(),
    };
    refused("flat", "% of the power's variation", |seed| {
        (
            random_program(seed, SHORT_MS).0,
            flat.clone(),
            (-2_000.0, 12_000.0),
        )
    });
    refused("always busy", "% of the power's variation", |_| {
        let (written, power) = periodic_program(1, (20_000.0, 1.0));
        (written, power, (2_000.0, 18_000.0))
    });
    refused("another program", "", |seed| {
        let (_, power) = random_program(seed + 1_000, SHORT_MS);
        (
            random_program(seed, SHORT_MS).0,
            power,
            (-2_000.0, 12_000.0),
        )
    });
    let exactly = Sensor {
        from_to_ms: (-2_000.0, 12_000.0),
        ..Sensor::default()
    };
    let why = found(&random_program(1, SHORT_MS).0, &flat, exactly, 1).unwrap_err();
    assert!(why.contains("it is constant"), "{why}");
}

#[test]
fn periodic_work_is_refused() {
    refused(
        "periodic",
        "fits about as well: the work repeats itself",
        |_| {
            let (written, power) = periodic_program(60, (150.0, 150.0));
            (written, power, (1_000.0, 15_000.0))
        },
    );
    refused("two bursts alike, one of them traced", "", |_| {
        let (written, mut power) = periodic_program(1, (2_000.0, 10.0));
        power.pieces.push((6_000.0, 8_000.0, 12.0));
        (written, power, (-3_000.0, 12_000.0))
    });
}

#[test]
fn short_and_distant_recordings_are_refused() {
    refused("short", "samples overlap spans", |_| {
        let (written, power) = periodic_program(1, (500.0, 10.0));
        (written, power, (-1_000.0, 2_000.0))
    });
    refused(
        "another day",
        "the recording and the trace do not overlap",
        |seed| {
            let (written, power) = random_program(seed, SHORT_MS);
            (written, power, (86_400_000.0, 86_410_000.0))
        },
    );
}
