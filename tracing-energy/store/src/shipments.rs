//! Destinations of packs, and the packs that were planned for them and sent.
//!
//! ```text
//! (nothing) --plan--> planned --sent--> sent
//! ```
//!
//! A pack is planned in one transaction before its first object is written, so that a process that
//! was killed writes the same objects again. Of two processes that plan the same pack, the second
//! uses the plan of the first.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::{from_sqlite, store};
use crate::Error;
use crate::store::Store;

/// A place that packs are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationRow {
    /// Its id in this file.
    pub id: i64,
    /// Absolute path of a folder, or a URL.
    pub root: String,
    /// Whether it receives all runs of the file.
    pub every_run: bool,
}

/// A pack: a bucket of time of one attribution of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentRow {
    /// Id of the run.
    pub run_uuid: String,
    /// Id of the attribution.
    pub attribution: i64,
    /// Number within the attribution, from 0.
    pub bucket: i64,
    /// Start, run time.
    pub start_ns: i64,
    /// End, run time.
    pub end_ns: i64,
    /// Whether the run ends with it.
    pub is_final: bool,
    /// Whether all of its objects were written.
    pub is_sent: bool,
    /// What its objects are written from, a JSON object; `None` if it is not needed any more.
    pub plan: Option<String>,
}

impl Store {
    /// Returns the destination with that root. Adds it if it is missing or was forgotten. `every_run`
    /// widens a destination that receives selected runs, and never narrows it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_destination(
        &self,
        root: &str,
        every_run: bool,
        now_unix_ns: i64,
    ) -> Result<DestinationRow, Error> {
        self.ship(|connection| {
            connection.execute(
                "INSERT INTO destinations (root, created_unix_ns, every_run, forgotten)
                 VALUES (?1, ?2, ?3, 0)
                 ON CONFLICT (root) DO UPDATE SET
                     every_run = CASE WHEN forgotten THEN ?3 ELSE max(every_run, ?3) END,
                     forgotten = 0
                 WHERE every_run < ?3 OR forgotten",
                params![root, now_unix_ns, every_run],
            )?;
            let sql = "SELECT id, root, every_run FROM destinations WHERE root = ?1";
            connection.query_row(sql, [root], destination)
        })
    }

    /// Returns the destinations that expect runs, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn destinations(&self) -> Result<Vec<DestinationRow>, Error> {
        let sql = "SELECT id, root, every_run FROM destinations WHERE NOT forgotten ORDER BY id";
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map([], destination)?.collect()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Lets a destination expect no run, until it is added again. Its packs stay known, so that they
    /// are not sent with other content. Returns whether there was one that expected runs.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget_destination(&self, root: &str) -> Result<bool, Error> {
        self.ship(|connection| {
            let sql = "UPDATE destinations SET forgotten = 1 WHERE root = ?1 AND NOT forgotten";
            Ok(connection.execute(sql, [root])? > 0)
        })
    }

    /// Returns the newest pack of one attribution of a run.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn newest_shipment(
        &self,
        destination: i64,
        run_uuid: &str,
        attribution: i64,
    ) -> Result<Option<ShipmentRow>, Error> {
        let sql = "SELECT * FROM shipments
                   WHERE destination = ?1 AND run_uuid = ?2 AND attribution = ?3
                   ORDER BY bucket DESC LIMIT 1";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let of = params![destination, run_uuid, attribution];
            statement.query_row(of, shipment).optional()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Returns the pack before `row`. It has a plan until `row` is sent.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn shipment_before(
        &self,
        destination: i64,
        row: &ShipmentRow,
    ) -> Result<Option<ShipmentRow>, Error> {
        let of = params![destination, row.run_uuid, row.attribution, row.bucket - 1];
        let read = || self.connection.query_row(SHIPMENT, of, shipment).optional();
        read().map_err(from_sqlite(&self.path))
    }

    /// Returns the packs of a destination that are planned and not sent, in order of planning.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn planned_shipments(&self, destination: i64) -> Result<Vec<ShipmentRow>, Error> {
        let sql = "SELECT * FROM shipments WHERE destination = ?1 AND status = 'planned'
                   ORDER BY rowid";
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map([destination], shipment)?.collect()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Stores the plan of a pack, unless another process has stored one. Returns the stored pack.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn plan_shipment(&self, destination: i64, row: &ShipmentRow) -> Result<ShipmentRow, Error> {
        self.ship(|connection| {
            connection.execute(
                "INSERT INTO shipments (destination, run_uuid, attribution, bucket, start_ns,
                                        end_ns, final, status, plan)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'planned', ?8) ON CONFLICT DO NOTHING",
                params![
                    destination,
                    row.run_uuid,
                    row.attribution,
                    row.bucket,
                    row.start_ns,
                    row.end_ns,
                    row.is_final,
                    row.plan
                ],
            )?;
            let of = params![destination, row.run_uuid, row.attribution, row.bucket];
            connection.query_row(SHIPMENT, of, shipment)
        })
    }

    /// Marks a pack as sent. Drops the plans of earlier packs, and its own one if it is the last.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn mark_sent(
        &self,
        destination: i64,
        row: &ShipmentRow,
        sha256: &str,
    ) -> Result<(), Error> {
        self.ship(|connection| {
            let of = params![
                destination,
                row.run_uuid,
                row.attribution,
                row.bucket,
                sha256
            ];
            connection.execute(
                "UPDATE shipments SET status = 'sent', sha256 = ?5,
                     plan = CASE WHEN final THEN NULL ELSE plan END
                 WHERE destination = ?1 AND run_uuid = ?2 AND attribution = ?3 AND bucket = ?4",
                of,
            )?;
            connection.execute(
                "UPDATE shipments SET plan = NULL
                 WHERE destination = ?1 AND run_uuid = ?2 AND attribution = ?3 AND bucket < ?4
                   AND status = 'sent' AND plan IS NOT NULL",
                params![destination, row.run_uuid, row.attribution, row.bucket],
            )?;
            Ok(())
        })
    }

    /// Returns the numbers of the runs that have ended and that some destination expects and has not
    /// received, by the shown attribution. Pulled runs are expected by none: their host sends them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn runs_to_send(&self) -> Result<Vec<i64>, Error> {
        let sql = format!(
            "SELECT DISTINCT r.no {UNSENT} AND r.status <> 'running' AND NOT d.forgotten
             AND (d.every_run OR EXISTS (
                 SELECT 1 FROM shipments s WHERE s.destination = d.id AND s.run_uuid = r.uuid))
             ORDER BY r.no"
        );
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.query_map([], |r| r.get(0))?.collect()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Returns the ids of the runs whose last pack, of the shown attribution, a destination has not
    /// received, oldest first; also those that are being recorded, or have no attribution. Pulled runs
    /// are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unsent_runs(&self, destination: i64) -> Result<Vec<String>, Error> {
        let sql = format!("SELECT r.uuid {UNSENT} AND d.id = ?1 ORDER BY r.no");
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.query_map([destination], |r| r.get(0))?.collect()
        };
        read().map_err(from_sqlite(&self.path))
    }

    fn ship<T>(&self, change: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        if !self.writable {
            return Err(store(&self.path, "it was opened for reading only"));
        }
        super::experiments::in_transaction(self, change).map_err(from_sqlite(&self.path))
    }
}

