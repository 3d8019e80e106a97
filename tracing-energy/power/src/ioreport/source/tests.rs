use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::clock::ManualClock;
use crate::ioreport::channels::{Channel, ChannelUnit};
use energy_data::units::Power;

/// Returns the readings that a test put in, then zeros.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<VecDeque<Result<MeterReading, String>>>>);

impl Fake {
    fn put(&self, counted: Result<MeterReading, String>) {
        self.0.lock().unwrap().push_back(counted);
    }
}

impl Meter for Fake {
    fn read(&mut self, _wait: Duration) -> Result<MeterReading, String> {
        let next = self.0.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Ok(counted(&[("CPU Energy", 0), ("GPU Energy", 0)])))
    }
}

fn counted(channels: &[(&str, i64)]) -> MeterReading {
    let channel = |&(name, count): &(&str, i64)| Channel {
        name: name.into(),
        unit: Some(ChannelUnit::Millijoule),
        count,
    };
    MeterReading {
        channels: channels.iter().map(channel).collect(),
        system: None,
        cpu: None,
    }
}

const fn ms(millis: i64) -> Nanos {
    Nanos::from_millis(millis)
}

/// A started source, its meter and its clock at 0.
fn started(first: MeterReading) -> (IoReport, Fake, ManualClock) {
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

/// Waits for the pending reading.
fn wait_for(source: &IoReport) {
    let _ = source.meter.wait(Duration::from_secs(5));
}

/// One reading of `counted` that ends at `now`.
fn step(
    source: &mut IoReport,
    fake: &Fake,
    clock: &ManualClock,
    now: Nanos,
    counted: Result<MeterReading, String>,
) -> (Vec<Sample>, Result<(), SourceError>) {
    wait_for(source);
    fake.put(counted);
    source.meter.start_reading(Duration::ZERO);
    clock.set(now);
    let mut reading = Reading::default();
    let read = source.read(clock, ms(5_000), &mut reading);
    wait_for(source);
    (reading.samples, read)
}

/// Returns rail, start and end in ms, and joules.
fn table(samples: &[Sample]) -> Vec<(usize, i64, i64, Option<f64>)> {
    let row = |one: &Sample| {
        let energy = one.energy.map(Energy::joules);
        (
            one.rail,
            one.start.nanos() / 1_000_000,
            one.end.nanos() / 1_000_000,
            energy,
        )
    };
    samples.iter().map(row).collect()
}

#[test]
fn rails_follow_the_channels_and_lie_in_the_system_rail() {
    let all = MeterReading {
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
fn energy_is_spread_over_the_time_since_the_counter_moved() {
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
        table(&cpu),
        [(0, 0, 100, Some(0.02)), (0, 100, 400, Some(0.06))]
    );
    assert_eq!(gpu.len(), 4);
    assert!(gpu.iter().all(|one| one.end - one.start == ms(100)));
}

#[test]
fn an_idle_rail_delivers_zeros() {
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
        table(&samples),
        [(0, 0, 3000, Some(0.0)), (0, 3000, 6000, Some(0.0))]
    );
}

#[test]
fn unreadable_energy_is_unknown_and_failures_are_reported() {
    let (mut source, fake, clock) = started(counted(&[("CPU Energy", 0)]));
    let gone = counted(&[("something else", 3)]);
    let (samples, read) = step(&mut source, &fake, &clock, ms(100), Ok(gone));
    assert_eq!((table(&samples), read), (vec![(0, 0, 100, None)], Ok(())));
    let failed = Err("busy".to_owned());
    let (samples, read) = step(&mut source, &fake, &clock, ms(200), failed);
    assert_eq!(samples, []);
    assert!(matches!(read, Err(SourceError::Retry { .. })));
    let more = Ok(counted(&[("CPU Energy", 40)]));
    let (samples, _) = step(&mut source, &fake, &clock, ms(300), more);
    assert_eq!(table(&samples), [(0, 100, 300, Some(0.04))]);
}

#[test]
fn open_windows_end_with_the_run() {
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
    assert_eq!(table(&reading.samples), [(0, 0, 150, Some(0.005))]);
    assert!(!source.own_threads().is_empty());
}

/// ```text
/// s        0 .... 3    3.1   3.2   3.3
/// channel  0 .... 0    0     9 J   50 mJ
/// SMC      4 W    4 W  4 W   4 W   4 W
/// ```
#[test]
fn the_smc_is_used_while_the_cpu_channel_is_frozen() {
    let by_smc = |millijoules| MeterReading {
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
    let rows = table(&samples);
    let energies = rows
        .iter()
        .map(|one| one.3.map(|joules| (joules * 1e3).round()));
    assert_eq!(
        energies.collect::<Vec<_>>(),
        [Some(12_000.0), Some(400.0), None, Some(50.0)]
    );
    assert_eq!(rows[0].2, 3_000);
}
