//! Detects implausible zeros in a recording: a processor or its memory always draws power.
//!
//! ```text
//! reads    5 7 6 8 0 0 0 0 0 0 0 0 6 7 5 W        frozen counter: unknown
//! reads    5 7 6 8 0 0 0 0 0 0 0 60 7 5 W         late update: one window with the whole energy
//! reads    5 0 0 9 0 0 8 0 0 9 0 0 8 W            batched counter: see `power::batches`
//! reads    .1 9 8 0 0 0 0 0 0 0 9 .1 8 W          power near zero at times: plausible zeros
//! ```

use crate::frozen::FROZEN_AFTER;
use crate::rail::{Notice, Rail, Sample};
use energy_data::RailKind;
use energy_data::units::{Energy, Nanos};

/// Minimum power of a rail relative to its median below which zero is plausible.
const LEAST_SHARE: f64 = 0.2;
/// Minimum number of consecutive non-zero readings; a batched counter has fewer.
const STEADY: usize = 3;
/// Share of the missing energy from which on the window after the zeros contains it.
const CAUGHT_UP: f64 = 0.5;

/// Replaces implausible zeros by unknown energies and returns a notice for each affected rail.
/// `samples` are sorted by time.
pub(super) fn check(rails: &[Rail], samples: &mut Vec<Sample>) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut dropped = vec![false; samples.len()];
    for (at, rail) in rails.iter().enumerate() {
        let is_checked = matches!(
            rail.kind,
            RailKind::Cpu | RailKind::Package | RailKind::Dram
        );
        if !is_checked {
            continue;
        }
        let of_rail = samples.iter().enumerate().filter(|(_, one)| one.rail == at);
        let places: Vec<usize> = of_rail.map(|(place, _)| place).collect();
        notices.extend(check_rail(rail, &places, samples, &mut dropped));
    }
    let mut kept = dropped.iter().map(|dropped| !dropped);
    samples.retain(|_| kept.next().unwrap_or(true));
    notices
}

fn check_rail(
    rail: &Rail,
    places: &[usize],
    samples: &mut [Sample],
    dropped: &mut [bool],
) -> Option<Notice> {
    let least_w = least_power(places, samples)?;
    let (mut unknown, mut first) = (Nanos::ZERO, None);
    let mut from = 0;
    let runs: Vec<(usize, usize, bool)> = places
        .chunk_by(|a, b| is_zero(&samples[*a]) == is_zero(&samples[*b]))
        .map(|run| {
            let at = from;
            from += run.len();
            (at, from, is_zero(&samples[run[0]]))
        })
        .collect();
    for (from, to, is_silent) in runs {
        let silent = &places[from..to];
        let time = silent.iter().fold(Nanos::ZERO, |sum, &place| {
            sum + samples[place].end - samples[place].start
        });
        if !is_silent || time < FROZEN_AFTER {
            continue;
        }
        let (start, end) = (
            samples[silent[0]].start,
            samples[silent[silent.len() - 1]].end,
        );
        if let Some(&next) = places.get(to)
            && samples[next].start == end
            && has_caught_up(&samples[next], time, least_w)
        {
            samples[next].start = start;
            silent.iter().for_each(|&place| dropped[place] = true);
            continue;
        }
        silent
            .iter()
            .for_each(|&place| samples[place].energy = None);
        unknown += time;
        first.get_or_insert(start);
    }
    let message = format!(
        "recording: rail {} reads 0 for {:.1} s although its power is {least_w:.2} W or more in \
         98 % of the other samples: its energy is unknown there",
        rail.name,
        unknown.seconds()
    );
    Some(Notice {
        time: first?,
        kind: "frozen",
        message,
    })
}