/// A pack.
const SHIPMENT: &str = "SELECT * FROM shipments
    WHERE destination = ?1 AND run_uuid = ?2 AND attribution = ?3 AND bucket = ?4";

/// Pairs of a run and a destination that has not received its last pack.
const UNSENT: &str = "
    FROM runs r
    JOIN destinations d
    LEFT JOIN (SELECT run, max(id) AS id FROM attributions GROUP BY run) a ON a.run = r.no
    WHERE r.parent_run IS NULL
      AND NOT EXISTS (SELECT 1 FROM run_tags t WHERE t.run = r.no AND t.key = 'pulled')
      AND NOT EXISTS (
          SELECT 1 FROM shipments s
          WHERE s.destination = d.id AND s.run_uuid = r.uuid AND s.attribution = a.id
            AND s.final AND s.status = 'sent')";

/// Deletes the packs of a deleted run. Planned ones stay: they can still be sent.
pub(super) fn delete_sent(connection: &Connection, run_uuid: &str) -> rusqlite::Result<()> {
    let sql = "DELETE FROM shipments WHERE run_uuid = ?1 AND status = 'sent'
               AND NOT EXISTS (SELECT 1 FROM shipments p
                               WHERE p.run_uuid = ?1 AND p.status = 'planned')";
    connection.execute(sql, [run_uuid]).map(drop)
}

fn destination(r: &Row<'_>) -> rusqlite::Result<DestinationRow> {
    Ok(DestinationRow {
        id: r.get("id")?,
        root: r.get("root")?,
        every_run: r.get("every_run")?,
    })
}

fn shipment(r: &Row<'_>) -> rusqlite::Result<ShipmentRow> {
    Ok(ShipmentRow {
        run_uuid: r.get("run_uuid")?,
        attribution: r.get("attribution")?,
        bucket: r.get("bucket")?,
        start_ns: r.get("start_ns")?,
        end_ns: r.get("end_ns")?,
        is_final: r.get("final")?,
        is_sent: r.get::<_, String>("status")? == "sent",
        plan: r.get("plan")?,
    })
}
