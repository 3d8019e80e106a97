//! A calibration as a table.

use std::io::{self, Write};

use super::{KindPower, MeasuredPowers};
use crate::format::screen::OutputStyle;
use crate::format::{percent, power, time_span};

/// Prints the powers, then the kinds without one.
///
/// # Errors
/// If `out` cannot be written.
pub fn print(measured: &MeasuredPowers, style: OutputStyle, out: &mut dyn Write) -> io::Result<()> {
    let mut rails: Vec<&str> = measured
        .kinds
        .iter()
        .map(|kind| kind.rail.as_str())
        .collect();
    rails.dedup();
    for rail in rails {
        writeln!(
            out,
            "{}",
            style.heading(&format!("Rail {rail}: active power of operations"))
        )?;
        let of_rail = measured.kinds.iter().filter(|kind| kind.rail == rail);
        let rows: Vec<_> = of_rail.map(row).collect();
        let header = ["operation", "power", "+-", "rounds", "measured", "one run"];
        writeln!(out, "{}\n", style.table(&header, &rows))?;
    }
    if measured.kinds.iter().any(|kind| kind.together > 1) {
        writeln!(
            out,
            "* measured together: too short, or not enough time to measure them separately"
        )?;
    }
    for skipped in &measured.skipped {
        let text = format!("{} on rail {}: {}", skipped.kind, skipped.rail, skipped.why);
        writeln!(out, "{}", style.notice(&text))?;
    }
    for rail in &measured.silent_rails {
        writeln!(out, "rail {rail}: no operation is above idle power")?;
    }
    Ok(())
}

fn row(kind: &KindPower) -> Vec<String> {
    let mark = if kind.together > 1 { " *" } else { "" };
    vec![
        format!("{}{mark}", kind.kind),
        power(Some(kind.watts)),
        percent(Some(kind.relative_sd)),
        kind.rounds.to_string(),
        time_span(Some(kind.busy_ns)),
        time_span(Some(kind.run_ns as i64)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::Skipped;
    use energy_data::units::Nanos;

    #[test]
    fn the_table_shows_powers_and_reasons() {
        let kind = |kind: &str, together| KindPower {
            rail: "cpu".into(),
            kind: kind.into(),
            watts: 8.25,
            relative_sd: 0.05,
            rounds: 3,
            busy_ns: 1_200_000_000,
            run_ns: 2_500.0,
            together,
        };
        let measured = MeasuredPowers {
            kinds: vec![kind("a > b", 1), kind("a > c", 2)],
            skipped: vec![Skipped {
                rail: "gpu".into(),
                kind: "a > b".into(),
                why: "not above idle power".into(),
            }],
            silent_rails: vec!["ane".into()],
            rounds: 3,
            slot: Nanos::ZERO,
            idle: Nanos::ZERO,
        };
        let mut out = Vec::new();
        print(&measured, OutputStyle::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for part in [
            "Rail cpu", "a > c *", "8.250 W", "5.0 %", "1.200 s", "2.500 us", "together",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("rail ane: no operation is above"));
        assert!(text.contains("a > b on rail gpu: not above idle power"));
    }
}
