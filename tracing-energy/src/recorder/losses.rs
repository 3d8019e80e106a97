//! Counts losses and reports them as events.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::record::{Loss, Shared};
use energy_data::rows::EventRow;

/// Counts by event kind; reports those that grew since the last report.
#[derive(Debug, Default)]
pub(crate) struct LossCounts {
    counts: BTreeMap<&'static str, (u64, u64)>,
}

impl LossCounts {
    pub(crate) fn add(&mut self, loss: Loss) {
        self.counts.entry(event_kind(loss)).or_default().0 += 1;
    }

    pub(crate) fn add_rows(&mut self, rows: u64) {
        if rows > 0 {
            self.counts.entry("rows_dropped").or_default().0 += rows;
        }
    }

    /// Copies the counts kept by traced threads.
    pub(crate) fn take_shared(&mut self, shared: &Shared, merged_nodes: u64) {
        let losses = &shared.losses;
        let counts = [
            ("records_dropped", losses.dropped.load(Ordering::Relaxed)),
            ("stalled", losses.stalled_ns.load(Ordering::Relaxed)),
            ("ending_threads", losses.late.load(Ordering::Relaxed)),
            ("nested_records", losses.nested.load(Ordering::Relaxed)),
            ("merged_nodes", merged_nodes),
        ];
        for (kind, count) in counts.into_iter().filter(|&(_, count)| count > 0) {
            self.counts.entry(kind).or_default().0 = count;
        }
    }

    /// Returns the count of one event kind.
    pub(crate) fn count(&self, kind: &str) -> u64 {
        self.counts.get(kind).map_or(0, |&(count, _)| count)
    }

    /// Returns a message for every count.
    pub(crate) fn totals(&self) -> impl Iterator<Item = String> {
        self.counts
            .iter()
            .map(|(kind, (count, _))| message(kind, *count))
    }

    /// Emits an event for each count that grew.
    pub(crate) fn new_events(&mut self, time_ns: i64, emit: &mut impl FnMut(EventRow)) {
        for (&kind, (count, reported)) in &mut self.counts {
            if count != reported {
                let new = *count - std::mem::replace(reported, *count);
                emit(EventRow {
                    time_ns,
                    kind: kind.to_owned(),
                    count: new,
                    message: message(kind, new),
                });
            }
        }
    }
}

fn event_kind(loss: Loss) -> &'static str {
    match loss {
        Loss::UnknownSpan => "unknown_spans",
        Loss::StrayExit => "stray_exits",
        Loss::ForeignExit => "foreign_exits",
        Loss::CutText => "cut_texts",
        Loss::UnknownLink => "unknown_links",
    }
}

fn message(kind: &str, count: u64) -> String {
    match kind {
        "records_dropped" => format!("{count} records dropped: the recorder's memory stayed full"),
        "stalled" => format!(
            "traced threads waited {:.3} s for the recorder's memory",
            count as f64 / 1e9
        ),
        "ending_threads" => format!("{count} records of threads that were ending are missing"),
        "nested_records" => format!("{count} records made while a field was formatted are missing"),
        "merged_nodes" => {
            format!("{count} new nodes merged into (other): too many distinct key values")
        }
        "unknown_spans" => {
            format!("{count} spans entered without a recorded creation: node (unknown)")
        }
        "stray_exits" => format!("{count} exits of spans that were not open"),
        "foreign_exits" => {
            format!("{count} spans left on another thread than they were entered on")
        }
        "cut_texts" => format!("{count} texts cut to 256 bytes"),
        "unknown_links" => format!("{count} follows_from links to spans that were never entered"),
        _ => format!("{count} rows were not written: a sink failed or did not keep up"),
    }
}
