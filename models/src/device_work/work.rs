//! The device work of the pass that runs on this thread.
//!
//! The state is the thread's, not an argument: operations run on the thread that calls the
//! model, and on the CPU each of them pays one branch.

use std::cell::{Cell, RefCell};

use tracing::Span;

use super::queue::DeviceQueue;
use crate::error::{Error, Result};
use crate::instrument::names::{self, DEVICE_BEGAN, DEVICE_ENDED, DEVICE_WAIT, TARGET};

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static WORK: RefCell<Option<PassWork>> = const { RefCell::new(None) };
}

/// Whether this thread runs a pass on a device that works on its own time.
pub(crate) fn is_on() -> bool {
    ON.get()
}

/// Runs a pass, waits until the queue's device has done its work, and records the device's times
/// in the spans of the pass. A pass within a pass belongs to it. Without a queue, it only runs
/// `pass`.
///
/// # Errors
/// Those of `pass`, and those of the device.
pub(crate) fn within<T>(
    queue: Option<&DeviceQueue>,
    pass: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let Some(queue) = queue.filter(|_| !is_on()) else {
        return pass();
    };
    let ends = PassGuard::begin(queue);
    let value = pass()?;
    if let Some(work) = ends.end() {
        work.finish()?;
    }
    Ok(value)
}

/// Runs an expression inside a span of device work.
pub(crate) fn run<T>(span: Span, name: &str, work: impl FnOnce() -> T) -> T {
    if span.is_disabled() {
        return work();
    }
    let entered = span.enter();
    let begin = on_pass(PassWork::mark).flatten();
    let result = work();
    let end = on_pass(|pass| {
        pass.wait_after(name);
        pass.mark()
    });
    drop(entered);
    if let (Some(begin), Some(end)) = (begin, end.flatten()) {
        on_pass(|pass| pass.timed.push(TimedSpan { span, begin, end }));
    }
    result
}

fn on_pass<T>(change: impl FnOnce(&mut PassWork) -> T) -> Option<T> {
    WORK.with_borrow_mut(|work| work.as_mut().map(change))
}

/// Ends the pass of this thread, also after an error or a panic.
struct PassGuard;

impl PassGuard {
    fn begin(queue: &DeviceQueue) -> Self {
        WORK.set(Some(PassWork::new(queue.clone())));
        ON.set(true);
        Self
    }

    fn end(self) -> Option<PassWork> {
        WORK.take()
    }
}

impl Drop for PassGuard {
    fn drop(&mut self) {
        ON.set(false);
        // The spans of a failed pass have no times of the device.
        WORK.take();
    }
}

/// A span between two marks.
struct TimedSpan {
    span: Span,
    begin: usize,
    end: usize,
}

/// The work of one pass.
struct PassWork {
    queue: DeviceQueue,
    has_marks: bool,
    marks: usize,
    timed: Vec<TimedSpan>,
    failed: Option<Error>,
}

impl PassWork {
    fn new(queue: DeviceQueue) -> Self {
        // A serialized span is as long as its work.
        let has_marks = !queue.sync.is_serialized() && queue.stream().has_marks();
        if has_marks {
            // Marks of a pass that failed.
            drop(queue.stream().take_times());
        }
        Self {
            queue,
            has_marks,
            marks: 0,
            timed: Vec::new(),
            failed: None,
        }
    }

    /// Puts a mark behind the work launched so far, and returns its number.
    fn mark(&mut self) -> Option<usize> {
        if !self.has_marks || self.failed.is_some() {
            return None;
        }
        let result = self.queue.stream().mark();
        match result {
            Ok(()) => self.marks += 1,
            Err(error) => self.failed = Some(error),
        }
        self.failed.is_none().then(|| self.marks - 1)
    }

    fn wait_after(&mut self, name: &str) {
        if self.failed.is_none() && self.queue.sync.waits_for(names::role(name)) {
            self.failed = self.queue.stream().wait().err();
        }
    }

    /// Waits for all work. The end of the wait is the moment that times are relative to.
    fn finish(mut self) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        // The last mark is reached when the wait ends.
        let last = self.mark();
        let waiting = tracing::debug_span!(target: TARGET, DEVICE_WAIT);
        waiting.in_scope(|| self.queue.stream().wait())?;
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if last.is_none() {
            return Ok(());
        }
        let times = self.queue.stream().take_times()?;
        let from_end = |mark: usize| {
            let before = times.last()?.saturating_sub(*times.get(mark)?);
            Some(-i64::try_from(before).unwrap_or(i64::MAX))
        };
        for TimedSpan { span, begin, end } in self.timed.drain(..) {
            if let (Some(began), Some(ended)) = (from_end(begin), from_end(end))
                && !waiting.is_disabled()
            {
                span.record(DEVICE_BEGAN, began);
                span.record(DEVICE_ENDED, ended);
            }
        }
        Ok(())
    }
}
