//! The sampler: one background thread for each source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::time::{Duration, Instant};

use super::{Notice, PowerSource, Reading, Sample, SourceError};
use crate::clock::Clock;
use crate::cpu_time;
use crate::units::Nanos;

/// How long one read may wait: how soon a stop is seen.
const PATIENCE: Nanos = Nanos::from_millis(50);
/// How long a stop waits for a source before it goes on without it.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// Power above which a reading is taken for a fault of the sensor.
const ABSURD_W: f64 = 1e6;
/// Wait after a failed read.
const BACK_OFF: Duration = Duration::from_millis(500);

/// What a source's thread tells.
#[derive(Debug)]
pub enum SamplerMessage {
    /// New samples and notices.
    Reading {
        /// Index of the source.
        source: usize,
        /// What was read.
        reading: Reading,
    },
    /// A read failed; the source is asked again unless it is gone.
    Failed {
        /// Index of the source.
        source: usize,
        /// Why.
        error: SourceError,
    },
    /// The source's thread ends.
    Stopped {
        /// Index of the source.
        source: usize,
    },
}

/// The threads that read sources. They emit no spans and never panic outward.
#[derive(Debug)]
pub struct Sampler {
    stop: Arc<AtomicBool>,
    threads: Vec<(String, i64)>,
    child_pids: Vec<u32>,
    ended: Receiver<()>,
    running: usize,
}

impl Sampler {
    /// Starts every source on a thread of its own, named `energy-power`.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn spawn(
        sources: Vec<Box<dyn PowerSource>>,
        clock: Arc<dyn Clock>,
        tell: Sender<SamplerMessage>,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (tell_end, ended) = channel();
        let mut sampler = Self {
            stop,
            threads: Vec::new(),
            child_pids: Vec::new(),
            ended,
            running: sources.len(),
        };
        for (index, source) in sources.into_iter().enumerate() {
            sampler.child_pids.extend(source.child_pid());
            let worker = Worker {
                index,
                source,
                clock: Arc::clone(&clock),
                stop: Arc::clone(&sampler.stop),
                tell: tell.clone(),
                last_end: Vec::new(),
            };
            let tell_end = tell_end.clone();
            let (tell_tid, tid) = sync_channel(1);
            std::thread::Builder::new()
                .name("energy-power".to_owned())
                .spawn(move || {
                    let _ = tell_tid.send(cpu_time::current_tid());
                    worker.run();
                    let _ = tell_end.send(());
                })?;
            sampler
                .threads
                .push(("energy-power".to_owned(), tid.recv().unwrap_or_default()));
        }
        Ok(sampler)
    }

    /// Names and system ids of the threads.
    pub fn threads(&self) -> Vec<(String, i64)> {
        self.threads.clone()
    }

    /// Processes that sources keep for their sensors.
    pub fn child_pids(&self) -> Vec<u32> {
        self.child_pids.clone()
    }

    /// Asks all sources for what they measured up to now and ends them. Answers
    /// false if one did not answer in time; it is left behind.
    pub fn stop(self) -> bool {
        self.stop.store(true, Ordering::Release);
        let begin = Instant::now();
        (0..self.running).all(|_| {
            let left = STOP_LIMIT.saturating_sub(begin.elapsed());
            self.ended.recv_timeout(left).is_ok()
        })
    }
}

/// One source's thread.
struct Worker {
    index: usize,
    source: Box<dyn PowerSource>,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
    tell: Sender<SamplerMessage>,
    /// End of each rail's last sample.
    last_end: Vec<Option<Nanos>>,
}

impl Worker {
    fn run(mut self) {
        self.last_end = vec![None; self.source.describe().rails.len()];
        let started = self.source.start(&*self.clock);
        let is_gone = started.is_err_and(|error| self.fail(error));
        while !is_gone && !self.stop.load(Ordering::Acquire) {
            let mut reading = Reading::default();
            let outcome = self.source.read(&*self.clock, PATIENCE, &mut reading);
            self.hand_on(reading);
            if outcome.is_err_and(|error| self.fail(error)) {
                break;
            }
        }
        let mut last = Reading::default();
        self.source.stop(&*self.clock, &mut last);
        self.hand_on(last);
        let _ = self
            .tell
            .send(SamplerMessage::Stopped { source: self.index });
    }

    /// Tells of a failure; true if there is nothing more to expect.
    fn fail(&self, error: SourceError) -> bool {
        let is_gone = !matches!(error, SourceError::Retry { .. });
        let _ = self.tell.send(SamplerMessage::Failed {
            source: self.index,
            error,
        });
        if !is_gone {
            std::thread::sleep(BACK_OFF);
        }
        is_gone
    }

    fn hand_on(&mut self, mut reading: Reading) {
        let mut notices = std::mem::take(&mut reading.notices);
        reading.samples.retain(|sample| match self.fault(sample) {
            None => true,
            Some(message) => {
                notices.push(Notice {
                    time: sample.end,
                    kind: "rejected_sample",
                    message,
                });
                false
            }
        });
        reading.notices = notices;
        if !reading.samples.is_empty() || !reading.notices.is_empty() {
            let _ = self.tell.send(SamplerMessage::Reading {
                source: self.index,
                reading,
            });
        }
    }

    /// What is wrong with a sample; keeps track of each rail's time.
    fn fault(&mut self, sample: &Sample) -> Option<String> {
        let Some(last_end) = self.last_end.get_mut(sample.rail) else {
            return Some(format!(
                "a sample of rail {}, which the source does not have",
                sample.rail
            ));
        };
        let length = sample.end - sample.start;
        if length <= Nanos::ZERO {
            return Some(format!("a sample of {} ns dropped", length.nanos()));
        }
        if last_end.is_some_and(|last| sample.start < last) {
            return Some("a sample that overlaps the one before it dropped".to_owned());
        }
        let power = sample
            .energy
            .and_then(|energy| energy.over(length))
            .map(|power| power.watts());
        if power.is_some_and(|watts| !watts.is_finite() || watts.abs() > ABSURD_W) {
            return Some(format!(
                "a sample of {} W dropped",
                power.unwrap_or_default()
            ));
        }
        *last_end = Some(sample.end);
        None
    }
}
