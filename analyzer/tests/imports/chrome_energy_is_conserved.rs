//! Kinds and accounts of any Chrome trace sum to the measured energy, and a trace that is
//! cut anywhere is read or refused.

use std::path::Path;

use crate::fixture::conserved::conserved;
use energy_analyzer::import::{ChromeOptions, Imported, import_chrome};
use energy_data::units::Nanos;
use proptest::prelude::*;

/// Phase, name, thread or task, time in ms, length in ms, value of the key field.
type Event = (u8, u8, u8, i64, i64, u8);

fn any_event() -> impl Strategy<Value = Event> {
    (
        0..7_u8,
        0..4_u8,
        0..3_u8,
        -200..2500_i64,
        0..700_i64,
        0..3_u8,
    )
}

/// Times ascend in most files, and in these when `sorted`.
fn text(mut events: Vec<Event>, sorted: bool) -> String {
    if sorted {
        events.sort_by_key(|event| event.3);
    }
    let line = |(phase, name, lane, ms, length, layer): &Event| {
        let ph = ["B", "E", "X", "b", "e", "i", "M"][*phase as usize];
        let us = *ms as f64 * 1e3 + 0.5;
        let more = match ph {
            "X" => format!(",\"dur\":{}", length * 1_000),
            "b" | "e" => format!(",\"id\":{lane}"),
            _ => String::new(),
        };
        format!(
            "{{\"args\":{{\"layer\":\"{layer}\",\"v\":\"{length}\"}},\"cat\":\"c\",\"name\":\"n{name}\",\
             \"ph\":\"{ph}\",\"pid\":1,\"tid\":{lane},\"ts\":{us}{more}}}"
        )
    };
    let first = (0, 0, 0, 0, 0, 0);
    let lines: Vec<String> = std::iter::once(&first).chain(&events).map(line).collect();
    format!("[\n{}\n]", lines.join(",\n"))
}

/// Returns the sum in joules.
fn write_power(path: &Path, energies: &[f64]) -> f64 {
    let mut text = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned();
    for (at, energy) in (0_i64..).zip(energies) {
        let rail = ["cpu", "gpu"][at as usize % 2];
        let (start, end) = (at / 2 * 150_000_000, (at / 2 + 1) * 150_000_000);
        text += &format!("{start},{end},{rail},{energy}\n");
    }
    std::fs::write(path, text).unwrap();
    energies.iter().sum::<f64>() / 1e3
}

fn import(
    folder: &Path,
    trace: &[u8],
    clock_offset_ms: i64,
) -> Result<Imported, energy_analyzer::Error> {
    std::fs::write(folder.join("trace.json"), trace).unwrap();
    let options = ChromeOptions {
        trace: folder.join("trace.json"),
        power: folder.join("power.csv"),
        offset: Some(Nanos::from_millis(clock_offset_ms)),
        ..ChromeOptions::default()
    };
    import_chrome(&folder.join("a.db"), &options)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn kinds_and_accounts_sum_to_the_measured_energy(
        events in prop::collection::vec(any_event(), 0..60),
        sorted in any::<bool>(),
        energies in prop::collection::vec(0.0..5000.0_f64, 1..60),
        clock_offset_ms in -1500..1500_i64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let measured_j = write_power(&folder.path().join("power.csv"), &energies);
        let trace = text(events, sorted);
        let imported = import(folder.path(), trace.as_bytes(), clock_offset_ms).unwrap();
        prop_assert!(imported.spans > 0);
        let sums = conserved(&folder.path().join("a.db"), &imported.uuid, measured_j);
        prop_assert!(sums.is_ok(), "{sums:?}");
    }

    #[test]
    fn any_cut_is_read_or_refused(
        events in prop::collection::vec(any_event(), 0..30),
        cut in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        write_power(&folder.path().join("power.csv"), &[100.0; 20]);
        let trace = text(events, true);
        let whole = import(folder.path(), trace.as_bytes(), 0).unwrap();
        let cut = cut.index(trace.len());
        match import(folder.path(), &trace.as_bytes()[..cut], 0) {
            Ok(part) => {
                prop_assert!(part.spans <= whole.spans);
                prop_assert!(part.warnings.iter().any(|warning| warning.contains("trace file is truncated")));
            }
            Err(error) => prop_assert!(error.to_string().contains("trace.json: "), "{error}"),
        }
        let mut changed = trace.into_bytes();
        let at = other.index(changed.len());
        changed[at] = byte;
        if let Err(error) = import(folder.path(), &changed, 0) {
            prop_assert!(error.to_string().contains("trace.json: "), "{error}");
        }
    }
}
