//! What could not be recorded as it should, as counted events.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::record::{Loss, Shared};
use crate::rows::EventRow;

/// Counts by word; tells those that grew since they were told last.
#[derive(Debug, Default)]
pub(crate) struct LossCounts {
    counts: BTreeMap<&'static str, (u64, u64)>,
}

impl LossCounts {
    pub(crate) fn add(&mut self, loss: Loss) {
        self.counts.entry(word(loss)).or_default().0 += 1;
    }

    pub(crate) fn add_rows(&mut self, rows: u64) {
        self.counts.entry("rows_dropped").or_default().0 += rows;
    }

    /// Takes over the counts that traced threads keep.
    pub(crate) fn take_shared(&mut self, shared: &Shared, folded_nodes: u64) {
        let losses = &shared.losses;
        let counts = [
            ("records_dropped", losses.dropped.load(Ordering::Relaxed)),
            ("stalled", losses.stalled_ns.load(Ordering::Relaxed)),
            ("ending_threads", losses.late.load(Ordering::Relaxed)),
            ("nested_records", losses.nested.load(Ordering::Relaxed)),
            ("folded_nodes", folded_nodes),
        ];
        for (kind, count) in counts.into_iter().filter(|&(_, count)| count > 0) {
            self.counts.entry(kind).or_default().0 = count;
        }
    }

    /// The count of one word.
    pub(crate) fn count(&self, kind: &str) -> u64 {
        self.counts.get(kind).map_or(0, |&(count, _)| count)
    }

    /// Every count in words.
    pub(crate) fn totals(&self) -> impl Iterator<Item = String> {
        self.counts
            .iter()
            .map(|(kind, (count, _))| message(kind, *count))
    }

    /// An event for each count that grew.
    pub(crate) fn news(&mut self, time_ns: i64, tell: &mut impl FnMut(EventRow)) {
        for (&kind, (count, told)) in &mut self.counts {
            if count != told {
                let news = *count - std::mem::replace(told, *count);
                tell(EventRow {
                    time_ns,
                    kind: kind.to_owned(),
                    count: news,
                    message: message(kind, news),
                });
            }
        }
    }
}

fn word(loss: Loss) -> &'static str {
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
        "folded_nodes" => {
            format!("{count} new nodes folded into (other): too many distinct key values")
        }
        "unknown_spans" => {
            format!("{count} spans entered whose creation was not recorded: node (unknown)")
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
