//! The clocks of a trace and of a power recording are brought together by what the
//! program did, or the offset is asked for: it is never guessed.

#[allow(dead_code, unreachable_pub)]
#[path = "fixture/traced.rs"]
mod traced;

use energy_analyzer::import::{ChromeOptions, import_chrome};
use traced::{Power, Sensor, Written, periodic_program, random_program};

/// The offset that the run says, ms, or why there is none.
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
    let store = tracing_energy::store::Store::open(&db).unwrap();
    let run = store.find_run(&imported.uuid).unwrap();
    let config: serde_json::Value =
        serde_json::from_str(run.row.metadata.config.as_deref().unwrap()).unwrap();
    let own = config["offset_ms"].as_f64().unwrap();
    let more: Option<f64> = store
        .connection()
        .query_row(
            "SELECT offset_ms FROM attributions ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .unwrap();
    Ok((own, own + more.unwrap_or(0.0)))
}

#[test]
#[ignore = "prints statistics"]
fn statistics() {
    let count: u64 = std::env::var("SEEDS").map_or(50, |text| text.parse().unwrap());
    for (label, noise_w, drift_w, wall) in [
        ("quiet", 0.1, 0.0, true),
        ("noise", 1.0, 0.5, true),
        ("much noise", 3.0, 2.0, true),
        ("no wall", 1.0, 0.5, false),
    ] {
        let (mut own, mut all, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for seed in 0..count {
            let (written, power) = random_program(seed);
            let offset_ms = [730.0, -412.0, 3_100.0, 0.0, -9_000.0][seed as usize % 5];
            let sensor = Sensor {
                offset_ms,
                noise_w,
                drift_w,
                wall,
                ..Sensor::default()
            };
            // Without wall clocks the common begin is that of the first sample.
            match found(&written, &power, sensor, seed) {
                Ok((one, two)) if wall => {
                    own.push((one - offset_ms).abs());
                    all.push((two - offset_ms).abs());
                }
                Ok((one, _)) => own.push(one),
                Err(why) => refused.push(why),
            }
        }
        own.sort_by(f64::total_cmp);
        all.sort_by(f64::total_cmp);
        let at = |errors: &[f64], share: f64| {
            errors
                .get(((errors.len() as f64 - 1.0) * share) as usize)
                .copied()
                .unwrap_or(f64::NAN)
        };
        eprintln!(
            "{label}: own median {:.2} p90 {:.2} max {:.2}; with fit {:.2} {:.2} {:.2}; refused {}: {:?}",
            at(&own, 0.5),
            at(&own, 0.9),
            at(&own, 1.0),
            at(&all, 0.5),
            at(&all, 0.9),
            at(&all, 1.0),
            refused.len(),
            refused.first()
        );
    }
    let mut kinds: std::collections::BTreeMap<String, (usize, f64)> = Default::default();
    for seed in 0..count {
        for (label, cycles, times, from_to) in [
            ("periodic inside", 60, (150.0, 150.0), (1_000.0, 15_000.0)),
            (
                "periodic, rest around",
                30,
                (150.0, 150.0),
                (-3_000.0, 12_000.0),
            ),
            (
                "2 alike bursts recorded, 1 traced",
                1,
                (2_000.0, 10.0),
                (-3_000.0, 12_000.0),
            ),
            ("one burst", 1, (2_000.0, 10.0), (-3_000.0, 6_000.0)),
            ("always busy", 1, (20_000.0, 1.0), (2_000.0, 18_000.0)),
        ] {
            let (written, mut power) = periodic_program(cycles, times);
            if label.starts_with('2') {
                power.pieces.push((6_000.0, 8_000.0, 12.0));
            }
            let sensor = Sensor {
                offset_ms: 730.0,
                noise_w: 0.5,
                drift_w: 0.3,
                from_to_ms: from_to,
                ..Sensor::default()
            };
            let error = found(&written, &power, sensor, seed);
            let entry = kinds.entry(label.to_owned()).or_default();
            match error {
                Ok((own, _)) => entry.1 = entry.1.max((own - 730.0).abs()),
                Err(why) => {
                    if entry.0 == 0 {
                        eprintln!("{label}: {why}");
                    }
                    entry.0 += 1;
                }
            }
        }
        let (written, _) = random_program(seed);
        let (_, other) = random_program(seed + 1000);
        let flat = Power {
            idle_w: 5.0,
            pieces: vec![],
        };
        for (label, power) in [("power of another program", other), ("flat", flat)] {
            let sensor = Sensor {
                offset_ms: 730.0,
                noise_w: 0.5,
                drift_w: 0.5,
                ..Sensor::default()
            };
            let entry = kinds.entry(label.to_owned()).or_default();
            match found(&written, &power, sensor, seed) {
                Ok((own, _)) => entry.1 = own,
                Err(why) => {
                    if entry.0 == 0 {
                        eprintln!("{label}: {why}");
                    }
                    entry.0 += 1;
                }
            }
        }
    }
    for (label, (refused, worst)) in kinds {
        eprintln!("{label}: refused {refused} of {count}; worst error of accepted {worst:.2} ms");
    }
}
