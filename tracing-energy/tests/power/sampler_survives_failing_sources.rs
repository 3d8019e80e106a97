//! Tests the sampler with sources that work, fail, panic and hang.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::waiting::until;
use energy_data::units::{Energy, Nanos};
use energy_power::MonotonicClock;
use energy_power::sampler::{Sampler, SamplerMessage};
use energy_power::{
    Description, Kernel, PowerSource, Provenance, Rail, RailKind, Reading, Sample, SourceError,
};
use tracing_energy::Clock;

/// The n-th reading of a scripted source.
type Script = fn(u32, &mut Reading) -> Result<(), SourceError>;

struct Scripted {
    script: Script,
    readings: Arc<AtomicU32>,
    start: Result<(), SourceError>,
}

fn scripted(script: Script) -> (Box<dyn PowerSource>, Arc<AtomicU32>) {
    let readings = Arc::new(AtomicU32::new(0));
    let source = Scripted {
        script,
        readings: Arc::clone(&readings),
        start: Ok(()),
    };
    (Box::new(source), readings)
}

fn sample(number: u32) -> Sample {
    let start = Nanos::from_millis(i64::from(number) * 100);
    Sample {
        rail: 0,
        start,
        end: start + Nanos::from_millis(100),
        energy: Some(Energy::from_joules(1.0)),
    }
}

impl PowerSource for Scripted {
    fn describe(&self) -> Description {
        let rail = Rail {
            name: "cpu".into(),
            kind: RailKind::Cpu,
            parent: None,
            unit: "J",
        };
        Description {
            name: "scripted".into(),
            rails: vec![rail],
            interval: Nanos::from_millis(100),
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: vec![],
        }
    }
    fn start(&mut self, _: &dyn Clock) -> Result<(), SourceError> {
        std::mem::replace(&mut self.start, Ok(()))
    }
    fn read(&mut self, _: &dyn Clock, _: Nanos, reading: &mut Reading) -> Result<(), SourceError> {
        std::thread::sleep(Duration::from_millis(1));
        (self.script)(self.readings.fetch_add(1, Ordering::SeqCst), reading)
    }
    fn stop(&mut self, _: &dyn Clock, reading: &mut Reading) {
        reading.samples.push(sample(1_000_000));
    }
    fn child_pid(&self) -> Option<u32> {
        Some(77)
    }
    fn own_threads(&self) -> Vec<i64> {
        vec![4711]
    }
}

struct Run {
    sampler: Sampler,
    messages: mpsc::Receiver<SamplerMessage>,
}

fn run(sources: Vec<Box<dyn PowerSource>>) -> Run {
    let clock = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let (sender, messages) = mpsc::channel();
    let sampler = Sampler::spawn(sources, clock, sender);
    Run { sampler, messages }
}

fn wait_for(counter: &AtomicU32, count: u32) {
    until("readings", || counter.load(Ordering::SeqCst) >= count);
}

fn samples(messages: &[SamplerMessage], of: usize) -> Vec<Sample> {
    let readings = messages.iter().filter_map(|message| match message {
        SamplerMessage::Reading { source, reading } if *source == of => Some(&reading.samples),
        _ => None,
    });
    readings.flatten().copied().collect()
}

fn steady(number: u32, reading: &mut Reading) -> Result<(), SourceError> {
    reading.samples.push(sample(number));
    Ok(())
}

fn retrying(number: u32, reading: &mut Reading) -> Result<(), SourceError> {
    steady(number, reading)?;
    let (what, why) = ("it".into(), "later".into());
    if number == 1 {
        Err(SourceError::Retry { what, why })
    } else {
        Ok(())
    }
}

fn ending(number: u32, reading: &mut Reading) -> Result<(), SourceError> {
    steady(number, reading)?;
    let (what, why) = ("it".into(), "over".into());
    if number == 2 {
        Err(SourceError::Gone { what, why })
    } else {
        Ok(())
    }
}

fn panicking(number: u32, reading: &mut Reading) -> Result<(), SourceError> {
    steady(number, reading)?;
    assert!(number < 2, "a fault of the source");
    Ok(())
}

fn hanging(_: u32, _: &mut Reading) -> Result<(), SourceError> {
    loop {
        std::thread::park();
    }
}

fn repeating(_: u32, reading: &mut Reading) -> Result<(), SourceError> {
    steady(0, reading)
}

