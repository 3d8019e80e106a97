use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::clock::ManualClock;

/// Gives what the test put in, reading by reading, then nothing counted.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<VecDeque<Result<Counted, String>>>>);

impl Fake {
    fn put(&self, counted: Result<Counted, String>) {
        self.0.lock().unwrap().push_back(counted);
    }
}

impl Meter for Fake {
    fn read(&mut self, _wait: Duration) -> Result<Counted, String> {
        let next = self.0.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Ok(counted(&[("CPU Energy", 0), ("GPU Energy", 0)])))
    }
}

fn counted(channels: &[(&str, i64)]) -> Counted {
    let channel = |&(name, count): &(&str, i64)| Channel {
        name: name.into(),
        unit: Some(Unit::Millijoule),
        count,
    };
    Counted {
        channels: channels.iter().map(channel).collect(),
        system: None,
        cpu: None,
    }
}

const fn ms(millis: i64) -> Nanos {
    Nanos::from_millis(millis)
}

/// A started source, its meter and its clock at 0.
fn started(first: Counted) -> (IoReport, Fake, ManualClock) {
    let fake = Fake::default();
    fake.put(Ok(first));
    let own = fake.clone();
    let mut source = IoReport::with_meter(move || Ok(own), ms(100)).unwrap();
    let clock = ManualClock::default();
    fake.put(Ok(counted(&[("CPU Energy", 77_000)])));
    source.start(&clock).unwrap();
    // The reading that `start` began.
    wait_for(&source);
    (source, fake, clock)
}

/// Lets the thread take the question that is under way.
fn wait_for(source: &IoReport) {
    let _ = source.meter.wait(Duration::from_secs(5));
}

/// One reading of `counted` that ends at `now`.
fn step(
    source: &mut IoReport,
    fake: &Fake,
    clock: &ManualClock,
    now: Nanos,
    counted: Result<Counted, String>,
) -> (Vec<Sample>, Result<(), SourceError>) {
    wait_for(source);
    fake.put(counted);
    source.meter.begin(Duration::ZERO);
    clock.set(now);
    let mut reading = Reading::default();
    let read = source.read(clock, ms(5_000), &mut reading);
    wait_for(source);
    (reading.samples, read)
}

fn told(samples: &[Sample]) -> Vec<(usize, i64, i64, Option<f64>)> {
    let told = |one: &Sample| {
        let energy = one.energy.map(Energy::joules);
        (
            one.rail,
            one.start.nanos() / 1_000_000,
            one.end.nanos() / 1_000_000,
            energy,
        )
    };
    samples.iter().map(told).collect()
}

#[test]
fn rails_are_what_is_counted_and_the_system_holds_all() {
    let all = Counted {
        system: Some(Power::from_watts(9.0)),
        ..counted(&[
            ("DIE_0_CPU Energy", 1),
            ("DIE_1_CPU Energy", 1),
            ("DRAM0", 1),
            ("ECPU", 5),
        ])
    };
    let (source, ..) = started(all);
    let rails = source.describe().rails;
    let names: Vec<_> = rails
        .iter()
        .map(|rail| (rail.name.as_str(), rail.parent))
        .collect();
    assert_eq!(
        names,
        [("system", None), ("cpu", Some(0)), ("dram", Some(0))]
    );

    let nothing = IoReport::with_meter(|| Ok(Fake::default()), ms(100));
    assert!(nothing.is_ok());
    let fake = Fake::default();
    fake.put(Ok(counted(&[("ECPU", 5)])));
    let none = IoReport::with_meter(move || Ok(fake), ms(100));
    assert!(matches!(none, Err(SourceError::NotPresent { .. })));
    let refused = IoReport::with_meter(|| Err::<Fake, _>("no IOReport".into()), ms(100));
    let Err(error) = refused else {
        panic!("opened")
    };
    assert!(error.to_string().contains("no IOReport"), "{error}");
}

