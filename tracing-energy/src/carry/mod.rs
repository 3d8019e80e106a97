//! Carries the current span to other threads.
//!
//! A thread that works for a request without being in its span has no part in the request: its CPU
//! time is divided among all spans that are active at that time. Enter the span on the other thread
//! as well. It then has an activation on each of its threads, and the energy of all of them.
//!
//! ```
//! use tracing_energy::carry::{CarriedSpan, in_current_span};
//!
//! fn compress(part: &str) -> usize {
//!     part.len()
//! }
//!
//! tracing::info_span!("request").in_scope(|| {
//!     // One piece of work: threads, `tokio::task::spawn_blocking`, queues of jobs.
//!     let thread = std::thread::spawn(in_current_span(|| compress("a")));
//!     // Many pieces: `std::thread::scope`, `crossbeam`, `par_iter` of rayon.
//!     let here = CarriedSpan::current();
//!     std::thread::scope(|scope| {
//!         for part in ["b", "c"] {
//!             let here = &here;
//!             scope.spawn(move || here.run(|| compress(part)));
//!         }
//!     });
//!     thread.join()
//! });
//! ```
//!
//! With the feature `rayon`, `carry::rayon` has `spawn`, `join` and `scope` of that crate, which
//! carry the span.

#[cfg(feature = "rayon")]
pub mod rayon;

use tracing::Span;

/// Returns a closure that works in the span that is current now, on whatever thread it is called.
pub fn in_current_span<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let span = Span::current();
    move || span.in_scope(work)
}

/// A span that several pieces of work on other threads belong to.
#[derive(Debug, Clone)]
pub struct CarriedSpan(Span);

impl CarriedSpan {
    /// Returns the span that is current now. Without one, work runs in no span.
    pub fn current() -> Self {
        Self(Span::current())
    }

    /// Works in the span.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.0.in_scope(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use tracing_subscriber::Registry;

    /// Returns the name of the span that is current on this thread.
    fn current() -> Option<&'static str> {
        Span::current().metadata().map(|metadata| metadata.name())
    }

    #[test]
    fn work_on_other_threads_is_in_the_span_and_leaves_it() {
        tracing::subscriber::with_default(Registry::default(), || {
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            let outside = thread::spawn(current).join().unwrap();
            assert_eq!(outside, None);
            let (found, after) = tracing::info_span!("request").in_scope(|| {
                let work = in_current_span(current);
                let thread = thread::spawn(move || {
                    let _guard = tracing::dispatcher::set_default(&dispatch);
                    (work(), current())
                });
                thread.join().unwrap()
            });
            assert_eq!((found, after), (Some("request"), None));
            assert_eq!(CarriedSpan::current().run(current), None);
        });
    }

    #[cfg(feature = "rayon")]
    #[test]
    fn work_of_a_pool_is_in_the_span() {
        use std::sync::Mutex;
        let dispatch = tracing::Dispatch::new(Registry::default());
        let name = || tracing::dispatcher::with_default(&dispatch, current);
        let found = Mutex::new(Vec::new());
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::info_span!("request").in_scope(|| {
                super::rayon::scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|inner| {
                            inner.spawn(|_| found.lock().unwrap().push(name()));
                        });
                    }
                });
                let (one, other) = super::rayon::join(name, name);
                found.lock().unwrap().extend([one, other]);
            });
        });
        assert_eq!(found.into_inner().unwrap(), [Some("request"); 6]);
    }
}
