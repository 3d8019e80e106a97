//! Runs one thread for each power source.
//!
//! The threads emit no spans and no events, because the recorder would measure itself.
//! A source that panics or hangs loses its own samples only.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::cpu_time;
use crate::error::SourceError;
use crate::frozen::{FrozenCounterDetector, Load};
use crate::rail::{Description, Notice};
use crate::source::{PowerSource, Reading};
use crate::suspend::SuspendWatch;
use crate::validate::Validator;
use energy_data::Provenance;
use energy_data::units::Nanos;

/// Longest time a source waits for new samples, which delays a stop.
const READ_TIMEOUT: Nanos = Nanos::from_millis(50);

/// Longest time a stop waits for all sources together.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LAST_BACK_OFF: Duration = Duration::from_secs(5);

/// A message from a sampler thread. `source` is the index in the list given to
/// [`Sampler::spawn`].
#[derive(Debug, Clone, PartialEq)]
pub enum SamplerMessage {
    /// Validated samples and notices.
    Reading {
        /// Index of the source.
        source: usize,
        /// The new samples and notices.
        reading: Reading,
    },
    /// A source failed; after [`SourceError::Retry`] it is read again.
    Error {
        /// Index of the source.
        source: usize,
        /// The failure.
        error: SourceError,
    },
    /// A source's last message.
    Stopped {
        /// Index of the source.
        source: usize,
    },
}

/// The running threads.
#[derive(Debug)]
#[must_use = "sources run until they are stopped"]
pub struct Sampler {
    workers: Vec<Arc<WorkerState>>,
    handles: Vec<Option<JoinHandle<()>>>,
    done: Receiver<usize>,
    clock: ClockHandle,
}

/// Gives the current threads and child processes of a sampler. They change when a source
/// restarts its sensor.
#[derive(Debug, Clone, Default)]
pub struct SamplerWatch(Vec<Arc<WorkerState>>);

impl SamplerWatch {
    /// Adds the threads and processes of another watch.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns the operating system's ids of all sampling threads.
    pub fn thread_ids(&self) -> Vec<i64> {
        let tids = self.0.iter().map(|worker| lock(&worker.tids).clone());
        tids.flatten().collect()
    }

    /// Returns the process ids of the running sensor processes.
    pub fn child_pids(&self) -> Vec<u32> {
        let pids = self
            .0
            .iter()
            .map(|worker| worker.child.load(Ordering::Relaxed));
        pids.filter(|&pid| pid != 0).collect()
    }
}

struct ClockHandle(Arc<dyn Clock>);

impl std::fmt::Debug for ClockHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// State shared by the sampler and one of its threads.
#[derive(Debug, Default)]
struct WorkerState {
    /// Name of the source.
    source: String,
    stop: AtomicBool,
    /// Process id of the sensor; 0 if there is none.
    child: AtomicU32,
    tids: Mutex<Vec<i64>>,
}

impl Sampler {
    /// Starts a thread for each source. A thread that cannot be started is reported as an
    /// error of its source.
    pub fn spawn(
        sources: Vec<Box<dyn PowerSource>>,
        clock: Arc<dyn Clock>,
        messages: Sender<SamplerMessage>,
    ) -> Self {
        Self::begin(sources, clock, messages, true)
    }

    /// Starts a thread for each source without detection of frozen counters: a counter that
    /// does not move delivers zeros.
    pub fn spawn_raw(
        sources: Vec<Box<dyn PowerSource>>,
        clock: Arc<dyn Clock>,
        messages: Sender<SamplerMessage>,
    ) -> Self {
        Self::begin(sources, clock, messages, false)
    }

