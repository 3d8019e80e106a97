//! Names of objects: `v1/TABLE/date=2026-11-30/HOSTID.RUN.SEQ.aN.parquet`, below the root.

use super::PackPlan;
use crate::columns::FleetTable;
use crate::format::utc;

/// Host id in names if it is not known.
pub(crate) const UNKNOWN_HOST: &str = "unknown";

/// Returns the path of a table's object below the root. The same bucket has the same path always.
pub fn object_path(table: &FleetTable, plan: &PackPlan) -> String {
    let host = plan.run.host_id.as_deref().unwrap_or(UNKNOWN_HOST);
    format!(
        "v1/{}/date={}/{}.{}.{}.a{}.parquet",
        table.name,
        utc_date(plan.start_unix_ns()),
        safe(host),
        safe(&plan.run.uuid),
        plan.bucket,
        plan.attribution,
    )
}

/// Returns the UTC date of a wall-clock time in ns since 1970.
pub fn utc_date(unix_ns: i64) -> String {
    let text = utc(unix_ns);
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Replaces characters that have a meaning in paths and names: ids are chosen by other programs.
fn safe(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => text.push(char::from(byte)),
            other => text.push_str(&format!("_{other:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_folder() {
        assert_eq!(safe("../a.b"), "_2e_2e_2fa_2eb");
        assert_eq!(safe("0f1e-4"), "0f1e-4");
        assert_eq!(utc_date(1_795_479_656_000_000_000), "2026-11-24");
        assert_eq!(utc_date(-1), "1969-12-31");
    }
}
