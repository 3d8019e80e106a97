//! The rules.

use energy_data::interval_energy::is_enough;

use super::facts::{CpuFacts, Facts, RailFacts, SumFact};
use crate::query::average_w;

/// Share of an energy that may always be noise.
pub const NOISE: f64 = 0.05;

/// Rounding error of sums, relative to the largest number.
const ROUNDING: f64 = 1e-6;
/// Energies below this are ignored.
const LEAST_J: f64 = 1e-9;
/// CPU time that clocks of different resolution may misplace, per processor.
const TICKS_NS: f64 = 30e6;
/// Minimum coverage for comparing a rail with its parts.
const COVERED: f64 = 0.9;

/// Returns all violations.
pub(super) fn violations(facts: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    for rail in &facts.rails {
        let faults = rail_faults(rail, facts.end_ns);
        found.extend(
            faults
                .into_iter()
                .map(|fault| format!("{}: {fault}", rail.name)),
        );
    }
    found.extend(parts_above_wholes(facts));
    found.extend(facts.sums.iter().filter_map(sum_fault));
    found.extend(
        facts
            .cpu
            .iter()
            .filter_map(|cpu| cpu_fault(cpu, facts.cores)),
    );
    found.extend(
        facts
            .after_end
            .iter()
            .map(|(table, count)| format!("{count} rows of {table} end after the run")),
    );
    found.extend(facts.phases.iter().filter_map(|phase| {
        let is_known = phase.energy_j.is_some();
        match phase.coverage? {
            coverage if !(0.0..=1.0 + ROUNDING).contains(&coverage) => {
                Some(format!("{}: coverage is {coverage}", phase.name))
            }
            coverage if !is_enough(coverage) && is_known => Some(format!(
                "{}: energy is known although samples cover {:.0} % of the time",
                phase.name,
                100.0 * coverage
            )),
            coverage if is_enough(coverage) && !is_known && phase.has_measured => Some(format!(
                "{}: energy is unknown although samples cover {:.0} % of the time",
                phase.name,
                100.0 * coverage
            )),
            _ => None,
        }
    }));
    found
}

fn rail_faults(rail: &RailFacts, end_ns: i64) -> Vec<String> {
    let Some(measured) = rail.measured_j else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    if !measured.is_finite() || measured < -LEAST_J {
        faults.push(format!("measured is {measured} J"));
    }
    let sum: f64 = rail.accounts.iter().filter_map(|account| account.1).sum();
    if !is_close(sum, measured, rail.scale()) {
        faults.push(format!(
            "accounts sum to {sum} J, but {measured} J were measured"
        ));
    }
    for &(name, energy) in &rail.accounts {
        let Some(energy) = energy.filter(|_| name != "residual") else {
            continue;
        };
        // Configured idle power was not measured in this run.
        if name == "idle" && rail.baseline_samples == Some(0) {
            continue;
        }
        let noise = rail.noise_j();
        if !(-noise..=measured + noise).contains(&energy) {
            faults.push(format!(
                "{name} is {energy} J, but {measured} J were measured"
            ));
        }
    }
    if let Some(covered) = rail
        .covered_ns
        .filter(|&covered| covered < 0 || covered > end_ns)
    {
        faults.push(format!(
            "samples cover {covered} ns, but the run lasts {end_ns} ns"
        ));
    }
    faults.extend(power_faults(rail, measured));
    if let (Some(lo), Some(hi)) = (rail.lo_j, rail.hi_j) {
        let value = measured + rail.extrapolated_j.unwrap_or(0.0);
        let slack = ROUNDING * value.abs() + LEAST_J;
        if !(lo - slack..=hi + slack).contains(&value) {
            faults.push(format!(
                "{value} J lies outside of its interval {lo} .. {hi} J"
            ));
        }
    }
    faults
}

fn power_faults(rail: &RailFacts, measured: f64) -> Vec<String> {
    let mut faults = Vec::new();
    let above = |a: f64, b: f64| a > b + ROUNDING * b.abs().max(1e-3);
    if let (Some(peak), Some(largest)) = (rail.peak_w, rail.largest_w)
        && above(peak, largest)
    {
        faults.push(format!(
            "the peak is {peak} W, but no sample is above {largest} W"
        ));
    }
    let average = average_w(Some(measured), rail.covered_ns);
    // A short sample, which gives no peak, may have the highest power.
    if let (Some(largest), Some(average)) = (rail.largest_w.or(rail.peak_w), average)
        && above(average, largest)
    {
        faults.push(format!(
            "the average is {average} W, but no sample is above {largest} W"
        ));
    }
    faults
}