    fn begin(
        sources: Vec<Box<dyn PowerSource>>,
        clock: Arc<dyn Clock>,
        messages: Sender<SamplerMessage>,
        detects_frozen: bool,
    ) -> Self {
        let (finished, done) = mpsc::channel();
        let mut sampler = Self {
            workers: Vec::new(),
            handles: Vec::new(),
            done,
            clock: ClockHandle(Arc::clone(&clock)),
        };
        for (index, source) in sources.into_iter().enumerate() {
            let name = source.describe().name;
            let worker = Arc::new(WorkerState {
                source: name.clone(),
                ..WorkerState::default()
            });
            let source_worker = SourceWorker {
                index,
                name: name.clone(),
                detects_frozen,
                worker: Arc::clone(&worker),
                clock: Arc::clone(&clock),
                messages: messages.clone(),
            };
            let (finished, failed) = (finished.clone(), finished.clone());
            let named = std::thread::Builder::new().name("energy-power".into());
            let handle = named.spawn(move || {
                source_worker.run(source);
                // Fails only if the sampler was dropped.
                let _ = finished.send(source_worker.index);
            });
            if let Err(error) = &handle {
                report_failed_spawn(&messages, (index, &name), error);
                let _ = failed.send(index);
            }
            sampler.workers.push(worker);
            sampler.handles.push(handle.ok());
        }
        sampler
    }

    /// Returns a watch of the threads and processes whose CPU time is the profiler's.
    pub fn watch(&self) -> SamplerWatch {
        SamplerWatch(self.workers.clone())
    }

    /// Stops all sources at once and waits up to three seconds for their last samples.
    /// Returns a notice for each source that did not stop and is left running.
    pub fn stop(mut self) -> Vec<Notice> {
        for worker in &self.workers {
            worker.stop.store(true, Ordering::SeqCst);
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        let mut open = self.handles.len();
        while open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.done.recv_timeout(left) {
                Ok(index) => {
                    self.join(index);
                    open -= 1;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let now = self.clock.0.now();
        let left = self
            .handles
            .iter()
            .enumerate()
            .filter(|(_, handle)| handle.is_some());
        left.map(|(source, _)| Notice {
            time: now,
            kind: "source_left",
            message: format!(
                "power source {} did not stop within {STOP_TIMEOUT:?}; its last samples are \
                 missing",
                self.workers[source].source
            ),
        })
        .collect()
    }

    fn join(&mut self, index: usize) {
        if let Some(handle) = self.handles[index].take() {
            // Panics are caught and reported inside the thread.
            let _ = handle.join();
        }
    }
}

impl Drop for Sampler {
    /// Signals the threads to stop, without waiting for them.
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.stop.store(true, Ordering::SeqCst);
        }
    }
}

fn report_failed_spawn(
    messages: &Sender<SamplerMessage>,
    (source, name): (usize, &str),
    error: &std::io::Error,
) {
    let error = SourceError::Gone {
        what: format!("power source {name}"),
        why: format!("its thread cannot be started: {error}"),
    };
    let _ = messages.send(SamplerMessage::Error { source, error });
    let _ = messages.send(SamplerMessage::Stopped { source });
}

/// The checks for the samples of a source.
struct Checks {
    validator: Validator,
    /// `Some` for sources that measure this machine.
    frozen: Option<FrozenCounterDetector>,
}

impl Checks {
    fn of(source: &Description, detects_frozen: bool) -> Self {
        let Description { name, rails, .. } = source;
        let is_watched = detects_frozen && source.provenance == Provenance::Measured;
        Self {
            validator: Validator::new(name.as_str(), rails),
            frozen: is_watched
                .then(|| FrozenCounterDetector::new(name, rails, Load::of_this_machine())),
        }
    }

    fn check(&mut self, reading: &mut Reading) {
        self.validator.check(reading);
        if let Some(frozen) = &mut self.frozen {
            frozen.check(reading);
        }
    }

