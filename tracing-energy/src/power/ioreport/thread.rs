//! A meter on a thread of its own: its calls block, and whether it may change threads
//! is not known.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::{Counted, Meter};
use crate::cpu_time;
use crate::power::SourceError;

/// How much longer than its wait a reading may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of a question.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    /// What was counted up to that instant: the answer may be taken much later.
    Counted(Counted, Instant),
    /// This time; the next may be better.
    Failed(String),
    /// There is nobody to ask any more.
    Gone(String),
}

pub(super) struct MeterThread {
    questions: Sender<Duration>,
    answers: Receiver<Result<(Counted, Instant), String>>,
    tid: i64,
    /// Whether an answer is still to come.
    under_way: std::cell::Cell<bool>,
}

impl MeterThread {
    pub(super) fn spawn<M: Meter>(
        make: impl FnOnce() -> Result<M, String> + Send + 'static,
    ) -> Result<Self, SourceError> {
        let (questions, asked) = channel::<Duration>();
        let (answer, answers) = channel();
        let (tell, tid) = channel();
        let thread = std::thread::Builder::new().name("energy-ioreport".into());
        let spawned = thread.spawn(move || {
            let _ = tell.send(cpu_time::current_tid());
            let mut meter = make();
            for wait in asked {
                let read = match &mut meter {
                    Ok(meter) => meter.read(wait),
                    Err(why) => Err(why.clone()),
                };
                let read = read.map(|counted| (counted, Instant::now()));
                if answer.send(read).is_err() {
                    return;
                }
            }
        });
        spawned.map_err(|error| SourceError::Retry {
            what: "IOReport".into(),
            why: error.to_string(),
        })?;
        Ok(Self {
            questions,
            answers,
            tid: tid.recv().unwrap_or_default(),
            under_way: std::cell::Cell::new(false),
        })
    }

    /// The system's id of the thread.
    pub(super) fn tid(&self) -> Option<i64> {
        Some(self.tid).filter(|&tid| tid != 0)
    }

    /// Asks for a reading that waits for so long; [`Self::wait`] gets it.
    pub(super) fn begin(&self, wait: Duration) {
        let asked = !self.under_way.get() && self.questions.send(wait).is_ok();
        self.under_way.set(asked || self.under_way.get());
    }

    /// The reading that is under way, if it comes in time.
    pub(super) fn wait(&self, patience: Duration) -> Option<Asked> {
        if !self.under_way.get() {
            return None;
        }
        let answer = match self.answers.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => Asked::Gone("its thread has ended".into()),
            Ok(Ok((counted, at))) => Asked::Counted(counted, at),
            Ok(Err(why)) => Asked::Failed(why),
        };
        self.under_way.set(false);
        Some(answer)
    }

    /// Asks and waits for the answer.
    pub(super) fn ask(&self, wait: Duration) -> Asked {
        self.begin(wait);
        let late = || Asked::Failed("it gave no answer in time".into());
        self.wait(wait + PATIENCE).unwrap_or_else(late)
    }
}