/// Returns wholes that are exceeded by their parts by more than the noise.
fn parts_above_wholes(facts: &Facts) -> Vec<String> {
    let is_covered = |rail: &RailFacts| {
        let covered = rail.covered_ns.unwrap_or(facts.end_ns) as f64;
        covered >= COVERED * facts.end_ns as f64
    };
    let fault = |whole: &RailFacts| {
        let measured = whole.measured_j.filter(|_| is_covered(whole))?;
        let parts = facts.rails.iter();
        let parts: Vec<&RailFacts> = parts
            .filter(|part| part.parent == Some(whole.id) && is_covered(part))
            .collect();
        let sum: f64 = parts.iter().filter_map(|part| part.measured_j).sum();
        let noise: f64 = parts.iter().map(|part| part.noise_j()).sum();
        (sum > measured + noise + whole.noise_j()).then(|| {
            format!(
                "{}: its parts measured {sum} J, it measured {measured} J",
                whole.name
            )
        })
    };
    facts.rails.iter().filter_map(fault).collect()
}

fn sum_fault(sum: &SumFact) -> Option<String> {
    (!is_close(sum.parts, sum.whole, sum.whole.abs().max(sum.scale))).then(|| {
        format!(
            "{} sum to {} J, not to {} J",
            sum.what, sum.parts, sum.whole
        )
    })
}

fn cpu_fault(cpu: &CpuFacts, cores: Option<f64>) -> Option<String> {
    let processors = match cpu.is_thread {
        true => 1.0,
        false => cores?,
    };
    let most = processors * (cpu.length_ns * (1.0 + NOISE) + TICKS_NS);
    (cpu.busy_ns > most).then(|| {
        format!(
            "CPU time of {}: {:.1} processors busy of {processors} over {:.3} s",
            cpu.what,
            cpu.busy_ns / cpu.length_ns.max(1.0),
            cpu.length_ns / 1e9
        )
    })
}

/// Returns whether two numbers are equal within rounding; NaN never is.
fn is_close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= ROUNDING * scale + LEAST_J
}

impl RailFacts {
    /// Returns by how much an account may lie outside of 0 .. measured.
    fn noise_j(&self) -> f64 {
        let windows = self.windows as f64;
        let baseline = self.baseline_samples.filter(|&n| n > 0).unwrap_or(1) as f64;
        let error = windows * (1.0 / windows.max(1.0) + 1.0 / baseline).sqrt();
        NOISE * self.measured_j.unwrap_or(0.0).abs() + 3.0 * error * self.window_sd_j + LEAST_J
    }