/// ```text
/// ms      0     100    200    300    400
/// cpu      20 mJ    0      0    60 mJ
/// gpu       1 mJ   1 mJ   1 mJ   1 mJ
/// ```
#[test]
fn a_lump_is_spread_over_the_time_since_the_counter_moved() {
    let (mut source, fake, clock) = started(counted(&[("CPU Energy", 9), ("GPU Energy", 9)]));
    let mut samples = Vec::new();
    for (at, cpu) in [(100, 20), (200, 0), (300, 0), (400, 60)] {
        let counted = counted(&[("CPU Energy", cpu), ("GPU Energy", 1)]);
        let (mut more, read) = step(&mut source, &fake, &clock, ms(at), Ok(counted));
        assert_eq!(read, Ok(()));
        samples.append(&mut more);
    }
    let (cpu, gpu): (Vec<_>, Vec<_>) = samples.into_iter().partition(|one| one.rail == 0);
    assert_eq!(
        told(&cpu),
        [(0, 0, 100, Some(0.02)), (0, 100, 400, Some(0.06))]
    );
    assert_eq!(gpu.len(), 4);
    assert!(gpu.iter().all(|one| one.end - one.start == ms(100)));
}

#[test]
fn a_rail_at_rest_has_its_zeros() {
    let (mut source, fake, clock) = started(counted(&[("ANE", 0)]));
    let mut samples = Vec::new();
    for at in 1..=7 {
        let (mut more, _) = step(
            &mut source,
            &fake,
            &clock,
            ms(at * 1000),
            Ok(counted(&[("ANE", 0)])),
        );
        samples.append(&mut more);
    }
    assert_eq!(
        told(&samples),
        [(0, 0, 3000, Some(0.0)), (0, 3000, 6000, Some(0.0))]
    );
}

#[test]
fn what_cannot_be_read_is_unknown_and_told() {
    let (mut source, fake, clock) = started(counted(&[("CPU Energy", 0)]));
    let gone = counted(&[("something else", 3)]);
    let (samples, read) = step(&mut source, &fake, &clock, ms(100), Ok(gone));
    assert_eq!((told(&samples), read), (vec![(0, 0, 100, None)], Ok(())));
    let failed = Err("busy".to_owned());
    let (samples, read) = step(&mut source, &fake, &clock, ms(200), failed);
    assert_eq!(samples, []);
    assert!(matches!(read, Err(SourceError::Retry { .. })));
    let more = Ok(counted(&[("CPU Energy", 40)]));
    let (samples, _) = step(&mut source, &fake, &clock, ms(300), more);
    assert_eq!(told(&samples), [(0, 100, 300, Some(0.04))]);
}

#[test]
fn the_end_gives_what_is_open() {
    let (mut source, fake, clock) = started(counted(&[("CPU Energy", 0)]));
    let _ = step(
        &mut source,
        &fake,
        &clock,
        ms(100),
        Ok(counted(&[("CPU Energy", 0)])),
    );
    fake.put(Ok(counted(&[("CPU Energy", 5)])));
    clock.set(ms(150));
    let mut reading = Reading::default();
    source.stop(&clock, &mut reading);
    assert_eq!(told(&reading.samples), [(0, 0, 150, Some(0.005))]);
    assert!(!source.own_threads().is_empty());
}

/// ```text
/// s        0 .... 3    3.1   3.2   3.3
/// channel  0 .... 0    0     9 J   50 mJ
/// SMC      4 W    4 W  4 W   4 W   4 W
/// ```
#[test]
fn the_smc_serves_where_the_cpu_channel_is_dead() {
    let by_smc = |millijoules| Counted {
        cpu: Some(Power::from_watts(4.0)),
        ..counted(&[("CPU Energy", millijoules)])
    };
    let (mut source, fake, clock) = started(by_smc(0));
    let mut samples = Vec::new();
    for (at, millijoules) in [
        (1_000, 0),
        (2_000, 0),
        (3_000, 0),
        (3_100, 0),
        (3_200, 9_000),
        (3_300, 50),
    ] {
        let (mut more, _) = step(&mut source, &fake, &clock, ms(at), Ok(by_smc(millijoules)));
        samples.append(&mut more);
    }
    let told = told(&samples);
    let energies = told
        .iter()
        .map(|one| one.3.map(|joules| (joules * 1e3).round()));
    assert_eq!(
        energies.collect::<Vec<_>>(),
        [Some(12_000.0), Some(400.0), None, Some(50.0)]
    );
    assert_eq!(told[0].2, 3_000);
}
