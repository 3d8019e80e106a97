//! State of a running capture, per thread.
//!
//! The state is the thread's, not an argument: operations run on the thread that
//! calls the model, and while nothing is captured each of them pays one branch.

use std::cell::{Cell, RefCell};

use crate::error::Error;
use crate::tape::op_case::{OpCase, OpOutput};

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static TAPE: RefCell<Tape> = const { RefCell::new(Tape::new()) };
}

/// The current span path, and the operations kept so far.
struct Tape {
    /// Names of the enclosing spans, outermost first, with the index of a layer.
    path: Vec<(&'static str, Option<usize>)>,
    cases: Vec<OpCase>,
}

impl Tape {
    const fn new() -> Self {
        Self {
            path: Vec::new(),
            cases: Vec::new(),
        }
    }

    fn kind(&self, name: Option<&'static str>) -> String {
        let path = self.path.iter().map(|(name, _)| *name).chain(name);
        path.collect::<Vec<_>>().join(" > ")
    }

    fn layer(&self) -> Option<usize> {
        self.path.iter().rev().find_map(|(_, layer)| *layer)
    }
}

/// Whether this thread captures.
pub(crate) fn is_on() -> bool {
    ON.get()
}

/// Runs `body` inside the span `name`; a layer's span has the layer's index.
pub(crate) fn within<T>(name: &'static str, layer: Option<usize>, body: impl FnOnce() -> T) -> T {
    if !is_on() {
        return body();
    }
    TAPE.with_borrow_mut(|tape| tape.path.push((name, layer)));
    let result = body();
    TAPE.with_borrow_mut(|tape| tape.path.pop());
    result
}

/// Keeps completed work: that of span `name` within the current one, or of the current
/// one itself. Failed work is not kept.
pub(crate) fn keep<T, E, F>(name: Option<&'static str>, result: &std::result::Result<T, E>, work: F)
where
    T: OpOutput,
    E: Into<Error>,
    F: Fn() -> std::result::Result<T, E> + Send + 'static,
{
    let Ok(captured) = result else { return };
    TAPE.with_borrow_mut(|tape| {
        let case = OpCase::new(tape.kind(name), tape.layer(), captured, work);
        tape.cases.push(case);
    });
}

/// Captures while `body` runs inside spans of these names.
pub(crate) fn record<T>(path: &[&'static str], body: impl FnOnce() -> T) -> (T, Vec<OpCase>) {
    let _ends = Recording::begin(path);
    let result = body();
    let cases = TAPE.with_borrow_mut(|tape| std::mem::take(&mut tape.cases));
    (result, cases)
}

/// Ends the capture even if the model panics.
struct Recording;

impl Recording {
    fn begin(path: &[&'static str]) -> Self {
        let path = path.iter().map(|name| (*name, None)).collect();
        TAPE.set(Tape {
            path,
            cases: Vec::new(),
        });
        ON.set(true);
        Self
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        ON.set(false);
        TAPE.set(Tape::new());
    }
}