    fn scale(&self) -> f64 {
        let parts = self.accounts.iter().filter_map(|account| account.1);
        parts.fold(self.measured_j.unwrap_or(0.0).abs(), |most, part| {
            most.max(part.abs())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::PhaseFacts;
    use super::*;

    /// 100 J in ten seconds: 40 idle, 50 spans, 10 unattributed.
    fn rail(id: i64, name: &str) -> RailFacts {
        RailFacts {
            id,
            name: name.to_owned(),
            parent: None,
            measured_j: Some(100.0),
            accounts: vec![
                ("idle", Some(40.0)),
                ("spans", Some(50.0)),
                ("unattributed", Some(10.0)),
                ("other processes", None),
                ("profiler", None),
                ("residual", Some(0.0)),
                ("unknown", None),
            ],
            extrapolated_j: Some(0.0),
            lo_j: Some(99.0),
            hi_j: Some(101.0),
            covered_ns: Some(10_000_000_000),
            peak_w: Some(12.0),
            largest_w: Some(12.0),
            windows: 100,
            window_sd_j: 0.01,
            baseline_samples: Some(20),
        }
    }

    fn facts() -> Facts {
        Facts {
            end_ns: 10_000_000_000,
            cores: Some(4.0),
            rails: vec![rail(1, "package")],
            sums: Vec::new(),
            cpu: Vec::new(),
            after_end: Vec::new(),
            phases: Vec::new(),
        }
    }

    fn found(change: impl FnOnce(&mut Facts)) -> Vec<String> {
        let mut facts = facts();
        change(&mut facts);
        violations(&facts)
    }

    fn account(facts: &mut Facts, name: &str, energy: f64) {
        let accounts = facts.rails[0].accounts.iter_mut();
        for account in accounts.filter(|account| account.0 == name) {
            account.1 = Some(energy);
        }
    }

    #[test]
    fn plausible_numbers_violate_nothing() {
        assert!(found(|_| ()).is_empty());
        // Slightly more idle energy than measured is noise.
        let noise = |facts: &mut Facts| {
            account(facts, "idle", 100.4);
            account(facts, "spans", 0.0);
            account(facts, "unattributed", 0.0);
            account(facts, "residual", -0.4);
        };
        assert!(found(noise).is_empty());
        let unknown = |facts: &mut Facts| facts.rails[0].measured_j = None;
        assert!(found(unknown).is_empty());
    }

    #[test]
    fn accounts_beyond_the_measured_energy_are_reported() {
        let found_of = |name: &str, energy: f64| {
            found(|facts| {
                let accounts = facts.rails[0].accounts.iter();
                let known: f64 = accounts.filter(|a| a.0 != name).filter_map(|a| a.1).sum();
                account(facts, name, energy);
                account(facts, "residual", 100.0 - energy - known);
            })
        };
        assert_eq!(
            found_of("spans", 150.0),
            ["package: spans is 150 J, but 100 J were measured"]
        );
        assert_eq!(
            found_of("unattributed", -20.0),
            ["package: unattributed is -20 J, but 100 J were measured"]
        );
        assert_eq!(found_of("idle", 130.0).len(), 1);
        let lost = found(|facts| account(facts, "spans", 49.0));
        assert_eq!(
            lost,
            ["package: accounts sum to 99 J, but 100 J were measured"]
        );
        let nan = found(|facts| account(facts, "spans", f64::NAN));
        assert_eq!(nan.len(), 2, "{nan:?}");
    }

    #[test]
    fn powers_above_every_sample_are_reported() {
        assert!(found(|facts| facts.rails[0].peak_w = Some(24.0))[0].contains("the peak is 24 W"));
        let half = found(|facts| facts.rails[0].covered_ns = Some(5_000_000_000));
        assert!(half[0].contains("the average is 20 W"), "{half:?}");
        let twice = found(|facts| facts.rails[0].covered_ns = Some(20_000_000_000));
        assert!(twice[0].contains("samples cover"), "{twice:?}");
        let interval = found(|facts| facts.rails[0].lo_j = Some(100.5));
        assert!(
            interval[0].contains("outside of its interval"),
            "{interval:?}"
        );
    }

    #[test]
    fn parts_above_their_whole_are_reported() {
        let parts = |measured: f64| {
            found(|facts| {
                let part = RailFacts {
                    parent: Some(1),
                    measured_j: Some(measured),
                    accounts: vec![("spans", Some(measured))],
                    peak_w: None,
                    lo_j: None,
                    ..rail(2, "core")
                };
                facts.rails.push(part);
            })
        };
        assert!(parts(99.0).is_empty());
        assert_eq!(
            parts(120.0),
            ["package: its parts measured 120 J, it measured 100 J"]
        );
    }

    #[test]
    fn more_busy_processors_than_the_machine_has_are_reported() {
        let busy = |busy_ns: f64, is_thread: bool| {
            found(|facts| {
                facts.cpu.push(CpuFacts {
                    what: "the process".to_owned(),
                    is_thread,
                    length_ns: 1e9,
                    busy_ns,
                });
            })
        };
        assert!(busy(3.9e9, false).is_empty() && busy(1.0e9, true).is_empty());
        assert!(busy(16.4e9, false)[0].contains("16.4 processors busy of 4"));
        assert_eq!(busy(1.2e9, true).len(), 1);
    }

    #[test]
    fn sums_coverage_and_ends_are_checked() {
        let sum = |parts: f64| {
            found(|facts| {
                facts.sums.push(SumFact {
                    what: "phases".to_owned(),
                    parts,
                    whole: 100.0,
                    scale: 0.0,
                });
            })
        };
        assert!(sum(100.0).is_empty());
        assert_eq!(sum(99.0), ["phases sum to 99 J, not to 100 J"]);
        let covered = |coverage: f64, energy_j: Option<f64>| {
            found(|facts| {
                facts.phases.push(PhaseFacts {
                    name: "decode".to_owned(),
                    coverage: Some(coverage),
                    energy_j,
                    has_measured: true,
                });
            })
        };
        assert!(covered(0.6, Some(1.0)).is_empty() && covered(0.4, None).is_empty());
        assert_eq!(covered(0.4, Some(1.0)).len(), 1);
        assert_eq!(covered(0.6, None).len(), 1);
        assert_eq!(covered(1.5, Some(1.0)).len(), 1);
        let late = found(|facts| facts.after_end.push(("spans", 3)));
        assert_eq!(late, ["3 rows of spans end after the run"]);
    }
}
