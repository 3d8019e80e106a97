//! The live estimate of one rail, on random and on constructed samples.

use std::time::Instant;

use proptest::prelude::*;

use super::drawn::{idle_power, rail};
use crate::allocate::live_rail::{LiveAccounts, LiveRail, LiveSample};
use crate::engine::Engine;
use crate::spans::segments::Opened;
use energy_data::rows::{AttributionRows, Basis, Domain, RailRow, SampleRow};
use energy_data::{Provenance, RailKind};

/// A sample as a test draws it.
#[derive(Debug, Clone)]
struct Drawn {
    times: Vec<(u32, f64)>,
    seconds: f64,
    energy_j: f64,
    idle_w: Option<f64>,
    gap: bool,
}

fn attribute(rail: &mut LiveRail, drawn: &Drawn) -> Option<LiveAccounts> {
    if drawn.gap {
        rail.interrupt();
    }
    rail.sample(&LiveSample {
        times: &drawn.times,
        seconds: drawn.seconds,
        energy_j: drawn.energy_j,
        idle_w: drawn.idle_w,
    })
}

fn all(samples: &[Drawn]) -> Vec<Option<LiveAccounts>> {
    let mut rail = LiveRail::default();
    samples
        .iter()
        .map(|drawn| attribute(&mut rail, drawn))
        .collect()
}

/// Plausible samples; kinds appear, disappear and pause.
fn plausible() -> impl Strategy<Value = Drawn> {
    let times = prop::collection::btree_map(0u32..12, 0.0..0.4, 0..5);
    let energy = prop_oneof![8 => 0.0..5.0, 1 => Just(0.0), 1 => -1.0..0.0];
    let idle = prop_oneof![Just(None), Just(Some(3.0))];
    let others = (0.01..0.2, energy, idle, prop::bool::weighted(0.05));
    (times, others).prop_map(|(times, (seconds, energy_j, idle_w, gap))| Drawn {
        times: times.into_iter().collect(),
        seconds,
        energy_j,
        idle_w,
        gap,
    })
}

/// Implausible samples.
fn implausible() -> impl Strategy<Value = Drawn> {
    let number = || {
        prop_oneof![
            4 => -1.0..10.0,
            1 => Just(0.0),
            1 => Just(f64::NAN),
            1 => Just(f64::INFINITY),
            1 => Just(1e300),
            1 => Just(1e-300),
            1 => Just(-1e9),
        ]
    };
    let times = prop::collection::btree_map(any::<u32>(), number(), 0..4);
    let idle = prop::option::of(number());
    (times, number(), number(), idle, any::<bool>()).prop_map(
        |(times, seconds, energy_j, idle_w, gap)| Drawn {
            times: times.into_iter().collect(),
            seconds,
            energy_j,
            idle_w,
            gap,
        },
    )
}

fn is_conserved(drawn: &Drawn, accounts: &LiveAccounts) -> bool {
    let kinds: f64 = accounts.kinds.iter().map(|(_, energy)| energy).sum();
    let sum = accounts.idle_j + kinds + accounts.residual_j;
    let largest = [accounts.idle_j, kinds, accounts.residual_j, drawn.energy_j];
    let largest = largest
        .into_iter()
        .fold(0.0, |most: f64, part| most.max(part.abs()));
    (sum - drawn.energy_j).abs() <= 1e-9 * largest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_sample_is_conserved(samples in prop::collection::vec(plausible(), 40..120)) {
        let accounts = all(&samples);
        prop_assert!(accounts[..10].iter().all(Option::is_none), "too few samples were learnt");
        for (drawn, accounts) in samples.iter().zip(&accounts) {
            let Some(accounts) = accounts else { continue };
            prop_assert!(is_conserved(drawn, accounts), "{drawn:?} {accounts:?}");
            prop_assert!(accounts.idle_j >= 0.0);
            prop_assert!(accounts.kinds.iter().all(|(_, energy)| *energy >= 0.0));
            let named: Vec<u32> = accounts.kinds.iter().map(|(kind, _)| *kind).collect();
            let some = drawn.times.iter().filter(|(_, time)| *time > 0.0);
            let expected: Vec<u32> = some.map(|(kind, _)| *kind).collect();
            prop_assert_eq!(named, expected);
        }
    }

    #[test]
    fn the_same_samples_give_the_same_accounts(
        samples in prop::collection::vec(plausible(), 20..60),
    ) {
        prop_assert_eq!(all(&samples), all(&samples));
    }

    #[test]
    fn a_sample_never_changes_earlier_accounts(
        samples in prop::collection::vec(plausible(), 20..60),
        cut in 0usize..60,
    ) {
        let cut = cut.min(samples.len());
        prop_assert_eq!(&all(&samples)[..cut], &all(&samples[..cut])[..]);
    }

    #[test]
    fn implausible_samples_are_tolerated(
        before in prop::collection::vec(plausible(), 0..20),
        invalid in prop::collection::vec(implausible(), 1..40),
        after in prop::collection::vec(plausible(), 30..40),
    ) {
        let samples = [before, invalid, after].concat();
        for (drawn, accounts) in samples.iter().zip(all(&samples)) {
            let Some(accounts) = accounts else { continue };
            prop_assert!(is_conserved(drawn, &accounts), "{drawn:?} {accounts:?}");
            prop_assert!(accounts.kinds.iter().all(|(_, energy)| *energy >= 0.0));
        }
    }
}

