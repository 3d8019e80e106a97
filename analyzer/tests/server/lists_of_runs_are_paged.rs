//! The list of runs counts all matching runs before it cuts a page.

use super::fixture;
use super::served::Served;

#[test]
fn an_unknown_path_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let server = Served::start(&fixture::recording(folder.path(), "measured"), &[]);
    assert!(
        server
            .get("/api/absent")
            .problem(404)
            .contains("/api/absent")
    );
    assert_eq!(server.json("/api/profiling/runs")["total"], 1);
}
