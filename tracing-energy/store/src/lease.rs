//! The lease of a run that has not ended, which its recorder renews at each flush.
//!
//! ```text
//! recorder   renew   renew   renew   (killed)
//! repairer                              claim -- waits --- not renewed: close
//! repairer           claim - waits - renewed: leave it alone
//! recorder   renew  (stopped for an hour)  ....  renew: closed by a repairer -> reopen
//! ```
//!
//! A recorder that has ended its run and closes the file releases the lease.
//!
//! A process that can be looked up needs no lease to be known as dead. The lease serves
//! runs of another machine, boot or container.

use rusqlite::{Connection, OptionalExtension, params};

use super::remove::delete_attribution;
use crate::span_ids::span_ids;

/// Columns of a run that its recorder writes at each flush.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Renewal<'a> {
    /// Name of the holder.
    pub(super) lease: &'a str,
    /// Space of the recorder's process id; empty if it cannot be looked up.
    pub(super) pid_space: &'a str,
    /// Run time of the flush.
    pub(super) time_ns: i64,
    /// Wall clock of the flush.
    pub(super) unix_ns: i64,
}

/// State of a run as its recorder finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunOwnership {
    /// The run is as the recorder left it.
    Own,
    /// Another process assumed its recorder dead and closed the run at this run time.
    Closed(i64),
    /// The run was deleted.
    Missing,
}

/// Reads the state of the run before its recorder writes to it.
pub(super) fn find(
    connection: &Connection,
    run: i64,
    uuid: &str,
) -> rusqlite::Result<RunOwnership> {
    let sql = "SELECT status, end_ns FROM runs WHERE no = ?1 AND uuid = ?2";
    let row = connection
        .prepare_cached(sql)?
        .query_row(params![run, uuid], |r| {
            Ok((r.get::<_, String>(0)?, r.get::<_, Option<i64>>(1)?))
        })
        .optional()?;
    Ok(match row {
        None => RunOwnership::Missing,
        Some((status, end_ns)) if status == "crashed" => RunOwnership::Closed(end_ns.unwrap_or(0)),
        Some(_) => RunOwnership::Own,
    })
}

/// Renews the recorder's lease.
pub(super) fn renew(
    connection: &Connection,
    run: i64,
    renewal: &Renewal<'_>,
) -> rusqlite::Result<()> {
    let sql = "
        UPDATE runs SET heartbeat_unix_ns = ?2, last_seen_ns = max(coalesce(last_seen_ns, ?3), ?3),
            pid_space = ?4, lease = ?5, lease_renewals = lease_renewals + 1
        WHERE no = ?1";
    let Renewal {
        lease,
        pid_space,
        time_ns,
        unix_ns,
    } = renewal;
    connection
        .prepare_cached(sql)?
        .execute(params![run, unix_ns, time_ns, pid_space, lease])?;
    Ok(())
}

/// Releases the lease of a run that has ended: its recorder writes nothing more.
pub(super) fn release(connection: &Connection, run: i64, lease: &str) -> rusqlite::Result<()> {
    let sql = "UPDATE runs SET lease = NULL WHERE no = ?1 AND lease = ?2 AND status <> 'running'";
    connection.execute(sql, params![run, lease])?;
    Ok(())
}

/// Reopens a run that was closed at `closed_ns`. Spans and instances that were open then
/// are open again (nothing else ends at that time, see [`super::repair`]), and attributions
/// above `attribution` are deleted.
pub(super) fn reopen(
    connection: &Connection,
    run: i64,
    closed_ns: i64,
    attribution: u32,
) -> rusqlite::Result<()> {
    let (first, last) = span_ids(run);
    connection.execute(
        "UPDATE spans SET end_ns = NULL WHERE id BETWEEN ?1 AND ?2 AND end_ns = ?3",
        [first, last, closed_ns],
    )?;
    connection.execute(
        "UPDATE instances SET closed_ns = NULL WHERE run = ?1 AND closed_ns = ?2",
        [run, closed_ns],
    )?;
    connection.execute(
        "UPDATE runs SET status = 'running', end_ns = NULL WHERE no = ?1",
        [run],
    )?;
    let newest: Option<u32> = connection.query_row(
        "SELECT max(id) FROM attributions WHERE run = ?1",
        [run],
        |r| r.get(0),
    )?;
    for id in attribution + 1..=newest.unwrap_or(0) {
        delete_attribution(connection, run, id)?;
    }
    Ok(())
}

/// A repairer's claim on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    lease: String,
    renewals: i64,
}

/// Claims the lease of a run; a live recorder renews it at its next flush.
pub(super) fn claim(connection: &Connection, run: i64) -> rusqlite::Result<Claim> {
    let lease = format!("repair {}", uuid::Uuid::new_v4());
    let renewals = connection.query_row(
        "UPDATE runs SET lease = ?2 WHERE no = ?1 RETURNING lease_renewals",
        params![run, lease],
        |r| r.get(0),
    )?;
    Ok(Claim { lease, renewals })
}

/// Returns whether the lease was neither renewed nor claimed since.
pub(super) fn is_kept(connection: &Connection, run: i64, claim: &Claim) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT lease IS ?2 AND lease_renewals = ?3 AND status = 'running'
         FROM runs WHERE no = ?1",
        params![run, claim.lease, claim.renewals],
        |r| r.get(0),
    )
}