    fn finish(&mut self, reading: &mut Reading) {
        if let Some(frozen) = &mut self.frozen {
            frozen.finish(reading);
        }
    }
}

/// Reads one source, on a thread of its own.
struct SourceWorker {
    index: usize,
    name: String,
    /// Whether frozen counters are detected.
    detects_frozen: bool,
    worker: Arc<WorkerState>,
    clock: Arc<dyn Clock>,
    messages: Sender<SamplerMessage>,
}

impl SourceWorker {
    fn run(&self, mut source: Box<dyn PowerSource>) {
        self.share(&*source);
        let end = catch_unwind(AssertUnwindSafe(|| self.sample(&mut *source)));
        if end.is_err() {
            self.error(SourceError::Gone {
                what: format!("power source {}", self.name),
                why: "it panicked".into(),
            });
        }
        self.worker.child.store(0, Ordering::Relaxed);
        // A source that panicked may panic again when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(source)));
        self.send(SamplerMessage::Stopped { source: self.index });
    }

    fn sample(&self, source: &mut dyn PowerSource) {
        let mut checks = Checks::of(&source.describe(), self.detects_frozen);
        let mut suspend = SuspendWatch::of_this_machine();
        let mut back_off = FIRST_BACK_OFF;
        while let Err(error) = source.start(&*self.clock) {
            if !self.retries(error, &mut back_off) {
                return;
            }
        }
        back_off = FIRST_BACK_OFF;
        while !self.stopping() {
            let mut reading = Reading::default();
            let result = source.read(&*self.clock, READ_TIMEOUT, &mut reading);
            self.share(source);
            suspend.check(self.clock.now(), &mut reading);
            self.deliver(&mut checks, reading);
            match result {
                Ok(()) => back_off = FIRST_BACK_OFF,
                Err(error) => {
                    if !self.retries(error, &mut back_off) {
                        break;
                    }
                }
            }
        }
        let mut reading = Reading::default();
        source.stop(&*self.clock, &mut reading);
        suspend.check(self.clock.now(), &mut reading);
        self.deliver(&mut checks, reading);
        let mut reading = Reading::default();
        checks.finish(&mut reading);
        self.send_reading(reading);
    }

    /// Reports the error. Waits after a temporary one. Returns whether to try again: not
    /// after a permanent error or once the sampler stops.
    fn retries(&self, error: SourceError, back_off: &mut Duration) -> bool {
        let is_temporary = matches!(error, SourceError::Retry { .. });
        self.error(error);
        if !is_temporary {
            return false;
        }
        let until = Instant::now() + *back_off;
        *back_off = (*back_off * 2).min(LAST_BACK_OFF);
        while Instant::now() < until && !self.stopping() {
            std::thread::sleep(
                READ_TIMEOUT
                    .duration()
                    .min(until - Instant::now().min(until)),
            );
        }
        !self.stopping()
    }

    fn deliver(&self, checks: &mut Checks, mut reading: Reading) {
        checks.check(&mut reading);
        self.send_reading(reading);
    }

    fn send_reading(&self, reading: Reading) {
        if reading != Reading::default() {
            let source = self.index;
            self.send(SamplerMessage::Reading { source, reading });
        }
    }

    /// Publishes the threads and the process whose CPU time is the profiler's.
    fn share(&self, source: &dyn PowerSource) {
        let child = source.child_pid().unwrap_or(0);
        self.worker.child.store(child, Ordering::Relaxed);
        let mut tids = lock(&self.worker.tids);
        tids.clear();
        tids.push(cpu_time::current_tid());
        tids.extend(source.own_threads());
    }

    fn stopping(&self) -> bool {
        self.worker.stop.load(Ordering::SeqCst)
    }

    fn error(&self, error: SourceError) {
        let source = self.index;
        self.send(SamplerMessage::Error { source, error });
    }

    /// Sends a message, or stops the thread if the receiver was dropped.
    fn send(&self, message: SamplerMessage) {
        if self.messages.send(message).is_err() {
            self.worker.stop.store(true, Ordering::SeqCst);
        }
    }
}

/// Locks despite poisoning: a panic cannot leave plain numbers in a broken state.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
