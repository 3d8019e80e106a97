//! One thread for each power source.
//!
//! The threads emit no spans and no events: a recorder that traced itself would
//! measure itself. A source that panics or hangs costs its own samples only.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::cpu_time;
use crate::power::frozen::{FrozenCounters, Load};
use crate::power::suspend::SuspendWatch;
use crate::power::validate::Validator;
use crate::power::{Description, Notice, PowerSource, Provenance, Reading, SourceError};
use crate::units::Nanos;

/// How long a source is asked to wait for news: the delay of a stop.
const PATIENCE: Nanos = Nanos::from_millis(50);

/// How long a stop waits for all sources together.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LAST_BACK_OFF: Duration = Duration::from_secs(5);

/// What the sampler's threads tell. `source` is the index in the list given to
/// [`Sampler::spawn`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SamplerMessage {
    /// New samples or notices, checked.
    Reading {
        /// Which source.
        source: usize,
        /// What it brought.
        reading: Reading,
    },
    /// A source failed; after [`SourceError::Retry`] it is asked again.
    Error {
        /// Which source.
        source: usize,
        /// Why.
        error: SourceError,
    },
    /// A source's last message.
    Stopped {
        /// Which source.
        source: usize,
    },
}

/// The running threads.
#[derive(Debug)]
#[must_use = "sources run until they are stopped"]
pub struct Sampler {
    workers: Vec<Arc<Worker>>,
    handles: Vec<Option<JoinHandle<()>>>,
    done: Receiver<usize>,
    clock: ClockHandle,
}

/// Tells, at any time, which threads and processes sampling keeps: they change when
/// a source restarts its sensor.
#[derive(Debug, Clone, Default)]
pub struct SamplerWatch(Vec<Arc<Worker>>);

impl SamplerWatch {
    /// Watches what another one does as well.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Operating system's ids of all threads that sampling keeps.
    pub fn thread_ids(&self) -> Vec<i64> {
        let tids = self.0.iter().map(|worker| lock(&worker.tids).clone());
        tids.flatten().collect()
    }

    /// The sensor processes that sources keep now.
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

/// What the owner and a thread share.
#[derive(Debug, Default)]
struct Worker {
    /// Name of the source.
    source: String,
    stop: AtomicBool,
    /// 0 for none.
    child: AtomicU32,
    tids: Mutex<Vec<i64>>,
}

impl Sampler {
    /// Starts a thread for each source. A thread that cannot be had is told as
    /// an error of its source.
    pub fn spawn(
        sources: Vec<Box<dyn PowerSource>>,
        clock: Arc<dyn Clock>,
        messages: Sender<SamplerMessage>,
    ) -> Self {
        Self::begin(sources, clock, messages, true)
    }

    /// The same, with counters as they read: one that stands still has its zeros.
    pub(crate) fn spawn_raw(
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
        finds_frozen: bool,
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
            let worker = Arc::new(Worker {
                source: name.clone(),
                ..Worker::default()
            });
            let line = Line {
                index,
                name: name.clone(),
                finds_frozen,
                worker: Arc::clone(&worker),
                clock: Arc::clone(&clock),
                messages: messages.clone(),
            };
            let (finished, failed) = (finished.clone(), finished.clone());
            let named = std::thread::Builder::new().name("energy-power".into());
            let handle = named.spawn(move || {
                line.run(source);
                // Nobody waits any more: then it does not matter.
                let _ = finished.send(line.index);
            });
            if let Err(error) = &handle {
                tell_lost_thread(&messages, (index, &name), error);
                let _ = failed.send(index);
            }
            sampler.workers.push(worker);
            sampler.handles.push(handle.ok());
        }
        sampler
    }

    /// A look at whose CPU time is the profiler's.
    pub fn watch(&self) -> SamplerWatch {
        SamplerWatch(self.workers.clone())
    }

    /// Stops all sources at once and waits for their last samples, three seconds
    /// at most. A source that hangs is left behind, which the notices say.
    pub fn stop(mut self) -> Vec<Notice> {
        for worker in &self.workers {
            worker.stop.store(true, Ordering::SeqCst);
        }
        let deadline = Instant::now() + STOP_PATIENCE;
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
                "power source {} did not stop within {STOP_PATIENCE:?}; its last samples are \
                 missing",
                self.workers[source].source
            ),
        })
        .collect()
    }

    fn join(&mut self, index: usize) {
        if let Some(handle) = self.handles[index].take() {
            // Panics are caught and told inside of the thread.
            let _ = handle.join();
        }
    }
}

impl Drop for Sampler {
    /// Without a stop the threads end by themselves, unwaited for.
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.stop.store(true, Ordering::SeqCst);
        }
    }
}

fn tell_lost_thread(
    messages: &Sender<SamplerMessage>,
    (source, name): (usize, &str),
    error: &std::io::Error,
) {
    let error = SourceError::Gone {
        what: format!("power source {name}"),
        why: format!("no thread for it: {error}"),
    };
    let _ = messages.send(SamplerMessage::Error { source, error });
    let _ = messages.send(SamplerMessage::Stopped { source });
}

/// What the samples of a source must pass.
struct Checks {
    validator: Validator,
    /// Of what this machine's sensors measure.
    frozen: Option<FrozenCounters>,
}

impl Checks {
    fn of(source: &Description, finds_frozen: bool) -> Self {
        let Description { name, rails, .. } = source;
        let is_watched = finds_frozen && source.provenance == Provenance::Measured;
        Self {
            validator: Validator::new(name.as_str(), rails),
            frozen: is_watched.then(|| FrozenCounters::new(name, rails, Load::of_this_machine())),
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

/// One thread's side.
struct Line {
    index: usize,
    name: String,
    /// Whether counters that stand still are found.
    finds_frozen: bool,
    worker: Arc<Worker>,
    clock: Arc<dyn Clock>,
    messages: Sender<SamplerMessage>,
}

impl Line {
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
        let mut checks = Checks::of(&source.describe(), self.finds_frozen);
        let mut suspend = SuspendWatch::of_this_machine();
        let mut back_off = FIRST_BACK_OFF;
        while let Err(error) = source.start(&*self.clock) {
            if !self.go_on(error, &mut back_off) {
                return;
            }
        }
        back_off = FIRST_BACK_OFF;
        while !self.stopping() {
            let mut reading = Reading::default();
            let result = source.read(&*self.clock, PATIENCE, &mut reading);
            self.share(source);
            suspend.check(self.clock.now(), &mut reading);
            self.deliver(&mut checks, reading);
            match result {
                Ok(()) => back_off = FIRST_BACK_OFF,
                Err(error) => {
                    if !self.go_on(error, &mut back_off) {
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

    /// Tells the error; after one that may pass, waits and says yes unless the
    /// sampler stops meanwhile.
    fn go_on(&self, error: SourceError, back_off: &mut Duration) -> bool {
        let passing = matches!(error, SourceError::Retry { .. });
        self.error(error);
        if !passing {
            return false;
        }
        let until = Instant::now() + *back_off;
        *back_off = (*back_off * 2).min(LAST_BACK_OFF);
        while Instant::now() < until && !self.stopping() {
            std::thread::sleep(PATIENCE.duration().min(until - Instant::now().min(until)));
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

    /// Publishes whose CPU time is ours.
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

    /// Nobody listens any more: then nothing is left to do for this thread.
    fn send(&self, message: SamplerMessage) {
        if self.messages.send(message).is_err() {
            self.worker.stop.store(true, Ordering::SeqCst);
        }
    }
}

/// The data are plain numbers: a panic elsewhere cannot break them.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