#[test]
fn samples_arrive_in_order_including_those_at_the_stop() {
    let (first, count) = scripted(steady);
    let (second, _) = scripted(steady);
    let run = run(vec![first, second]);
    wait_for(&count, 5);
    assert!(run.sampler.watch().child_pids().contains(&77));
    assert!(run.sampler.watch().thread_ids().contains(&4711));
    assert_eq!(run.sampler.stop(), []);
    let messages: Vec<_> = run.messages.iter().collect();
    for source in 0..2 {
        let samples = samples(&messages, source);
        let mut numbers: Vec<i64> = samples
            .iter()
            .map(|s| s.start.nanos() / 100_000_000)
            .collect();
        assert_eq!(numbers.pop(), Some(1_000_000));
        assert!(numbers.iter().copied().eq(0..numbers.len() as i64));
        let stopped = SamplerMessage::Stopped { source };
        assert_eq!(
            messages
                .iter()
                .filter(|message| **message == stopped)
                .count(),
            1
        );
    }
}

#[test]
fn a_temporary_error_is_reported_and_the_source_read_again() {
    let (source, count) = scripted(retrying);
    let run = run(vec![source]);
    wait_for(&count, 4);
    assert_eq!(run.sampler.stop(), []);
    let messages: Vec<_> = run.messages.iter().collect();
    let errors = messages
        .iter()
        .filter(|m| matches!(m, SamplerMessage::Error { .. }));
    assert_eq!(errors.count(), 1);
    assert!(samples(&messages, 0).len() >= 4);
}

#[test]
fn samples_before_an_end_or_a_panic_are_kept() {
    for script in [ending as Script, panicking] {
        let (source, _) = scripted(script);
        let run = run(vec![source]);
        let mut messages = Vec::new();
        while messages.last() != Some(&SamplerMessage::Stopped { source: 0 }) {
            messages.push(run.messages.recv().unwrap());
        }
        assert!(samples(&messages, 0).len() >= 2, "{messages:?}");
        let gone = |message: &SamplerMessage| {
            matches!(
                message,
                SamplerMessage::Error {
                    error: SourceError::Gone { .. },
                    ..
                }
            )
        };
        assert!(messages.iter().any(gone), "{messages:?}");
        assert_eq!(run.sampler.stop(), []);
    }
}

#[test]
fn a_hanging_source_is_reported_and_does_not_affect_others() {
    let (hanging, in_it) = scripted(hanging);
    let (steady, count) = scripted(steady);
    let run = run(vec![hanging, steady]);
    wait_for(&in_it, 1);
    wait_for(&count, 2);
    let notices = run.sampler.stop();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].kind, "source_left");
    assert!(notices[0].message.contains("power source scripted"));
    let messages: Vec<_> = run.messages.try_iter().collect();
    assert!(messages.contains(&SamplerMessage::Stopped { source: 1 }));
}

#[test]
fn a_permanent_start_error_ends_the_source_and_a_temporary_one_is_retried() {
    let refused = SourceError::NotPermitted {
        what: "it".into(),
        fix: "run as root".into(),
    };
    let temporary = SourceError::Retry {
        what: "it".into(),
        why: "later".into(),
    };
    for (error, is_retried) in [(refused, false), (temporary, true)] {
        let readings = Arc::new(AtomicU32::new(0));
        let source = Scripted {
            script: steady,
            readings: Arc::clone(&readings),
            start: Err(error.clone()),
        };
        let run = run(vec![Box::new(source)]);
        let message = run.messages.recv().unwrap();
        assert_eq!(message, SamplerMessage::Error { source: 0, error });
        if is_retried {
            wait_for(&readings, 1);
        } else {
            let end = run.messages.recv().unwrap();
            assert_eq!(end, SamplerMessage::Stopped { source: 0 });
        }
        assert_eq!(run.sampler.stop(), []);
    }
}

#[test]
fn each_implausible_sample_is_dropped_with_a_notice() {
    let (source, count) = scripted(repeating);
    let run = run(vec![source]);
    wait_for(&count, 4);
    assert_eq!(run.sampler.stop(), []);
    let messages: Vec<_> = run.messages.iter().collect();
    assert_eq!(samples(&messages, 0).len(), 2, "the first and the last one");
    let dropped = messages.iter().any(|message| {
        matches!(message, SamplerMessage::Reading { reading, .. }
            if reading.notices.iter().any(|n| n.kind == "dropped_sample"))
    });
    assert!(dropped);
}