/// Returns the minimum power of a rail whose power never approaches zero; `None` for other
/// rails and for batched counters.
fn least_power(places: &[usize], samples: &[Sample]) -> Option<f64> {
    let mut steady = 0;
    let mut watts: Vec<f64> = Vec::new();
    for run in places.chunk_by(|a, b| is_zero(&samples[*a]) == is_zero(&samples[*b])) {
        let of_run = run.iter().filter_map(|&place| power_w(&samples[place]));
        let of_run: Vec<f64> = of_run.filter(|&power| power > 0.0).collect();
        steady += if of_run.len() >= STEADY {
            of_run.len()
        } else {
            0
        };
        watts.extend(of_run);
    }
    watts.sort_unstable_by(f64::total_cmp);
    let least = *watts.get(watts.len() / 50)?;
    let usual = watts[watts.len() / 2];
    let is_steady = 2 * steady > watts.len();
    (is_steady && least >= LEAST_SHARE * usual).then_some(least)
}

fn has_caught_up(sample: &Sample, silent: Nanos, least_w: f64) -> bool {
    let own = sample.end - sample.start;
    let wanted = least_w * (silent + own).seconds();
    let joules = sample.energy.map_or(0.0, Energy::joules);
    silent > own && joules >= CAUGHT_UP * wanted
}

fn is_zero(sample: &Sample) -> bool {
    sample.energy == Some(Energy::ZERO)
}

fn power_w(sample: &Sample) -> Option<f64> {
    let power = sample.energy?.over(sample.end - sample.start)?;
    Some(power.watts())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns lengths and energies of windows of 0.5 s with these powers, after the check.
    fn checked(kind: RailKind, watts: &[f64]) -> (Vec<(i64, Option<f64>)>, usize) {
        let rail = Rail {
            name: "rail".into(),
            kind,
            parent: None,
            unit: "mJ",
        };
        let mut samples: Vec<Sample> = (0..)
            .zip(watts)
            .map(|(at, watts)| Sample {
                rail: 0,
                start: Nanos::from_millis(500 * at),
                end: Nanos::from_millis(500 * at + 500),
                energy: Some(Energy::from_joules(watts / 2.0)),
            })
            .collect();
        let notices = check(&[rail], &mut samples);
        let shown = samples.iter().map(|one| {
            let length = (one.end - one.start).nanos() / 500_000_000;
            (length, one.energy.map(Energy::joules))
        });
        (shown.collect(), notices.len())
    }

    fn with_zeros(before: f64, zeros: usize, after: &[f64]) -> Vec<f64> {
        let mut watts = vec![before; 8];
        watts.extend(vec![0.0; zeros]);
        watts.extend(after);
        watts
    }

    #[test]
    fn zeros_of_a_rail_that_always_draws_power_are_unknown() {
        let watts = with_zeros(8.0, 6, &[8.0; 4]);
        let (shown, notices) = checked(RailKind::Package, &watts);
        assert_eq!(notices, 1);
        let unknown: Vec<usize> = (0..18).filter(|&at| shown[at].1.is_none()).collect();
        assert_eq!(unknown, (8..14).collect::<Vec<_>>());
        // Also at the end. Shorter times are batches, and a GPU can be switched off.
        assert_eq!(checked(RailKind::Dram, &with_zeros(2.0, 9, &[])).1, 1);
        assert_eq!(checked(RailKind::Cpu, &with_zeros(8.0, 5, &[8.0; 4])).1, 0);
        assert_eq!(checked(RailKind::Gpu, &watts).1, 0);
    }

    #[test]
    fn zeros_of_batched_counters_and_of_rails_near_zero_are_kept() {
        let mut near = with_zeros(9.0, 8, &[9.0; 4]);
        near[1] = 0.01;
        assert_eq!(checked(RailKind::Cpu, &near).1, 0);
        let batched: Vec<f64> = (0..80)
            .map(|at| f64::from(u8::from(at % 8 == 7)) * 40.0)
            .collect();
        assert_eq!(checked(RailKind::Package, &batched).1, 0);
        assert_eq!(checked(RailKind::Package, &[0.0; 20]).1, 0);
    }

    #[test]
    fn late_energy_is_spread_over_the_whole_time() {
        let (shown, notices) = checked(RailKind::Package, &with_zeros(8.0, 7, &[64.0, 8.0, 8.0]));
        assert_eq!(notices, 0);
        assert_eq!(shown[8], (8, Some(32.0)));
        assert_eq!(shown.len(), 11);
    }
}
