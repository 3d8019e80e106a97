//! A queue that loses nothing of a file: what it has no place for is read later.

use std::time::Duration;

use energy_telemetry::otlp::{DeliveryCounts, EncodedRequest, LossReports, Outbox};

/// Time after which the queue is looked at again.
const POLL: Duration = Duration::from_millis(20);

/// Adds requests to a queue, and waits while more than half of it is used.
pub(super) struct WaitingOutbox<'f> {
    outbox: Outbox,
    is_ending: &'f dyn Fn() -> bool,
    warn: &'f mut dyn FnMut(&str),
    reports: LossReports,
    /// Number of spans that were sent before their trace was known.
    pub(super) untraced: u64,
}

impl<'f> WaitingOutbox<'f> {
    /// Creates it. Nothing waits after `is_ending` has returned true. Passes warnings to `warn`.
    pub(super) fn new(
        outbox: Outbox,
        is_ending: &'f dyn Fn() -> bool,
        warn: &'f mut dyn FnMut(&str),
    ) -> Self {
        Self {
            outbox,
            is_ending,
            warn,
            reports: LossReports::default(),
            untraced: 0,
        }
    }

    pub(super) fn is_ending(&self) -> bool {
        (self.is_ending)()
    }

    pub(super) fn push(&mut self, request: EncodedRequest) {
        while self.outbox.is_half_full() && !self.is_ending() {
            self.report();
            std::thread::sleep(POLL);
        }
        self.outbox.push(request);
    }

    /// Warns of new losses, but not each time.
    pub(super) fn report(&mut self) {
        if self.reports.is_due() {
            self.warn_of(&self.outbox.counts());
        }
    }

    /// Waits for the last requests. Returns what was delivered.
    pub(super) fn finish(&mut self) -> DeliveryCounts {
        let counts = self.outbox.finish();
        self.warn_of(&counts);
        if self.untraced > 0 {
            (self.warn)(&format!(
                "{} spans were sent in the trace of their run, because their own was not known in \
                 time; `energy otlp push` sends them in their own",
                self.untraced
            ));
        }
        counts
    }

    fn warn_of(&mut self, counts: &DeliveryCounts) {
        if let Some(problem) = self.reports.report(counts, self.outbox.endpoint()) {
            (self.warn)(&problem);
        }
    }
}
