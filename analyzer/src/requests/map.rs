//! Finds the requests of a run, and the one that each activation works for.

use std::collections::HashMap;

use crate::error::Result;
use crate::query::{Recording, Run};

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    /// Node of its span.
    pub(super) node: u32,
    /// Number of its first activation.
    pub(super) first: u64,
    /// When its span was created.
    pub(super) start_ns: i64,
    /// When its span was closed; `None`: it is open.
    pub(super) end_ns: Option<i64>,
}

/// The requests of a run.
#[derive(Debug, Default)]
pub(super) struct RequestMap {
    pub(super) requests: Vec<Request>,
    /// Position of the request plus one, by number of the activation; 0: none.
    of_activation: Vec<u32>,
    /// Position of a request that was entered several times, by its instance.
    of_instance: HashMap<u64, u32>,
}

impl RequestMap {
    /// Reads the spans of a run. Spans of the nodes that `is_request` accepts are requests, unless they
    /// are within one.
    pub(super) fn read(
        recording: &Recording,
        run: &Run,
        is_request: impl Fn(u32) -> bool,
    ) -> Result<Self> {
        let mut map = Self::default();
        let mut rows = recording.store().spans_from(run.no, 0)?;
        for row in rows.iter()? {
            let row = row?;
            let outer = row.parent.and_then(|parent| map.position(parent));
            let of_instance = || map.of_instance.get(&row.instance?).copied();
            let position = match outer.or_else(of_instance) {
                Some(position) => position,
                None if is_request(row.node) => map.begin(&row),
                None => continue,
            };
            map.assign(row.seq, position);
        }
        map.read_instances(recording, run)?;
        Ok(map)
    }

    /// Returns the request that an activation works for.
    pub(super) fn of(&self, seq: u64) -> Option<usize> {
        self.position(seq).map(|position| position as usize)
    }

    fn position(&self, seq: u64) -> Option<u32> {
        let at = usize::try_from(seq).ok()?;
        self.of_activation.get(at)?.checked_sub(1)
    }

    fn begin(&mut self, row: &energy_data::rows::SpanRow) -> u32 {
        // A run has fewer than 2^32 spans in memory.
        let position = self.requests.len() as u32;
        self.requests.push(Request {
            node: row.node,
            first: row.seq,
            start_ns: row.start_ns,
            end_ns: row.end_ns,
        });
        if let Some(instance) = row.instance {
            self.of_instance.insert(instance, position);
        }
        position
    }

    fn assign(&mut self, seq: u64, position: u32) {
        let at = usize::try_from(seq).unwrap_or(usize::MAX);
        if self.of_activation.len() <= at {
            self.of_activation.resize(at + 1, 0);
        }
        self.of_activation[at] = position + 1;
    }

    /// Reads when requests that were entered several times were created and closed.
    fn read_instances(&mut self, recording: &Recording, run: &Run) -> Result<()> {
        let sql = "SELECT id, created_ns, closed_ns FROM instances WHERE run = ?1";
        let mut statement = recording.connection().prepare_cached(sql)?;
        let mut rows = statement.query([run.no])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let Some(position) = self.of_instance.get(&id.cast_unsigned()) else {
                continue;
            };
            let request = &mut self.requests[*position as usize];
            request.start_ns = request.start_ns.min(row.get(1)?);
            request.end_ns = row.get(2)?;
        }
        Ok(())
    }
}