/// Pseudo-random numbers from 0 to 1.
struct LiveNumbers(u64);

impl LiveNumbers {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

const TRUE_W: [f64; 2] = [12.0, 4.0];
const IDLE_W: f64 = 3.0;

/// 100 ms of two kinds in a mix that changes; the sensor is 3 % off.
fn mixed(numbers: &mut LiveNumbers, idle_w: Option<f64>) -> (Drawn, [f64; 2]) {
    let share = numbers.next();
    let busy_s = 0.02 + 0.07 * numbers.next();
    let times = [busy_s * share, busy_s * (1.0 - share)];
    let used = [times[0] * TRUE_W[0], times[1] * TRUE_W[1]];
    let factor = 1.0 + 0.06 * (numbers.next() - 0.5);
    let drawn = Drawn {
        times: vec![(1, times[0]), (2, times[1])],
        seconds: 0.1,
        energy_j: (IDLE_W * 0.1 + used[0] + used[1]) * factor,
        idle_w,
        gap: false,
    };
    (drawn, used)
}

#[test]
fn true_powers_are_found_and_shares_are_closer_than_in_proportion() {
    for (known, seed) in [(Some(IDLE_W), 1), (Some(IDLE_W), 2), (None, 3), (None, 4)] {
        let mut numbers = LiveNumbers(seed);
        let mut rail = LiveRail::default();
        let (mut truth, mut live, mut even) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        for _ in 0..400 {
            let (drawn, used) = mixed(&mut numbers, known);
            let Some(accounts) = attribute(&mut rail, &drawn) else {
                continue;
            };
            let active_j = drawn.energy_j - IDLE_W * drawn.seconds;
            let busy_s: f64 = drawn.times.iter().map(|(_, time)| time).sum();
            for at in 0..2 {
                truth[at] += used[at];
                live[at] += accounts.kinds[at].1;
                even[at] += active_j * drawn.times[at].1 / busy_s;
            }
        }
        for (kind, watts) in (1..).zip(TRUE_W) {
            let found = rail.power_w(kind).expect("learnt");
            assert!(
                (found / watts - 1.0).abs() < 0.1,
                "{found} W, not {watts} W"
            );
        }
        let off = |found: [f64; 2]| (0..2).map(|at| (found[at] - truth[at]).abs()).sum::<f64>();
        assert!(
            off(live) < 0.3 * off(even),
            "{} J, {} J",
            off(live),
            off(even)
        );
    }
}

/// ```text
/// samples   1 .. 200: a and b    201 .. : c as well, which draws 30 W
/// ```
#[test]
fn a_kind_that_appears_late_is_learnt() {
    let mut numbers = LiveNumbers(5);
    let mut rail = LiveRail::default();
    for at in 0..500 {
        let (mut drawn, _) = mixed(&mut numbers, Some(IDLE_W));
        if at > 200 {
            let time = 0.03 * numbers.next();
            drawn.times.push((3, time));
            drawn.energy_j += 30.0 * time;
        }
        attribute(&mut rail, &drawn);
    }
    let found = rail.power_w(3).expect("learnt");
    assert!((found / 30.0 - 1.0).abs() < 0.1, "{found} W");
    assert_eq!(rail.power_w(4), None);
}

/// Kinds beyond the limit share one power, so that memory stays bounded.
#[test]
fn very_many_kinds_are_supported() {
    let mut numbers = LiveNumbers(6);
    let mut rail = LiveRail::default();
    for at in 0..600u32 {
        let times: Vec<(u32, f64)> = (0..2)
            .map(|k| (2 * at + k, 0.05 * numbers.next()))
            .collect();
        let energy_j = 0.3 + times.iter().map(|(_, time)| time * 10.0).sum::<f64>();
        let drawn = Drawn {
            times,
            seconds: 0.1,
            energy_j,
            idle_w: Some(3.0),
            gap: false,
        };
        if let Some(accounts) = attribute(&mut rail, &drawn) {
            assert!(is_conserved(&drawn, &accounts), "{accounts:?}");
        }
    }
    assert!(rail.is_ready());
    let found = rail.power_w(1_199).expect("shared");
    assert!((found / 10.0 - 1.0).abs() < 0.1, "{found} W");
}

/// ```text
/// thread 1  |=a=|==b==|a|=b=|..      12 W and 4 W over 3 W, known
/// ```
fn attribute_mixed(mut engine: Engine) -> (AttributionRows, [f64; 2]) {
    let mut numbers = LiveNumbers(8);
    engine.rail(rail(1, RailKind::Cpu));
    engine.baseline(&idle_power(1, IDLE_W));
    for node in 1..=2 {
        engine.node(node, None, None, Domain::Cpu);
        engine.kind(node, node, ["", "a", "b"][node as usize]);
    }
    let (mut truth, mut seq, mut all) = ([0.0; 2], 0, AttributionRows::default());
    for at in 0..300 {
        let (drawn, used) = mixed(&mut numbers, None);
        let (start_ns, mut now) = (at * 100_000_000, at * 100_000_000);
        for (node, time) in &drawn.times {
            seq += 1;
            engine.open(Opened {
                seq,
                node: *node,
                parent: None,
                thread: 1,
                start_ns: now,
            });
            now += (time * 1e9) as i64;
            engine.close(seq, now);
        }
        truth = [truth[0] + used[0], truth[1] + used[1]];
        engine.sample(SampleRow {
            rail: 1,
            start_ns,
            end_ns: start_ns + 100_000_000,
            energy_j: Some(drawn.energy_j),
        });
        all.append(engine.advance(start_ns + 100_000_000, i64::MAX));
    }
    let (rows, finished) = engine.finish(300 * 100_000_000);
    assert!(finished.balanced, "{finished:?}");
    all.node_energy.clear();
    all.append(rows);
    (all, truth)
}

#[test]
fn the_engine_separates_kinds() {
    let off = |rows: &AttributionRows, truth: [f64; 2]| {
        let nodes = rows.node_energy.iter();
        let off = nodes.map(|row| (row.self_j - truth[row.node as usize - 1]).abs());
        off.sum::<f64>() / (truth[0] + truth[1])
    };
    let (even, truth) = attribute_mixed(Engine::new());
    let (live, _) = attribute_mixed(Engine::new().estimating_live());
    assert!(off(&even, truth) > 0.2, "{}", off(&even, truth));
    assert!(off(&live, truth) < 0.06, "{}", off(&live, truth));
    let bases = |rows: &AttributionRows, basis| rows.node_energy.iter().all(|r| r.basis == basis);
    assert!(bases(&even, Basis::Proportional) && bases(&live, Basis::Fitted));
    let head = live.head.expect("a head");
    assert_eq!(
        (head.method.as_str(), head.params.as_str()),
        ("fitted", r#"{"live":true}"#)
    );
    let kinds: Vec<&str> = live
        .kind_energy
        .iter()
        .map(|row| row.name.as_str())
        .collect();
    assert_eq!(kinds, ["a", "b"]);
}

/// A modelled rail is a function of CPU time: nothing in it is estimated.
#[test]
fn modelled_rails_stay_proportional() {
    let mut engine = Engine::new().estimating_live();
    engine.rail(RailRow {
        provenance: Provenance::Modelled,
        ..rail(1, RailKind::Cpu)
    });
    assert!(!engine.is_estimating());
    engine.rail(rail(2, RailKind::Gpu));
    assert!(engine.is_estimating());
}

/// Prints the cost of one sample.
#[test]
#[ignore = "a measurement: run it with --ignored --nocapture"]
fn cost_of_a_sample() {
    for kinds in [10u32, 100, 200, 400] {
        let mut numbers = LiveNumbers(7);
        let mut rail = LiveRail::default();
        let count = 2_000;
        let mut longest = 0.0;
        let begin = Instant::now();
        for _ in 0..count {
            let times: Vec<(u32, f64)> = (1..=kinds)
                .map(|kind| (kind, numbers.next() / f64::from(kinds)))
                .collect();
            let energy_j = 1.0
                + times
                    .iter()
                    .map(|(kind, t)| t * f64::from(kind % 7))
                    .sum::<f64>();
            let one = Instant::now();
            rail.sample(&LiveSample {
                times: &times,
                seconds: 0.1,
                energy_j,
                idle_w: Some(3.0),
            });
            longest = one.elapsed().as_secs_f64().max(longest);
        }
        let each = begin.elapsed().as_secs_f64() / f64::from(count);
        eprintln!(
            "{kinds} kinds: {:.3} ms a sample, {:.3} ms the longest",
            each * 1e3,
            longest * 1e3
        );
        assert_eq!(rail.learnt(), count as u64);
    }
}
