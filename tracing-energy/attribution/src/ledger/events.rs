//! Events of attribution, such as unmeasured time and late samples.

use energy_data::rows::EventRow;

/// Events since they were last taken.
#[derive(Debug, Default)]
pub(crate) struct EventLog(Vec<EventRow>);

impl EventLog {
    /// Adds an event.
    pub(crate) fn add(&mut self, time_ns: i64, kind: &str, message: String) {
        self.add_many(time_ns, kind, 1, message);
    }

    /// Adds an event that happened `count` times.
    pub(crate) fn add_many(&mut self, time_ns: i64, kind: &str, count: u64, message: String) {
        self.0.push(EventRow {
            time_ns,
            kind: kind.to_owned(),
            count,
            message,
        });
    }

    /// Returns the events since the last call.
    pub(crate) fn take(&mut self) -> Vec<EventRow> {
        std::mem::take(&mut self.0)
    }
}
